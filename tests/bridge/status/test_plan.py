"""The pure part of a plan's status: lock, history, phase, validity."""

from datetime import UTC, datetime, timedelta

import pytest

from api.actions import Action
from api.execution import DRPlanExecution, DRPlanExecutionSpec, ExecutionStatus, Selection
from api.meta import Condition, ConditionStatus, ObjectMeta
from api.phases import ActionType, OperationType, Phase, PlanPhase
from api.plan import (
    CurrentExecution,
    DRPlan,
    DRPlanSpec,
    DRPlanStatus,
    DRWorkflowName,
    ExecutionRecord,
    Stage,
    WorkflowReference,
)
from api.timing import Timing
from api.tree import Summary
from api.workflow import DRWorkflow, DRWorkflowSpec, DRWorkflowStatus
from bridge.status import conditions
from bridge.status import plan as plan_status
from bridge.status.conditions import ConditionType
from planning.definitions.identifiers import workflow_references
from tests.kubectl import Object

NOW = datetime(2026, 2, 3, 10, 0, 0, tzinfo=UTC)


def plan(status: DRPlanStatus | None = None, *refs: DRWorkflowName) -> DRPlan:
    workflows = [WorkflowReference(workflow_ref=ref) for ref in refs or (DRWorkflowName(name="work"),)]
    spec = DRPlanSpec(stages=[Stage(name="first", workflows=workflows)])
    meta = ObjectMeta(name="plan", generation=3)
    return DRPlan(metadata=meta, spec=spec, status=status or DRPlanStatus())


def execution(name: str, phase: Phase | None = None, original: str | None = None) -> DRPlanExecution:
    operation = OperationType.REVERT if original else OperationType.EXECUTE
    spec = DRPlanExecutionSpec(plan_ref="plan", operation_type=operation, revert_execution_ref=original)
    ended = ExecutionStatus(phase=phase, start_time=NOW, completion_time=NOW + timedelta(seconds=5))
    return DRPlanExecution(metadata=ObjectMeta(name=name, uid=f"uid-{name}"), spec=spec, status=ended)


def partly(name: str, phase: Phase, done: int, original: str | None = None) -> DRPlanExecution:
    """An execution of five actions that did some of them."""
    one = execution(name, phase, original)
    summary = Summary(total_actions=5, succeeded_actions=done)
    status = one.status.model_copy(update={"summary": summary})
    if original:
        clean = conditions.ConditionUpdate(ConditionType.CLEAN, False, "RollbackIncomplete", "ConfigMap default/a")
        status = status.model_copy(update={"conditions": conditions.updated(None, [clean], NOW, 1)})
    return one.model_copy(update={"status": status})


def after(status: DRPlanStatus, *ran: DRPlanExecution) -> DRPlanStatus:
    """Let executions take the lock and end, one after the other."""
    for one in ran:
        status = plan_status.take_lock(plan(status), one, NOW)
        status = plan_status.release_lock(plan(status), one, NOW)
    return status


def test_the_lock_names_the_very_object_and_its_record_is_open() -> None:
    status = plan_status.take_lock(plan(), execution("a"), NOW)
    assert status.current_execution == CurrentExecution(name="a", namespace="default", uid="uid-a")
    assert plan(status).locked_by(execution("a").metadata.key)
    assert not plan(status).locked_by(execution("b").metadata.key)
    assert status.execution_history is not None
    assert [(one.name, one.phase, one.start_time) for one in status.execution_history] == [("a", "Running", NOW)]
    assert (status.last_execution_ref, status.last_execution_time) == ("a", NOW)


def test_a_lock_of_the_older_controller_is_nobodys_of_ours() -> None:
    status = DRPlanStatus(current_execution=CurrentExecution(name="a", namespace="default"))
    assert not plan(status).locked_by(execution("a").metadata.key)


def test_the_end_releases_the_lock_and_closes_the_record() -> None:
    ended = execution("a", Phase.FAILED)
    ended = ended.model_copy(update={"status": ended.status.model_copy(update={"timing": Timing(working="3s")})})
    status = after(DRPlanStatus(), ended)
    assert status.current_execution is None
    assert status.execution_history is not None
    (record,) = status.execution_history
    assert (record.phase, record.completion_time) == ("Failed", NOW + timedelta(seconds=5))
    assert record.working == "3s"


def test_settling_twice_changes_nothing_more() -> None:
    once = after(DRPlanStatus(), execution("a", Phase.SUCCEEDED))
    assert plan_status.release_lock(plan(once), execution("a", Phase.SUCCEEDED), NOW) == once


