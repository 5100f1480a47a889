"""The table 'What undoes an action', for records of ours and of the older controller."""

from datetime import timedelta
from typing import Any

import pytest

from api.failures import FailureType
from api.meta import ObjectReference
from api.nodes import ActionOutputs, ActionStatus
from api.objects import ObservedObject, Presence, Target
from api.phases import ActionType, Operation, Phase
from api.steps import Deletion
from planning.definitions.action_types import ACTION_TYPES
from planning.messages import tree as tree_messages
from tests.planning.builders import (
    CLUSTERNET,
    END,
    LATER,
    START,
    absent,
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
    reference,
    stage,
    the_action,
    workflow,
)

SECOND = timedelta(seconds=1)
APP = config_map("app")


def revert_of(
    action: ActionStatus, looks: dict[Target, ObservedObject] | None = None, *definitions: dict[str, Any]
) -> Any:
    """Decide the Revert of one action; give its node and its step."""
    found = [dr_workflow("w", *definitions)] if definitions else []
    decision = decide(execute(stage("s", workflow("w", action))), looks, *found)
    assert decision.rejection is None
    return the_action(decision, action.name), decision.steps[0][0][0]


def deletes(action: ActionStatus, *args: Any) -> list[Deletion]:
    node, step = revert_of(action, *args)
    assert node.phase is Phase.PENDING
    assert node.message is None
    assert step.refusal is None
    deletions: list[Deletion] = step.deletions
    return deletions


def skipped(action: ActionStatus, *args: Any) -> str:
    node, step = revert_of(action, *args)
    assert node.phase is Phase.SKIPPED
    assert step is None
    return str(node.message)


def refused(action: ActionStatus, *args: Any) -> tuple[FailureType, str]:
    node, step = revert_of(action, *args)
    assert node.phase is Phase.PENDING
    assert step.deletions == []
    return step.refusal.type, step.refusal.message


def subscribed(operation: str) -> dict[str, Any]:
    """Definition of the action `a` on the Subscription d/x."""
    return {
        "name": "a",
        "type": "Subscription",
        "subscription": {"name": "x", "namespace": "d", "operation": operation},
    }


CLUSTERNET_OBJECTS = [
    (
        ActionType.LOCALIZATION,
        "localization_ref",
        Target(api_version=CLUSTERNET, kind="Localization", name="x", namespace="d"),
    ),
    (ActionType.GLOBALIZATION, "globalization_ref", Target(api_version=CLUSTERNET, kind="Globalization", name="x")),
    (
        ActionType.HELM_CHART,
        "helm_chart_ref",
        Target(api_version=CLUSTERNET, kind="HelmChart", name="x", namespace="d"),
    ),
    (
        ActionType.SUBSCRIPTION,
        "subscription_ref",
        Target(api_version=CLUSTERNET, kind="Subscription", name="x", namespace="d"),
    ),
]


