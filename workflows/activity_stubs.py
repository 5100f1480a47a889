"""One typed wrapper for each activity: its name, timeouts, retry policy and summary stand here only.

Activities are named, not imported, so that workflow code carries no Kubernetes code; a test compares
every name and model with the worker's registry. Source: docs/architecture.md, "Temporal".
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy as Retries

with workflow.unsafe.imports_passed_through():
    from api.actions import RetryPolicy
    from api.execution import ActionStatus
    from api.meta import parse_duration
    from api.steps import (
        ActionOutcome,
        Attempts,
        ExecuteDecision,
        ExecuteInput,
        ExecuteWorkflowInput,
        LookInput,
        RevertDecision,
        RevertWorkflowInput,
        RollbackInput,
        RollbackStep,
        RunInput,
    )
    from planning.definitions import identifiers
    from planning.messages import temporal_ui

HEARTBEAT_TIMEOUT = timedelta(seconds=10)
"""How soon a dead worker is noticed. Source: docs/architecture.md, "Temporal"."""
ATTEMPT_MARGIN = timedelta(seconds=30)
"""What start-to-close leaves above the action's own timeout, which is kept inside the attempt."""
BACKOFF_CAP = timedelta(minutes=5)
LOAD_TIMEOUT = timedelta(minutes=30)
"""For reading and looking at everything, thousands of objects included."""
LOOK_TIMEOUT = timedelta(seconds=30)
LOOK_DEADLINE = timedelta(minutes=3)
"""After a cancel: when the last look at an action is given up."""
TOO_LARGE = "PayloadsTooLarge"
"""Type of the failure that the SDK makes of an answer above Temporal's 2 MB (TMPRL1103)."""
_MAX_INT32 = 2**31 - 1
_SHORTEST = timedelta(milliseconds=1)
"""Temporal refuses an interval of zero."""

ActionHandle: TypeAlias = workflow.ActivityHandle[ActionOutcome]
Schedule: TypeAlias = Callable[[int, bool], ActionHandle]
"""Takes the number of attempts that ended with an error so far, and whether one was lost with its worker."""
DecisionT = TypeVar("DecisionT", RevertDecision, ExecuteDecision)


class ActivityName(StrEnum):
    """Names under which the worker registers the activities."""

    LOAD_REVERT = "load_revert"
    LOAD_EXECUTE = "load_execute"
    ROLLBACK_ACTION = "rollback_action"
    EXECUTE_ACTION = "execute_action"
    LOOK_AGAIN = "look_again"
    VERIFY_ACTION = "verify_action"


@dataclass(frozen=True)
class Signature:
    """What an activity takes and gives."""

    given: type
    answer: type


SIGNATURES = {
    ActivityName.LOAD_REVERT: Signature(RunInput, RevertDecision),
    ActivityName.LOAD_EXECUTE: Signature(RunInput, ExecuteDecision),
    ActivityName.ROLLBACK_ACTION: Signature(RollbackInput, ActionOutcome),
    ActivityName.EXECUTE_ACTION: Signature(ExecuteInput, ActionOutcome),
    ActivityName.LOOK_AGAIN: Signature(LookInput, ActionOutcome),
    ActivityName.VERIFY_ACTION: Signature(ExecuteInput, ActionOutcome),
}


@dataclass(frozen=True)
class ActionCall:
    """How one action is carried out and, after a cancel between attempts, looked at."""

    limit: int
    """Retries after an error."""
    pause: timedelta
    """Before the next attempt, where it is the workflow that schedules it."""
    schedule: Schedule
    look: Callable[[], ActionHandle]


def load_revert(given: RunInput) -> workflow.ActivityHandle[RevertDecision]:
    """Read, look and decide what a Revert will do; repeated until it works or cannot."""
    return _load(ActivityName.LOAD_REVERT, given, RevertDecision)


def load_execute(given: RunInput) -> workflow.ActivityHandle[ExecuteDecision]:
    """Read and decide what an Execute will do; repeated until it works or cannot."""
    return _load(ActivityName.LOAD_EXECUTE, given, ExecuteDecision)


def _load(name: ActivityName, given: RunInput, answer: type[DecisionT]) -> workflow.ActivityHandle[DecisionT]:
    return workflow.start_activity(
        name,
        given,
        result_type=answer,
        activity_id=name.replace("_", "-"),
        start_to_close_timeout=LOAD_TIMEOUT,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=Retries(
            initial_interval=timedelta(seconds=1),
            maximum_interval=timedelta(seconds=30),
            non_retryable_error_types=[TOO_LARGE],
        ),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=temporal_ui.load(given.operation, given.execution),
    )


