"""One attempt at an action, whatever its effect: its time limit, its heartbeats, its end by success, failure or cancel.

What a heartbeat records right before an attempt fails reaches the next attempt, and what a lost attempt recorded
stays until a newer one records something (measured with Temporal server 1.32), so errors can be counted here.
Source: docs/architecture.md, "Errors and attempts" and "Cancel"; Temporal, "Activity Heartbeat" and "Activity
cancellation".
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from pydantic import ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.errors import ActionError, NotRecordedError, application_error, log_failure, log_unexpected, taken_away
from api.attempts import ActionOutcome, ActionRecord, Heartbeat
from api.failures import FailureType
from api.meta import parse_duration
from api.phases import Phase
from api.reasons import Reason
from api.steps import Attempts
from kube.errors import ApiError
from planning.messages import actions as action_messages
from planning.messages.text import bounded
from planning.values.redaction import redacted, secret_forms

T = TypeVar("T")
RecordT = TypeVar("RecordT", bound=ActionRecord)
RequestT = TypeVar("RequestT")

_HEARTBEAT_INTERVAL = 3.0
"""Seconds. Source: docs/architecture.md, "Temporal"."""
_FINAL_CHECK = 5.0
"""Seconds; within the margin that start-to-close leaves above the action's own time."""
_GRACE = 5.0
"""Seconds that a cancelled attempt may continue when its worker shuts down."""


class RunningAttempt:
    """The state of an attempt: what its heartbeats say, and how it fails if its time runs out."""

    def __init__(
        self, limits: Attempts, errors: int = 0, heartbeat: Heartbeat | None = None, *, part: bool = False
    ) -> None:
        """Continue from the last heartbeat of earlier attempts; a `part` of an action has none of its own.

        `errors` were counted, and `heartbeat` was recorded last, under earlier schedules.
        """
        self.limits = limits
        self._earlier_errors = errors
        last = None if part else _last_heartbeat()
        self._recorded = last or Heartbeat()
        before = last or (heartbeat or Heartbeat()).model_copy(update={"not_begun": 0})
        self.heartbeat = before.model_copy(update={"errors": max(before.errors, errors), "waiting_for": ""})
        self.timeout_error = ActionError(FailureType.TIMED_OUT, action_messages.ran_out_of_time(limits.timeout))
        """Raised if the time runs out now; whoever waits for something replaces it."""
        self.final_check: Callable[[], Awaitable[ActionOutcome | None]] | None = None
        """Called once when the time has run out; an outcome means that the action was done in spite of that."""
        self.after_failure: list[Callable[[ActionError], Awaitable[ActionError]]] = []
        """Called in this order when the last attempt has failed; each returns the failure with its own result added."""
        self._secrets: tuple[str, ...] = ()
        self._notes: list[str] = []

    @property
    def retries_left(self) -> bool:
        """Whether another attempt follows if this one fails by something that a repeat may help."""
        return self.heartbeat.errors < self.limits.retry.limit

    @property
    def lost(self) -> int:
        """How many earlier attempts of this schedule never ended, as long as this one has not."""
        ended = self.heartbeat.errors - self._earlier_errors + self.heartbeat.not_begun
        return max(activity.info().attempt - 1 - ended, 0)

    @property
    def time_limit(self) -> timedelta:
        """How long the attempt may take."""
        try:
            return parse_duration(self.limits.timeout)
        except ValueError:
            # Planning refuses what is no duration; only histories from before that have one.
            return parse_duration(Attempts().timeout)

    def wait_for(self, what: str, timeout_error: ActionError) -> None:
        """Report what is waited for now, and what to raise if the time runs out meanwhile."""
        self.timeout_error = timeout_error
        self.report(waiting_for=bounded(self.redact(what)))

    def report(self, **change: str | int) -> None:
        """Change what the heartbeats say, and send one at once if that is new."""
        new = self.heartbeat.model_copy(update=change)
        if new != self.heartbeat:
            self.heartbeat = new
            self.send_heartbeat()

    def add_note(self, sentence: str) -> None:
        """Add a sentence to the message with which this attempt ends."""
        if sentence not in self._notes:
            self._notes.append(sentence)

    def with_notes(self, message: str) -> str:
        """Return the message with which this attempt ends."""
        notes = [self.redact(note) for note in self._notes]
        return action_messages.with_notes(message, notes) if notes else message

    def send_heartbeat(self) -> None:
        """Send the heartbeat of now."""
        activity.heartbeat(self.heartbeat)

    @contextmanager
    def heartbeats(self) -> Iterator[None]:
        """Send heartbeats regularly while the block runs; at once only to correct what is recorded.

        Each is a call to Temporal, and most attempts end before the first.
        """
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def beat() -> None:
            nonlocal timer
            self.send_heartbeat()
            timer = loop.call_later(_HEARTBEAT_INTERVAL, beat)

        timer = loop.call_later(0.0 if self.heartbeat != self._recorded else _HEARTBEAT_INTERVAL, beat)
        try:
            yield
        finally:
            timer.cancel()

    def set_secrets(self, secrets: Iterable[str]) -> None:
        """Set the values that nobody may read in a message or an output of this attempt."""
        self._secrets = secret_forms(secrets)

    @property
    def has_secrets(self) -> bool:
        """Whether there is anything to redact."""
        return bool(self._secrets)

    def redact(self, text: str) -> str:
        """Return a text without the secrets."""
        return redacted(text, self._secrets)

    def redact_outcome(self, outcome: ActionOutcome) -> ActionOutcome:
        """Return an outcome without the secrets."""
        return self.redact_record(outcome).model_copy(update={"message": self.redact(outcome.message)})

    def redact_record(self, record: RecordT) -> RecordT:
        """Return a record without the secrets; names of objects stay, for a rollback depends on them."""
        outputs, clusters = record.outputs, record.cluster_statuses
        response = outputs.http_response if outputs else None
        if outputs is not None and response is not None and response.body is not None:
            response = response.model_copy(update={"body": self.redact(response.body)})
            outputs = outputs.model_copy(update={"http_response": response})
        if clusters is not None:
            clusters = [
                one.model_copy(update={"message": one.message and self.redact(one.message)}) for one in clusters
            ]
        return record.model_copy(update={"outputs": outputs, "cluster_statuses": clusters})


