"""The tree of a preview: what was asked of every action put into it, with the obstacles, the counts and the digest.

Source: docs/spec/drplanexecution.md, "Preview".
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from statistics import median

from api.attempts import ActionOutcome
from api.meta import go_duration, parse_duration
from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import OperationType, Phase
from api.plan import DRPlan, ExecutionRecord
from api.reasons import Reason
from api.tree import Obstacle, Preview, Progress, RunState
from planning.definitions.identifiers import full_name
from planning.messages import preview as preview_messages
from planning.messages.text import bounded
from planning.status.rollup import rollup
from planning.status.transitions import with_counts

Place = tuple[int, int, int]
"""Positions of an action's stage, its workflow and itself in the tree."""

MOST_OBSTACLES = 50
"""In the status; all of them are counted, and each is in its action's message."""
_OBSTACLE_BYTES = 300
_LATEST_RUNS = 5


def previewed(
    state: RunState,
    outcomes: Mapping[Place, ActionOutcome],
    operation: OperationType,
    general: Sequence[str] = (),
) -> RunState:
    """Return the tree of a decision with what would become of its Pending actions, and every parent derived from that.

    `general` are obstacles to the execution as a whole.
    """
    stages = [_stage(stage, place, outcomes, operation) for place, stage in enumerate(state.stages)]
    obstacles = [*(Obstacle(reason=Reason.INVALID, message=one) for one in general), *_obstacles(stages)]
    actions = [action for stage in stages for action in stage.actions]
    unknown = sum(action.reason is Reason.NOT_KNOWN_YET for action in actions)
    if obstacles:
        phase, message = Phase.FAILED, preview_messages.plan_would_fail(len(obstacles), _sentence(obstacles[0]))
    else:
        phase = Phase.SUCCEEDED
        done = sum(action.phase is Phase.SUCCEEDED for action in actions)
        ran = sum(any(one.phase is Phase.SUCCEEDED for one in stage.actions) for stage in stages)
        message = preview_messages.plan_would_be(operation, ran, done, len(actions) - done, unknown)
    found = Preview(
        obstacle_count=len(obstacles),
        obstacles=[_short(one) for one in obstacles[:MOST_OBSTACLES]] or None,
        unknown_count=unknown,
    )
    update = {"phase": phase, "message": bounded(message), "stage_statuses": stages, "preview": found}
    return _nothing_done(with_counts(state.model_copy(update=update)))


def _nothing_done(state: RunState) -> RunState:
    """Return the tree with a progress that says what a preview has done, which is nothing, whatever its nodes say."""
    assert state.summary is not None, "it was counted"
    stages, actions = state.summary.total_stages, state.summary.total_actions
    return state.model_copy(update={"progress": Progress(stages=f"0/{stages}", actions=f"0/{actions}")})


def would_be_refused(state: RunState, reason: str) -> RunState:
    """Return the tree of a preview of what would be refused as a whole."""
    found = Preview(obstacle_count=1, obstacles=[_short(Obstacle(reason=Reason.INVALID, message=reason))])
    message = bounded(preview_messages.plan_would_be_refused(reason))
    return with_counts(state.model_copy(update={"phase": Phase.FAILED, "message": message, "preview": found}))


def estimate(plan: DRPlan | None, operation: OperationType) -> tuple[str, int] | None:
    """Return how long the plan's last executions that succeeded worked, and their number; None without any.

    That is their median; what they waited for people tells nothing of the next one.
    """
    succeeded = [
        _worked(record)
        for record in (plan.status.execution_history if plan else None) or []
        if record.operation_type == operation and record.phase == Phase.SUCCEEDED
    ]
    seconds = [span.total_seconds() for span in succeeded if span is not None][:_LATEST_RUNS]
    return (go_duration(timedelta(seconds=round(median(seconds)))), len(seconds)) if seconds else None


def _worked(record: ExecutionRecord) -> timedelta | None:
    """Return how long an execution worked; one of an earlier release does not say how long it waited meanwhile."""
    with suppress(ValueError):
        if record.working:
            return parse_duration(record.working)
    if record.start_time is None or record.completion_time is None:
        return None
    return record.completion_time - record.start_time


def _stage(
    stage: StageStatus, place: int, outcomes: Mapping[Place, ActionOutcome], operation: OperationType
) -> StageStatus:
    workflows = [_workflow(node, (place, index), outcomes, operation) for index, node in enumerate(stage.workflows)]
    update = {"workflow_executions": workflows} | _end(
        stage.phase, operation, "Stage", [("workflow", one.workflow_ref.name, one.phase) for one in workflows]
    )
    return stage.model_copy(update=update)


def _workflow(
    node: WorkflowExecutionStatus,
    place: tuple[int, int],
    outcomes: Mapping[Place, ActionOutcome],
    operation: OperationType,
) -> WorkflowExecutionStatus:
    actions = [
        action if (outcome := outcomes.get((*place, index))) is None else _action(action, outcome)
        for index, action in enumerate(node.actions)
    ]
    # None of them was carried out, so there is no progress to tell.
    update = {"action_statuses": actions, "progress": None} | _end(
        node.phase, operation, "Workflow", [("action", one.name, one.phase) for one in actions]
    )
    return node.model_copy(update=update)


def _action(action: ActionStatus, outcome: ActionOutcome) -> ActionStatus:
    update = {
        "phase": outcome.phase,
        "reason": outcome.reason,
        "message": bounded(outcome.message),
        "operation": outcome.operation,
        "outputs": outcome.outputs,
    }
    return action.model_copy(update=update)


def _end(
    phase: Phase, operation: OperationType, part: str, children: Sequence[tuple[str, str, Phase]]
) -> dict[str, object]:
    """Return phase, reason and message of a parent; one that the decision skips keeps its own."""
    if phase is not Phase.PENDING:
        return {}
    if rollup(phase for *_, phase in children) is Phase.SUCCEEDED:
        message = preview_messages.part_would_be(operation, part)
        return {"phase": Phase.SUCCEEDED, "reason": Reason.WOULD_SUCCEED, "message": message}
    kind, name = next((kind, name) for kind, name, phase in children if phase is Phase.FAILED)
    message = bounded(preview_messages.part_would_fail(kind, name))
    return {"phase": Phase.FAILED, "reason": Reason.WOULD_FAIL, "message": message}


def _obstacles(stages: Sequence[StageStatus]) -> Iterator[Obstacle]:
    for stage in stages:
        for node in stage.workflows:
            for action in node.actions:
                if action.phase is Phase.FAILED:
                    yield Obstacle(
                        stage=stage.name,
                        workflow=full_name(node.workflow_ref),
                        action=action.name,
                        reason=action.reason,
                        message=action.message or "",
                    )


def _short(obstacle: Obstacle) -> Obstacle:
    return obstacle.model_copy(update={"message": bounded(obstacle.message, _OBSTACLE_BYTES)})


def _sentence(obstacle: Obstacle) -> str:
    where = [part for part in (obstacle.stage, obstacle.workflow, obstacle.action) if part]
    place = f"{preview_messages.place(*where)}: " if len(where) == 3 else ""
    return f"{place}{obstacle.message}"
