"""Which objects an Execute is to create, and what is said of those that an earlier execution of the plan made."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.execution import DRPlanExecution
from api.meta import ACCEPTED_ANNOTATION, ObjectMeta
from api.phases import Mode, Operation, Phase
from api.plan import ExecutionRecord
from planning.execute.decide import objects_to_create
from planning.execute.standing import Creation, StandingObject, conflicts, plan_was_executed
from planning.values.parameters import Resolved
from tests.planning.builders import (
    START,
    by_name,
    config_map,
    dr_workflow,
    execute,
    localized,
    made,
    manifest,
    old,
    outputs,
    plan,
    plan_stage,
    revert,
    stage,
    workflow,
)
from tests.planning.execute.test_decide import EXECUTION

A, B = config_map("a"), config_map("b")
ONE, TWO = Creation("one", A), Creation("two", B)


def to_create(*actions: dict[str, Any], mode: Mode | None = None, values: dict[str, str] | None = None) -> list[str]:
    """The names of the objects that an Execute of a plan with these actions is to create."""
    spec = EXECUTION.spec.model_copy(update={"mode": mode})
    execution, of = EXECUTION.model_copy(update={"spec": spec}), plan(plan_stage("s", "w"))
    resolved = Resolved(values=values or {})
    found = objects_to_create(execution, of, by_name(dr_workflow("w", *actions)), {("s", 0): resolved})
    return [one.target.name for one in found]


def test_only_a_create_meets_what_exists() -> None:
    operations = ["Create", "Apply", "Patch", "Delete"]
    assert to_create(*(manifest(operation.lower(), operation) for operation in operations)) == ["create"]
    assert to_create(localized("loc"), {"name": "call", "type": "HTTP", "http": {"url": "https://x"}}) == ["loc"]


def test_an_action_that_does_not_run_in_the_mode_creates_nothing() -> None:
    actions = manifest("a", when='mode == "install"'), manifest("b", when='mode == "upgrade"')
    assert to_create(*actions, mode=Mode.UPGRADE) == ["b"]
    assert to_create(*actions, mode=Mode.DELETE) == []
    assert to_create(*actions) == ["a", "b"]


def test_what_the_execute_itself_removes_is_not_met() -> None:
    assert to_create(manifest("a", "Delete", action="clear"), manifest("a")) == []
    assert to_create({**localized("loc"), "hookCleanup": {"beforeCreate": True}}) == []
    home = {
        "manifest": '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}',
        "operation": "Delete",
    }
    assert to_create({"name": "clear", "type": "KubernetesResource", "resource": home}, manifest("a")) == []


def test_names_are_filled_in_and_one_that_only_the_run_knows_is_left_out() -> None:
    assert to_create(manifest("shop-$(params.site)"), values={"site": "east"}) == ["shop-east"]
    assert to_create(manifest("a"), manifest("$(outputs.a.resourceRef.name)-b")) == ["a"]


def test_what_is_done_for_each_cluster_takes_an_object_as_it_is() -> None:
    block = {"name": "shop", "namespace": "default", "operation": "Create", "spec": {}}
    subscription = {"name": "shop", "type": "Subscription", "subscription": block, "waitReady": True}
    assert to_create(subscription) == ["shop"]
    assert to_create({**subscription, "clusterExecutionMode": "PerCluster"}) == []


def standing(creation: Creation, maker: str = "uid-nginx-exec-001") -> StandingObject:
    return StandingObject(creation, f"uid-{creation.target.name}", f"{maker}/s/w/{creation.action}")


def delivered(phase: Phase = Phase.SUCCEEDED) -> DRPlanExecution:
    """An execution that made both objects in a part that ended so."""
    return execute(stage("s", workflow("w", made("one", A), made("two", B), phase=phase), phase=phase), phase=phase)


MET = "action one is to create ConfigMap default/a, which DRPlanExecution nginx-exec-001 made"


def test_the_execution_that_made_the_objects_is_named_with_its_revert() -> None:
    remedy = "first create a Revert with revertExecutionRef: nginx-exec-001, or use the operation Apply"
    assert conflicts([delivered()], [standing(ONE)]) == [f"{MET}; {remedy}"]
    assert conflicts([delivered()], [standing(ONE), standing(TWO)]) == [f"{MET} and 1 other object; {remedy}"]


def test_of_a_part_that_failed_a_revert_that_includes_it_is_advised() -> None:
    remedy = "first create a Revert with revertExecutionRef: nginx-exec-001 and includePartial: true"
    assert conflicts([delivered(Phase.FAILED)], [standing(ONE)]) == [f"{MET}; {remedy}, or use the operation Apply"]
    remedy = "no Revert takes it back: delete it"
    assert conflicts([delivered(Phase.SKIPPED)], [standing(ONE)]) == [f"{MET}; {remedy}, or use the operation Apply"]


def test_what_a_revert_made_is_not_taken_back_by_another() -> None:
    (error,) = conflicts([revert("back")], [standing(ONE, "uid-back")])
    assert "which DRPlanExecution back made; no Revert takes it back" in error


def test_an_execution_from_a_backup_is_known_by_the_uid_that_it_had() -> None:
    restored = delivered()
    meta = ObjectMeta(name="restored", uid="new", annotations={ACCEPTED_ANNOTATION: "uid-nginx-exec-001"})
    (error,) = conflicts([restored.model_copy(update={"metadata": meta})], [standing(ONE)])
    assert "which DRPlanExecution restored made" in error


@pytest.mark.parametrize("operation", [Operation.CREATE, Operation.REPLACE])
def test_what_a_replace_made_is_not_taken_back_by_a_revert(operation: Operation) -> None:
    original = execute(stage("s", workflow("w", made("one", A, operation=operation))))
    (error,) = conflicts([original], [standing(ONE)])
    assert ("no Revert takes it back" in error) == (operation is Operation.REPLACE)


def test_what_the_older_controller_made_is_known_by_its_record_and_its_time() -> None:
    original = execute(stage("s", workflow("w", old("one", outputs=outputs(A, "uid-a")))))
    unmarked = StandingObject(ONE, "uid-a", "", START)
    (error,) = conflicts([original], [unmarked])
    assert error.startswith(f"{MET}; first create a Revert")
    assert conflicts([original], [replace(unmarked, created=START - timedelta(hours=1))]) == []
    assert conflicts([original], [replace(unmarked, uid="another")]) == []
    assert conflicts([delivered()], [unmarked]) == []


def test_objects_of_others_are_no_conflict() -> None:
    assert conflicts([delivered()], [standing(ONE, "uid-of-another-plan")]) == []
    assert conflicts([], [standing(ONE)]) == []


@pytest.mark.parametrize(("names", "executed"), [([], False), (["run"], False), (["run", "before"], True)])
def test_a_plan_that_had_no_other_execution_has_nothing_standing(names: list[str], executed: bool) -> None:
    history = [ExecutionRecord(name=name, namespace="default", operation_type="Execute") for name in names]
    of = plan(plan_stage("s", "w"))
    of = of.model_copy(update={"status": of.status.model_copy(update={"execution_history": history})})
    assert plan_was_executed(of, EXECUTION) is executed
