"""What Temporal answers about an execution, and its merge into the tree that is written already.

Progress never goes backwards. The root knows its stages, a running stage its workflows, a running workflow its actions,
and Temporal the attempts of a running action; each of these may be older than the others.
Source: docs/architecture.md, "Bridge".
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from pydantic import Field

from api.execution import Engine
from api.meta import Model, Timestamp
from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import OperationType, Phase
from api.reasons import Reason
from api.tree import RunState
from planning.messages import actions as action_messages
from planning.messages import running as running_messages
from planning.messages import tree as tree_messages
from planning.messages.text import bounded
from planning.status import transitions


class RunStatus(StrEnum):
    """The status of a root run in Temporal."""

    OPEN = "Open"
    """It has not ended; a worker may or may not be there."""
    COMPLETED = "Completed"
    """It succeeded; its result is the final tree."""
    FAILED = "Failed"
    """It failed; the failure's details hold the final tree, or none where the workflow itself broke."""
    CANCELED = "Canceled"
    """It was cancelled; its memo holds the final tree, unless it was cancelled before it had one."""
    TERMINATED = "Terminated"
    """Somebody terminated it in Temporal; there is no final tree."""
    TIMED_OUT = "TimedOut"
    """Temporal ended it; there is no final tree."""


class RootRun(Model):
    """The latest run of an execution's root workflow."""

    workflow_id: str
    run_id: str
    status: RunStatus
    start_time: Timestamp | None = None
    close_time: Timestamp | None = None
    cancel_requested: bool = False
    failing: bool = False
    """Its workflow task fails repeatedly: the worker's code cannot continue it."""
    cause: str = ""
    """Why it failed, in Temporal's words."""
    state: RunState | None = None
    """The final tree of a closed run."""

    @property
    def engine(self) -> Engine:
        """The run as an execution's status names it."""
        return Engine(workflow_id=self.workflow_id, run_id=self.run_id)


class PendingActivity(Model):
    """The activity of an action that has started and not ended."""

    index: int
    """Place of the action in its workflow."""
    attempt: int
    """Counted from 1."""
    waiting: bool = False
    """Between two attempts: `attempt` is then the next one."""
    limit: int | None = None
    """Retries that this schedule of the activity allows; None for no limit."""
    errors: int | None = None
    """Attempts that ended with an error; None where the failure does not say."""
    error: str = ""
    """The last error."""
    lost: bool = False
    """The last attempt was lost with its worker: `error` is then no error of the action."""
    waiting_for: str = ""
    """What the running attempt waits for, from its heartbeat."""
    paused: bool = False
    """Somebody paused it in Temporal: no attempt starts until it is unpaused."""
    paused_by: str = ""
    """Who paused it, as that client calls itself."""
    paused_because: str = ""
    """Why, in that person's words."""
    next_attempt: datetime | None = None
    """When the next attempt begins; None where that is soon, or not known."""


class ObservedStage(Model):
    """A running stage; `node` is None where its run did not answer."""

    index: int
    node: StageStatus | None = None


class ObservedWorkflow(Model):
    """A running workflow; `node` is None where its run did not answer."""

    stage: int
    index: int
    node: WorkflowExecutionStatus | None = None
    activities: list[PendingActivity] = Field(default_factory=list)


class Observation(Model):
    """Everything that one pass learned about an open run; each part may be missing."""

    state: RunState | None = None
    stages: list[ObservedStage] = Field(default_factory=list)
    workflows: list[ObservedWorkflow] = Field(default_factory=list)
    deciding: PendingActivity | None = None
    """The activity that reads and decides, before there is a tree."""
    answered: bool = True
    """A worker answered; without one there is no tree."""


def _rank(phase: Phase | None) -> int:
    """Order phases by progress: not started, started, ended."""
    if phase is None or phase is Phase.PENDING:
        return 0
    return 2 if phase.terminal else 1


