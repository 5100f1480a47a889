"""The tree and one event to the new tree: the only place where a phase changes once a run has begun.

Every function returns a new value and takes the time as an argument. Phase, message, progress and
duration of a parent are derived last, from its children. Times are cut to whole seconds here, so that a
duration is the difference of the times that stand beside it.
Source: docs/spec/drplanexecution.md, "Status"; docs/architecture.md, "The way of one Revert".
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from api.execution import ActionStatus, RunState, StageStatus, WorkflowExecutionStatus
from api.meta import go_duration
from api.phases import OperationType, Phase, WorkflowFailurePolicy
from api.reasons import Cause, Reason
from api.steps import ActionOutcome
from planning.definitions.dependencies import Needs
from planning.messages import actions as action_messages
from planning.messages import causes
from planning.messages import parents as parent_messages
from planning.messages.actions import bounded
from planning.status.rollup import (
    blocking_stage,
    failed_needs,
    parent_reason,
    plan_message,
    progress_of,
    rollup,
    stage_message,
    stop_cause,
    succeeded,
    summarize,
    workflow_message,
)

NodeT = TypeVar("NodeT")


def _whole(now: datetime) -> datetime:
    """Cut a time to what objects hold."""
    return now.replace(microsecond=0)


def _started(now: datetime) -> dict[str, Any]:
    """Give the fields of any node that begins."""
    return {"phase": Phase.RUNNING, "start_time": _whole(now)}


def _because(cause: Cause) -> dict[str, Any]:
    """Return the fields of any node that say why its phase is what it is."""
    return {"reason": cause.reason, "message": bounded(cause.message)}


def pending_or_skipped(cause: Cause | None) -> dict[str, Any]:
    """Return the fields of a node that is only planned: Skipped where there is a cause, else Pending."""
    return {"phase": Phase.PENDING} if cause is None else {"phase": Phase.SKIPPED, **_because(cause)}


def end_times(start: datetime | None, now: datetime) -> dict[str, Any]:
    """Give the times of any node that ends; one that never began has no duration."""
    end = _whole(now)
    if start is None:
        return {"completion_time": end}
    return {"completion_time": max(end, start), "duration": go_duration(max(end, start) - start)}


def _replaced(nodes: Sequence[NodeT], index: int, node: NodeT) -> list[NodeT]:
    """Give the list with one node replaced."""
    changed = list(nodes)
    changed[index] = node
    return changed


# Actions.


def action_started(
    node: WorkflowExecutionStatus, index: int, now: datetime, beside: Sequence[str] = ()
) -> WorkflowExecutionStatus:
    """The action at `index` has begun; begun again after a lost attempt, it keeps its start.

    `beside` names the actions that run already.
    """
    action = node.actions[index]
    started = action if action.start_time else action.model_copy(update=_started(now))
    current = parent_messages.current_action([*beside, action.name])
    return node.model_copy(
        update={"action_statuses": _replaced(node.actions, index, started), "current_action": current}
    )


def action_retrying(action: ActionStatus, retry: int, limit: int, error: str) -> ActionStatus:
    """The action waits for retry number `retry` (from 1) of `limit`; `retries` counts those made so far."""
    return action.model_copy(
        update={
            "phase": Phase.RUNNING,
            "reason": Reason.RETRYING,
            "message": bounded(action_messages.retrying(retry, limit, error)),
            "retries": retry - 1,
            "retry_count": retry - 1,
        }
    )


def action_finished(
    node: WorkflowExecutionStatus,
    index: int,
    outcome: ActionOutcome,
    retries: int,
    now: datetime,
    beside: Sequence[str] = (),
    progress: str | None = None,
) -> WorkflowExecutionStatus:
    """The action at `index` has ended; `retries` counts its attempts after the first.

    `beside` names the actions that still run. `progress` is the workflow's from now on: its caller counts on, for
    a replay does this for thousands of actions at once; None leaves it as it is.
    """
    record = {
        "operation": outcome.operation,
        "created": outcome.created,
        "outputs": outcome.outputs,
        "cluster_statuses": outcome.cluster_statuses,
    }
    action = node.actions[index].model_copy(
        update={
            "phase": outcome.phase,
            "reason": outcome.reason,
            "message": bounded(outcome.message),
            "completion_time": _whole(now),
            "retries": retries,
            "retry_count": retries,
            **{name: value for name, value in record.items() if value is not None},
        }
    )
    update = {
        "action_statuses": _replaced(node.actions, index, action),
        "progress": progress or node.progress,
        "current_action": parent_messages.current_action(beside),
    }
    return node.model_copy(update=update)


def _with_actions(
    node: WorkflowExecutionStatus, operation: OperationType, actions: list[ActionStatus]
) -> WorkflowExecutionStatus:
    """Give the node with these actions and their progress."""
    progress = parent_messages.progress(operation, succeeded(actions), len(actions))
    return node.model_copy(update={"action_statuses": actions, "progress": progress})


# Workflows.


def workflow_started(node: WorkflowExecutionStatus, now: datetime) -> WorkflowExecutionStatus:
    """The workflow has begun."""
    return node.model_copy(update=_started(now))


def workflow_finished(
    node: WorkflowExecutionStatus,
    operation: OperationType,
    now: datetime,
    *,
    canceled: bool = False,
    policy: WorkflowFailurePolicy = WorkflowFailurePolicy.FAIL_FAST,
    needs: Needs | None = None,
) -> WorkflowExecutionStatus:
    """The workflow has ended: what is left Pending is Skipped, what is left Running is Canceled.

    `policy` is an Execute's; with Continue a failure is no reason for what was not reached. `needs` names
    for each action the places of those that it depends on.
    """
    goes_on = policy is WorkflowFailurePolicy.CONTINUE and canceled
    cause = stop_cause(operation, [] if goes_on else [node], canceled)
    failed = failed_needs(node.actions, needs or ())
    actions = [
        _cut_short(action, causes.not_attempted_action(failed[index]) if index in failed else cause, now)
        for index, action in enumerate(node.actions)
    ]
    phase = rollup((action.phase for action in actions), canceled)
    return _with_actions(node, operation, actions).model_copy(
        update={
            "phase": phase,
            "reason": parent_reason(phase, operation, Reason.ACTION_FAILED),
            "message": workflow_message(phase, operation, actions),
            "current_action": None,
            **end_times(node.start_time, now),
        }
    )


def _cut_short(action: ActionStatus, cause: Cause, now: datetime) -> ActionStatus:
    """Close an action that has not ended when its workflow has."""
    if action.phase.terminal:
        return action
    if action.phase is Phase.PENDING:
        return _skipped_action(action, cause)
    ended = {"completion_time": _whole(now), **_because(causes.CANCELED_WHILE_RUNNING)}
    return action.model_copy(update={"phase": Phase.CANCELED, **ended})


def workflow_broken(
    node: WorkflowExecutionStatus, operation: OperationType, reason: str, now: datetime
) -> WorkflowExecutionStatus:
    """The workflow was ended from outside: it is Failed with that reason, its running action likewise.

    What became of a running action is not known, and its message says so.
    """
    left = causes.not_attempted_broken(f"workflow {node.workflow_ref.name}")
    unknown = {"phase": Phase.FAILED, **_because(causes.unknown_outcome(reason))}
    actions = [
        action.model_copy(update={**unknown, "completion_time": _whole(now)})
        if action.phase is Phase.RUNNING
        else _skipped_action(action, left)
        for action in node.actions
    ]
    update = {"phase": Phase.FAILED, **_because(Cause(Reason.RUN_LOST, reason)), "current_action": None}
    return _with_actions(node, operation, actions).model_copy(update={**update, **end_times(node.start_time, now)})


def workflow_not_reached(node: WorkflowExecutionStatus, cause: Cause) -> WorkflowExecutionStatus:
    """The workflow will never begin; nodes that are Skipped already keep their own reason."""
    if node.phase is not Phase.PENDING:
        return node
    actions = [_skipped_action(action, cause) for action in node.actions]
    update = {"phase": Phase.SKIPPED, **_because(cause), "action_statuses": actions}
    return node.model_copy(update=update)


def _skipped_action(action: ActionStatus, cause: Cause) -> ActionStatus:
    """Close an action that has not begun."""
    if action.phase is not Phase.PENDING:
        return action
    return action.model_copy(update={"phase": Phase.SKIPPED, **_because(cause)})


# Stages.


def stage_started(node: StageStatus, now: datetime) -> StageStatus:
    """The stage has begun."""
    return node.model_copy(update=_started(now))


def stage_with(node: StageStatus, index: int, workflow: WorkflowExecutionStatus) -> StageStatus:
    """Give the stage with its workflow at `index` replaced."""
    return node.model_copy(update={"workflow_executions": _replaced(node.workflows, index, workflow)})


def stage_finished(
    node: StageStatus, operation: OperationType, now: datetime, *, canceled: bool = False
) -> StageStatus:
    """The stage has ended: what is left Pending is Skipped with its reason."""
    cause = stop_cause(operation, node.workflows, canceled)
    workflows = [workflow_not_reached(workflow, cause) for workflow in node.workflows]
    phase = rollup((workflow.phase for workflow in workflows), canceled)
    reason = parent_reason(phase, operation, Reason.WORKFLOW_FAILED)
    message = stage_message(phase, operation, workflows)
    update = {"phase": phase, "reason": reason, "message": message, "workflow_executions": workflows}
    return node.model_copy(update={**update, **end_times(node.start_time, now)})


def stage_broken(node: StageStatus, operation: OperationType, reason: str, now: datetime) -> StageStatus:
    """The stage was ended from outside: Failed with that reason, its running workflows likewise."""
    left = causes.not_attempted_broken(f"stage {node.name}")
    workflows = [
        workflow_broken(workflow, operation, reason, now)
        if workflow.phase is Phase.RUNNING
        else workflow_not_reached(workflow, left)
        for workflow in node.workflows
    ]
    update = {"phase": Phase.FAILED, **_because(Cause(Reason.RUN_LOST, reason)), "workflow_executions": workflows}
    return node.model_copy(update={**update, **end_times(node.start_time, now)})


def stage_not_reached(node: StageStatus, cause: Cause) -> StageStatus:
    """The stage will never begin; nodes that are Skipped already keep their own reason."""
    if node.phase is not Phase.PENDING:
        return node
    workflows = [workflow_not_reached(workflow, cause) for workflow in node.workflows]
    update = {"phase": Phase.SKIPPED, **_because(cause), "workflow_executions": workflows}
    return node.model_copy(update=update)


# The plan.


def with_counts(state: RunState) -> RunState:
    """Give the state with its summary and progress counted from the tree."""
    summary = summarize(state.stages)
    return state.model_copy(update={"summary": summary, "progress": progress_of(summary)})


def plan_started(state: RunState, now: datetime) -> RunState:
    """The run has begun."""
    return with_counts(state.model_copy(update=_started(now)))


def plan_rejected(state: RunState, now: datetime) -> RunState:
    """The run ended before it began: phase and message stay as planning gave them."""
    times = {"start_time": state.start_time or _whole(now)}
    return state.model_copy(update={**times, **end_times(times["start_time"], now)})


def plan_with(state: RunState, index: int, stage: StageStatus) -> RunState:
    """Give the state with its stage at `index` replaced; counts are left to `with_counts`."""
    return state.model_copy(update={"stage_statuses": _replaced(state.stages, index, stage)})


def plan_finished(state: RunState, operation: OperationType, now: datetime, *, canceled: bool = False) -> RunState:
    """The run has ended: stages left Pending are Skipped; phase, message and counts are derived."""
    if not state.stages and state.phase is Phase.FAILED:
        return plan_rejected(state, now)
    cause = stop_cause(operation, state.stages, canceled)
    stages = [
        stage_not_reached(stage, _dependency_cause(state.stages, index) or cause)
        for index, stage in enumerate(state.stages)
    ]
    phase = rollup((stage.phase for stage in stages), canceled)
    ended = state.model_copy(update={"phase": phase, "stage_statuses": stages, **end_times(state.start_time, now)})
    return with_counts(ended.model_copy(update={"message": plan_message(phase, operation, ended)}))


def _dependency_cause(stages: Sequence[StageStatus], index: int) -> Cause | None:
    """Say on which failed stage a Pending one depends; None where it is not a dependency that stops it."""
    if stages[index].phase is not Phase.PENDING or not stages[index].depends_on:
        return None
    blocked_by = blocking_stage(stages, index)
    failed = blocked_by and any(stage.name == blocked_by and stage.phase is Phase.FAILED for stage in stages)
    return causes.not_attempted_dependency(blocked_by) if blocked_by and failed else None
