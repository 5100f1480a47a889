"""Run one action to its end, over as many schedules of its activity as that takes.

Temporal counts attempts, the contract counts retries after an error: an attempt that was lost with its worker must not
use up a retry. So an activity that ended while retries were left is scheduled again, with the number of errors so far.
Source: docs/spec/drplanexecution.md, "Errors and attempts".
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, RetryState
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from api.attempts import WORKER_ENDED_IT, ActionOutcome, AttemptFailure, Heartbeat
    from api.phases import Phase
    from api.reasons import Reason
    from planning.definitions.retry import pause_after_losses
    from planning.messages import tree as tree_messages
from workflows.action_calls import ActionCall, PriorAttempts, RetryOptions
from workflows.cancellation import Cancellation

_BY_PHASE = {
    Phase.SUCCEEDED: Reason.EXECUTED,
    Phase.FAILED: Reason.INTERNAL_ERROR,
    Phase.CANCELED: Reason.CANCELED,
}
"""What an outcome without a reason amounts to: one that an older worker, or none of ours, made."""


@dataclass(frozen=True)
class ActionEnd:
    """How an action ended."""

    outcome: ActionOutcome
    retries: int
    """Attempts after the first, over all schedules, as far as they are known."""


@dataclass(frozen=True)
class _EndedSchedule:
    """How one schedule of an action's activity ended, where it did not succeed."""

    attempts: int
    errors: int
    """Of this action so far, earlier schedules included."""
    lost: bool = False
    """Whether an attempt was lost with its worker: what that attempt did is not known."""
    timed_out: bool = False
    """Whether the last attempt was lost because its worker stopped beating: it may have ended the worker itself."""
    heartbeat: Heartbeat | None = None
    """The last one of an attempt that was lost so."""
    outcome: ActionOutcome | None = None
    """None: it was lost or cancelled, or has retries left."""
    error: str = ""
    """The last attempt's error, when retries are left after it."""


async def run_action(
    call: ActionCall,
    options: RetryOptions,
    cancellation: Cancellation,
    retrying: Callable[[int, int, str], None],
    losing: Callable[[int, int, timedelta], None],
) -> ActionEnd:
    """Try an action until it ends, or a cancel ends it.

    `options` are those of a retry that a person asked for. `retrying` is called with the next retry, the limit and the
    last error when the next attempt waits here; while it waits at the server, only the server knows. `losing` is called
    for each attempt that was lost with its worker, with the number of those, the retries and the pause before the next.
    """
    attempts, errors, lost, losses, heartbeat = 0, 0, False, 0, None
    while True:
        try:
            outcome = await cancellation.settle(call.start(PriorAttempts(errors, lost, heartbeat), options))
        except ActivityError as error:
            ended = _read(error, call.limit, errors, cancellation.requested)
        else:
            return ActionEnd(_with_reason(outcome, call), attempts + outcome.attempt - 1)
        attempts, errors, lost = attempts + ended.attempts, ended.errors, lost or ended.lost
        if ended.outcome is not None:
            return ActionEnd(_with_reason(ended.outcome, call), attempts - 1)
        if ended.error:
            retrying(errors, call.limit, ended.error)
            await cancellation.pause(call.pause)
        elif ended.timed_out:
            losses, heartbeat = losses + 1, ended.heartbeat or heartbeat
            pause = pause_after_losses(losses)
            losing(losses, attempts - 1, pause)
            if pause and workflow.patched("pause-after-lost-attempts"):
                await cancellation.pause(pause)
        if cancellation.requested:
            return ActionEnd(_with_reason(await _observe(call, options), call), max(attempts - 1, 0))


def _with_reason(outcome: ActionOutcome, call: ActionCall) -> ActionOutcome:
    """Return an outcome with its reason: that of the step, its own, or the one that its phase implies."""
    of_step = call.succeeded if outcome.phase is Phase.SUCCEEDED else None
    return outcome.model_copy(update={"reason": of_step or outcome.reason or _BY_PHASE[outcome.phase]})


def _read(error: ActivityError, limit: int, errors: int, canceled: bool) -> _EndedSchedule:
    """Tell from an activity's failure whether the action failed, or has attempts left."""
    cause = error.cause
    if isinstance(cause, TemporalTimeoutError):
        heartbeat = _last_heartbeat(cause)
        errors_now = max(errors, heartbeat.errors if heartbeat else 0)
        exhausted = error.retry_state is RetryState.MAXIMUM_ATTEMPTS_REACHED
        ended = errors_now - errors + (heartbeat.not_begun + heartbeat.lost if heartbeat else 0)
        used = 1 + (limit - errors if exhausted else ended)
        return _EndedSchedule(used, errors_now, lost=True, timed_out=True, heartbeat=heartbeat)
    if isinstance(cause, CancelledError) and canceled:
        return _EndedSchedule(0, errors)
    if not isinstance(cause, ApplicationError):
        return _EndedSchedule(1, errors, outcome=ActionOutcome(phase=Phase.FAILED, message=str(cause or error)))
    try:
        failure = AttemptFailure.model_validate(cause.details[0])
    except (IndexError, ValidationError):
        if cause.type in WORKER_ENDED_IT:
            return _EndedSchedule(1, errors, lost=True)
        return _EndedSchedule(1, errors + 1, outcome=ActionOutcome(phase=Phase.FAILED, message=cause.message))
    if cause.type in WORKER_ENDED_IT:
        return _EndedSchedule(failure.attempt, failure.errors, lost=True)
    if failure.errors <= limit and not cause.non_retryable and not canceled:
        lost = failure.attempt > failure.errors - errors + failure.not_begun
        return _EndedSchedule(failure.attempt, failure.errors, lost, error=cause.message)
    record = failure.record_fields()
    reason = failure.reason or cause.type
    outcome = ActionOutcome(phase=Phase.FAILED, message=cause.message, reason=reason, attempt=failure.attempt, **record)
    return _EndedSchedule(failure.attempt, failure.errors, outcome=outcome)


def _last_heartbeat(cause: TemporalTimeoutError) -> Heartbeat | None:
    try:
        return Heartbeat.model_validate(cause.last_heartbeat_details[0])
    except (IndexError, ValidationError):
        return None


async def _observe(call: ActionCall, options: RetryOptions) -> ActionOutcome:
    """Find out the state of an action that a cancel met while no attempt was running."""
    try:
        return await call.look(options)
    except ActivityError as error:
        unknown = tree_messages.canceled_unknown(str(error.cause or error))
        return ActionOutcome(phase=Phase.CANCELED, message=unknown.message, reason=unknown.reason)
