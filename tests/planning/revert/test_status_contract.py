"""The finished Revert of the contract, field by field, out of planning and progress alone."""

from datetime import UTC, datetime
from typing import Any

from api.attempts import ActionOutcome
from api.execution import ExecutionStatus
from api.phases import OperationType, Phase
from api.reasons import Reason
from planning.messages import rollback as rollback_messages
from planning.status import transitions
from tests.planning.builders import decide, execute, localization, made, stage, workflow

CONTRACT: dict[str, Any] = {
    "phase": "Succeeded",
    "startTime": "2026-02-03T10:10:00Z",
    "completionTime": "2026-02-03T10:11:30Z",
    "duration": "1m30s",
    "stageStatuses": [
        {
            "name": "deploy-stage",
            "phase": "Succeeded",
            "reason": "RolledBack",
            "startTime": "2026-02-03T10:10:00Z",
            "completionTime": "2026-02-03T10:11:30Z",
            "duration": "1m30s",
            "message": "Stage reverted successfully",
            "workflowExecutions": [
                {
                    "workflowRef": {"name": "nginx-deploy-workflow", "namespace": "default"},
                    "phase": "Succeeded",
                    "reason": "RolledBack",
                    "startTime": "2026-02-03T10:10:00Z",
                    "completionTime": "2026-02-03T10:11:30Z",
                    "duration": "1m30s",
                    "progress": "2/2 actions rolled back",
                    "message": "Workflow reverted successfully",
                    "actionStatuses": [
                        {
                            "name": "create-localization-b",
                            "type": "Localization",
                            "phase": "Succeeded",
                            "reason": "RolledBack",
                            "startTime": "2026-02-03T10:10:00Z",
                            "completionTime": "2026-02-03T10:10:45Z",
                            "message": "Rolled back: deleted Localization nginx-loc-b",
                            "retries": 0,
                            "retryCount": 0,
                        },
                        {
                            "name": "create-localization-a",
                            "type": "Localization",
                            "phase": "Succeeded",
                            "reason": "RolledBack",
                            "startTime": "2026-02-03T10:10:45Z",
                            "completionTime": "2026-02-03T10:11:30Z",
                            "message": "Rolled back: deleted Localization nginx-loc-a",
                            "retries": 0,
                            "retryCount": 0,
                        },
                    ],
                }
            ],
        }
    ],
    "summary": {
        "totalStages": 1,
        "completedStages": 1,
        "runningStages": 0,
        "pendingStages": 0,
        "succeededStages": 1,
        "failedStages": 0,
        "skippedStages": 0,
        "canceledStages": 0,
        "totalWorkflows": 1,
        "completedWorkflows": 1,
        "runningWorkflows": 0,
        "pendingWorkflows": 0,
        "failedWorkflows": 0,
        "totalActions": 2,
        "succeededActions": 2,
        "failedActions": 0,
        "skippedActions": 0,
        "canceledActions": 0,
    },
    "progress": {"stages": "1/1", "actions": "2/2"},
    "message": "Plan reverted successfully: 1 stage, 2 actions rolled back",
}
NOTHING = dict.fromkeys(CONTRACT["summary"], 0)


def at(minute: int, second: int) -> datetime:
    """A time that is not a whole second, as clocks give it."""
    return datetime(2026, 2, 3, 10, minute, second, 123456, tzinfo=UTC)


def test_a_finished_revert_is_the_contract() -> None:
    targets = [localization("nginx-loc-b"), localization("nginx-loc-a")]
    original = execute(
        stage(
            "deploy-stage",
            workflow(
                "nginx-deploy-workflow",
                made("create-localization-a", targets[1]),
                made("create-localization-b", targets[0]),
            ),
        )
    )
    state = transitions.with_counts(transitions.started(decide(original).state, at(10, 0)))
    node = transitions.started(state.stages[0], at(10, 0))
    child = transitions.started(node.workflows[0], at(10, 0))
    times = [at(10, 0), at(10, 45), at(11, 30)]
    for index, target in enumerate(targets):
        outcome = ActionOutcome(
            phase=Phase.SUCCEEDED, reason=Reason.ROLLED_BACK, message=rollback_messages.rolled_back([target])
        )
        child = transitions.action_started(child, index, times[index])
        child = transitions.action_finished(child, index, outcome, 0, times[index + 1])
    child = transitions.workflow_finished(child, OperationType.REVERT, at(11, 30))
    node = transitions.stage_finished(transitions.with_child(node, 0, child), OperationType.REVERT, at(11, 30))
    state = transitions.plan_finished(transitions.with_child(state, 0, node), OperationType.REVERT, at(11, 30))
    status = ExecutionStatus.model_validate(state.model_dump(exclude={"left_standing"}))
    assert status.to_object() == CONTRACT


def test_before_it_begins_the_whole_tree_is_there_and_pending() -> None:
    original = execute(stage("a", workflow("w", made("x", localization("x")))))
    state = decide(original).state
    assert state.phase is Phase.PENDING
    assert state.to_object() == {
        "phase": "Pending",
        "leftStanding": [],
        "unread": 0,
        "definitionsOfToday": False,
        "progress": {"stages": "0/1", "actions": "0/1"},
        "summary": {
            **NOTHING,
            "totalStages": 1,
            "pendingStages": 1,
            "totalWorkflows": 1,
            "pendingWorkflows": 1,
            "totalActions": 1,
        },
        "stageStatuses": [
            {
                "name": "a",
                "phase": "Pending",
                "workflowExecutions": [
                    {
                        "workflowRef": {"name": "w", "namespace": "default"},
                        "phase": "Pending",
                        "progress": "0/1 actions rolled back",
                        "actionStatuses": [
                            {"name": "x", "type": "Localization", "phase": "Pending", "retries": 0, "retryCount": 0}
                        ],
                    }
                ],
            }
        ],
    }
