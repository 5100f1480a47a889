"""`includePartial`, `only` and `ignoreMissing`: which parts of an execution a Revert takes back."""

from typing import Any

import pytest

from api.decisions import RevertDecision
from api.execution import DRPlanExecution, ExecutionStatus
from api.failures import FailureType
from api.nodes import ActionStatus
from api.objects import ObservedObject
from api.phases import ActionType, Operation, Phase
from api.reasons import Reason
from api.steps import Part
from planning.revert.actions import executes_definitions
from planning.revert.scope import Scope
from tests.planning.builders import (
    absent,
    by_name,
    config_map,
    decide,
    dr_workflow,
    execute,
    made,
    manifest,
    outputs,
    present,
    revert,
    stage,
    the_action,
    workflow,
)
from tests.planning.revert.test_previous_reverts import ended

A, B, C, D = (config_map(name) for name in "abcd")
NOTHING = "Original action did not succeed, and nothing is recorded that it left"
NOT_SELECTED = "Not selected by spec.only, skipped rollback"
PARTIAL = {"include_partial": True}
MARKED = present("uid-seen").model_copy(update={"mark": "uid-nginx-exec-001/s/w/x"})
FOREIGN = present("uid-seen").model_copy(update={"mark": "uid-of-another/s/w/x"})


def failed(name: str, **fields: Any) -> ActionStatus:
    """A record of an action that failed, with nothing done unless it says so."""
    given = {"phase": Phase.FAILED, "operation": None, "created": None, "outputs": None}
    return made(name, config_map(name), **{**given, **fields})


def half_done(*actions: ActionStatus, phase: Phase = Phase.FAILED) -> DRPlanExecution:
    """An Execute that ended in its second stage; a third one never began."""
    return execute(
        stage("one", workflow("w", made("a", A))),
        stage("two", workflow("v", made("b", B), *actions, phase=phase), phase=phase),
        stage("three", workflow("u", made("d", D, phase=Phase.SKIPPED), phase=Phase.SKIPPED), phase=Phase.SKIPPED),
        phase=phase,
    )


def deleted(decision: RevertDecision) -> list[str]:
    return [
        f"{one.target.name}={one.uid}"
        for rows in decision.steps
        for row in rows
        for step in row
        if step
        for one in step.deletions
    ]


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.CANCELED])
def test_what_succeeded_in_parts_that_did_not_is_taken_back_too(phase: Phase) -> None:
    original = half_done(failed("c"), phase=phase)
    assert deleted(decide(original)) == ["a=uid-a"]
    decision = decide(original, by=revert(spec=PARTIAL))
    assert deleted(decision) == ["b=uid-b", "a=uid-a"]
    assert [one.phase for one in decision.state.stages] == [Phase.SKIPPED, Phase.PENDING, Phase.PENDING]
    assert decision.state.stages[0].message == "Original stage phase was Skipped, skipped rollback"
    assert (the_action(decision, "c").phase, the_action(decision, "c").message) == (Phase.SKIPPED, NOTHING)
    assert decision.state.left_standing == []


CREATED = {"operation": Operation.CREATE, "created": True, "outputs": outputs(C, "uid-c")}
UNANSWERED = {"operation": Operation.CREATE, "outputs": outputs(C, None)}
UNKNOWN = {"reason": Reason.OUTCOME_UNKNOWN}
PATCHED = {"operation": Operation.PATCH, "created": False, "outputs": outputs(C, "uid-c")}


@pytest.mark.parametrize(
    ("record", "look", "uid", "message"),
    [
        (CREATED, present("uid-c"), "uid-c", None),
        ({**CREATED, "phase": Phase.CANCELED}, present("uid-c"), "uid-c", None),
        (UNANSWERED, MARKED, "uid-seen", None),
        (UNANSWERED, FOREIGN, None, NOTHING),
        (UNANSWERED, present("uid-seen"), None, NOTHING),
        (UNANSWERED, absent(C), None, NOTHING),
        (UNKNOWN, MARKED, "uid-seen", None),
        (UNKNOWN, FOREIGN, None, NOTHING),
        (PATCHED, MARKED, None, "No automatic rollback for Patch operation"),
        ({"phase": Phase.SKIPPED}, MARKED, None, "Original action did not succeed, skipped rollback"),
        ({}, MARKED, None, NOTHING),
    ],
)
def test_of_an_action_that_failed_only_what_it_provably_created_is_deleted(
    record: dict[str, Any], look: ObservedObject, uid: str | None, message: str | None
) -> None:
    decision = decide(
        half_done(failed("c", **record)), {C: look}, dr_workflow("v", manifest("c")), by=revert(spec=PARTIAL)
    )
    assert [one for one in deleted(decision) if one.startswith("c=")] == ([f"c={uid}"] if uid else [])
    assert the_action(decision, "c").message == message


def test_what_a_failed_action_created_and_somebody_deleted_is_missing_like_any_other() -> None:
    decision = decide(half_done(failed("c", **CREATED)), {C: absent(C)}, by=revert(spec=PARTIAL))
    step = decision.steps[1][0][0]
    assert step is not None
    assert step.refusal is not None
    assert step.refusal.type is FailureType.NOT_FOUND


