"""What was seen before anything was deleted decides, and what is absent for a reason is not missed."""

from datetime import timedelta

import pytest

from api.decisions import RevertDecision
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.nodes import ActionStatus
from api.objects import ObservedObject, Presence, Target
from api.phases import ActionType, OnMissing, Operation, Phase
from api.steps import RollbackStep
from planning.revert.decide import decide_revert
from planning.status import rollup
from tests.planning.builders import (
    END,
    LATER,
    START,
    absent,
    config_map,
    decide,
    dr_workflow,
    execute,
    localization,
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

APP, LOC = config_map("app"), localization("nginx-loc-a")
IGNORE = revert(on_missing=OnMissing.IGNORE)


def original(*actions: ActionStatus) -> DRPlanExecution:
    return execute(stage("s", workflow("w", *actions)))


def only_step(decision: RevertDecision) -> RollbackStep:
    (step,) = [step for step in decision.steps[0][0] if step]
    return step


def refusal(decision: RevertDecision) -> tuple[FailureType, str]:
    refused = only_step(decision).refusal
    assert refused is not None
    return refused.type, refused.message


class TestMissing:
    def test_an_absent_object_fails_when_its_turn_comes(self) -> None:
        decision = decide(original(made("a", LOC)), {LOC: absent(LOC)})
        assert the_action(decision, "a").phase is Phase.PENDING
        assert refusal(decision) == (
            FailureType.NOT_FOUND,
            'Failed to delete Localization: localizations.apps.clusternet.io "nginx-loc-a" not found',
        )

    def test_where_the_server_gave_no_words_ours_name_the_object(self) -> None:
        decision = decide(original(made("a", LOC)), {LOC: ObservedObject(presence=Presence.ABSENT)})
        assert refusal(decision)[1] == 'Failed to delete Localization: Localization "nginx-loc-a" not found'

    def test_another_uid_fails_with_both(self) -> None:
        decision = decide(original(made("a", LOC, "uid-old")), {LOC: present("uid-new")})
        kind, message = refusal(decision)
        assert kind is FailureType.WRONG_UID
        assert message == (
            "Failed to delete Localization: Localization nginx-loc-a has uid uid-new, but the execution recorded "
            "uid uid-old: it is another object"
        )

    def test_ignore_passes_over_what_is_absent(self) -> None:
        decision = decide(original(made("a", LOC)), {LOC: absent(LOC)}, by=IGNORE)
        node = the_action(decision, "a")
        assert (node.phase, node.message) == (Phase.SKIPPED, "Already absent: Localization nginx-loc-a")

    def test_ignore_leaves_another_object_alone_and_names_it(self) -> None:
        decision = decide(original(made("a", LOC, "uid-old")), {LOC: present("uid-new")}, by=IGNORE)
        node = the_action(decision, "a")
        assert node.phase is Phase.SKIPPED
        assert node.message == (
            "Already absent: Localization nginx-loc-a; another object of that name (uid uid-new) was left alone"
        )

    @pytest.mark.parametrize(
        ("presence", "type_"),
        [(Presence.FORBIDDEN, FailureType.FORBIDDEN), (Presence.UNREADABLE, FailureType.UNSUPPORTED)],
    )
    def test_ignore_does_not_pass_over_what_could_not_be_read(self, presence: Presence, type_: FailureType) -> None:
        unread = ObservedObject(presence=presence, reason="its reason")
        decision = decide(original(made("a", LOC)), {LOC: unread}, by=IGNORE)
        assert refusal(decision) == (type_, "Failed to delete Localization: its reason")
        assert rollup.not_deleted(decision.state.stages, decision.steps) == ["Localization default/nginx-loc-a"]

    def test_an_object_that_nobody_looked_at_is_not_touched(self) -> None:
        decision = decide_revert(revert(), original(made("a", LOC)), [], {}, None, {})
        assert refusal(decision) == (
            FailureType.FORBIDDEN,
            "Failed to delete Localization: it was not looked at",
        )


class TestTheSameObjectTwice:
    def test_create_then_apply_is_rolled_back_once_by_the_action_that_created(self) -> None:
        applied = made("apply", APP, operation=Operation.APPLY, created=False)
        decision = decide(original(made("create", APP), applied))
        assert only_step(decision).deletions[0].uid == "uid-app"
        assert the_action(decision, "create").phase is Phase.PENDING
        node = the_action(decision, "apply")
        assert node.phase is Phase.SKIPPED
        assert node.message == "Same object as action create: ConfigMap app is left to the rollback of that action"

    def test_two_records_of_one_uid_are_deleted_by_the_first_in_the_order_of_the_revert(self) -> None:
        decision = decide(original(made("one", APP), made("two", APP)))
        assert the_action(decision, "two").phase is Phase.PENDING
        node = the_action(decision, "one")
        assert node.phase is Phase.SKIPPED
        assert node.message == "Same object as action two: ConfigMap app is left to the rollback of that action"

    def test_old_records_find_out_that_they_are_about_one_object(self) -> None:
        definitions = dr_workflow("w", manifest("app", action="create"), manifest("app", "Apply", action="apply"))
        records = original(
            old("create", outputs=outputs(APP, None)),
            old(
                "apply",
                outputs=outputs(APP, None),
                start_time=END + timedelta(minutes=1),
                completion_time=END + timedelta(minutes=2),
            ),
        )
        decision = decide(records, {APP: present("u", START)}, definitions)
        assert the_action(decision, "create").phase is Phase.PENDING
        assert the_action(decision, "apply").message == (
            "Same object as action create: ConfigMap app is left to the rollback of that action"
        )

    def test_where_the_action_that_created_is_skipped_the_message_does_not_claim_otherwise(self) -> None:
        failed = workflow("broken", made("create", APP), phase=Phase.FAILED)
        good = workflow("good", made("apply", APP, operation=Operation.APPLY, created=False))
        decision = decide(execute(stage("s", good), stage("t", failed, phase=Phase.FAILED), phase=Phase.FAILED))
        assert the_action(decision, "apply").message == (
            "ConfigMap app was created by action create of this execution, which is not rolled back"
        )
        assert decision.state.left_standing == ["ConfigMap default/app"]


class TestGoneForAReason:
    def test_removed_by_a_later_action_of_the_execution(self) -> None:
        removed = made("remove", APP, operation=Operation.DELETE, created=None)
        decision = decide(original(made("create", APP), removed), {APP: absent(APP)})
        assert the_action(decision, "create").message == (
            "ConfigMap app was already deleted by action remove of the execution"
        )
        assert the_action(decision, "remove").message == "No automatic rollback for Delete operation"

    def test_removed_and_made_again_under_the_same_name(self) -> None:
        removed = made("remove", APP, "uid-1", operation=Operation.DELETE, created=None)
        records = original(made("create", APP, "uid-1"), removed, made("again", APP, "uid-2"))
        decision = decide(records, {APP: present("uid-2")})
        assert only_step(decision).deletions[0].uid == "uid-2"
        assert the_action(decision, "again").phase is Phase.PENDING
        assert "already deleted by action remove" in str(the_action(decision, "create").message)

    def test_a_delete_that_found_nothing_explains_nothing(self) -> None:
        found_nothing = made("remove", APP, operation=Operation.DELETE, created=None, outputs=None)
        decision = decide(original(made("create", APP), found_nothing), {APP: absent(APP)})
        assert refusal(decision)[0] is FailureType.NOT_FOUND

    def test_a_delete_that_came_before_explains_nothing(self) -> None:
        definitions = dr_workflow("w", manifest("app", "Delete", action="remove"), manifest("app", action="create"))
        decision = decide(original(old("remove"), old("create")), {APP: absent(APP)}, definitions)
        assert refusal(decision)[0] is FailureType.NOT_FOUND

    def test_an_old_record_is_explained_by_the_name_alone(self) -> None:
        definitions = dr_workflow("w", manifest("app", action="create"), manifest("app", "Delete", action="remove"))
        decision = decide(original(old("create"), old("remove")), {APP: absent(APP)}, definitions)
        assert "already deleted by action remove" in str(the_action(decision, "create").message)

    def test_a_finished_job_with_a_time_to_live(self) -> None:
        job = Target(api_version="batch/v1", kind="Job", name="copy", namespace="default")
        text = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: copy}\nspec: {ttlSecondsAfterFinished: 60}\n"
        definition = {"name": "a", "type": "KubernetesResource", "resource": {"manifest": text}}
        decision = decide(original(made("a", job)), {job: absent(job)}, dr_workflow("w", definition))
        assert the_action(decision, "a").message == (
            "Job copy is gone: it was to be removed 60s after it finished (ttlSecondsAfterFinished)"
        )

    def test_a_job_action_with_a_time_to_live(self) -> None:
        job = Target(api_version="batch/v1", kind="Job", name="copy", namespace="default")
        block = {"ttlSecondsAfterFinished": 5, "template": {"metadata": {"name": "copy"}, "spec": {}}}
        definition = {"name": "a", "type": "Job", "job": block}
        decision = decide(original(old("a")), {job: absent(job)}, dr_workflow("w", definition))
        assert "removed 5s after it finished" in str(the_action(decision, "a").message)

    def test_a_job_without_a_time_to_live_is_missed(self) -> None:
        job = Target(api_version="batch/v1", kind="Job", name="copy", namespace="default")
        decision = decide(original(made("a", job)), {job: absent(job)})
        assert refusal(decision)[0] is FailureType.NOT_FOUND

    def test_what_went_with_its_namespace_in_an_earlier_revert(self) -> None:
        home = Target(api_version="v1", kind="Namespace", name="shop")
        inside = config_map("app", "shop")
        records = original(made("inside", inside), made("home", home))
        before = revert(
            "nginx-revert-000",
            phase=Phase.FAILED,
            start_time=LATER,
            stage_statuses=[
                stage(
                    "s",
                    workflow(
                        "w",
                        ActionStatus(name="home", phase=Phase.SUCCEEDED),
                        ActionStatus(name="inside", phase=Phase.FAILED),
                        phase=Phase.FAILED,
                    ),
                    phase=Phase.FAILED,
                )
            ],
        )
        decision = decide(records, {home: absent(home), inside: absent(inside)}, earlier=[before])
        assert the_action(decision, "inside").message == (
            "ConfigMap app went with Namespace shop, which nginx-revert-000 rolled back"
        )

    def test_what_went_with_a_namespace_that_the_execution_itself_deleted(self) -> None:
        home = Target(api_version="v1", kind="Namespace", name="shop")
        inside = config_map("app", "shop")
        gone = made("remove", home, operation=Operation.DELETE, created=None)
        decision = decide(original(made("inside", inside), gone), {inside: absent(inside)})
        assert "already deleted by action remove" in str(the_action(decision, "inside").message)


