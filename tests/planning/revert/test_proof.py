"""Which objects a Revert is proved by, and what the answers mean for its tree."""

from datetime import timedelta
from typing import Any

import pytest

from api.execution import DRPlanExecution
from api.meta import ObjectKey
from api.nodes import ActionStatus
from api.objects import Target
from api.phases import ActionType, Operation, Phase
from api.proof import ActionProof, Difference, ProofResult
from api.reasons import Reason
from api.runs import ProofReport
from api.tree import RunState
from planning.definitions.identifiers import Workflows, mark
from planning.revert.proof import ObjectBefore, ObjectsBefore, is_checked, objects_before, parts_of, with_proof
from planning.revert.proof import without_proof as failed
from planning.revert.scope import SUCCEEDED_ONLY, Scope
from tests.planning.builders import (
    END,
    absent,
    by_name,
    config_map,
    decide,
    dr_workflow,
    execute,
    localization,
    localized,
    made,
    outputs,
    revert,
    stage,
    workflow,
)

APP, OTHER = config_map("app"), config_map("other")
RUN = ObjectKey(namespace="default", name="nginx-exec-001", uid="uid-nginx-exec-001")
DIFFERS = ActionProof(result=ProofResult.DIFFERS, difference=Difference.STILL_EXISTS, message="app still exists")
UNKNOWN = ActionProof(result=ProofResult.NOT_RECORDED, message="not stored")


def changed(name: str, operation: Operation, target: Target = APP, **more: Any) -> ActionStatus:
    return made(name, target, operation=operation, created=operation is Operation.REPLACE, **more)


def of(original: DRPlanExecution, workflows: Workflows | None = None, scope: Scope = SUCCEEDED_ONLY) -> ObjectsBefore:
    return objects_before([("", original, workflows or {})], scope)


def one(*actions: ActionStatus, **more: Any) -> DRPlanExecution:
    return execute(stage("s", workflow("w", *actions)), **more)


def marked(action: str) -> str:
    return f"{mark(RUN.uid, 's', 'w')}/{action}"


def only(before: ObjectsBefore) -> ObjectBefore:
    (found,) = before.objects.values()
    return found


def answers(before: ObjectsBefore) -> dict[str, tuple[Any, ...] | ActionProof]:
    return {key[-1][0]: what for (_, key), what in before.actions.items()}


def test_what_was_created_was_not_there_and_what_was_changed_is_recorded() -> None:
    assert only(of(one(made("a", APP)))) == ObjectBefore(APP, RUN, None, True, {"uid-app"})
    for operation in (Operation.APPLY, Operation.PATCH, Operation.DELETE, Operation.REPLACE):
        assert only(of(one(changed("a", operation)))) == ObjectBefore(APP, RUN, marked("a"), False, {"uid-app"})


def test_the_first_action_on_an_object_says_what_was_there() -> None:
    before = of(one(made("create", APP), changed("patch", Operation.PATCH), changed("delete", Operation.DELETE)))
    assert only(before).record is None
    assert len(set(answers(before).values())) == 1
    reversed_order = of(one(changed("delete", Operation.DELETE), made("create", APP, "uid-new")))
    assert only(reversed_order).record == marked("delete")
    assert only(reversed_order).uids == {"uid-app", "uid-new"}


def test_the_oldest_of_several_executions_says_what_was_there() -> None:
    first = one(made("create", APP), name="one")
    second = one(changed("patch", Operation.PATCH), name="two")
    before = objects_before([("one", first, {}), ("two", second, {})], SUCCEEDED_ONLY)
    assert only(before).execution.name == "one"
    assert [part for part, _ in before.actions] == ["one", "two"]
    assert before.marks == ("uid-one/", "uid-two/")


def test_one_object_in_two_versions_is_one() -> None:
    later = Target(api_version="apps/v1", kind="Deployment", name="app", namespace="default")
    former = later.model_copy(update={"api_version": "apps/v1beta1"})
    assert len(of(one(made("a", former), changed("b", Operation.PATCH, later))).objects) == 1


def test_what_has_no_object_has_nothing_to_prove() -> None:
    http = ActionStatus(name="ask", type=ActionType.HTTP, phase=Phase.SUCCEEDED)
    never = ActionStatus(name="never", type=ActionType.JOB, phase=Phase.FAILED, reason=Reason.FORBIDDEN)
    found = of(one(http, never, phase=Phase.FAILED), scope=Scope(include_partial=True))
    assert not found.objects
    assert answers(found) == dict.fromkeys(["ask", "never"], ActionProof(result=ProofResult.NOT_APPLICABLE))


def test_an_object_that_nothing_tells_apart_is_not_known() -> None:
    unanswered = made("a", APP, phase=Phase.FAILED, created=None, outputs=outputs(APP, None))
    for action in (unanswered, made("a", APP, outputs=None), made("a", APP, outputs=outputs(APP, None))):
        answer = answers(of(one(action), scope=Scope(include_partial=True)))["a"]
        assert isinstance(answer, ActionProof)
        assert answer.result is ProofResult.NOT_RECORDED


def test_a_deletion_that_found_nothing_is_proved_by_nothing() -> None:
    absent = changed("a", Operation.DELETE, reason=Reason.ALREADY_ABSENT, outputs=outputs(APP, None))
    assert only(of(one(absent))) == ObjectBefore(APP, RUN, None, True)


def test_what_an_action_deleted_before_its_creation_may_be_recorded() -> None:
    target = localization("app")
    definition = localized("app", hookCleanup={"beforeCreate": True})
    original = one(made("create-app", target))
    assert only(of(original)).record is None
    before = of(original, by_name(dr_workflow("w", definition)))
    assert only(before) == ObjectBefore(target, RUN, marked("create-app"), True, {"uid-app"})


