"""One action to its end, over as many schedules of its activity as that takes.

Temporal counts attempts, the contract counts retries after an error: an attempt that was lost with its
worker must not use one up. So an activity that ended without its errors being used up is scheduled
again, with the errors carried over. Source: docs/spec/drplanexecution.md, "Errors and attempts".
"""

from collections.abc import Callable
from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, RetryState
from temporalio.exceptions import CancelledError as CutShort
from temporalio.exceptions import TimeoutError as TimedOut

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from api.phases import Phase
    from api.steps import ActionOutcome, AttemptFailure, Heartbeat
    from planning.messages import parents as parent_messages
from workflows.activity_stubs import ActionCall
from workflows.cancellation import Cancellation

_NOT_OF_THE_ACTION = frozenset({"WorkerShutdown", "ActivityPause", "ActivityReset"})
"""Types of ApplicationErrors that the SDK itself makes when an attempt is taken away from its worker."""


@dataclass(frozen=True)
class Ending:
    """How an action ended."""

    outcome: ActionOutcome
    retries: int
    """Attempts after the first, over all schedules, as far as they are known."""


@dataclass(frozen=True)
class _Schedule:
    """How one schedule of an action's activity ended."""

    attempts: int
    errors: int
    """Of this action so far, earlier schedules included."""
    lost: bool = False
    """Whether an attempt under it was lost with its worker: what that one did is not known."""
    outcome: ActionOutcome | None = None
    """None: it was lost or cut short, or has attempts left."""
    error: str = ""
    """The last attempt's error, when attempts are left after it."""


async def carry_out(call: ActionCall, cancellation: Cancellation, retrying: Callable[[int, int, str], None]) -> Ending:
    """Try an action until it ends, or a cancel ends it.

    `retrying` is told the next retry, the limit and the last error whenever the next attempt waits here
    (while it waits at the server, only the server knows).
    """
    attempts, errors, lost = 0, 0, False
    while True:
        schedule = await _scheduled(call, errors, lost, cancellation)
        attempts, errors, lost = attempts + schedule.attempts, schedule.errors, lost or schedule.lost
        if schedule.outcome is not None:
            return Ending(schedule.outcome, attempts - 1)
        if schedule.error:
            retrying(errors, call.limit, schedule.error)
            await cancellation.pause(call.pause)
        if cancellation.requested:
            return Ending(await _looked_at(call), max(attempts - 1, 0))


async def _scheduled(call: ActionCall, errors: int, lost: bool, cancellation: Cancellation) -> _Schedule:
    try:
        outcome = await cancellation.settle(call.schedule(errors, lost))
    except ActivityError as error:
        return _read(error, call.limit, errors, cancellation)
    return _Schedule(outcome.attempt, errors, outcome=outcome)


def _read(error: ActivityError, limit: int, errors: int, cancellation: Cancellation) -> _Schedule:
    """Tell from an activity's failure whether the action failed, or has attempts left."""
    cause = error.cause
    if isinstance(cause, TimedOut):
        used = 1 + limit - errors if error.retry_state is RetryState.MAXIMUM_ATTEMPTS_REACHED else 1
        return _Schedule(used, max(errors, _heartbeat_errors(cause)), lost=True)
    if isinstance(cause, CutShort) and cancellation.requested:
        return _Schedule(0, errors)
    if isinstance(cause, ApplicationError):
        return _read_application_error(cause, limit, errors, cancellation)
    return _Schedule(1, errors, outcome=ActionOutcome(phase=Phase.FAILED, message=str(cause or error)))


def _read_application_error(cause: ApplicationError, limit: int, errors: int, cancellation: Cancellation) -> _Schedule:
    if cause.type in _NOT_OF_THE_ACTION:
        return _Schedule(1, errors, lost=True)
    failure = _details(cause)
    if failure is None:
        return _Schedule(1, errors + 1, outcome=ActionOutcome(phase=Phase.FAILED, message=cause.message))
    owed = not cause.non_retryable and failure.errors <= limit
    if owed and not cancellation.requested:
        lost = failure.attempt > failure.errors - errors
        return _Schedule(failure.attempt, failure.errors, lost, error=cause.message)
    return _Schedule(failure.attempt, failure.errors, outcome=_failed(cause.message, failure))


def _failed(message: str, failure: AttemptFailure) -> ActionOutcome:
    return ActionOutcome(phase=Phase.FAILED, message=message, attempt=failure.attempt, **failure.record_fields())


def _details(cause: ApplicationError) -> AttemptFailure | None:
    try:
        return AttemptFailure.model_validate(cause.details[0]) if cause.details else None
    except ValidationError:
        return None


def _heartbeat_errors(cause: TimedOut) -> int:
    """Read how many errors the last heartbeat before the silence knew of."""
    try:
        return Heartbeat.model_validate(cause.last_heartbeat_details[0]).errors
    except (IndexError, ValidationError):
        return 0


async def _looked_at(call: ActionCall) -> ActionOutcome:
    """Find out how an action stands that a cancel found without an attempt running."""
    try:
        return await call.look()
    except ActivityError as error:
        reason = str(error.cause or error)
        return ActionOutcome(phase=Phase.CANCELED, message=parent_messages.canceled_unknown(reason))