@pytest.mark.parametrize(("record", "runs"), [(CREATED, True), (PATCHED, True), (UNKNOWN, False), ({}, False)])
def test_a_custom_rollback_runs_for_a_failed_action_whose_record_names_an_object(
    record: dict[str, Any], runs: bool
) -> None:
    flow = dr_workflow("v", manifest("c", rollback=manifest("c", "Delete")))
    original = half_done(failed("c", custom_rollback=True, **record))
    decision = decide(original, None, flow, by=revert(spec=PARTIAL))
    custom = decision.steps[1][0][0]
    assert (custom is not None and custom.custom is not None) == runs
    if custom and custom.custom:
        assert custom.custom.step.part is Part.ROLLBACK
    assert executes_definitions(original, by_name(flow), Scope(include_partial=True))
    assert not executes_definitions(original, by_name(flow))


def test_rollback_hooks_run_in_a_workflow_that_began_and_in_no_other() -> None:
    hooks = [manifest("h", hookType="pre-rollback"), manifest("d", hookType="pre-rollback")]
    flows = dr_workflow("v", manifest("b"), hooks[0]), dr_workflow("u", hooks[1])
    decision = decide(half_done(made("h", config_map("h"), phase=Phase.SKIPPED)), None, *flows, by=revert(spec=PARTIAL))
    assert the_action(decision, "h").phase is Phase.PENDING
    assert the_action(decision, "d").message == "Original workflow phase was Skipped, skipped rollback"


def test_after_a_revert_without_it_one_with_it_takes_back_the_rest() -> None:
    original = half_done(failed("c", **CREATED))
    first = ended("r1", decide(original))
    decision = decide(original, {A: absent(A)}, by=revert("r2", spec=PARTIAL), earlier=[first])
    assert deleted(decision) == ["c=uid-c", "b=uid-b"]
    assert the_action(decision, "a").message == "Already rolled back by r1"
    second = ended("r2", decision)
    gone = {one: absent(one) for one in (A, B, C)}
    third = decide(original, gone, by=revert("r3", spec=PARTIAL), earlier=[first, second])
    assert deleted(third) == []
    assert [the_action(third, name).message for name in "bc"] == ["Already rolled back by r2"] * 2


# only


WHOLE = execute(
    stage("one", workflow("w", made("a", A), made("b", B)), workflow("v", made("c", C))),
    stage("two", workflow("w", made("d", D))),
)


@pytest.mark.parametrize(
    ("only", "taken"),
    [
        ({"stages": ["one"]}, ["c=uid-c", "b=uid-b", "a=uid-a"]),
        ({"workflows": ["w"]}, ["d=uid-d", "b=uid-b", "a=uid-a"]),
        ({"workflows": ["default/w"], "stages": ["one"]}, ["b=uid-b", "a=uid-a"]),
        ({"actions": ["a", "c"]}, ["c=uid-c", "a=uid-a"]),
        ({"stages": ["two", "one"]}, ["d=uid-d", "c=uid-c", "b=uid-b", "a=uid-a"]),
    ],
)
def test_what_is_selected_is_taken_back_in_reverse_order(only: dict[str, list[str]], taken: list[str]) -> None:
    decision = decide(WHOLE, by=revert(spec={"only": only}))
    assert decision.rejection is None
    assert deleted(decision) == taken


def test_what_is_not_selected_is_skipped_named_and_taken_back_by_a_later_revert() -> None:
    by = revert("r1", spec={"only": {"stages": ["one"], "actions": ["a"]}})
    first = decide(WHOLE, by=by)
    assert [(one.name, one.phase, one.reason) for one in first.state.stages] == [
        ("two", Phase.SKIPPED, Reason.NOT_SELECTED),
        ("one", Phase.PENDING, None),
    ]
    told = [(one.phase, one.reason, one.message) for one in first.state.stages[1].workflows]
    assert told == [(Phase.SKIPPED, Reason.NOT_SELECTED, NOT_SELECTED), (Phase.PENDING, None, None)]
    assert [the_action(first, name).message for name in "bcd"] == [NOT_SELECTED] * 3
    assert first.state.left_standing == ["ConfigMap default/d", "ConfigMap default/c", "ConfigMap default/b"]
    earlier = ended("r1", first).model_copy(update={"spec": by.spec})
    rest = decide(WHOLE, {A: absent(A)}, by=revert("r2"), earlier=[earlier])
    assert deleted(rest) == ["d=uid-d", "c=uid-c", "b=uid-b"]
    assert the_action(rest, "a").message == "Already rolled back by r1"


def test_a_selecting_revert_whose_lists_were_lost_to_the_bound_claims_no_whole() -> None:
    by = revert("r1", spec={"only": {"actions": ["a"]}})
    first = ended("r1", decide(WHOLE, by=by)).model_copy(update={"spec": by.spec})
    bare = [one.model_copy(update={"workflow_executions": None}) for one in first.status.stages]
    for status in (first.status.model_copy(update={"stage_statuses": bare}), ExecutionStatus(phase=Phase.SUCCEEDED)):
        lost = first.model_copy(update={"status": status})
        step = decide(WHOLE, {D: absent(D)}, by=revert("r2"), earlier=[lost]).steps[0][0][0]
        assert step is not None
        assert step.refusal is not None