def test_only_what_is_taken_back_counts() -> None:
    original = one(made("a", APP), made("b", OTHER, phase=Phase.FAILED))
    assert list(answers(of(original))) == ["a"]
    assert list(answers(of(original, scope=Scope(include_partial=True, actions=frozenset({"b"}))))) == ["b"]


def test_of_several_objects_the_gravest_answer_counts() -> None:
    refs = [outputs(config_map(name), f"uid-{name}").resource_ref for name in ("one", "two")]
    several = made("a", APP, type=ActionType.SUBSCRIPTION, outputs={"subscription_refs": refs})
    before = of(one(several))
    first, second = before.objects
    for proofs, result in (
        ([ActionProof(), ActionProof()], ProofResult.VERIFIED),
        ([ActionProof(), UNKNOWN], ProofResult.NOT_RECORDED),
        ([UNKNOWN, DIFFERS], ProofResult.DIFFERS),
    ):
        (found,) = before.report(dict(zip((first, second), proofs, strict=True))).actions
        assert found.proof.result is result


# The tree.


def tree(original: DRPlanExecution, **more: Any) -> RunState:
    return decide(original, **more).state


def proved(state: RunState) -> dict[str, ProofResult | None]:
    actions = [action for stage in state.stages for action in stage.actions]
    return {action.name: action.proof.result if action.proof else None for action in actions}


def test_answers_find_their_action_in_the_reverse_order_also_among_namesakes() -> None:
    twins = [workflow("w", made("a", config_map(f"a-{n}")), made("a", config_map(f"b-{n}"))) for n in "12"]
    original = execute(stage("s", *twins), stage("s", workflow("w", made("a", APP))))
    before = of(original)
    proofs = {object_id: DIFFERS if object_id[-1] == "a-2" else ActionProof() for object_id in before.objects}
    state = with_proof(tree(original), before.report(proofs), END)
    (found,) = (
        (place, index, number)
        for place, one_stage in enumerate(state.stages)
        for index, node in enumerate(one_stage.workflows)
        for number, action in enumerate(node.actions)
        if action.proof == DIFFERS
    )
    assert found == (1, 0, 1), "the first action of the second DRWorkflow of the first stage"
    assert state.proof is not None
    assert (state.proof.verified, state.proof.differing, state.proof.unknown) == (4, 1, 0)


def test_the_counts_and_the_time_of_the_next_check() -> None:
    original = one(made("a", APP), made("b", OTHER), made("c", config_map("c")))
    before = of(original)
    report = before.report(dict(zip(before.objects, [ActionProof(), DIFFERS, UNKNOWN], strict=True)))
    state = with_proof(tree(original), report, END, timedelta(minutes=10))
    assert proved(state) == {
        "c": ProofResult.NOT_RECORDED,
        "b": ProofResult.DIFFERS,
        "a": ProofResult.VERIFIED,
    }
    assert state.proof is not None
    assert (state.proof.verified, state.proof.differing, state.proof.unknown) == (1, 1, 1)
    assert state.proof.next_check_at == END + timedelta(minutes=10)
    again = with_proof(state, before.report(dict.fromkeys(before.objects, ActionProof())), END)
    assert again.proof is not None
    assert (again.proof.verified, again.proof.differing, again.proof.next_check_at) == (3, 0, None)


def test_a_check_that_failed_says_why_and_keeps_what_was_found() -> None:
    original = one(made("a", APP))
    first = with_proof(tree(original), of(original).report(dict.fromkeys(of(original).objects, DIFFERS)), END)
    state = failed(first, "no answer", END)
    assert state.proof is not None
    assert (state.proof.error, state.proof.differing, state.proof.next_check_at) == ("no answer", 1, None)
    assert proved(state) == {"a": ProofResult.DIFFERS}


def test_what_an_earlier_revert_did_is_left_to_its_own_proof() -> None:
    original = one(made("a", APP), made("b", OTHER))
    earlier = revert("first", phase=Phase.SUCCEEDED, start_time=END, stage_statuses=[tree_done(original)])
    state = tree(original, earlier=[earlier], looks=dict.fromkeys([APP, OTHER], absent(APP)))
    assert not is_checked(state.stages)
    before = of(original)
    assert proved(with_proof(state, before.report(dict.fromkeys(before.objects, DIFFERS)), END)) == {
        "a": None,
        "b": None,
    }


def tree_done(original: DRPlanExecution) -> Any:
    (only_stage,) = tree(original).stages
    (node,) = only_stage.workflows
    actions = [action.model_copy(update={"phase": Phase.SUCCEEDED}) for action in node.actions]
    update = {"phase": Phase.SUCCEEDED, "action_statuses": actions}
    return only_stage.model_copy(
        update={"phase": Phase.SUCCEEDED, "workflow_executions": [node.model_copy(update=update)]}
    )


@pytest.mark.parametrize("part", ["", "two"])
def test_a_part_is_known_by_its_execution(part: str) -> None:
    original = one(made("a", APP))
    state = tree(original)
    stages = [each.model_copy(update={"execution": part or None}) for each in state.stages]
    state = state.model_copy(update={"stage_statuses": stages})
    assert parts_of(state.stages) == [part][: bool(part)]
    before = objects_before([("two", original, {})], SUCCEEDED_ONLY)
    report = before.report(dict.fromkeys(before.objects, DIFFERS))
    assert proved(with_proof(state, report, END)) == {"a": ProofResult.DIFFERS if part else None}
    assert with_proof(state, ProofReport(), END).proof is not None
