"""One test for each sentence of 'Starting, queueing, cancelling' about references, copies and labels."""

from collections import Counter

import pytest

from api.meta import ACCEPTED_ANNOTATION, FINALIZER, PLAN_LABEL
from api.phases import Phase
from bench.cost import requests
from bridge.kubernetes.entry import ObjectKind
from dev.stack import Stack
from planning.messages import runs as run_messages
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.plan_namespace import PlanNamespace, bridge, condition, next_second
from tests.bridge.scripted_workflows import done
from tests.eventually import eventually


async def test_a_missing_plan_is_waited_for_and_then_the_execution_starts(ns: PlanNamespace) -> None:
    await ns.dr_workflow()
    await ns.execute("quick", plan="plan")
    waiting = await ns.phase("quick", Phase.PENDING)
    assert waiting["status"]["message"] == "Waiting for DRPlan plan"
    assert condition(waiting, "Progressing")["reason"] == "WaitingForReference"
    await ns.plan()
    await ns.phase("quick", Phase.SUCCEEDED)


async def test_a_missing_dr_workflow_is_waited_for_and_then_the_execution_starts(ns: PlanNamespace) -> None:
    await ns.plan()
    await ns.execute("quick")
    waiting = await ns.phase("quick", Phase.PENDING)
    assert waiting["status"]["message"] == f"Waiting for DRWorkflow {ns.namespace}/work"
    await ns.dr_workflow()
    await ns.phase("quick", Phase.SUCCEEDED)


