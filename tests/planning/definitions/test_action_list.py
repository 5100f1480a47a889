"""Which actions an Execute carries out in a mode, in which order, and what comes before each."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.phases import ActionType, Mode, Operation
from api.steps import Part
from api.workflow import DRWorkflow
from planning.definitions.action_list import PlannedAction, as_executed, deletion_of, is_inverted
from planning.definitions.action_types import block_of, is_per_cluster, operation_of, row_of
from planning.definitions.manifest import parse_manifest
from planning.definitions.target import target_of_action
from planning.validation.objects import workflow_errors
from tests.planning.builders import action, dr_workflow, localized, manifest


def names(planned: list[PlannedAction]) -> list[str]:
    return [one.action.name for one in planned]


def job(name: str, **template: Any) -> dict[str, Any]:
    return {"name": name, "type": "Job", "job": {"namespace": "batch", "template": {"spec": {}, **template}}}


def subscription(name: str, operation: str = "Create", **fields: Any) -> dict[str, Any]:
    block = {"name": name, "namespace": "default", "operation": operation, "spec": {"feeds": []}}
    return {"name": name, "type": "Subscription", "subscription": block, **fields}


def globalization(name: str, operation: str = "Create") -> dict[str, Any]:
    block = {"name": name, "operation": operation, "spec": {"overridePolicy": "ApplyNow"}}
    return {"name": name, "type": "Globalization", "globalization": block}


def call(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "type": "HTTP", "http": {"url": "https://example.com"}, **fields}


class TestOrder:
    def test_without_dependencies_they_run_as_they_are_written(self) -> None:
        planned = as_executed(dr_workflow("w", manifest("b"), manifest("a"), call("c")), None)
        assert [(one.index, one.part, one.after) for one in planned] == [(i, Part.ACTION, None) for i in range(3)]

    def test_one_dependency_is_enough_for_all_to_go_by_what_they_depend_on(self) -> None:
        flow = dr_workflow("w", manifest("web", dependsOn=["db"]), manifest("cache"), manifest("db"))
        planned = as_executed(flow, None)
        assert names(planned) == ["cache", "db", "web"]
        assert [(one.index, one.after) for one in planned] == [(1, []), (2, []), (0, [1])]

    def test_places_are_those_of_the_list_that_is_carried_out(self) -> None:
        flow = dr_workflow(
            "w", manifest("d", dependsOn=["c", "b"]), manifest("c", dependsOn=["a"]), manifest("b"), manifest("a")
        )
        assert [(one.action.name, one.after) for one in as_executed(flow, Mode.INSTALL)] == [
            ("b", []),
            ("a", []),
            ("c", [1]),
            ("d", [0, 2]),
        ]

    def test_a_circle_does_not_break_planning(self) -> None:
        flow = dr_workflow("w", manifest("a", dependsOn=["b"]), manifest("b", dependsOn=["a"]), manifest("c"))
        assert names(as_executed(flow, None)) == ["c"]


class TestModeDelete:
    def test_what_they_create_is_deleted_in_reverse_order(self) -> None:
        flow = dr_workflow(
            "w",
            localized("loc", when='mode == "install"', hookType="pre-install", hookCleanup={"onSuccess": True}),
            manifest("settings", "Apply", timeout="30s", waitReady=True, dependsOn=["create-loc"]),
            subscription("web", "Replace", rollback={"http": {"url": "https://example.com"}, "type": "HTTP"}),
            globalization("everywhere"),
        )
        planned = as_executed(flow, Mode.DELETE)
        assert names(planned) == ["delete-everywhere", "delete-web", "delete-settings", "delete-create-loc"]
        assert [one.index for one in planned] == [3, 2, 1, 0]
        assert {(one.part, one.after) for one in planned} == {(Part.INVERSE, None)}
        assert {operation_of(one.action) for one in planned} == {Operation.DELETE}
        assert [target_of_action(one.action) for one in planned] == [
            target_of_action(definition) for definition in reversed(flow.spec.actions)
        ]
        for one in planned:
            left = one.action
            assert (left.when, left.depends_on, left.rollback, left.hook_type, left.hook_cleanup) == (None,) * 5
            assert not left.wait_ready
        assert planned[2].action.timeout == "30s"

    @pytest.mark.parametrize("waits", [True, False])
    def test_what_was_made_cluster_by_cluster_is_deleted_cluster_by_cluster(self, waits: bool) -> None:
        deletion = deletion_of(action(subscription("web", waitReady=waits, clusterExecutionMode="PerCluster")))
        assert deletion is not None
        assert is_per_cluster(deletion) is waits

    def test_no_more_is_left_of_a_definition_than_what_names_its_object(self) -> None:
        text = (
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: $(params.name)\n  labels: {a: b}\nstringData: {key: x}\n"
        )
        secret = {"name": "s", "type": "KubernetesResource", "resource": {"manifest": text}}
        deletion = deletion_of(action(secret))
        assert deletion is not None
        assert parse_manifest(block_of(deletion).manifest) == {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "$(params.name)"},
        }
        deletion = deletion_of(action(subscription("web")))
        assert deletion is not None
        assert block_of(deletion).spec is None

    def test_a_manifest_that_is_no_yaml_before_it_is_filled_in_stays_whole(self) -> None:
        text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .params.name }}}\n"
        deletion = deletion_of(action({"name": "s", "type": "KubernetesResource", "resource": {"manifest": text}}))
        assert deletion is not None
        assert block_of(deletion).manifest == text

    def test_a_job_that_names_itself_is_deleted_as_the_object_that_it_is(self) -> None:
        planned = as_executed(
            dr_workflow("w", job("migrate", metadata={"name": "migrate-$(params.v)"}), job("nameless")), Mode.DELETE
        )
        assert names(planned) == ["delete-migrate"]
        assert planned[0].action.type is ActionType.KUBERNETES_RESOURCE
        assert json.loads(block_of(planned[0].action).manifest) == {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "migrate-$(params.v)", "namespace": "batch"},
        }

    def test_what_creates_nothing_drops_out(self) -> None:
        patch = manifest("p", "Patch", rollback={"http": {"url": "https://example.com"}})
        flow = dr_workflow("w", call("hook"), patch, manifest("a"))
        assert names(as_executed(flow, Mode.DELETE)) == ["delete-a"]

    def test_a_job_without_a_name_is_not_run_to_take_it_down(self) -> None:
        job = {"name": "work", "type": "Job", "job": {"template": {}}}
        assert as_executed(dr_workflow("w", job, call("hook")), Mode.DELETE) == []

    def test_where_nothing_is_created_it_runs_as_it_is_written(self) -> None:
        flow = dr_workflow("w", call("tell", when='mode == "delete"'))
        assert [(one.action.name, one.part) for one in as_executed(flow, Mode.DELETE)] == [("tell", Part.ACTION)]

    def test_in_which_clusters_it_was_done_is_kept(self) -> None:
        (planned,) = as_executed(dr_workflow("w", subscription("s", clusterExecutionMode="PerCluster")), Mode.DELETE)
        assert planned.action.cluster_execution_mode == "PerCluster"

    @pytest.mark.parametrize("explicit", [manifest("old", "Delete"), subscription("old", "Delete")])
    def test_with_a_deletion_of_its_own_it_runs_as_it_is_written(self, explicit: dict[str, Any]) -> None:
        planned = as_executed(dr_workflow("w", manifest("a"), explicit), Mode.DELETE)
        assert [(one.action.name, one.part) for one in planned] == [("a", Part.ACTION), ("old", Part.ACTION)]

    @pytest.mark.parametrize("mode", [None, Mode.INSTALL, Mode.UPGRADE, Mode.ROLLBACK])
    def test_in_every_other_mode_it_runs_as_it_is_written(self, mode: Mode | None) -> None:
        assert names(as_executed(dr_workflow("w", manifest("a"), manifest("b")), mode)) == ["a", "b"]


conditions = st.sampled_from([None, 'mode == "install"', "operation == upgrade || mode == 'delete'", "mode==rollback"])


@st.composite
def drawn_workflows(draw: st.DrawFn) -> DRWorkflow:
    """Draw up to eight actions of any type and operation, with dependencies that make no circle."""
    number = draw(st.integers(1, 8))
    ranks = draw(st.permutations(range(number)))
    actions = []
    for place in range(number):
        make = draw(st.sampled_from([manifest, localized, subscription]))
        of_an_object = make(f"o{place}", draw(st.sampled_from(["Create", "Apply", "Delete"])))
        others = [job("j", metadata={"name": "j"}), job("j"), call("c"), globalization("g")]
        one = draw(st.sampled_from([of_an_object, *others]))
        earlier = [f"a{other}" for other in range(number) if ranks[other] < ranks[place]]
        needs = draw(st.lists(st.sampled_from(earlier), max_size=3)) if earlier else []
        actions.append({**one, "name": f"a{place}", "when": draw(conditions), "dependsOn": needs or None})
    return dr_workflow("w", *actions)


modes = st.sampled_from([None, *Mode])


@given(drawn_workflows(), modes)
def test_every_action_appears_exactly_once_and_after_what_it_depends_on(flow: DRWorkflow, mode: Mode | None) -> None:
    assert workflow_errors(flow) == []
    planned = as_executed(flow, mode)
    assert planned == as_executed(flow, mode)
    if is_inverted(flow.spec.actions, mode):
        return
    assert sorted(one.index for one in planned) == list(range(len(flow.spec.actions)))
    ordered = any(one.depends_on for one in flow.spec.actions)
    for place, one in enumerate(planned):
        assert one.action == flow.spec.actions[one.index]
        needed = [planned[other].action.name for other in one.after or []]
        assert set(needed) == set(one.action.depends_on or [])
        assert all(other < place for other in one.after or [])
        assert (one.after is None) == (not ordered)


@given(drawn_workflows())
def test_mode_delete_deletes_each_object_that_is_created_and_nothing_else(flow: DRWorkflow) -> None:
    if not is_inverted(flow.spec.actions, Mode.DELETE):
        return
    planned = as_executed(flow, Mode.DELETE)
    created = {
        (index, target_of_action(one))
        for index, one in enumerate(flow.spec.actions)
        if row_of(one).has_object and target_of_action(one) is not None
    }
    assert {(one.index, target_of_action(one.action)) for one in planned} == created
    assert [one.index for one in planned] == sorted((one.index for one in planned), reverse=True)
    if planned:
        spec = flow.spec.model_copy(update={"actions": [one.action for one in planned]})
        assert workflow_errors(flow.model_copy(update={"spec": spec})) == []