def test_the_lock_of_another_is_not_released() -> None:
    status = plan_status.take_lock(plan(plan_status.take_lock(plan(), execution("a"), NOW)), execution("b"), NOW)
    status = plan_status.release_lock(plan(status), execution("a", Phase.SUCCEEDED), NOW)
    assert plan(status).locked_by(execution("b").metadata.key)
    assert status.execution_history is not None
    assert [one.phase for one in status.execution_history] == ["Running", "Succeeded"]


def test_the_history_holds_ten_newest_first() -> None:
    status = after(DRPlanStatus(), *(execution(f"e{number}", Phase.SUCCEEDED) for number in range(12)))
    assert status.execution_history is not None
    assert [one.name for one in status.execution_history] == [f"e{number}" for number in range(11, 1, -1)]


A, B = execution("a", Phase.SUCCEEDED), execution("b", Phase.SUCCEEDED)
A_FAILED, B_FAILED = execution("a", Phase.FAILED), execution("b", Phase.FAILED)


def revert(of: str, phase: Phase = Phase.SUCCEEDED) -> DRPlanExecution:
    return execution(f"revert-{of}-{phase}", phase, of)


@pytest.mark.parametrize(
    ("ran", "phase"),
    [
        ([], None),
        ([A], PlanPhase.EXECUTED),
        ([A_FAILED], None),
        ([A, B_FAILED], PlanPhase.EXECUTED),
        ([A, revert("a")], PlanPhase.READY),
        ([A, B, revert("a")], PlanPhase.EXECUTED),
        ([A, B, revert("b")], PlanPhase.READY),
        ([A, revert("a"), B], PlanPhase.EXECUTED),
        ([A, revert("a", Phase.FAILED)], PlanPhase.EXECUTED),
        ([A, revert("a", Phase.CANCELED), revert("a")], PlanPhase.READY),
    ],
)
def test_the_phase_follows_what_succeeded(ran: list[DRPlanExecution], phase: PlanPhase | None) -> None:
    assert after(DRPlanStatus(), *ran).phase is phase


def test_an_invalid_plan_says_so_and_remembers_that_it_was_executed() -> None:
    executed = after(DRPlanStatus(), execution("a", Phase.SUCCEEDED))
    invalid = plan_status.validated(plan(executed), ["spec.stages: wrong"], NOW)
    assert (invalid.phase, invalid.observed_generation) == (PlanPhase.INVALID, 3)
    valid = conditions.find(invalid.conditions, ConditionType.VALID)
    assert valid is not None
    assert (valid.status, valid.message) == ("False", "spec.stages: wrong")
    assert plan_status.validated(plan(invalid), [], NOW).phase is PlanPhase.EXECUTED


def test_what_the_older_controller_said_counts_until_something_runs() -> None:
    assert plan_status.validated(plan(DRPlanStatus(phase=PlanPhase.EXECUTED)), [], NOW).phase is PlanPhase.EXECUTED
    assert plan_status.validated(plan(), [], NOW).phase is PlanPhase.READY


def test_every_error_is_listed_within_what_kubernetes_takes() -> None:
    errors = [f"spec.actions[{index}].timeout of DRWorkflow default/w: wrong" for index in range(200)]
    assert said(plan_status.validated(plan(), errors, NOW)) == "; ".join(errors)
    many = said(plan_status.validated(plan(), errors * 10, NOW))
    assert many.endswith(" more")
    assert len(many.encode()) <= 32_768


def test_a_valid_plan_says_what_is_worth_knowing_and_is_ready() -> None:
    warned = plan_status.validated(plan(), [], NOW, ["spec.actions[0]: a list is replaced"])
    assert (warned.phase, said(warned)) == (
        PlanPhase.READY,
        "The definition is valid; warning: spec.actions[0]: a list is replaced",
    )
    assert said(plan_status.validated(plan(), ["wrong"], NOW, ["warned"])) == "wrong"


def said(status: DRPlanStatus) -> str:
    valid = conditions.find(status.conditions, ConditionType.VALID)
    assert valid is not None
    return valid.message


def test_what_the_first_release_said_of_support_is_taken_back() -> None:
    old = Condition(
        type="Supported", status=ConditionStatus.FALSE, reason="NotSupported", message="", last_transition_time=NOW
    )
    status = plan_status.validated(plan(DRPlanStatus(conditions=[old])), [], NOW)
    assert [condition.type for condition in status.conditions or []] == [ConditionType.VALID, ConditionType.READY]