class TestSeveralObjectsInOneAction:
    targets = tuple(
        Target(api_version="apps.clusternet.io/v1alpha1", kind="Subscription", name=name, namespace="d")
        for name in ("x", "y")
    )

    def record(self) -> ActionStatus:
        refs = [{"name": t.name, "namespace": "d", "uid": f"uid-{t.name}"} for t in self.targets]
        outputs_ = {"subscriptionRefs": refs}
        return made("a", self.targets[0], type=ActionType.SUBSCRIPTION, outputs=outputs_)

    def test_one_that_cannot_be_undone_refuses_all(self) -> None:
        decision = decide(original(self.record()), {self.targets[1]: absent(self.targets[1])})
        assert only_step(decision).deletions == []
        assert refusal(decision)[0] is FailureType.NOT_FOUND

    def test_ignore_deletes_the_rest(self) -> None:
        decision = decide(original(self.record()), {self.targets[1]: absent(self.targets[1])}, by=IGNORE)
        assert [one.target.name for one in only_step(decision).deletions] == ["x"]


@pytest.mark.parametrize(
    "seen", [present("uid-app"), absent(APP), ObservedObject(presence=Presence.FORBIDDEN, reason="no")]
)
def test_objects_that_are_kept_are_neither_looked_at_nor_counted(seen: ObservedObject) -> None:
    kept = made("a", APP, operation=Operation.APPLY, created=False)
    decision = decide(original(kept), {APP: seen})
    assert decision.state.left_standing == []
    assert the_action(decision, "a").message == "ConfigMap app existed before the execution, not deleted"
