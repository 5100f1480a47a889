"""A Revert that returns to an execution: its parts, and what it is to Reverts of single executions."""

from typing import Any

import pytest

from api.execution import DRPlanExecution
from api.nodes import StageStatus
from api.phases import OperationType, Phase
from api.reasons import Reason
from planning.revert.layers import in_effect
from planning.revert.rejection import why_rejected
from planning.revert.unwind import labelled, of_part, reverts_in, with_parts
from tests.planning.builders import (
    LATER,
    absent,
    by_name,
    config_map,
    decide,
    dr_workflow,
    execute,
    made,
    manifest,
    revert,
    stage,
    the_action,
    workflow,
)
from tests.planning.revert.test_layers import executed

A, B = config_map("a"), config_map("b")
FIRST = execute(stage("s", workflow("w", made("a", A))), name="first")
SECOND = execute(stage("one", workflow("w", made("a", A), made("b", B))), stage("two", workflow("v")), name="second")


def returning(to: str = "first", **spec: Any) -> DRPlanExecution:
    return revert("back", spec={"revert_execution_ref": None, "revert_to": to, **spec})


def test_each_part_is_decided_like_a_revert_of_that_execution_and_its_stages_name_it() -> None:
    decision = decide(FIRST, by=of_part(returning(), "first"))
    assert decision.steps == decide(FIRST, by=revert("back")).steps
    whole = with_parts(labelled(decision, "first"), [SECOND], None)
    assert [(one.execution, one.name, one.phase) for one in whole.state.stages] == [
        ("first", "s", Phase.PENDING),
        ("second", "two", Phase.PENDING),
        ("second", "one", Phase.PENDING),
    ]
    assert [(one.execution, one.stages) for one in whole.parts] == [("second", 2)]
    assert [one.name for one in whole.state.stages[2].actions] == ["b", "a"]
    assert whole.state.stages[2].workflows[0].progress == "0/2 actions rolled back"
    assert whole.state.summary is not None
    assert whole.state.summary.total_actions == 3


def test_custom_rollbacks_of_parts_with_the_same_names_have_marks_of_their_own() -> None:
    flow = dr_workflow("w", manifest("a", rollback=manifest("x")))
    original = execute(stage("s", workflow("w", made("a", A, custom_rollback=True))))
    marks = []
    for part in ("", "first", "second"):
        step = decide(original, None, flow, by=of_part(returning(), "nginx-exec-001"), part=part).steps[0][0][0]
        assert step is not None
        assert step.custom is not None
        marks.append(step.custom.step.mark)
    assert len(set(marks)) == 3
    assert marks[0] == "uid-back/s/w/a"
    assert by_name(flow)


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({"revert_execution_ref": "first"}, "spec.revertExecutionRef"),
        ({"force": True}, "spec.force"),
        ({"dry_run": True, "preview_digest": "x"}, "spec.previewDigest"),
        ({"only": {"stages": ["s"]}}, "spec.only"),
        ({"ignore_missing": [{"kind": "ConfigMap", "name": "a"}]}, "spec.ignoreMissing"),
    ],
)
def test_fields_of_a_revert_of_one_execution_are_refused(spec: dict[str, Any], fields: str) -> None:
    assert f"spec.revertTo cannot be used together with {fields};" in str(why_rejected(returning(**spec), FIRST))


def test_the_execution_to_return_to_must_be_one_that_a_revert_may_take_back() -> None:
    assert why_rejected(returning(include_partial=True, dry_run=True), FIRST) is None
    other = FIRST.model_copy(update={"spec": FIRST.spec.model_copy(update={"operation_type": OperationType.REVERT})})
    assert "only an Execute can be reverted" in str(why_rejected(returning(), other))


def ended(*stages: StageStatus, phase: Phase = Phase.SUCCEEDED) -> DRPlanExecution:
    back = returning()
    status = back.status.model_copy(update={"phase": phase, "stage_statuses": list(stages), "start_time": LATER})
    return back.model_copy(update={"status": status})


def part(execution: str, *stages: StageStatus) -> list[StageStatus]:
    return [one.model_copy(update={"execution": execution}) for one in stages]


def test_it_counts_as_a_revert_of_each_execution_that_it_took_back() -> None:
    done = stage("s", workflow("w", made("a", A)))
    third = stage("s", workflow("w", made("b", B)))
    back = ended(*part("third", third), *part("second", done))
    assert [(one.spec.revert_execution_ref, one.status.phase) for one in reverts_in(back)] == [
        ("third", Phase.SUCCEEDED),
        ("second", Phase.SUCCEEDED),
    ]
    second = executed("second", made("a", A))
    again = revert("again", spec={"revert_execution_ref": "second"})
    decision = decide(second, {A: absent(A)}, by=again, earlier=list(reverts_in(back)))
    assert the_action(decision, "a").message == "Already rolled back by back"
    assert in_effect(FIRST, [second, executed("third", made("b", B))], list(reverts_in(back)), []) == []


def test_what_it_did_not_come_to_is_in_effect() -> None:
    failed = stage("s", workflow("w", made("b", B, phase=Phase.FAILED), phase=Phase.FAILED), phase=Phase.FAILED)
    left = stage("s", phase=Phase.SKIPPED, reason=Reason.STOPPED_AFTER_FAILURE)
    back = ended(*part("third", failed), *part("second", left), phase=Phase.FAILED)
    assert [one.status.phase for one in reverts_in(back)] == [Phase.FAILED, Phase.CANCELED]
    later = [executed("second", made("a", A)), executed("third", made("b", B))]
    assert len(in_effect(FIRST, later, list(reverts_in(back)), [])) == 2


def test_a_revert_of_one_execution_is_itself() -> None:
    assert list(reverts_in(revert("r1"))) == [revert("r1")]