@pytest.mark.parametrize("errors", [[], ["spec.stages: wrong"]])
def test_ready_is_what_valid_is_whatever_the_older_controller_had_said(errors: list[str]) -> None:
    ready = Condition(
        type="Ready", status=ConditionStatus.TRUE, reason="ValidationSucceeded", message="", last_transition_time=NOW
    )
    status = plan_status.validated(plan(DRPlanStatus(conditions=[ready])), errors, NOW)
    work = DRWorkflow(
        spec=DRWorkflowSpec(actions=[Action(name="a", type=ActionType.HTTP)]),
        status=DRWorkflowStatus(conditions=[ready]),
    )
    for found in (status.conditions, plan_status.validated_dr_workflow(work, errors, NOW).conditions):
        by_type = {one.type: (one.status, one.reason, one.message) for one in found or []}
        assert by_type["Ready"] == by_type["Valid"]
        assert by_type["Ready"][:2] == (("False", "Invalid") if errors else ("True", "Valid"))


def history(*records: tuple[str, str]) -> list[ExecutionRecord]:
    return [
        ExecutionRecord(name=name, namespace="default", operation_type="Execute", phase=phase)
        for name, phase in records
    ]


@pytest.mark.parametrize("phase", ["Pending", "Running"])
def test_a_record_that_the_older_controller_left_open_is_closed_as_its_execution_ended(phase: str) -> None:
    before = DRPlanStatus(execution_history=history(("b", "Succeeded"), ("a", phase)))
    assert [plan_status.is_open(record) for record in before.execution_history or []] == [False, True]
    status = plan_status.with_closed_record(before, execution("a", Phase.FAILED), NOW)
    assert [(one.name, one.phase) for one in status.execution_history or []] == [("b", "Succeeded"), ("a", "Failed")]
    assert (status.execution_history or [])[1].completion_time == NOW + timedelta(seconds=5)


def test_a_dr_workflow_that_stands_twice_is_read_once() -> None:
    refs = [
        DRWorkflowName(name="a"),
        DRWorkflowName(name="b", namespace="x"),
        DRWorkflowName(name="a", namespace="default"),
    ]
    assert workflow_references(plan(None, *refs)) == [refs[2], refs[1]]


A_PARTLY, B_PARTLY = partly("a", Phase.FAILED, 3), partly("b", Phase.CANCELED, 2)
LEFT = partly("a-left", Phase.SUCCEEDED, 0, "a")
A_BACK_PARTLY, NOTHING = partly("a-back", Phase.FAILED, 1, "a"), partly("n", Phase.FAILED, 0)


@pytest.mark.parametrize(
    ("ran", "phase", "executed", "message"),
    [
        ([A_PARTLY], None, ("False", "PartlyExecuted"), "DRPlanExecution a ended as Failed: 3 of 5 actions succeeded"),
        (
            [A, B_PARTLY],
            PlanPhase.EXECUTED,
            ("True", "PartlyExecuted"),
            "DRPlanExecution b ended as Canceled: 2 of 5 actions succeeded",
        ),
        (
            [A, A_BACK_PARTLY],
            PlanPhase.EXECUTED,
            ("True", "PartlyReverted"),
            "DRPlanExecution a-back ended as Failed: 1 of 5 actions of a rolled back",
        ),
        ([A, NOTHING], PlanPhase.EXECUTED, ("True", "Executed"), "DRPlanExecution a executed it"),
        ([A, B_PARTLY, revert("b")], PlanPhase.EXECUTED, ("True", "Executed"), "DRPlanExecution a executed it"),
        (
            [A, A_BACK_PARTLY, revert("a")],
            PlanPhase.READY,
            ("False", "TakenBack"),
            "DRPlanExecution revert-a-Succeeded took it back",
        ),
        (
            [A_PARTLY, LEFT],
            PlanPhase.READY,
            ("False", "PartlyReverted"),
            "DRPlanExecution a-left ended as Succeeded: 0 of 5 actions of a rolled back",
        ),
    ],
)
def test_the_plan_tells_what_was_done_in_part(
    ran: list[DRPlanExecution], phase: PlanPhase | None, executed: tuple[str, str], message: str
) -> None:
    status = after(DRPlanStatus(), *ran)
    found = conditions.find(status.conditions, ConditionType.EXECUTED)
    assert found is not None
    assert (status.phase, (found.status, found.reason), found.message) == (phase, executed, message)


def test_a_plan_of_which_a_revert_selected_parts_is_in_effect_until_one_without_a_selection_succeeded() -> None:
    part = partly("a-part", Phase.SUCCEEDED, 2, original="a")
    part = part.model_copy(update={"spec": part.spec.model_copy(update={"only": Selection(stages=["first"])})})
    status = after(DRPlanStatus(), A, part)
    found = conditions.find(status.conditions, ConditionType.EXECUTED)
    assert found is not None
    assert (status.phase, found.status, found.reason) == (PlanPhase.EXECUTED, "True", "PartlyReverted")
    assert found.message == "DRPlanExecution a-part ended as Succeeded: 2 of 5 actions of a rolled back"
    assert after(status, revert("a")).phase is PlanPhase.READY


