"""The tree and one event to the new tree: the only place where a phase changes once a run has begun.

Every function returns a new value and takes the time as an argument. Phase, message, progress and
duration of a parent are derived last, from its children. Times are cut to whole seconds here, so that a
duration is the difference of the times that stand beside it.
Source: docs/spec/drplanexecution.md, "Status"; docs/architecture.md, "The way of one Revert".
"""

import operator
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from api.attempts import ActionOutcome
from api.execution import ExecutionStatus
from api.meta import Model, go_duration
from api.nodes import ActionStatus, RetriedWith, StageStatus, WorkflowExecutionStatus
from api.phases import OperationType, Phase, WorkflowFailurePolicy
from api.reasons import Cause, Reason
from api.requests import Approval, PersonRequest, RequestType, StageApproval
from api.timing import Wait
from api.tree import Progress, RunState, Summary
from planning.definitions.dependencies import Needs
from planning.messages import actions as action_messages
from planning.messages import requests as request_messages
from planning.messages import running as running_messages
from planning.messages import tree as tree_messages
from planning.messages.text import bounded
from planning.status.rollup import blocking_stage, failed_needs, part_end, plan_message, rollup, stop_cause, summarize

NodeT = TypeVar("NodeT", ActionStatus, WorkflowExecutionStatus, StageStatus, RunState)
TreeT = TypeVar("TreeT", WorkflowExecutionStatus, StageStatus, RunState, ExecutionStatus)
ModelT = TypeVar("ModelT", bound=Model)
KindT = TypeVar("KindT", bound=Model)

_CHILDREN: dict[type[Model], str] = {
    WorkflowExecutionStatus: "action_statuses",
    StageStatus: "workflow_executions",
    RunState: "stage_statuses",
    ExecutionStatus: "stage_statuses",
}
"""The field that holds a node's children."""


# Any node.


def children_field(parent: Model) -> str:
    """Return the name of the field that holds a node's children."""
    return _CHILDREN[type(parent)]


def map_nodes(tree: ModelT, kind: type[KindT], change: Callable[[KindT], KindT]) -> ModelT:
    """Return a tree with every node of one kind changed, children before their parents.

    A node in which nothing changed is the same object as before.
    """
    field = _CHILDREN.get(type(tree))
    before = field and getattr(tree, field)
    if field and before:
        after = [map_nodes(child, kind, change) for child in before]
        if any(map(operator.is_not, after, before)):
            tree = tree.model_copy(update={field: after})
    return cast(ModelT, change(tree)) if isinstance(tree, kind) else tree


def with_child(parent: TreeT, index: int, child: ActionStatus | WorkflowExecutionStatus | StageStatus) -> TreeT:
    """Return a workflow, a stage or a plan with its child at `index` replaced; a plan's counts are left as they are."""
    field = children_field(parent)
    children = list(getattr(parent, field))
    children[index] = child
    return parent.model_copy(update={field: children})


def started(node: NodeT, now: datetime) -> NodeT:
    """The node has begun."""
    return node.model_copy(update={"phase": Phase.RUNNING, "start_time": _whole(now)})


def not_reached(node: NodeT, cause: Cause) -> NodeT:
    """The node will never begin, nor will what is below it; nodes that are Skipped already keep their own reason."""
    if node.phase is not Phase.PENDING:
        return node
    update = pending_or_skipped(cause)
    if field := _CHILDREN.get(type(node)):
        update[field] = [not_reached(child, cause) for child in getattr(node, field) or []]
    return node.model_copy(update=update)


def pending_or_skipped(cause: Cause | None) -> dict[str, Any]:
    """Return the fields of a node that is only planned: Skipped where there is a cause, else Pending."""
    return {"phase": Phase.PENDING} if cause is None else _ended_as(Phase.SKIPPED, cause)


def end_times(start: datetime | None, now: datetime) -> dict[str, Any]:
    """Return the times of any node that ends; one that never began has no duration."""
    end = _whole(now)
    if start is None:
        return {"completion_time": end}
    start = _whole(start)
    return {"completion_time": max(end, start), "duration": go_duration(max(end, start) - start)}


def _ended_as(phase: Phase, cause: Cause) -> dict[str, Any]:
    """Return the fields of any node that say its phase, and why it is that."""
    return {"phase": phase, "reason": cause.reason, "message": bounded(cause.message)}


def _whole(now: datetime) -> datetime:
    """Cut a time to what objects hold."""
    return now.replace(microsecond=0)


# Actions.


def action_started(
    node: WorkflowExecutionStatus, index: int, now: datetime, beside: Sequence[str] = ()
) -> WorkflowExecutionStatus:
    """The action at `index` has begun; begun again after a lost attempt, it keeps its start.

    `beside` names the actions that run already.
    """
    action = node.actions[index]
    changed = with_child(node, index, action if action.start_time else started(action, now))
    return changed.model_copy(update={"current_action": running_messages.current_action([*beside, action.name])})