async def test_a_missing_original_is_waited_for(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.revert("quick-revert", "quick")
    waiting = await ns.phase("quick-revert", Phase.PENDING)
    assert waiting["status"]["message"] == "Waiting for DRPlanExecution quick"
    await ns.execute("quick")
    await ns.phase("quick-revert", Phase.SUCCEEDED)


async def test_a_revert_that_is_older_than_its_execute_waits_until_that_has_ended(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("holder")
    holder = await ns.phase("holder", Phase.RUNNING)
    await next_second(await ns.revert("quick-revert", "slow"))
    await ns.execute("slow")
    await ns.until("quick-revert", lambda item: "position 2" in str(item.get("status")), "its position")
    await ns.close(holder, done())
    slow = await ns.phase("slow", Phase.RUNNING)
    waiting = await ns.until("quick-revert", lambda item: "slow, which runs" in str(item.get("status")), "its turn")
    assert waiting["status"]["phase"] == "Pending"
    await ns.close(slow, done())
    await ns.phase("quick-revert", Phase.SUCCEEDED)


async def test_a_revert_waits_with_its_execute_for_what_that_refers_to(ns: PlanNamespace) -> None:
    await ns.plan()
    await ns.execute("quick")
    await ns.phase("quick", Phase.PENDING)
    await ns.revert("quick-revert", "quick")
    waiting = await ns.phase("quick-revert", Phase.PENDING)
    assert waiting["status"]["message"] == "Waiting for the end of DRPlanExecution quick, which is to be taken back"
    assert condition(waiting, "Progressing")["reason"] == "WaitingForPlan"
    await ns.dr_workflow()
    await ns.phase("quick-revert", Phase.SUCCEEDED)


async def test_a_reference_that_stays_missing_ends_as_failed(stack: Stack, ns: PlanNamespace) -> None:
    lease = {"DRPLAN_LEASE_NAME": "impatient", "DRPLAN_LEASE_NAMESPACE": ns.namespace}
    async with bridge(stack, TASK_QUEUE, user="admin", DRPLAN_REFERENCE_WAIT="2s", **lease):
        item = await ns.execute("quick", plan="nowhere")
        ended = await ns.phase("quick", Phase.FAILED)
    assert ended["status"]["message"].startswith("DRPlan nowhere does not exist; it was waited for 2s")
    assert condition(ended, "Completed")["status"] == "True"
    assert condition(ended, "Completed")["reason"] == "Failed"
    assert await ns.runs(item) == 0


async def test_a_folder_may_be_applied_in_any_order(ns: PlanNamespace) -> None:
    await ns.execute("quick")
    await ns.plan()
    await ns.dr_workflow()
    await ns.phase("quick", Phase.SUCCEEDED)


async def test_before_the_start_the_object_is_annotated_with_its_own_uid_and_labelled_with_its_plan(
    ns: PlanNamespace,
) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    assert item["metadata"]["annotations"][ACCEPTED_ANNOTATION] == item["metadata"]["uid"]
    assert item["metadata"]["labels"][PLAN_LABEL] == "plan"
    await ns.close(item, done())
    await ns.phase("slow", Phase.SUCCEEDED)


async def test_no_definition_is_read_for_an_execution_of_a_plan_that_is_known(stack: Stack, ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.until("plan", lambda item: item.get("status", {}).get("phase") == "Ready", "phase", ObjectKind.PLAN)
    log = stack.layout.audit_log
    where = log.stat().st_size

    def asked() -> Counter[tuple[str, str]] | None:
        with log.open(encoding="utf-8") as lines:
            lines.seek(where)
            found = requests(line for line in lines if ns.namespace in line and line.endswith("\n"))
        return found if found["bridge", "patch drplanexecutions"] >= 2 else None

    await ns.execute("quick")
    await ns.released("quick")
    of_bridge = {what for who, what in await eventually(asked, "log of what the bridge asked") if who == "bridge"}
    assert of_bridge.isdisjoint({"get drplans", "list drplans", "get drworkflows", "list drworkflows"})


async def test_a_copy_with_a_foreign_uid_never_starts(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    item = await ns.execute("quick", annotations={ACCEPTED_ANNOTATION: "another"})
    ended = await ns.phase("quick", Phase.FAILED)
    assert ended["status"]["message"] == run_messages.COPY
    assert "startTime" not in ended["status"]
    assert await ns.runs(item) == 0


NO_NAMES = ["../../{other}/drplans/plan", "has blank", "_x", "a/b", "Upper", "x" * 254, "a\nb", "%2e%2e"]


@pytest.mark.parametrize("name", NO_NAMES)
async def test_a_plan_reference_that_is_no_name_ends_as_failed_at_once(
    ns: PlanNamespace, second_namespace: PlanNamespace, name: str
) -> None:
    await second_namespace.ready_plan()
    item = await ns.execute("quick", plan=name.format(other=second_namespace.namespace))
    ended = await ns.until("quick", lambda one: one.get("status", {}).get("phase"), "phase")
    assert ended["status"]["message"].startswith(f"Not started: spec.planRef of DRPlanExecution {ns.namespace}/quick: ")
    assert condition(ended, "Completed")["status"] == "True"
    assert PLAN_LABEL not in ended["metadata"].get("labels", {})
    assert await ns.runs(item) == 0
    victim = await second_namespace.get("plan", ObjectKind.PLAN)
    assert not {"currentExecution", "executionHistory", "lastExecutionRef"} & set(victim.get("status", {}))


async def test_an_accepted_execution_of_a_foreign_plan_leaves_the_plan_alone(
    ns: PlanNamespace, second_namespace: PlanNamespace
) -> None:
    await second_namespace.ready_plan()
    path = f"../../{second_namespace.namespace}/drplans/plan"
    item = await ns.execute("quick", plan=path, finalizers=[FINALIZER])
    await ns.annotate("quick", {ACCEPTED_ANNOTATION: item["metadata"]["uid"]})
    await ns.phase("quick", Phase.FAILED)
    await ns.released("quick")
    victim = await second_namespace.get("plan", ObjectKind.PLAN)
    assert not {"currentExecution", "executionHistory", "lastExecutionRef"} & set(victim.get("status", {}))


@pytest.mark.parametrize("name", ["../quick", "has blank"])
async def test_an_original_that_is_no_name_ends_as_failed_at_once(ns: PlanNamespace, name: str) -> None:
    await ns.ready_plan()
    await ns.revert("revert", name)
    ended = await ns.until("revert", lambda one: one.get("status", {}).get("phase"), "phase")
    assert ended["status"]["phase"] == "Failed"
    assert "spec.revertExecutionRef of DRPlanExecution" in ended["status"]["message"]


@pytest.mark.parametrize(
    ("reference", "field"),
    [
        ({"name": "../drplans/plan"}, "workflowRef.name"),
        ({"name": "work", "namespace": "../x"}, "workflowRef.namespace"),
        ({"name": "work", "namespace": "a.b"}, "workflowRef.namespace"),
    ],
)
async def test_a_dr_workflow_reference_that_is_no_name_ends_as_failed_at_once(
    ns: PlanNamespace, reference: dict[str, str], field: str
) -> None:
    spec = {"stages": [{"name": "first", "workflows": [{"workflowRef": reference}]}]}
    await ns.create(ObjectKind.PLAN, "plan", spec)
    await ns.execute("quick")
    ended = await ns.until("quick", lambda one: one.get("status", {}).get("phase"), "phase")
    assert ended["status"]["phase"] == "Failed"
    assert f"spec.stages[0].workflows[0].{field} of DRPlan {ns.namespace}/plan: " in ended["status"]["message"]


async def test_a_plan_whose_account_is_no_name_does_not_hide_its_dr_workflows(ns: PlanNamespace) -> None:
    await ns.dr_workflow()
    uses = [{"workflowRef": {"name": "work"}}, {"workflowRef": {"name": "missing"}}]
    spec = {"serviceAccountName": "a/b", "stages": [{"name": "first", "workflows": uses}]}
    await ns.create(ObjectKind.PLAN, "plan", spec)
    await ns.execute("quick")
    ended = await ns.until("quick", lambda one: one.get("status", {}).get("phase"), "phase")
    message = ended["status"]["message"]
    assert f"spec.serviceAccountName of DRPlan {ns.namespace}/plan: " in message
    assert f"DRWorkflow {ns.namespace}/missing does not exist" in message
    assert f"DRWorkflow {ns.namespace}/work does not exist" not in message
