"""How one action is run: a call for each, with its inputs, its timeouts and what a person asked for with a retry.

Source: docs/architecture.md, "Errors and attempts".
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeAlias, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy as TemporalRetryPolicy

with workflow.unsafe.imports_passed_through():
    from api.actions import RetryPolicy
    from api.attempts import (
        ActionOutcome,
        ActionRecord,
        ExecuteInput,
        Heartbeat,
        ObserveInput,
        ParametersInput,
        RollbackInput,
    )
    from api.decisions import Redecision, RedecisionInput
    from api.meta import Model, parse_duration
    from api.nodes import ActionStatus, RetriedWith
    from api.reasons import Reason
    from api.requests import PersonRequest
    from api.runs import ExecuteWorkflowInput, RevertWorkflowInput
    from api.steps import Attempts, ParametersRef, RollbackStep
    from planning.definitions import identifiers
    from planning.definitions.retry import LONGEST_MULTIPLIER
    from planning.messages import temporal_ui
from workflows.activity_stubs import HEARTBEAT_TIMED_OUT, HEARTBEAT_TIMEOUT, LOAD_TIMEOUT, ActivityName

ATTEMPT_MARGIN = timedelta(seconds=30)
"""How much longer start-to-close is than the action's own timeout, which the attempt itself applies."""
BACKOFF_CAP = timedelta(minutes=5)
LOOK_TIMEOUT = timedelta(seconds=30)
LOOK_DEADLINE = timedelta(minutes=3)
"""How long after a cancel the last look at an action may take, its retries included."""
MAX_INT32 = 2**31 - 1
SHORTEST_INTERVAL = timedelta(milliseconds=1)
"""Temporal refuses an interval of zero."""
ActionHandle: TypeAlias = workflow.ActivityHandle[ActionOutcome]
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class PriorAttempts:
    """What is known of earlier attempts of an action when its activity is scheduled."""

    errors: int = 0
    """Attempts that ended with an error so far."""
    lost: bool = False
    """Whether one was lost with its worker."""
    heartbeat: Heartbeat | None = None
    """The last one of an attempt that was lost."""


@dataclass(frozen=True)
class RetryOptions:
    """What a person asked for with a retry."""

    timeout: str | None = None
    """In place of the action's own (Go duration)."""
    parameters: ParametersRef | None = None
    """Also of earlier retries: what they made is there."""


NO_OPTIONS = RetryOptions()


@dataclass(frozen=True)
class ActionCall:
    """How one action is run and, after a cancel between attempts, looked at."""

    action: str
    """Its name."""
    attempts: Attempts
    start: Callable[["PriorAttempts", "RetryOptions"], ActionHandle]
    look: Callable[["RetryOptions"], ActionHandle]
    parameters_input: Callable[["RetryOptions", PersonRequest, ActionRecord], ParametersInput]
    succeeded: Reason | None = None
    """The reason of a success, where the step decides it; None leaves it to the outcome."""
    refused: bool = False
    """It fails by what was decided before the first action, so that a repeat changes nothing."""
    decide_again: Callable[[], Awaitable[Redecision]] | None = None
    """Decides again on what was refused; None where an earlier release started the run. Raises ActivityError."""
    decided: Callable[[Redecision], "ActionCall"] | None = None
    """Returns the call for what was decided again."""

    @property
    def limit(self) -> int:
        """Retries after an error."""
        return max(self.attempts.retry.limit, 0)

    @property
    def pause(self) -> timedelta:
        """Time before the next attempt, where the workflow schedules that."""
        return min(_duration(self.attempts.retry.interval, RetryPolicy().interval), BACKOFF_CAP)


def rollback(
    index: int, workflow_input: RevertWorkflowInput, step: RollbackStep, again: Redecision | None = None
) -> ActionCall:
    """Return the call that rolls the action at `index` back; the step may have been decided `again`."""
    node, actor = workflow_input.workflow, workflow_input.actor if again is None else again.actor
    decided_again = None if again is None else again.decision
    name = node.actions[index].name
    caption = temporal_ui.rollback_caption(step, name)
    # Only a step that carries out a definition needs to know where that is kept.
    stored = workflow_input.origin if again is None else again.origin
    dr_workflow, origin = (node.workflow_ref, stored) if step.custom else (None, None)

    def attempt(prior: PriorAttempts, options: RetryOptions) -> RollbackInput:
        return RollbackInput(
            step=step,
            actor=actor,
            dr_workflow=dr_workflow,
            origin=origin,
            errors=prior.errors,
            lost=prior.lost,
            heartbeat=prior.heartbeat,
            timeout=options.timeout,
            parameters=options.parameters,
            decided_again=decided_again,
        )

    def start(prior: PriorAttempts, options: RetryOptions) -> ActionHandle:
        return _start_attempt(ActivityName.ROLLBACK_ACTION, attempt(prior, options), index, caption)

    def look(options: RetryOptions) -> ActionHandle:
        given = ObserveInput(
            step=step,
            actor=actor,
            dr_workflow=dr_workflow,
            origin=origin,
            parameters=options.parameters,
            decided_again=decided_again,
        )
        return _start_look(ActivityName.LOOK_AGAIN, given, index, caption)

    def parameters_input(options: RetryOptions, request: PersonRequest, record: ActionRecord) -> ParametersInput:
        return ParametersInput(request=request, rollback=attempt(PriorAttempts(), options), record=record)

    def decided(redecision: Redecision) -> ActionCall:
        assert redecision.step is not None, "what is skipped is not tried"
        return rollback(index, workflow_input, redecision.step, redecision)

    refused = step.certain_refusal is not None
    again_by = partial(_decide_again, index, workflow_input) if workflow_input.place is not None else None
    return ActionCall(name, step.attempts, start, look, parameters_input, step.success, refused, again_by, decided)