def rollback(index: int, of: RevertWorkflowInput, step: RollbackStep) -> ActionCall:
    """Roll the action at `index` of a workflow's node back."""
    caption = temporal_ui.rollback(step, of.workflow.actions[index].name)
    # Only a step that carries a definition out is told where to read it.
    dr_workflow, origin = (of.workflow.workflow_ref, of.origin) if step.custom else (None, None)

    def schedule(errors: int, lost: bool) -> ActionHandle:
        given = RollbackInput(
            step=step, actor=of.actor, dr_workflow=dr_workflow, origin=origin, errors=errors, lost=lost
        )
        return _attempt(ActivityName.ROLLBACK_ACTION, given, index, step.attempts, caption)

    def look() -> ActionHandle:
        given = LookInput(step=step, actor=of.actor, dr_workflow=dr_workflow, origin=origin)
        return _look(ActivityName.LOOK_AGAIN, given, index, caption)

    return _call(step.attempts, schedule, look)


def execute(index: int, of: ExecuteWorkflowInput, ended: Callable[[], Sequence[ActionStatus]]) -> ActionCall:
    """Carry out the action at `index` of a workflow's node.

    `ended` gives, whenever it is scheduled, the nodes of the actions that its `outputs_of` names.
    """
    step = of.steps[index]
    caption = temporal_ui.execute(step.title)

    def given(errors: int = 0, lost: bool = False) -> ExecuteInput:
        earlier = ended()
        return ExecuteInput(
            dr_workflow=of.workflow.workflow_ref,
            step=step,
            actor=of.actor,
            errors=errors,
            lost=lost,
            origin=of.origin,
            outputs={action.name: action.outputs for action in earlier if action.outputs is not None},
            phases={action.name: action.phase for action in earlier},
        )

    def schedule(errors: int, lost: bool) -> ActionHandle:
        return _attempt(ActivityName.EXECUTE_ACTION, given(errors, lost), index, step.attempts, caption)

    def look() -> ActionHandle:
        return _look(ActivityName.VERIFY_ACTION, given(), index, caption)

    return _call(step.attempts, schedule, look)


def _call(attempts: Attempts, schedule: Schedule, look: Callable[[], ActionHandle]) -> ActionCall:
    interval = _span(attempts.retry.interval, RetryPolicy().interval)
    return ActionCall(
        limit=max(attempts.retry.limit, 0), pause=min(interval, BACKOFF_CAP), schedule=schedule, look=look
    )


def _attempt(
    name: ActivityName, given: RollbackInput | ExecuteInput, index: int, attempts: Attempts, caption: str
) -> ActionHandle:
    return workflow.start_activity(
        name,
        given,
        result_type=ActionOutcome,
        activity_id=identifiers.activity_id(index),
        start_to_close_timeout=_span(attempts.timeout, Attempts().timeout) + ATTEMPT_MARGIN,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=retries(attempts.retry, given.errors),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=caption,
    )


def _look(name: ActivityName, given: LookInput | ExecuteInput, index: int, caption: str) -> ActionHandle:
    return workflow.start_activity(
        name,
        given,
        result_type=ActionOutcome,
        activity_id=f"look-{index}",
        start_to_close_timeout=LOOK_TIMEOUT,
        schedule_to_close_timeout=LOOK_DEADLINE,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=Retries(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)),
        summary=temporal_ui.look(caption),
    )


def retries(policy: RetryPolicy, errors: int) -> Retries:
    """Give Temporal's form of a retry policy of which `errors` attempts are used up.

    Planning has refused what is not a number or a duration; a value that came in by another way gets
    the default here, for an exception in workflow code would repeat the workflow task for ever.
    """
    interval = max(_span(policy.interval, RetryPolicy().interval), _SHORTEST)
    return Retries(
        initial_interval=min(interval, BACKOFF_CAP),
        backoff_coefficient=_multiplier(policy.backoff_multiplier),
        maximum_interval=BACKOFF_CAP,
        maximum_attempts=min(1 + max(policy.limit - errors, 0), _MAX_INT32),
    )


def _multiplier(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float(RetryPolicy().backoff_multiplier)
    return max(number, 1.0) if math.isfinite(number) else 1.0


def _span(text: str, otherwise: str) -> timedelta:
    try:
        return parse_duration(text)
    except (ValueError, OverflowError):
        return parse_duration(otherwise)