class TestRecordsOfOurs:
    @pytest.mark.parametrize(("type_", "field", "target"), CLUSTERNET_OBJECTS)
    def test_a_clusternet_object_that_was_created_is_deleted(
        self, type_: ActionType, field: str, target: Target
    ) -> None:
        record = made("a", target, type=type_, outputs=ActionOutputs(**{field: reference(target, "uid-x")}))
        assert deletes(record) == [Deletion(target=target, uid="uid-x")]

    @pytest.mark.parametrize(("type_", "field", "target"), CLUSTERNET_OBJECTS)
    def test_an_apply_that_created_a_clusternet_object_is_undone(
        self, type_: ActionType, field: str, target: Target
    ) -> None:
        ref = ActionOutputs(**{field: reference(target, "uid-x")})
        record = made("a", target, type=type_, outputs=ref, operation=Operation.APPLY)
        assert deletes(record) == [Deletion(target=target, uid="uid-x")]

    @pytest.mark.parametrize(("type_", "field", "target"), CLUSTERNET_OBJECTS)
    def test_a_clusternet_object_that_an_apply_found_stays(self, type_: ActionType, field: str, target: Target) -> None:
        ref = ActionOutputs(**{field: reference(target, "uid-x")})
        record = made("a", target, type=type_, outputs=ref, operation=Operation.APPLY, created=False)
        assert skipped(record) == f"{target.kind} x existed before the execution, not deleted"

    @pytest.mark.parametrize("operation", [Operation.PATCH, Operation.DELETE, Operation.REPLACE])
    def test_patch_delete_and_replace_are_not_undone(self, operation: Operation) -> None:
        target = CLUSTERNET_OBJECTS[3][2]
        ref = ActionOutputs(subscription_ref=reference(target, "uid-x"))
        record = made("a", target, type=ActionType.SUBSCRIPTION, outputs=ref, operation=operation, created=None)
        assert skipped(record) == f"No automatic rollback for {operation.value} operation"

    @pytest.mark.parametrize("operation", [Operation.CREATE, Operation.APPLY])
    def test_a_resource_that_was_created_is_deleted(self, operation: Operation) -> None:
        assert deletes(made("a", APP, operation=operation)) == [Deletion(target=APP, uid="uid-app")]

    def test_a_resource_that_existed_before_stays(self) -> None:
        record = made("a", APP, operation=Operation.APPLY, created=False)
        assert skipped(record) == "ConfigMap app existed before the execution, not deleted"

    def test_a_job_goes_with_its_pods(self) -> None:
        job = Target(api_version="batch/v1", kind="Job", name="x", namespace="d")
        record = made("a", job, type=ActionType.JOB, outputs=ActionOutputs(job_ref=reference(job, "uid-x")))
        assert deletes(record) == [Deletion(target=job, uid="uid-x", foreground=True)]

    def test_a_job_from_a_manifest_goes_with_its_pods(self) -> None:
        job = Target(api_version="batch/v1", kind="Job", name="x", namespace="d")
        assert deletes(made("a", job, "uid-x")) == [Deletion(target=job, uid="uid-x", foreground=True)]

    def test_http_has_nothing_to_undo(self) -> None:
        record = ActionStatus(name="a", type=ActionType.HTTP, phase=Phase.SUCCEEDED)
        assert skipped(record) == "No rollback defined for HTTP action"

    def test_several_subscriptions_are_deleted_each_once(self) -> None:
        targets = [Target(api_version=CLUSTERNET, kind="Subscription", name=name, namespace="d") for name in "xyz"]
        refs = [reference(target, f"uid-{target.name}") for target in targets]
        record = made(
            "a",
            targets[0],
            type=ActionType.SUBSCRIPTION,
            outputs=ActionOutputs(subscription_ref=refs[0], subscription_refs=refs),
        )
        assert [deletion.target.name for deletion in deletes(record)] == ["x", "y", "z"]

    def test_todays_definition_does_not_decide(self) -> None:
        applied_today = manifest("other", "Apply", action="a", rollback={"type": "HTTP"})
        assert deletes(made("a", APP), None, applied_today) == [Deletion(target=APP, uid="uid-app")]

    def test_a_record_with_only_the_uid_takes_the_name_from_the_definition(self) -> None:
        record = made("a", APP, outputs=ActionOutputs(resource_ref=ObjectReference(uid="uid-app")))
        assert deletes(record, None, manifest("app", action="a")) == [Deletion(target=APP, uid="uid-app")]
        assert refused(record) == (FailureType.UNDEFINED, "Action a is no longer defined in DRWorkflow w")

    def test_a_clusternet_reference_needs_neither_kind_nor_version(self) -> None:
        ref = ObjectReference(name="x", namespace="d", uid="uid-x")
        record = made("a", localization("x", "d"), outputs=ActionOutputs(localization_ref=ref))
        assert deletes(record) == [Deletion(target=localization("x", "d"), uid="uid-x")]