def test_what_did_not_succeed_is_not_taken_back_because_it_is_selected() -> None:
    original = half_done(failed("c", **CREATED))
    only = {"only": {"stages": ["two"]}}
    assert deleted(decide(original, by=revert(spec=only))) == []
    assert deleted(decide(original, by=revert(spec={**only, **PARTIAL}))) == ["c=uid-c", "b=uid-b"]


@pytest.mark.parametrize(
    ("only", "error"),
    [
        ({"stages": ["one", "onne"]}, 'spec.only.stages[1] of {}: "onne" selects nothing; name some of one, two'),
        ({"workflows": ["x/w"]}, 'spec.only.workflows[0] of {}: "x/w" selects nothing; name some of w, v'),
        ({"actions": ["e"]}, 'spec.only.actions[0] of {}: "e" selects nothing; name some of a, b, c, d'),
        (
            {"stages": ["two", "one"], "actions": ["a"]},
            'spec.only.stages[0] of {}: "two" selects nothing; name some of one, two',
        ),
        ({}, "spec.only of {}: selects nothing; name stages, workflows or actions, or leave it out"),
        ({"stages": []}, "spec.only of {}: selects nothing; name stages, workflows or actions, or leave it out"),
    ],
)
def test_names_that_select_nothing_are_refused_before_anything_is_done(only: dict[str, list[str]], error: str) -> None:
    decision = decide(WHOLE, by=revert(spec={"only": only}))
    subject = "DRPlanExecution default/nginx-revert-001"
    assert decision.rejection == f"Nothing was reverted: {error.format(subject)}"
    assert decision.steps == []


def test_only_decides_which_custom_rollbacks_need_definitions() -> None:
    flow = dr_workflow("w", manifest("a", rollback=manifest("a", "Delete")))
    original = execute(stage("one", workflow("w", made("a", A, custom_rollback=True), made("b", B))))
    assert executes_definitions(original, by_name(flow), Scope(actions=frozenset("a")))
    assert not executes_definitions(original, by_name(flow), Scope(actions=frozenset("b")))


# ignoreMissing


def test_only_the_named_objects_are_passed_over_where_they_are_missing() -> None:
    named = [{"kind": "ConfigMap", "namespace": "default", "name": "a"}]
    by = revert(spec={"ignore_missing": named})
    decision = decide(WHOLE, {A: absent(A), B: absent(B)}, by=by)
    assert the_action(decision, "a").message == "Already absent: ConfigMap a"
    assert the_action(decision, "a").reason is Reason.ALREADY_ABSENT
    refusal = decision.steps[1][1][0]
    assert refusal is not None
    assert refusal.refusal is not None
    assert refusal.refusal.type is FailureType.NOT_FOUND
    other = decide(WHOLE, {A: present("another")}, by=by)
    assert "another object of that name" in str(the_action(other, "a").message)
    assert deleted(decide(WHOLE, by=by)) == ["d=uid-d", "c=uid-c", "b=uid-b", "a=uid-a"]


@pytest.mark.parametrize("namespace", [None, ""])
def test_a_cluster_scoped_object_is_named_without_a_namespace(namespace: str | None) -> None:
    site = config_map("site").model_copy(update={"kind": "Namespace", "namespace": None})
    original = execute(stage("s", workflow("w", made("a", site))))
    named = [{"kind": "Namespace", "namespace": namespace, "name": "site"}]
    decision = decide(original, {site: absent(site)}, by=revert(spec={"ignore_missing": named}))
    assert the_action(decision, "a").phase is Phase.SKIPPED


def test_an_object_that_the_execution_has_nothing_to_do_with_is_refused() -> None:
    named = [{"kind": "ConfigMap", "namespace": "default", "name": "aa"}, {"kind": "Job", "name": "b"}]
    decision = decide(WHOLE, by=revert(spec={"ignore_missing": named}))
    known = "ConfigMap default/d, ConfigMap default/c, ConfigMap default/b, ConfigMap default/a"
    error = (
        "spec.ignoreMissing[{}] of DRPlanExecution default/nginx-revert-001: {} is no object that the execution created"
    )
    assert decision.rejection == "Nothing was reverted: " + "; ".join(
        f"{error.format(place, name)}; these are: {known}"
        for place, name in enumerate(["ConfigMap default/aa", "Job b"])
    )


def test_the_rollback_of_a_lost_action_is_the_one_that_its_definition_has() -> None:
    """Its status is not believed about that; its definition is stored."""
    record = failed("c", custom_rollback=None, **CREATED)
    flow = dr_workflow("v", manifest("c", rollback=manifest("c", "Delete")))
    step = decide(half_done(record), None, flow, by=revert(spec=PARTIAL)).steps[1][0][0]
    assert step is not None
    assert step.custom is not None
    assert record.type is ActionType.KUBERNETES_RESOURCE
