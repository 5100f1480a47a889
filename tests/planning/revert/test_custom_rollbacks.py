"""An action's own rollback is carried out in place of the default, by its own type, once."""

from typing import Any

import pytest

from api.decisions import RevertDecision
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.meta import ObjectKey
from api.nodes import ActionOutputs, ActionStatus, HttpResponse, SnapshotRef
from api.objects import Target
from api.phases import ActionType, OnMissing, Operation, Phase
from api.steps import ExecuteStep, Origin, Part, RollbackStep
from planning.revert.actions import executes_definitions
from planning.revert.decide import decide_revert
from tests.planning.builders import (
    CLUSTERNET,
    LATER,
    absent,
    by_name,
    config_map,
    decide,
    dr_workflow,
    execute,
    localization,
    localized,
    made,
    manifest,
    old,
    outputs,
    present,
    revert,
    stage,
    the_action,
    workflow,
)

APP = config_map("app")
PATCH_BACK = {
    "resource": {"manifest": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n", "operation": "Patch"}
}
POST = {"type": "HTTP", "http": {"url": "https://example.com/back", "method": "POST"}}
DONE = "Rolled back: executed custom rollback action"


def undone(name: str, target: Target = APP, **fields: Any) -> ActionStatus:
    """A record of an action that has a rollback of its own."""
    return made(name, target, custom_rollback=True, **fields)


def patched(name: str) -> ActionStatus:
    return undone(name, operation=Operation.PATCH, created=False)


def original(*actions: ActionStatus) -> DRPlanExecution:
    return execute(stage("s", workflow("w", *actions)))


def steps(decision: RevertDecision) -> list[RollbackStep]:
    assert decision.rejection is None
    return [step for row in decision.steps for steps in row for step in steps if step]


def custom(step: RollbackStep) -> ExecuteStep:
    assert step.custom is not None
    assert step.deletions == []
    assert step.refusal is None
    return step.custom.step


def before(*actions: ActionStatus, name: str = "nginx-revert-000", **status: Any) -> DRPlanExecution:
    """An earlier Revert of `original`, with its nodes in its own order."""
    failed = {"phase": Phase.FAILED}
    nodes = [stage("s", workflow("w", *actions, **failed), **failed)]
    return revert(name, **{"start_time": LATER, "stage_statuses": nodes, **failed, **status})


class TestTheStep:
    def test_it_names_the_definition_and_not_what_stands_there(self) -> None:
        definitions = dr_workflow("w", manifest("other"), manifest("app", "Patch", action="patch", rollback=PATCH_BACK))
        decision = decide(original(made("other", config_map("other")), patched("patch")), None, definitions)
        assert the_action(decision, "patch").phase is Phase.PENDING
        assert custom(steps(decision)[0]) == ExecuteStep(
            index=1,
            action="patch",
            mark="uid-nginx-revert-001/s/w/patch",
            title="Roll back patch: Patch ConfigMap app",
            part=Part.ROLLBACK,
        )

    def test_it_is_tried_as_the_rollback_says(self) -> None:
        policy = {"limit": 0, "interval": "1s", "backoffMultiplier": "1.5"}
        body = {**PATCH_BACK, "timeout": "7s", "retryPolicy": policy}
        definition = manifest("app", "Patch", action="patch", timeout="90s", rollback=body)
        (step,) = steps(decide(original(patched("patch")), None, dr_workflow("w", definition)))
        assert (step.attempts.timeout, step.attempts.retry.limit) == ("7s", 0)

    def test_the_rollback_of_an_action_without_an_object_is_carried_out(self) -> None:
        record = ActionStatus(name="switch", type=ActionType.HTTP, phase=Phase.SUCCEEDED, custom_rollback=True)
        definition = {"name": "switch", "type": "HTTP", "http": {"url": "https://example.com"}, "rollback": POST}
        (step,) = steps(decide(original(record), None, dr_workflow("w", definition)))
        assert custom(step).title == "Roll back switch: HTTP"

    def test_the_node_says_that_it_is_one(self) -> None:
        definition = manifest("app", "Patch", action="patch", rollback=PATCH_BACK)
        decision = decide(original(patched("patch")), None, dr_workflow("w", definition))
        assert [action.custom_rollback for stage in decision.state.stages for action in stage.actions] == [True]
        plain = decide(original(made("a", config_map("a"))))
        assert [action.custom_rollback for stage in plain.state.stages for action in stage.actions] == [None]

    def test_a_title_holds_no_placeholder(self) -> None:
        body = {"type": "Localization", "localization": {"name": "$(params.site)", "operation": "Delete"}}
        definition = manifest("app", "Patch", action="patch", rollback=body)
        (step,) = steps(decide(original(patched("patch")), None, dr_workflow("w", definition)))
        assert custom(step).title == "Roll back patch: Localization"

    def test_what_it_uses_of_other_actions_and_of_its_own_goes_with_it(self) -> None:
        url = "https://x/$(outputs.check.httpResponse.body)/$(outputs.move.resourceRef.uid)/$(outputs.none.phase)"
        definition = manifest("app", action="move", rollback={"type": "HTTP", "http": {"url": url}})
        answered = ActionOutputs(http_response=HttpResponse(status_code=200, body="one"))
        check = ActionStatus(name="check", type=ActionType.HTTP, phase=Phase.SUCCEEDED, outputs=answered)
        unused = made("unused", config_map("unused"))
        decision = decide(original(check, unused, undone("move")), None, dr_workflow("w", definition))
        (step,) = [step for step in steps(decision) if step.custom]
        assert custom(step).outputs_of == ["check", "move", "none"]
        assert step.custom is not None
        assert step.custom.outputs == {"check": answered, "move": outputs(APP, "uid-app")}
        assert step.custom.phases == {"check": Phase.SUCCEEDED, "move": Phase.SUCCEEDED}

    def test_one_dr_workflow_twice_in_a_stage_has_two_marks(self) -> None:
        definitions = dr_workflow("w", manifest("app", "Patch", action="patch", rollback=PATCH_BACK))
        twice = execute(stage("s", workflow("w", patched("patch")), workflow("w", patched("patch"))))
        marks = [custom(step).mark for step in steps(decide(twice, None, definitions))]
        assert marks == ["uid-nginx-revert-001/s/w[1]/patch", "uid-nginx-revert-001/s/w[0]/patch"]

    def test_where_its_definition_is_kept_is_said_once_for_the_whole_run(self) -> None:
        key = ObjectKey(namespace="default", name="nginx-revert-001", uid="u")
        origin = Origin(execution=key, snapshot=SnapshotRef(name="drplan-1", sha256="abc"))
        definitions = dr_workflow("w", manifest("app", "Patch", action="patch", rollback=PATCH_BACK))
        assert decide(original(patched("patch")), None, definitions, origin=origin).origin == origin
        assert decide(original(patched("patch")), None, definitions).origin is None


class TestTheDefinition:
    def test_the_record_decides_whether_there_is_one(self) -> None:
        definitions = dr_workflow("w", manifest("app", action="a", rollback=PATCH_BACK))
        (step,) = steps(decide(original(made("a", APP)), None, definitions))
        assert [deletion.uid for deletion in step.deletions] == ["uid-app"]

    @pytest.mark.parametrize(
        "definitions",
        [
            (),
            (dr_workflow("w", manifest("app", action="another", rollback=PATCH_BACK)),),
            (dr_workflow("w", manifest("app", action="a")),),
            (dr_workflow("w", {"name": "a", "type": "HTTP", "rollback": POST}),),
        ],
        ids=["no DRWorkflow", "no action", "no rollback", "another type"],
    )
    def test_one_that_is_gone_is_refused_and_nothing_takes_its_place(self, definitions: tuple[Any, ...]) -> None:
        (step,) = steps(decide(original(undone("a")), None, *definitions))
        assert step.deletions == []
        assert step.refusal is not None
        assert step.refusal.type is FailureType.UNDEFINED
        assert step.refusal.message == "The custom rollback of action a is no longer defined in DRWorkflow w"

    def test_one_that_is_no_action_is_refused(self) -> None:
        definitions = dr_workflow("w", manifest("app", action="a", rollback={"type": "HTTP", "http": {}}))
        (step,) = steps(decide(original(undone("a")), None, definitions))
        assert step.refusal is not None
        assert step.refusal.type is FailureType.INVALID
        assert step.refusal.message == "Custom rollback failed: rollback.http.url: Field required"

    def test_a_record_of_the_older_controller_goes_by_its_definition(self) -> None:
        definitions = dr_workflow("w", manifest("app", action="a", rollback=POST))
        (step,) = steps(decide(original(old("a")), None, definitions))
        assert custom(step).part is Part.ROLLBACK

    def test_a_run_that_works_with_todays_definitions_says_so(self) -> None:
        definitions = dr_workflow("w", manifest("app", action="a", rollback=POST))
        assert decide(original(undone("a")), None, definitions, definitions_of_today=True).state.definitions_of_today
        assert not decide(original(undone("a")), None, definitions).state.definitions_of_today

    def test_only_a_revert_that_carries_definitions_out_needs_them_kept(self) -> None:
        rollback = by_name(dr_workflow("w", manifest("app", action="a", rollback=POST)))
        assert executes_definitions(original(undone("a")), rollback)
        assert not executes_definitions(original(made("a", APP)), rollback)
        assert not executes_definitions(original(undone("a", phase=Phase.FAILED)), rollback)
        skipped = execute(stage("s", workflow("w", undone("a"), phase=Phase.FAILED), phase=Phase.FAILED))
        assert not executes_definitions(skipped, rollback)
        hook = by_name(dr_workflow("w", manifest("app", action="a", hookType="pre-rollback")))
        assert executes_definitions(original(made("a", APP, phase=Phase.SKIPPED)), hook)


class TestAbsence:
    @pytest.mark.parametrize("on_missing", [None, OnMissing.FAIL, OnMissing.IGNORE])
    def test_an_object_that_is_missing_does_not_keep_a_custom_rollback_from_its_turn(
        self, on_missing: OnMissing | None
    ) -> None:
        definitions = dr_workflow("w", manifest("app", action="a", rollback=POST))
        decision = decide(original(undone("a")), {APP: absent(APP)}, definitions, by=revert(on_missing=on_missing))
        assert custom(steps(decision)[0]).action == "a"


class TestEarlierReverts:
    definitions = dr_workflow("w", manifest("app", action="a", rollback=POST))

    def test_what_was_carried_out_is_not_carried_out_again(self) -> None:
        earlier = before(ActionStatus(name="a", phase=Phase.SUCCEEDED, message=DONE))
        decision = decide(original(undone("a")), None, self.definitions, earlier=[earlier])
        assert the_action(decision, "a").message == "Already rolled back by nginx-revert-000"
        assert steps(decision) == []

    def test_what_failed_is_carried_out_again(self) -> None:
        earlier = before(ActionStatus(name="a", phase=Phase.FAILED, message="Custom rollback failed: no"))
        assert custom(steps(decide(original(undone("a")), None, self.definitions, earlier=[earlier]))[0]).action == "a"

    def test_a_revert_of_the_older_controller_that_claims_the_whole_is_believed(self) -> None:
        earlier = revert("nginx-revert-000", phase=Phase.SUCCEEDED, start_time=LATER)
        decision = decide(original(undone("a")), None, self.definitions, earlier=[earlier])
        assert the_action(decision, "a").message == "Already rolled back by nginx-revert-000"

    def test_what_a_custom_rollback_deleted_is_not_missed(self) -> None:
        definitions = dr_workflow("w", manifest("app", action="make"), manifest("app", "Patch", action="patch"))
        deleted = outputs(APP, "uid-app")
        earlier = before(
            ActionStatus(name="patch", phase=Phase.SUCCEEDED, operation=Operation.DELETE, outputs=deleted),
            ActionStatus(name="make", phase=Phase.FAILED),
        )
        records = original(made("make", APP), patched("patch"))
        decision = decide(records, {APP: absent(APP)}, definitions, earlier=[earlier])
        assert the_action(decision, "make").message == "Already rolled back by nginx-revert-000"

    def test_what_a_custom_rollback_made_does_not_explain_an_absence(self) -> None:
        earlier = before(
            ActionStatus(name="b", phase=Phase.SUCCEEDED, operation=Operation.APPLY, outputs=outputs(APP, "uid-app"))
        )
        decision = decide(
            original(made("a", APP), patched("b")), {APP: absent(APP)}, self.definitions, earlier=[earlier]
        )
        (step,) = steps(decision)
        assert step.refusal is not None
        assert step.refusal.type is FailureType.NOT_FOUND

    @pytest.mark.parametrize(("phase", "operation"), [(Phase.SUCCEEDED, Operation.REPLACE), (Phase.FAILED, None)])
    def test_what_a_custom_rollback_replaced_is_neither_missed_nor_deleted(
        self, phase: Phase, operation: Operation | None
    ) -> None:
        loc = localization("loc")
        body = localized("loc", "Apply", hookCleanup={"beforeCreate": True})
        definitions = dr_workflow("w", localized("loc"), manifest("app", "Patch", action="patch", rollback=body))
        replaced = outputs(loc, "uid-new")
        operation = operation or Operation.APPLY
        earlier = before(
            ActionStatus(name="patch", phase=phase, operation=operation, created=True, outputs=replaced),
            ActionStatus(name="create-loc", phase=Phase.SKIPPED),
        )
        records = original(made("create-loc", loc), patched("patch"))
        for seen in (present("uid-new"), absent(loc)):
            decision = decide(records, {loc: seen}, definitions, earlier=[earlier])
            assert the_action(decision, "create-loc").message == "Already rolled back by nginx-revert-000"


class TestTwoActionsOnOneObject:
    def test_the_change_is_undone_by_its_rollback_and_then_the_object_is_deleted(self) -> None:
        definitions = dr_workflow(
            "w", manifest("app", action="make"), manifest("app", "Patch", action="patch", rollback=PATCH_BACK)
        )
        first, second = steps(decide(original(made("make", APP), patched("patch")), None, definitions))
        assert custom(first).action == "patch"
        assert [deletion.uid for deletion in second.deletions] == ["uid-app"]

    def test_an_object_made_by_an_action_with_a_custom_rollback_is_left_to_that(self) -> None:
        definitions = dr_workflow("w", manifest("app", action="make", rollback=POST))
        applied = made("apply", APP, operation=Operation.APPLY, created=False)
        decision = decide(original(undone("make"), applied), None, definitions)
        assert the_action(decision, "apply").message == (
            "Same object as action make: ConfigMap app is left to the rollback of that action"
        )
        assert [custom(step).action for step in steps(decision)] == ["make"]

    def test_old_records_do_not_delete_what_an_action_with_a_custom_rollback_made_before(self) -> None:
        definitions = dr_workflow(
            "w", manifest("app", action="make", rollback=POST), manifest("app", "Apply", action="apply")
        )
        records = original(old("make", outputs=outputs(APP, None)), old("apply", outputs=outputs(APP, None)))
        decision = decide(records, {APP: present("u")}, definitions)
        assert [custom(step).action for step in steps(decision)] == ["make"]
        assert "left to the rollback of that action" in str(the_action(decision, "apply").message)

    def test_old_records_delete_what_they_made_where_a_later_action_has_a_custom_rollback(self) -> None:
        definitions = dr_workflow(
            "w", manifest("app", action="make"), manifest("app", "Apply", action="apply", rollback=POST)
        )
        records = original(old("make", outputs=outputs(APP, "u")), old("apply", outputs=outputs(APP, "u")))
        first, second = steps(decide(records, {APP: present("u")}, definitions))
        assert custom(first).action == "apply"
        assert [deletion.uid for deletion in second.deletions] == ["u"]

    def test_what_was_deleted_by_an_action_with_a_custom_rollback_is_left_to_that(self) -> None:
        definitions = dr_workflow(
            "w", manifest("app", action="make"), manifest("app", "Delete", action="remove", rollback=PATCH_BACK)
        )
        removed = undone("remove", operation=Operation.DELETE, created=None)
        decision = decide(original(made("make", APP), removed), {APP: absent(APP)}, definitions)
        assert the_action(decision, "make").message == (
            "ConfigMap app was already deleted by action remove of the execution; "
            "what becomes of it is left to the custom rollback of that action"
        )
        assert [custom(step).action for step in steps(decision)] == ["remove"]

    def test_an_object_that_was_replaced_by_an_action_that_then_failed_is_not_missed(self) -> None:
        shop = Target(api_version=CLUSTERNET, kind="Subscription", name="shop", namespace="d")
        fields = {"type": ActionType.SUBSCRIPTION}
        first = made(
            "make", shop, outputs={"subscriptionRef": {"name": "shop", "namespace": "d", "uid": "1"}}, **fields
        )
        second = made(
            "replace",
            shop,
            operation=Operation.REPLACE,
            phase=Phase.FAILED,
            outputs={"subscriptionRef": {"name": "shop", "namespace": "d", "uid": "2"}},
            **fields,
        )
        failed = workflow("v", second, phase=Phase.FAILED)
        stages = stage("s", workflow("w", first)), stage("t", failed, phase=Phase.FAILED)
        decision = decide(execute(*stages, phase=Phase.FAILED), {shop: present("2")})
        assert "was replaced by action replace" in str(the_action(decision, "make").message)
        assert decision.state.left_standing == ["Subscription d/shop"]

    def test_an_object_that_was_replaced_is_neither_missed_nor_deleted(self) -> None:
        shop = Target(api_version=CLUSTERNET, kind="Subscription", name="shop", namespace="d")
        refs = [
            {"subscriptionRef": {"name": "shop", "namespace": "d", "uid": uid}} for uid in ("uid-first", "uid-second")
        ]
        records = original(
            made("make", shop, type=ActionType.SUBSCRIPTION, outputs=refs[0]),
            made("replace", shop, type=ActionType.SUBSCRIPTION, operation=Operation.REPLACE, outputs=refs[1]),
        )
        decision = decide(records, {shop: present("uid-second")})
        assert the_action(decision, "replace").message == "No automatic rollback for Replace operation"
        assert (
            the_action(decision, "make").message == "Subscription shop was replaced by action replace of the execution"
        )


class TestPartsThatDidNotSucceed:
    def test_a_custom_rollback_there_is_not_carried_out_and_what_was_made_is_named(self) -> None:
        definitions = dr_workflow("w", manifest("app", action="a", rollback=POST))
        skipped = execute(stage("s", workflow("w", undone("a"), phase=Phase.FAILED), phase=Phase.FAILED))
        decision = decide(skipped, None, definitions)
        assert steps(decision) == []
        assert decision.state.left_standing == ["ConfigMap default/app"]

    def test_what_an_apply_of_a_clusternet_kind_made_is_named_too(self) -> None:
        loc = localization("loc")
        record = made("a", loc, operation=Operation.APPLY)
        decision = decide(execute(stage("s", workflow("w", record, phase=Phase.FAILED), phase=Phase.FAILED)))
        assert decision.state.left_standing == ["Localization default/loc"]


def test_a_custom_rollback_without_its_kept_definitions_is_planned_all_the_same() -> None:
    definitions = by_name(dr_workflow("w", manifest("app", action="a", rollback=POST)))
    decision = decide_revert(revert(), original(undone("a")), [], {}, None, definitions)
    assert custom(steps(decision)[0]).action == "a"