async def answer(what: str, work: Callable[["RunningAttempt"], Awaitable[T]]) -> T:
    """Return what the work of an activity that is no action returns; `what` names it. Raises ApplicationError."""
    attempt = RunningAttempt(Attempts())
    try:
        with attempt.heartbeats():
            return await work(attempt)
    except ActionError as error:
        failed = error
    except Exception as error:
        log_unexpected(what, error)
        failed = ActionError(FailureType.TRANSIENT, action_messages.unexpected(error))
    failed.message = attempt.redact(failed.message)
    # Without its cause: Temporal would show its text, which may quote a secret.
    failure = application_error(failed, activity.info().attempt)
    log_failure(failure)
    raise failure


def _last_heartbeat() -> Heartbeat | None:
    try:
        return Heartbeat.model_validate(activity.info().heartbeat_details[0])
    except (IndexError, ValidationError):
        return None


@dataclass(frozen=True)
class MessageFormat:
    """How the message of an attempt becomes that of the action for which the attempt is made."""

    done: Callable[[str], str] = str
    failed: Callable[[str], str] = str


UNCHANGED = MessageFormat()


async def run_attempt(
    attempt: RunningAttempt,
    prepare: Callable[[], Awaitable[RequestT]],
    work: Callable[[RequestT], Coroutine[None, None, ActionOutcome]],
    message_format: MessageFormat = UNCHANGED,
) -> ActionOutcome:
    """Do the work within the attempt's time, and return its outcome with the attempt's number.

    `prepare` comes first, takes none of that time, and returns what the work needs.

    Raises ApplicationError with an AttemptFailure, also where the worker shuts down; CancelledError if nobody waits
    for the attempt any more.
    """
    attempt.heartbeat = attempt.heartbeat.model_copy(update={"lost": attempt.lost})
    try:
        with attempt.heartbeats():
            request = await prepare()
            outcome = await _until_done(_with_cleanup(work(request), attempt))
    except NotRecordedError as error:
        attempt.report(not_begun=attempt.heartbeat.not_begun + 1)
        raise await _failure(error, attempt, UNCHANGED, counts=False) from None
    except ActionError as error:
        # Without its cause: Temporal would show that as well, and it may quote what is redacted here.
        raise await _failure(error, attempt, message_format) from None
    except asyncio.CancelledError:
        details = activity.cancellation_details()
        if details is None or not details.worker_shutdown:
            raise
        # The SDK would say so without the errors of earlier attempts, which must stay counted if this one was the last.
        raise taken_away(activity.info().attempt, attempt.heartbeat) from None

    def shown() -> ActionOutcome:
        clean = attempt.redact_outcome(outcome)
        return clean.model_copy(update={"message": bounded(attempt.with_notes(message_format.done(clean.message)))})

    # In a thread only where that may take long: an action may have a thousand secrets, and most have none.
    clean = await asyncio.to_thread(shown) if attempt.has_secrets else shown()
    return clean.model_copy(update={"attempt": activity.info().attempt})