def action_retrying(
    action: ActionStatus, retry: int, limit: int, error: str, at: datetime | None = None
) -> ActionStatus:
    """The action waits for retry number `retry` (from 1) of `limit`; `retries` counts those made so far.

    `at` is when that begins, where it is worth being told.
    """
    cause = Cause(Reason.RETRYING, action_messages.retrying(retry, limit, error, at))
    counts = {"retries": retry - 1, "retry_count": retry - 1}
    return action.model_copy(update={**_ended_as(Phase.RUNNING, cause), **counts})


def action_lost(action: ActionStatus, losses: int, retries: int, pause: timedelta) -> ActionStatus:
    """The action waits because `losses` of its attempts were lost with their workers."""
    cause = Cause(Reason.ATTEMPT_LOST, action_messages.attempts_lost(losses, pause))
    counts = {"retries": retries, "retry_count": retries}
    return action.model_copy(update={**_ended_as(Phase.RUNNING, cause), **counts})


def action_awaiting(action: ActionStatus, outcome: ActionOutcome, retries: int, now: datetime) -> ActionStatus:
    """The action failed with this outcome, and waits for a person's decision; what it recorded is kept."""
    update = {"retries": retries, "retry_count": retries, "waits": wait_begun(action.waits, now)}
    cause = request_messages.awaiting(outcome.message)
    return action.model_copy(update={**_record(outcome), **_ended_as(Phase.RUNNING, cause), **update})


def action_decided(
    action: ActionStatus, decision: PersonRequest | None, now: datetime, parameters: RetriedWith | None = None
) -> ActionStatus:
    """A person has decided about an action that failed, or its wait is over without.

    A Retry runs it again, perhaps with other values of parameters.
    """
    update: dict[str, Any] = {"waits": wait_over(action.waits, now)}
    if decision is not None and decision.type is RequestType.RETRY:
        update |= _ended_as(Phase.RUNNING, Cause(Reason.RETRYING, request_messages.retried(decision)))
        update |= {} if parameters is None else {"retried_with": parameters}
    return action.model_copy(update=update)


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
    action = node.actions[index].model_copy(
        update={
            "phase": outcome.phase,
            "reason": outcome.reason,
            "message": bounded(outcome.message),
            "completion_time": _whole(now),
            "retries": retries,
            "retry_count": retries,
            **_record(outcome),
        }
    )
    current = {"progress": progress or node.progress, "current_action": running_messages.current_action(beside)}
    return with_child(node, index, action).model_copy(update=current)


def _record(outcome: ActionOutcome) -> dict[str, Any]:
    """Return what an action did to the cluster, as far as its outcome tells."""
    return {name: value for name, value in outcome.record_fields().items() if value is not None}


# Waits for people.


def wait_begun(waits: Sequence[Wait] | None, now: datetime) -> list[Wait]:
    """Return the waits of something that waits for a person from now on; one that goes on stays as it is."""
    before = [*(waits or [])]
    return before if before and before[-1].until is None else [*before, Wait(since=_whole(now))]


def wait_over(waits: Sequence[Wait] | None, now: datetime) -> list[Wait] | None:
    """Return the waits of something that does not wait for a person any more."""
    over = {"until": _whole(now)}
    return [wait if wait.until else wait.model_copy(update=over) for wait in waits or []] or None


# Workflows.


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
    stopped = stop_cause(operation, [] if goes_on else [node], canceled)
    failed = failed_needs(node.actions, needs or ())
    cut_short = {**_ended_as(Phase.CANCELED, tree_messages.CANCELED_WHILE_RUNNING), "completion_time": _whole(now)}
    actions = []
    for index, action in enumerate(node.actions):
        cause = tree_messages.not_attempted_action(failed[index]) if index in failed else stopped
        ended = action.phase.terminal or action.phase is Phase.PENDING
        actions.append(not_reached(action, cause) if ended else action.model_copy(update=cut_short))
    phase = rollup((action.phase for action in actions), canceled)
    end = part_end(phase, operation, "Workflow", [(action.name, action.phase) for action in actions])
    return _with_actions(node, operation, actions, {**end, **end_times(node.start_time, now)})


def workflow_broken(
    node: WorkflowExecutionStatus, operation: OperationType, reason: str, now: datetime
) -> WorkflowExecutionStatus:
    """The workflow was ended from outside: it is Failed with that reason, its running action likewise.

    What became of a running action is not known, and its message says so.
    """
    left = tree_messages.not_attempted_broken(f"workflow {node.workflow_ref.name}")
    unknown = {**_ended_as(Phase.FAILED, tree_messages.unknown_outcome(reason)), "completion_time": _whole(now)}
    actions = [
        action.model_copy(update=unknown) if action.phase is Phase.RUNNING else not_reached(action, left)
        for action in node.actions
    ]
    end = _ended_as(Phase.FAILED, Cause(Reason.RUN_LOST, reason))
    return _with_actions(node, operation, actions, {**end, **end_times(node.start_time, now)})