def compose(state: RunState, stages: Sequence[ObservedStage], workflows: Sequence[ObservedWorkflow]) -> RunState:
    """Return the root's tree with the answers of its stages and workflows, where those are further."""
    for stage in stages:
        if stage.node is not None and stage.index < len(state.stages):
            node = forward_stage(state.stages[stage.index], stage.node)
            state = transitions.with_child(state, stage.index, node)
    for workflow in workflows:
        if workflow.node is not None:
            state = _with_workflow(state, workflow, partial(forward_workflow, new=workflow.node))
    return state


def _with_workflow(
    state: RunState,
    observed: ObservedWorkflow,
    change: Callable[[WorkflowExecutionStatus], WorkflowExecutionStatus],
) -> RunState:
    """Change the workflow at the observed place; a tree that has no such place stays as it is."""
    if observed.stage >= len(state.stages):
        return state
    stage = state.stages[observed.stage]
    if observed.index >= len(stage.workflows):
        return state
    stage = transitions.with_child(stage, observed.index, change(stage.workflows[observed.index]))
    return transitions.with_child(state, observed.stage, stage)


def forward(old: RunState, new: RunState) -> RunState:
    """Return `new`, with the nodes of `old` that are further. With other stages it is another tree: then `new`."""
    if not old.stages or [stage.name for stage in old.stages] != [stage.name for stage in new.stages]:
        return new if new.stages or not old.stages else old
    stages = [forward_stage(*pair) for pair in zip(old.stages, new.stages, strict=True)]
    return new.model_copy(update={"stage_statuses": stages, "start_time": old.start_time or new.start_time})


def forward_stage(old: StageStatus, new: StageStatus) -> StageStatus:
    """Return the stage that is further; where both are equally far, with the workflows that are."""
    if _rank(old.phase) != _rank(new.phase):
        return max(old, new, key=lambda node: _rank(node.phase))
    if len(old.workflows) != len(new.workflows):
        return new if new.workflows else old
    workflows = [forward_workflow(*pair) for pair in zip(old.workflows, new.workflows, strict=True)]
    return new.model_copy(update={"workflow_executions": workflows or None, **_shown_times(old, new)})


