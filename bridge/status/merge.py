"""PURE: put the parts of a running tree together, and never let it go backwards.

The root knows its stages, an open stage its workflows, an open workflow its actions, and the engine the
attempts of a running action; each may be older than the other. Source: docs/architecture.md, "Bridge".
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from api.execution import ActionStatus, RunState, StageStatus, WorkflowExecutionStatus
from api.meta import go_duration
from api.phases import Phase
from bridge.status.observation import Attempt, Observation, WorkflowView
from planning.messages import actions as action_messages
from planning.messages import parents as parent_messages
from planning.status import transitions


def _rank(phase: Phase | None) -> int:
    """Order phases by how far they have come: not begun, begun, over."""
    if phase is None or phase is Phase.PENDING:
        return 0
    return 2 if phase.terminal else 1


def composed(seen: Observation) -> RunState | None:
    """Put what stages and workflows say of themselves into what the root says of them."""
    if seen.state is None:
        return None
    state = seen.state
    for stage in seen.stages:
        if stage.node is not None and stage.index < len(state.stages):
            node = forward_stage(state.stages[stage.index], stage.node)
            state = transitions.plan_with(state, stage.index, node)
    for view in seen.workflows:
        state = _with_workflow(state, view)
    return state


def _with_workflow(state: RunState, view: WorkflowView) -> RunState:
    place = view.place
    if view.node is None or place.stage >= len(state.stages):
        return state
    stage = state.stages[place.stage]
    if place.workflow >= len(stage.workflows):
        return state
    node = forward_workflow(stage.workflows[place.workflow], view.node)
    return transitions.plan_with(state, place.stage, transitions.stage_with(stage, place.workflow, node))


def forward(old: RunState, new: RunState) -> RunState:
    """Give `new`, and wherever it is behind, `old`. Another shape is another tree: then `new`."""
    if not old.stages or [stage.name for stage in old.stages] != [stage.name for stage in new.stages]:
        return new if new.stages or not old.stages else old
    stages = [forward_stage(*pair) for pair in zip(old.stages, new.stages, strict=True)]
    return new.model_copy(update={"stage_statuses": stages, "start_time": old.start_time or new.start_time})


def forward_stage(old: StageStatus, new: StageStatus) -> StageStatus:
    """Give the further of two views of one stage, part by part where both are equally far."""
    if _rank(old.phase) != _rank(new.phase):
        return max(old, new, key=lambda node: _rank(node.phase))
    if len(old.workflows) != len(new.workflows):
        return new if new.workflows else old
    workflows = [forward_workflow(*pair) for pair in zip(old.workflows, new.workflows, strict=True)]
    return new.model_copy(update={"workflow_executions": workflows or None})


def forward_workflow(old: WorkflowExecutionStatus, new: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    """Give the further of two views of one workflow, action by action where both are equally far."""
    if _rank(old.phase) != _rank(new.phase):
        return max(old, new, key=lambda node: _rank(node.phase))
    if len(old.actions) != len(new.actions):
        return new if new.actions else old
    actions = [forward_action(*pair) for pair in zip(old.actions, new.actions, strict=True)]
    ahead = old if _over(old) > _over(new) else new
    current = parent_messages.current_action([one.name for one in actions if one.phase is Phase.RUNNING])
    update = {"action_statuses": actions or None, "progress": ahead.progress, "current_action": current}
    return new.model_copy(update=update)


def _over(node: WorkflowExecutionStatus) -> int:
    return sum(action.phase.terminal for action in node.actions)


def forward_action(old: ActionStatus, new: ActionStatus) -> ActionStatus:
    """Give the further of two views of one action; attempts seen once are not unseen."""
    if _rank(old.phase) > _rank(new.phase):
        return old
    if old.phase is not Phase.RUNNING or new.phase is not Phase.RUNNING:
        return new
    retries = max(old.retries or 0, new.retries or 0)
    counted = {"retries": retries, "retry_count": retries} if retries else {}
    return new.model_copy(update={"message": new.message or old.message, **counted})


def with_attempts_seen(old: Sequence[StageStatus], new: RunState) -> RunState:
    """Give the final tree with attempts that only the engine knew of.

    A cancel that arrives between two attempts ends the activity without telling its workflow how many were made.
    """
    if [stage.name for stage in old] != [stage.name for stage in new.stages]:
        return new
    stages = [_stage_seen(*pair) for pair in zip(old, new.stages, strict=True)]
    return new.model_copy(update={"stage_statuses": stages or None})


def _stage_seen(old: StageStatus, new: StageStatus) -> StageStatus:
    if len(old.workflows) != len(new.workflows):
        return new
    workflows = [_workflow_seen(*pair) for pair in zip(old.workflows, new.workflows, strict=True)]
    return new.model_copy(update={"workflow_executions": workflows or None})


def _workflow_seen(old: WorkflowExecutionStatus, new: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
    if len(old.actions) != len(new.actions) or Phase.CANCELED not in (action.phase for action in new.actions):
        return new
    actions = [_action_seen(*pair) for pair in zip(old.actions, new.actions, strict=True)]
    return new.model_copy(update={"action_statuses": actions})


def _action_seen(old: ActionStatus, new: ActionStatus) -> ActionStatus:
    if new.phase is not Phase.CANCELED or (old.retries or 0) <= (new.retries or 0):
        return new
    return new.model_copy(update={"retries": old.retries, "retry_count": old.retries})


def with_attempts(state: RunState, views: Sequence[WorkflowView]) -> RunState:
    """Write into running actions what the engine says of their attempts."""
    for view in views:
        if not view.attempts or view.place.stage >= len(state.stages):
            continue
        stage = state.stages[view.place.stage]
        if view.place.workflow < len(stage.workflows):
            node = _attempted(stage.workflows[view.place.workflow], view.attempts)
            stage = transitions.stage_with(stage, view.place.workflow, node)
            state = transitions.plan_with(state, view.place.stage, stage)
    return state


def _attempted(node: WorkflowExecutionStatus, attempts: Sequence[Attempt]) -> WorkflowExecutionStatus:
    by_index = {attempt.index: attempt for attempt in attempts}
    actions = [
        _tried(action, by_index[index]) if index in by_index and action.phase is Phase.RUNNING else action
        for index, action in enumerate(node.actions)
    ]
    return node.model_copy(update={"action_statuses": actions})


def _tried(action: ActionStatus, attempt: Attempt) -> ActionStatus:
    """Tell of one attempt: the last error while the next is waited for, else what it waits for."""
    before = action.retries or 0
    if attempt.waiting and attempt.lost:
        action = action.model_copy(update={"message": action_messages.attempt_lost()})
    elif attempt.waiting:
        action = transitions.action_retrying(action, *_retry(attempt), attempt.error)
    else:
        action = action.model_copy(update={"message": action_messages.bounded(attempt.waiting_for) or None})
    made = attempt.attempt - (2 if attempt.waiting else 1)
    retries = max(before, made)
    return action.model_copy(update={"retries": retries, "retry_count": retries})


def _retry(attempt: Attempt) -> tuple[int, int]:
    """Give which retry comes next, of how many: errors count, attempts that were lost do not.

    Errors under earlier schedules of the activity were taken off this one's limit by the workflow.
    """
    made = attempt.attempt - 1
    number = attempt.errors or made
    limit = number if attempt.limit is None else attempt.limit + max(number - made, 0)
    return number, max(limit, number)


def broken(state: RunState, reason: str, now: datetime) -> RunState:
    """Close a tree whose run ended without a word: what ran has an unknown outcome, the rest was not reached."""
    left = action_messages.not_attempted_broken("the plan")
    stages = [
        transitions.stage_broken(stage, reason, now)
        if stage.phase is Phase.RUNNING
        else transitions.stage_not_reached(stage, left)
        for stage in state.stages
    ]
    ended: dict[str, Any] = {"phase": Phase.FAILED, "message": reason, "stage_statuses": stages or None}
    closed = state.model_copy(update={**ended, **_times(state.start_time, now)})
    return transitions.with_counts(closed) if stages else closed


def _times(start: datetime | None, now: datetime) -> dict[str, Any]:
    end = now.replace(microsecond=0)
    if start is None:
        return {"completion_time": end}
    return {"completion_time": max(end, start), "duration": go_duration(max(end, start) - start)}