class TestRecordsOfTheOlderController:
    def test_without_its_definition_an_action_is_refused(self) -> None:
        record = old("a", outputs=outputs(APP, "uid-app"))
        assert refused(record) == (FailureType.UNDEFINED, "Action a is no longer defined in DRWorkflow w")

    def test_the_recorded_uid_decides(self) -> None:
        record = old("a", outputs=outputs(APP, "uid-app"))
        long_ago = {APP: present("uid-app", START - timedelta(days=9))}
        assert deletes(record, long_ago, manifest("app", action="a")) == [Deletion(target=APP, uid="uid-app")]

    def test_another_uid_is_refused_with_both(self) -> None:
        record = old("a", outputs=outputs(APP, "uid-app"))
        kind, message = refused(record, {APP: present("uid-new")}, manifest("app", action="a"))
        assert kind is FailureType.WRONG_UID
        assert message.startswith("Failed to delete ConfigMap: ConfigMap app has uid uid-new")
        assert "uid-app" in message

    @pytest.mark.parametrize("created", [START - 5 * SECOND, START, END, END + 5 * SECOND])
    def test_without_uid_the_time_of_creation_decides(self, created: Any) -> None:
        record = old("a", outputs=outputs(APP, None))
        seen = {APP: present("uid-live", created)}
        assert deletes(record, seen, manifest("app", action="a")) == [Deletion(target=APP, uid="uid-live")]

    @pytest.mark.parametrize("created", [START - 6 * SECOND, END + 6 * SECOND, LATER])
    def test_an_object_of_another_time_is_refused_with_both_times(self, created: Any) -> None:
        record = old("a", outputs=outputs(APP, None))
        kind, message = refused(record, {APP: present("uid-live", created)}, manifest("app", action="a"))
        assert kind is FailureType.WRONG_UID
        assert created.strftime("%H:%M:%SZ") in message
        assert "2026-02-03T10:00:00Z to 2026-02-03T10:00:45Z" in message

    def test_without_a_recorded_end_nothing_can_be_shown(self) -> None:
        record = old("a", outputs=outputs(APP, None), completion_time=None)
        kind, message = refused(record, {APP: present("uid-live")}, manifest("app", action="a"))
        assert kind is FailureType.WRONG_UID
        assert "an unknown time" in message

    def test_without_any_output_the_definition_names_the_object(self) -> None:
        definition = localized("nginx")
        record = old(definition["name"])
        target = localization("nginx")
        assert deletes(record, {target: present("u")}, definition) == [Deletion(target=target, uid="u")]

    def test_a_name_with_placeholders_and_no_record_is_refused(self) -> None:
        definition = {**localized("$(params.name)"), "name": "a"}
        kind, message = refused(old("a"), None, definition)
        assert kind is FailureType.UNDEFINED
        assert "placeholders" in message

    def test_a_broken_manifest_and_no_record_is_refused(self) -> None:
        definition = {"name": "a", "type": "KubernetesResource", "resource": {"manifest": "{"}}
        kind, message = refused(old("a"), None, definition)
        assert kind is FailureType.UNDEFINED
        assert "not YAML" in message

    def test_an_applied_object_that_came_into_being_meanwhile_is_deleted(self) -> None:
        record = old("a", outputs=outputs(APP, "u"))
        assert deletes(record, {APP: present("u")}, manifest("app", "Apply", action="a"))

    def test_an_applied_object_that_existed_before_stays(self) -> None:
        record = old("a", outputs=outputs(APP, "u"))
        seen = {APP: present("u", START - timedelta(hours=1))}
        assert skipped(record, seen, manifest("app", "Apply", action="a")) == tree_messages.existed_before(APP).message

    def test_an_applied_object_that_was_recreated_since_is_refused(self) -> None:
        record = old("a", outputs=outputs(APP, None))
        assert refused(record, {APP: present("u", LATER)}, manifest("app", "Apply", action="a"))[0] is (
            FailureType.WRONG_UID
        )

    @pytest.mark.parametrize("uid", ["uid-x", None])
    @pytest.mark.parametrize("operation", ["Create", "Apply", "Patch", "Replace"])
    def test_a_subscription_is_deleted_whatever_the_operation(self, operation: str, uid: str | None) -> None:
        """That controller did so."""
        target = CLUSTERNET_OBJECTS[3][2]
        record = old("a", outputs=ActionOutputs(subscription_ref=reference(target, uid)))
        assert deletes(record, {target: present("uid-x")}, subscribed(operation)) == [
            Deletion(target=target, uid="uid-x")
        ]

    def test_a_subscription_whose_uid_is_recorded_is_deleted_although_it_existed_before(self) -> None:
        target = CLUSTERNET_OBJECTS[3][2]
        record = old("a", outputs=ActionOutputs(subscription_ref=reference(target, "uid-x")))
        seen = {target: present("uid-x", START - timedelta(days=9))}
        assert deletes(record, seen, subscribed("Patch")) == [Deletion(target=target, uid="uid-x")]

    def test_a_subscription_without_a_recorded_uid_that_existed_before_is_refused(self) -> None:
        target = CLUSTERNET_OBJECTS[3][2]
        record = old("a", outputs=ActionOutputs(subscription_ref=reference(target, None)))
        seen = {target: present("uid-x", START - timedelta(days=9))}
        assert refused(record, seen, subscribed("Patch"))[0] is FailureType.WRONG_UID

    def test_a_subscription_that_the_action_itself_deleted_needs_no_rollback(self) -> None:
        target = CLUSTERNET_OBJECTS[3][2]
        record = old("a", outputs=ActionOutputs(subscription_ref=reference(target, None)))
        assert skipped(record, {target: absent(target)}, subscribed("Delete")) == (
            "No automatic rollback for Delete operation"
        )

    @pytest.mark.parametrize(("type_", "field", "target"), CLUSTERNET_OBJECTS[:3])
    def test_an_applied_clusternet_object_that_came_into_being_meanwhile_is_deleted(
        self, type_: ActionType, field: str, target: Target
    ) -> None:
        record = old("a", outputs=ActionOutputs(**{field: reference(target, "u")}))
        block = {"name": "x", "namespace": "d", "operation": "Apply"}
        definition = {"name": "a", "type": type_.value, ACTION_TYPES[type_].field: block}
        assert deletes(record, {target: present("u")}, definition) == [Deletion(target=target, uid="u")]
        before = {target: present("u", START - timedelta(hours=1))}
        assert skipped(record, before, definition) == tree_messages.existed_before(target).message

    @pytest.mark.parametrize("operation", ["Patch", "Delete"])
    def test_patch_and_delete_are_not_undone(self, operation: str) -> None:
        record = old("a", outputs=outputs(APP, "u"))
        expected = f"No automatic rollback for {operation} operation"
        assert skipped(record, None, manifest("app", operation, action="a")) == expected

    def test_http_has_nothing_to_undo(self) -> None:
        assert skipped(old("a"), None, {"name": "a", "type": "HTTP", "http": {"url": "http://x"}}) == (
            "No rollback defined for HTTP action"
        )

    def test_a_definition_of_another_type_is_no_longer_the_actions(self) -> None:
        record = old("a", outputs=outputs(localization("loc"), "u"))
        expected = (FailureType.UNDEFINED, "Action a is no longer defined in DRWorkflow w")
        assert refused(record, None, manifest("app", action="a")) == expected

    def test_actions_of_one_name_keep_to_their_own_definitions(self) -> None:
        first, second = manifest("one", action="a"), manifest("two", action="a")
        decision = decide(
            execute(stage("s", workflow("w", old("a"), old("a")))),
            {config_map("one"): present("u1"), config_map("two"): present("u2")},
            dr_workflow("w", first, second),
        )
        names = [step.deletions[0].target.name for step in decision.steps[0][0] if step]
        assert names == ["two", "one"]


def test_a_rollback_is_tried_as_todays_definition_says() -> None:
    policy = {"limit": 0, "interval": "1s", "backoffMultiplier": "1.5"}
    _, step = revert_of(made("a", APP), None, manifest("app", action="a", timeout="90s", retryPolicy=policy))
    assert step.attempts.timeout == "90s"
    assert step.attempts.retry.limit == 0


@pytest.mark.parametrize("fault", [{"timeout": "soon"}, {"retryPolicy": {"limit": -1}}, {"timeout": "0s"}])
def test_a_faulty_or_missing_definition_means_the_default_attempts(fault: dict[str, Any]) -> None:
    _, step = revert_of(made("a", APP), None, manifest("app", action="a", **fault))
    assert step.attempts.timeout == "5m"
    assert step.attempts.retry.limit == 3


def test_a_look_that_is_not_there_refuses_instead_of_guessing() -> None:
    unread = ObservedObject(presence=Presence.FORBIDDEN, reason='configmaps "app" is forbidden')
    assert refused(made("a", APP), {APP: unread}) == (
        FailureType.FORBIDDEN,
        'Failed to delete ConfigMap: configmaps "app" is forbidden',
    )