async def run_check(
    attempt: RunningAttempt,
    prepare: Callable[[], Awaitable[RequestT]],
    check: Callable[[RequestT], Awaitable[ActionOutcome]],
) -> ActionOutcome:
    """Check after a cancel, without changing anything, whether an action was done: Succeeded, else Canceled.

    Raises ApplicationError if another check may succeed.
    """
    try:
        with attempt.heartbeats():
            outcome = await check(await prepare())
            return await asyncio.to_thread(attempt.redact_outcome, outcome)
    except ActionError as error:
        message = bounded(await asyncio.to_thread(attempt.redact, error.message))
        if not error.type.repeatable:
            return ActionOutcome(phase=Phase.CANCELED, reason=Reason.OUTCOME_UNKNOWN, message=message)
        # Without its cause: Temporal would show that as well, and it may quote what is redacted here.
        raise application_error(replace(error, message=message), activity.info().attempt) from None


async def _failure(
    error: ActionError, attempt: RunningAttempt, message_format: MessageFormat, *, counts: bool = True
) -> ApplicationError:
    """Count an error where the next attempt finds it, and return it as Temporal takes it."""
    attempt.report(errors=attempt.heartbeat.errors + counts)
    # In a thread: the API server's message may repeat a whole object, and an action have a thousand secrets.
    message = await asyncio.to_thread(attempt.redact, error.message)
    error.message = bounded(await asyncio.to_thread(attempt.with_notes, message_format.failed(message)))
    error.record = attempt.redact_record(error.record)
    failure = application_error(
        error,
        activity.info().attempt,
        errors=attempt.heartbeat.errors,
        limit=attempt.limits.retry.limit,
        not_begun=attempt.heartbeat.not_begun,
    )
    log_failure(failure)
    return failure


async def _with_cleanup(work: Awaitable[ActionOutcome], attempt: RunningAttempt) -> ActionOutcome:
    """Do the work in its time, and what is to be done after the last failure. Raises ActionError."""
    try:
        return await _in_time(work, attempt)
    except ActionError as error:
        if error.type.repeatable and attempt.retries_left:
            raise
        for clean_up in attempt.after_failure:
            error = await clean_up(error)
        raise error


async def _in_time(work: Awaitable[ActionOutcome], attempt: RunningAttempt) -> ActionOutcome:
    """Do the work; if its time runs out, check once whether the action was done after all. Raises ActionError."""
    try:
        async with asyncio.timeout(attempt.time_limit.total_seconds()):
            return await work
    except ActionError:
        raise
    except TimeoutError:
        if attempt.final_check is not None:
            with suppress(TimeoutError, ApiError):
                async with asyncio.timeout(_FINAL_CHECK):
                    if (outcome := await attempt.final_check()) is not None:
                        return outcome
        raise attempt.timeout_error from None
    except Exception as error:
        log_unexpected("An attempt ended", error)
        raise ActionError(FailureType.TRANSIENT, action_messages.unexpected(error)) from error


async def _until_done(work: Coroutine[None, None, T]) -> T:
    """Wait for the end of the work even if a person cancels it; give it up for any other reason.

    What is given up is checked by the workflow, or tried again. Raises CancelledError then.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        details = activity.cancellation_details()
        by_a_person = details is not None and details.cancel_requested and not details.worker_shutdown
        try:
            if not by_a_person or not await _done_before_shutdown(task):
                raise
        finally:
            if task.cancel():
                await asyncio.wait({task})
    return task.result()


async def _done_before_shutdown(task: "asyncio.Task[T]") -> bool:
    """Wait for a task until the worker shuts down: an attempt is cancelled only once, so nobody says so again."""
    shutdown = asyncio.create_task(activity.wait_for_worker_shutdown())
    try:
        await asyncio.wait({task, shutdown}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({task}, timeout=_GRACE)
    finally:
        shutdown.cancel()
    return task.done()
