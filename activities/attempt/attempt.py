"""One attempt at an action, whatever its effect: its time, its beats, its end by failure or cancel.

Source: docs/architecture.md, "Errors and attempts" and "Cancel"; Temporal, "Activity cancellation".
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.attempt import log
from activities.attempt.failures import ActionError, application_error
from activities.attempt.heartbeat import Pulse
from api.execution import ActionOutputs, ClusterActionStatus
from api.meta import parse_duration
from api.steps import ActionOutcome, ActionRecord, Attempts, FailureType
from kube.errors import ApiError
from planning.messages import attempts as attempt_messages
from planning.messages.actions import bounded

T = TypeVar("T")
RecordT = TypeVar("RecordT", bound=ActionRecord)

_LAST_LOOK = 5.0
"""Seconds; within the margin that start-to-close leaves above the action's own time."""
_GRACE = 5.0
"""Seconds that a cancelled attempt may go on when its worker is told to end."""


@dataclass(frozen=True)
class Wording:
    """How an attempt's own words are put into the message of the action that it is made for."""

    done: Callable[[str], str] = str
    failed: Callable[[str], str] = str


AS_IT_IS = Wording()


def time_limit(attempts: Attempts) -> timedelta:
    """Give the time of one attempt; what is not a duration was refused by planning, and gets the default."""
    try:
        return parse_duration(attempts.timeout)
    except ValueError:
        return parse_duration(Attempts().timeout)


async def run_attempt(
    attempts: Attempts,
    pulse: Pulse,
    work: Callable[[], Coroutine[None, None, ActionOutcome]],
    wording: Wording = AS_IT_IS,
) -> ActionOutcome:
    """Carry `work` to its end within the action's time, and give its outcome with the attempt's number.

    Raises ApplicationError with an AttemptFailure; CancelledError where the attempt is given up, because
    its worker ends or nobody waits for it any more.
    """
    number = activity.info().attempt
    try:
        async with pulse.beating():
            outcome = await _finished(_to_the_end(work(), attempts, pulse))
    except ActionError as error:
        # Without its cause: Temporal would show that as well, and it may quote what is hidden here.
        raise _failure(error, attempts, pulse, wording) from None
    found = discreet(outcome, pulse)
    return found.model_copy(update={"attempt": number, "message": bounded(wording.done(found.message))})


def discreet(outcome: ActionOutcome, pulse: Pulse) -> ActionOutcome:
    """Give an outcome without the secrets that the attempt worked with."""
    return _redacted_record(outcome, pulse).model_copy(update={"message": pulse.hidden(outcome.message)})


def _redacted_record(record: RecordT, pulse: Pulse) -> RecordT:
    outputs, clusters = _discreet_outputs(record.outputs, pulse), _discreet_clusters(record.cluster_statuses, pulse)
    return record.model_copy(update={"outputs": outputs, "cluster_statuses": clusters})


def _discreet_clusters(statuses: list[ClusterActionStatus] | None, pulse: Pulse) -> list[ClusterActionStatus] | None:
    """Hide secrets in what is said of each cluster."""
    if statuses is None:
        return None
    return [each.model_copy(update={"message": each.message and pulse.hidden(each.message)}) for each in statuses]


def _discreet_outputs(outputs: ActionOutputs | None, pulse: Pulse) -> ActionOutputs | None:
    """Hide secrets in what a service answered; names of objects are what a rollback rests on, and stay."""
    response = outputs.http_response if outputs else None
    if outputs is None or response is None or response.body is None:
        return outputs
    response = response.model_copy(update={"body": pulse.hidden(response.body)})
    return outputs.model_copy(update={"http_response": response})


def _failure(error: ActionError, attempts: Attempts, pulse: Pulse, wording: Wording) -> ApplicationError:
    """Count an error where the next attempt finds it, and give it as Temporal takes it."""
    pulse.say(errors=pulse.said.errors + 1)
    error.message = bounded(wording.failed(pulse.hidden(error.message)))
    error.record = _redacted_record(error.record, pulse)
    failure = application_error(error, pulse.said.errors, attempts.retry.limit, activity.info().attempt)
    log.attempt_failed(failure)
    return failure


async def _to_the_end(work: Awaitable[ActionOutcome], attempts: Attempts, pulse: Pulse) -> ActionOutcome:
    """Do the work in its time; where it failed for good, do what is to be done after that. Raises ActionError."""
    try:
        return await _in_time(work, pulse, time_limit(attempts))
    except ActionError as error:
        if error.type.repeatable and pulse.said.errors < attempts.retry.limit:
            raise
        for follow in pulse.after_failure:
            error = await follow(error)
        raise error


async def _in_time(work: Awaitable[ActionOutcome], pulse: Pulse, limit: timedelta) -> ActionOutcome:
    try:
        async with asyncio.timeout(limit.total_seconds()):
            return await work
    except ActionError:
        raise
    except TimeoutError:
        return await _out_of_time(pulse)
    except Exception as error:
        log.broke("An attempt ended", error)
        raise ActionError(FailureType.TRANSIENT, attempt_messages.unexpected(error)) from error


async def _out_of_time(pulse: Pulse) -> ActionOutcome:
    """Look once whether it was done all the same. Raises ActionError where that cannot be shown."""
    if pulse.last_look is not None:
        with suppress(TimeoutError, ApiError):
            async with asyncio.timeout(_LAST_LOOK):
                if (outcome := await pulse.last_look()) is not None:
                    return outcome
    raise pulse.late from None


async def _finished(work: Coroutine[None, None, T]) -> T:
    """Wait for work to its end, a person's cancel notwithstanding; give it up for any other reason.

    What is given up is looked at by the workflow, or tried again. Raises CancelledError then.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        try:
            if not _person_asked() or not await _done_before_shutdown(task):
                raise
        finally:
            await _give_up(task)
    return task.result()


def _person_asked() -> bool:
    details = activity.cancellation_details()
    return details is not None and details.cancel_requested and not details.worker_shutdown


async def _done_before_shutdown(task: "asyncio.Task[T]") -> bool:
    """Wait for a task until the worker ends: an attempt that was cancelled once is not told of that again."""
    shutdown = asyncio.create_task(activity.wait_for_worker_shutdown())
    try:
        await asyncio.wait({task, shutdown}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({task}, timeout=_GRACE)
    finally:
        shutdown.cancel()
    return task.done()


async def _give_up(task: "asyncio.Task[T]") -> None:
    """End a task that may still run."""
    if task.cancel():
        await asyncio.wait({task})