def test_a_plan_that_returned_to_an_execution_was_taken_back_like_after_a_revert_of_the_last_one() -> None:
    back = execution("back", Phase.SUCCEEDED, original="a")
    back = back.model_copy(
        update={"spec": back.spec.model_copy(update={"revert_execution_ref": None, "revert_to": "a"})}
    )
    status = after(DRPlanStatus(), A, execution("b", Phase.SUCCEEDED), back)
    found = conditions.find(status.conditions, ConditionType.EXECUTED)
    assert found is not None
    assert (status.phase, found.reason) == (PlanPhase.READY, "TakenBack")
    assert after(status, revert("a")).phase is PlanPhase.READY


def returned(named: str) -> DRPlanExecution:
    """A Revert that returned to an execution which its worker knows to be in effect."""
    back = execution("back", Phase.SUCCEEDED, original=named)
    spec = back.spec.model_copy(update={"revert_execution_ref": None, "revert_to": named})
    return back.model_copy(update={"spec": spec, "status": back.status.model_copy(update={"in_effect": named})})


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.SUCCEEDED, (PlanPhase.EXECUTED, "True", "Executed", "DRPlanExecution a executed it")),
        (
            Phase.FAILED,
            (PlanPhase.READY, "False", "PartlyExecuted", "DRPlanExecution a ended as Failed: what it did is in effect"),
        ),
    ],
)
def test_a_plan_that_returned_to_an_execution_which_is_in_effect_says_so(
    phase: Phase, expected: tuple[str, ...]
) -> None:
    status = after(DRPlanStatus(), execution("a", phase), execution("b", Phase.SUCCEEDED), returned("a"))
    found = conditions.find(status.conditions, ConditionType.EXECUTED)
    assert found is not None
    assert (status.phase, found.status, found.reason, found.message) == expected
    assert after(status, revert("a")).phase is PlanPhase.READY


def test_after_a_return_a_revert_of_the_execution_returned_to_takes_the_plan_back() -> None:
    status = after(DRPlanStatus(), A, B, returned("a"))
    assert plan_status.last_execute(status) == "a"
    status = after(status, revert("a"))
    found = conditions.find(status.conditions, ConditionType.EXECUTED)
    assert found is not None
    assert (status.phase, found.reason) == (PlanPhase.READY, "TakenBack")
    assert found.message == "DRPlanExecution revert-a-Succeeded took it back"


def test_the_plan_tells_what_stands() -> None:
    status = after(DRPlanStatus(), partly("a", Phase.SUCCEEDED, 5))
    found = conditions.find(status.conditions, ConditionType.CLEAN)
    assert found is not None
    assert (found.status, found.reason) == ("False", "InEffect")
    assert found.message == "What DRPlanExecution a did is in effect: 5 actions"
    found = conditions.find(after(status, A_BACK_PARTLY).conditions, ConditionType.CLEAN)
    assert found is not None
    assert (found.status, found.reason) == ("False", "RollbackIncomplete")
    assert found.message == "After DRPlanExecution a-back: ConfigMap default/a"


@pytest.mark.parametrize("kind", ["DRPlan", "DRWorkflow"])
def test_programs_that_follow_kstatus_see_what_is_invalid_and_what_is_not(kind: str) -> None:
    def seen(errors: list[str], before: Object | None = None) -> Object:
        conditions_before = DRPlanStatus.model_validate(before or {}).conditions
        if kind == "DRPlan":
            status = plan_status.validated(plan(DRPlanStatus(conditions=conditions_before)), errors, NOW).to_object()
        else:
            of = DRWorkflow(
                metadata=ObjectMeta(name="w", generation=3),
                spec=DRWorkflowSpec(actions=[Action(name="a", type=ActionType.HTTP)]),
                status=DRWorkflowStatus(conditions=conditions_before),
            )
            status = plan_status.validated_dr_workflow(of, errors, NOW).to_object()
        return status

    invalid = seen(["spec.stages: wrong"])
    found = {one["type"]: one["status"] for one in invalid["conditions"]}
    assert (found["Ready"], found["Stalled"], invalid["observedGeneration"]) == ("False", "True", 3)
    assert {one["observedGeneration"] for one in invalid["conditions"]} == {3}
    mended = seen([], invalid)
    assert {one["type"]: one["status"] for one in mended["conditions"]} == {"Valid": "True", "Ready": "True"}