async def _decide_again(index: int, workflow_input: RevertWorkflowInput) -> Redecision:
    """Decide again on the action at `index`, which was refused. Raises ActivityError."""
    node, place = workflow_input.workflow, workflow_input.place
    assert place is not None, "the caller has compared"
    name = node.actions[index].name
    redecision: Redecision = await workflow.execute_activity(
        ActivityName.DECIDE_AGAIN,
        RedecisionInput(place=place, dr_workflow=node.workflow_ref, index=index, action=name),
        result_type=Redecision,
        activity_id=f"decision-{index}",
        start_to_close_timeout=LOAD_TIMEOUT,
        schedule_to_close_timeout=LOAD_TIMEOUT,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=TemporalRetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)),
        summary=temporal_ui.decide_again_caption(name),
    )
    return redecision


def execute(
    index: int, workflow_input: ExecuteWorkflowInput, actions_named: Callable[[Sequence[str]], Sequence[ActionStatus]]
) -> ActionCall:
    """Return the call that executes the action at `index`.

    `actions_named` returns the current nodes of the actions that its definition refers to.
    """
    step = workflow_input.steps[index]
    caption = temporal_ui.execute_caption(step.action, step.title)

    def attempt(prior: PriorAttempts, options: RetryOptions) -> ExecuteInput:
        earlier = actions_named(step.outputs_of)
        return ExecuteInput(
            dr_workflow=workflow_input.workflow.workflow_ref,
            step=step,
            actor=workflow_input.actor,
            errors=prior.errors,
            lost=prior.lost,
            heartbeat=prior.heartbeat,
            timeout=options.timeout,
            origin=workflow_input.origin,
            outputs={action.name: action.outputs for action in earlier if action.outputs is not None},
            phases={action.name: action.phase for action in earlier},
            parameters=[options.parameters] if options.parameters is not None else [],
        )

    def start(prior: PriorAttempts, options: RetryOptions) -> ActionHandle:
        return _start_attempt(ActivityName.EXECUTE_ACTION, attempt(prior, options), index, caption)

    def look(options: RetryOptions) -> ActionHandle:
        without_timeout = RetryOptions(parameters=options.parameters)
        return _start_look(ActivityName.VERIFY_ACTION, attempt(PriorAttempts(), without_timeout), index, caption)

    def parameters_input(options: RetryOptions, request: PersonRequest, record: ActionRecord) -> ParametersInput:
        return ParametersInput(request=request, execute=attempt(PriorAttempts(), options), record=record)

    return ActionCall(step.action, step.attempts, start, look, parameters_input)


def _start_attempt(name: ActivityName, attempt: RollbackInput | ExecuteInput, index: int, caption: str) -> ActionHandle:
    attempts = attempt.attempts
    return workflow.start_activity(
        name,
        attempt,
        result_type=ActionOutcome,
        activity_id=identifiers.activity_id(index),
        start_to_close_timeout=_duration(attempts.timeout, Attempts().timeout) + ATTEMPT_MARGIN,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=retry_options(attempts.retry, attempt.errors),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=caption,
    )


def _start_look(name: ActivityName, attempt: ObserveInput | ExecuteInput, index: int, caption: str) -> ActionHandle:
    return _start_short(name, attempt, ActionOutcome, f"look-{index}", temporal_ui.look_caption(caption))


def _start_short(
    name: ActivityName, request: Model, result_type: type[ResultT], activity_id: str, summary: str
) -> workflow.ActivityHandle[ResultT]:
    """Start an activity that takes moments, and is repeated only for some minutes: a person may be waiting."""
    return workflow.start_activity(
        name,
        request,
        result_type=result_type,
        activity_id=activity_id,
        start_to_close_timeout=LOOK_TIMEOUT,
        schedule_to_close_timeout=LOOK_DEADLINE,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=TemporalRetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)),
        summary=summary,
    )


async def store_parameters(index: int, action: str, parameters_input: ParametersInput) -> RetriedWith:
    """Check and store what a person sets for a retry of the action at `index`. Raises ActivityError."""
    caption = temporal_ui.store_parameters_caption(action, parameters_input.request)
    return await _start_short(
        ActivityName.STORE_PARAMETERS, parameters_input, RetriedWith, f"parameters-{index}", caption
    )


def retry_options(policy: RetryPolicy, errors: int) -> TemporalRetryPolicy:
    """Return Temporal's form of a retry policy of which `errors` attempts are used up.

    Validation refuses what is not a number or a duration; a value that came in by another way gets the
    default here, because an exception in workflow code would repeat the workflow task without end.
    """
    try:
        multiplier = float(policy.backoff_multiplier[:LONGEST_MULTIPLIER])
    except ValueError:
        multiplier = float(RetryPolicy().backoff_multiplier)
    interval = max(_duration(policy.interval, RetryPolicy().interval), SHORTEST_INTERVAL)
    return TemporalRetryPolicy(
        initial_interval=min(interval, BACKOFF_CAP),
        backoff_coefficient=max(multiplier, 1.0) if math.isfinite(multiplier) else 1.0,
        maximum_interval=BACKOFF_CAP,
        maximum_attempts=min(1 + max(policy.limit - errors, 0), MAX_INT32),
        non_retryable_error_types=[HEARTBEAT_TIMED_OUT],
    )


def _duration(text: str, default: str) -> timedelta:
    try:
        return parse_duration(text)
    except (ValueError, OverflowError):
        return parse_duration(default)