def _with_actions(
    node: WorkflowExecutionStatus, operation: OperationType, actions: list[ActionStatus], end: dict[str, Any]
) -> WorkflowExecutionStatus:
    """Return the node of a workflow that ended with these actions."""
    done = sum(action.phase is Phase.SUCCEEDED for action in actions)
    progress = running_messages.progress(operation, done, len(actions))
    return node.model_copy(update={"action_statuses": actions, "progress": progress, "current_action": None, **end})


# Stages.


def stage_awaiting(stage: StageStatus, needed: Approval, given: Sequence[StageApproval], now: datetime) -> StageStatus:
    """The stage waits, Pending as before, for more persons to approve it."""
    message = request_messages.awaiting_approval(needed, given)
    update = {"reason": Reason.AWAITING_APPROVAL, "message": message, "approvals": [*given] or None}
    return stage.model_copy(update={**update, "waits": wait_begun(stage.waits, now)})


def stage_approved(stage: StageStatus, given: Sequence[StageApproval], now: datetime) -> StageStatus:
    """The stage, Pending as before, does not wait for approval any more."""
    update = {"approvals": [*given] or None, "waits": wait_over(stage.waits, now)}
    return stage.model_copy(update={"reason": None, "message": None, **update})


def stage_finished(
    node: StageStatus, operation: OperationType, now: datetime, *, canceled: bool = False
) -> StageStatus:
    """The stage has ended: what is left Pending is Skipped with its reason."""
    cause = stop_cause(operation, node.workflows, canceled)
    workflows = [not_reached(workflow, cause) for workflow in node.workflows]
    phase = rollup((workflow.phase for workflow in workflows), canceled)
    end = part_end(phase, operation, "Stage", [(one.workflow_ref.name, one.phase) for one in workflows])
    return node.model_copy(update={**end, "workflow_executions": workflows, **end_times(node.start_time, now)})


def stage_broken(node: StageStatus, operation: OperationType, reason: str, now: datetime) -> StageStatus:
    """The stage was ended from outside: Failed with that reason, its running workflows likewise."""
    left = tree_messages.not_attempted_broken(f"stage {node.name}")
    workflows = [
        workflow_broken(workflow, operation, reason, now)
        if workflow.phase is Phase.RUNNING
        else not_reached(workflow, left)
        for workflow in node.workflows
    ]
    end = _ended_as(Phase.FAILED, Cause(Reason.RUN_LOST, reason))
    return node.model_copy(update={**end, "workflow_executions": workflows, **end_times(node.start_time, now)})


# The plan.


def with_counts(state: RunState) -> RunState:
    """Return the state with its summary and progress counted from the tree."""
    summary = summarize(state.stages)
    return state.model_copy(update={"summary": summary, "progress": progress_of(summary)})


def progress_of(summary: Summary) -> Progress:
    """Return what succeeded of the total, as `3/5`: a part that was skipped has not been done."""
    return Progress(
        stages=f"{summary.succeeded_stages}/{summary.total_stages}",
        actions=f"{summary.succeeded_actions}/{summary.total_actions}",
    )


def plan_rejected(state: RunState, now: datetime) -> RunState:
    """The run ended before it began: phase and message stay as planning gave them."""
    times = {"start_time": state.start_time or _whole(now)}
    return state.model_copy(update={**times, **end_times(times["start_time"], now)})


def plan_finished(state: RunState, operation: OperationType, now: datetime, *, canceled: bool = False) -> RunState:
    """The run has ended: stages left Pending are Skipped; phase, message and counts are derived.

    A stage that depends on a failed one, directly or not, says so.
    """
    if not state.stages and state.phase is Phase.FAILED:
        return plan_rejected(state, now)
    cause = stop_cause(operation, state.stages, canceled)
    failed = {stage.name for stage in state.stages if stage.phase is Phase.FAILED}
    stages = []
    for index, stage in enumerate(state.stages):
        needed = blocking_stage(state.stages, index) if stage.phase is Phase.PENDING else None
        stages.append(not_reached(stage, tree_messages.not_attempted_dependency(needed) if needed in failed else cause))
    phase = rollup((stage.phase for stage in stages), canceled)
    ended = state.model_copy(update={"phase": phase, "stage_statuses": stages, **end_times(state.start_time, now)})
    return with_counts(ended.model_copy(update={"message": plan_message(phase, operation, ended)}))
