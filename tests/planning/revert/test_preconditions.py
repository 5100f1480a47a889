"""Anything but an ended Execute of the same plan and namespace is rejected with reason and remedy."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.execution import DRPlanExecution, Engine
from api.meta import Condition, ConditionStatus
from api.phases import OperationType, Phase
from planning.revert.decide import decide_revert
from tests.planning.builders import config_map, decide, execute, made, revert, stage, workflow

ACCEPTED = {"dr.bkbcs.tencent.com/accepted": "original-uid"}
GOOD = execute(stage("s", workflow("w", made("a", config_map("a")))))


def changed(execution: DRPlanExecution, part: str, **update: Any) -> DRPlanExecution:
    return execution.model_copy(update={part: getattr(execution, part).model_copy(update=update)})


REJECTED = [
    (None, "does not exist in namespace default"),
    (changed(GOOD, "metadata", namespace="other"), "is in namespace other, not in default"),
    (changed(GOOD, "spec", operation_type=OperationType.REVERT), "only an Execute can be reverted"),
    (changed(GOOD, "spec", dry_run=True), "is a preview, which changed nothing"),
    (changed(GOOD, "spec", plan_ref="other-plan"), "ran DRPlan other-plan, but spec.planRef is nginx-plan"),
    (changed(GOOD, "status", phase=Phase.RUNNING), "is Running, and only one that is Succeeded, Failed or Canceled"),
    (changed(GOOD, "status", phase=Phase.PENDING), "is Pending"),
    (changed(GOOD, "status", phase=Phase.UNKNOWN), "is Unknown"),
    (changed(GOOD, "status", phase=None), "is Pending"),
    (changed(GOOD, "status", stage_statuses=None), "has no status.stageStatuses"),
    (execute(stage("s")), "does not list what stage s did"),
    (execute(stage("s", workflow("w"))), "does not list what workflow w of stage s did"),
]


@pytest.mark.parametrize(("original", "reason"), REJECTED, ids=[reason for _, reason in REJECTED])
def test_it_is_rejected_and_nothing_is_touched(original: DRPlanExecution | None, reason: str) -> None:
    decision = decide_revert(revert(), original, [], {}, None, {})
    assert decision.rejection is not None
    assert decision.rejection.startswith("Nothing was reverted: ")
    assert reason in decision.rejection
    assert ";" in decision.rejection
    assert decision.state.phase is Phase.FAILED
    assert decision.state.message == decision.rejection
    assert (decision.state.stages, decision.steps) == ([], [])


def test_a_revert_that_names_no_execution_is_rejected() -> None:
    nameless = changed(revert(), "spec", revert_execution_ref=None)
    assert "spec.revertExecutionRef is not set" in str(decide_revert(nameless, None, [], {}, None, {}).rejection)


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELED])
def test_an_ended_execute_is_accepted(phase: Phase) -> None:
    assert decide(changed(GOOD, "status", phase=phase)).rejection is None


def test_a_part_that_did_not_succeed_may_have_recorded_nothing() -> None:
    partly = execute(stage("s", workflow("w", made("a", config_map("a")))), stage("t", phase=Phase.SKIPPED))
    assert decide(partly).rejection is None


def never_started(**status: Any) -> DRPlanExecution:
    """Build an execution that was accepted and cancelled while it waited, with this in its status besides."""
    accepted = changed(GOOD, "metadata", uid="original-uid", annotations=ACCEPTED)
    return changed(accepted, "status", **{"phase": Phase.CANCELED, "stage_statuses": None, **NO_RUN, **status})


NO_RUN: dict[str, Any] = {"engine": None, "start_time": None, "ledger": None, "conditions": None}


@pytest.mark.parametrize("phase", [Phase.CANCELED, Phase.FAILED])
def test_what_never_started_did_nothing(phase: Phase) -> None:
    assert decide_revert(revert(), never_started(phase=phase), [], {}, None, {}).rejection == (
        f"Nothing was reverted: DRPlanExecution nginx-exec-001 ended as {phase.value} before it started, "
        "so it did nothing; there is nothing to take back"
    )


STARTED_PERHAPS = {
    "a run": never_started(engine=Engine(workflow_id="w", run_id="r")),
    "a start": never_started(start_time=datetime(2026, 1, 1, tzinfo=UTC)),
    "a run that Temporal lost before the status named it": never_started(
        conditions=[
            Condition(
                type="EngineReachable",
                status=ConditionStatus.TRUE,
                reason="Reachable",
                message="",
                last_transition_time=datetime(2026, 1, 1, tzinfo=UTC),
            )
        ]
    ),
    "a success": never_started(phase=Phase.SUCCEEDED),
    "a copy": changed(never_started(), "metadata", uid="another"),
    "not accepted": changed(never_started(), "metadata", annotations={}),
}


@pytest.mark.parametrize("name", STARTED_PERHAPS)
def test_what_may_have_started_is_not_said_to_have_done_nothing(name: str) -> None:
    assert "is not recorded" in str(decide_revert(revert(), STARTED_PERHAPS[name], [], {}, None, {}).rejection)