def forward_workflow(old: WorkflowExecutionStatus, new: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    """Return the workflow that is further; where both are equally far, with the actions that are."""
    if _rank(old.phase) != _rank(new.phase):
        return max(old, new, key=lambda node: _rank(node.phase))
    if len(old.actions) != len(new.actions):
        return new if new.actions else old
    actions = [_forward_action(*pair) for pair in zip(old.actions, new.actions, strict=True)]
    ended_before, ended_now = (sum(action.phase.terminal for action in node.actions) for node in (old, new))
    update = {
        "action_statuses": actions or None,
        "progress": old.progress if ended_before > ended_now else new.progress,
        "current_action": running_messages.current_action([one.name for one in actions if one.phase is Phase.RUNNING]),
    }
    return new.model_copy(update={**update, **_shown_times(old, new)})


def _forward_action(old: ActionStatus, new: ActionStatus) -> ActionStatus:
    """Return the action that is further. Retries never decrease: an answer may be older than the last one."""
    if _rank(old.phase) > _rank(new.phase):
        return old
    new = new.model_copy(update=_shown_times(old, new))
    if old.phase is not Phase.RUNNING or new.phase is not Phase.RUNNING:
        return new
    retries = max(old.retries or 0, new.retries or 0)
    counts = {"retries": retries, "retry_count": retries} if retries else {}
    shown = new if new.message else old
    return new.model_copy(update={"reason": shown.reason, "message": shown.message, **counts})


def _shown_times(
    old: StageStatus | WorkflowExecutionStatus | ActionStatus, new: StageStatus | WorkflowExecutionStatus | ActionStatus
) -> dict[str, Any]:
    """Return, as a change to `new`, the times that were shown before, for they stay.

    A worker answers from a workflow task that Temporal may never get. It is then done again, at a later time.
    """
    start = old.start_time or new.start_time
    end = old.completion_time if old.phase is new.phase and old.completion_time else new.completion_time
    times = {"start_time": start, **(transitions.end_times(start, end) if end else {})}
    return {name: time for name, time in times.items() if time is not None and name in type(new).model_fields}


def with_activities(state: RunState, workflows: Sequence[ObservedWorkflow]) -> RunState:
    """Return the tree with the attempts of its running actions, which only Temporal knows."""
    for workflow in workflows:
        if workflow.activities:
            by_index = {activity.index: activity for activity in workflow.activities}
            state = _with_workflow(state, workflow, partial(_with_attempts, by_index=by_index))
    return state


def _with_attempts(node: WorkflowExecutionStatus, by_index: dict[int, PendingActivity]) -> WorkflowExecutionStatus:
    actions = [
        _with_attempt(action, by_index[index]) if index in by_index and action.phase is Phase.RUNNING else action
        for index, action in enumerate(node.actions)
    ]
    return node.model_copy(update={"action_statuses": actions})


def _with_attempt(action: ActionStatus, activity: PendingActivity) -> ActionStatus:
    """Show a pause, else the last error while the next attempt is waited for, else what the attempt waits for."""
    before, made = action.retries or 0, activity.attempt - 1
    if activity.paused:
        made -= activity.attempt > 1
        cause = running_messages.paused(activity.paused_by, activity.paused_because, activity.error)
        action = action.model_copy(update={"reason": cause.reason, "message": cause.message})
    elif not activity.waiting:
        waiting_for = bounded(activity.waiting_for) or None
        action = action.model_copy(update={"reason": None, "message": waiting_for})
    elif activity.lost:
        made -= 1
        action = action.model_copy(update={"reason": Reason.ATTEMPT_LOST, "message": action_messages.ATTEMPT_LOST})
    else:
        # Lost attempts are no retries of the limit; errors under earlier schedules of the activity are, and the
        # workflow has taken them off this schedule's limit.
        number = activity.errors or made
        limit = number if activity.limit is None else activity.limit + max(number - made, 0)
        made -= 1
        action = transitions.action_retrying(action, number, max(limit, number), activity.error, activity.next_attempt)
    retries = max(before, made)
    return action.model_copy(update={"retries": retries, "retry_count": retries})


def as_shown(old: Sequence[StageStatus], new: RunState) -> RunState:
    """Return the final tree with the times that were shown, and the retries of cancelled actions.

    A cancel between two attempts ends the activity without telling its workflow how many attempts were made: only
    Temporal counted them.
    """
    if [stage.name for stage in old] != [stage.name for stage in new.stages]:
        return new
    stages = []
    for before, after in zip(old, new.stages, strict=True):
        update = _shown_times(before, after)
        if len(before.workflows) == len(after.workflows):
            workflows = [_workflow_as_shown(*pair) for pair in zip(before.workflows, after.workflows, strict=True)]
            update["workflow_executions"] = workflows or None
        stages.append(after.model_copy(update=update))
    return new.model_copy(update={"stage_statuses": stages or None})


def _workflow_as_shown(old: WorkflowExecutionStatus, new: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    update = _shown_times(old, new)
    if len(old.actions) == len(new.actions):
        actions = [_action_as_shown(*pair) for pair in zip(old.actions, new.actions, strict=True)]
        update["action_statuses"] = actions or None
    return new.model_copy(update=update)


def _action_as_shown(old: ActionStatus, new: ActionStatus) -> ActionStatus:
    update = _shown_times(old, new)
    if new.phase is Phase.CANCELED and (old.retries or 0) > (new.retries or 0):
        update |= {"retries": old.retries, "retry_count": old.retries}
    return new.model_copy(update=update)


def broken(state: RunState, operation: OperationType, message: str, now: datetime) -> RunState:
    """Close the tree of a run that left none: what was running has an unknown outcome, the rest was not reached."""
    not_reached = tree_messages.not_attempted_broken("the plan")
    stages = [
        transitions.stage_broken(stage, operation, message, now)
        if stage.phase is Phase.RUNNING
        else transitions.not_reached(stage, not_reached)
        for stage in state.stages
    ]
    update: dict[str, Any] = {"phase": Phase.FAILED, "message": message, "stage_statuses": stages or None}
    closed = state.model_copy(update={**update, **transitions.end_times(state.start_time, now)})
    return transitions.with_counts(closed) if stages else closed
