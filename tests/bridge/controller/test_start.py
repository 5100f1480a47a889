"""One test for each sentence of 'Starting, queueing, cancelling' about references, copies and labels."""

from api.meta import ACCEPTED_ANNOTATION, PLAN_LABEL
from api.phases import Phase
from planning.messages import conditions as condition_messages
from tests.bridge.plan_namespace import PlanNamespace, condition
from tests.bridge.scripted_workflows import done


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


async def test_a_reference_that_stays_missing_ends_as_failed(ns: PlanNamespace) -> None:
    item = await ns.execute("quick", plan="nowhere")
    ended = await ns.phase("quick", Phase.FAILED)
    assert ended["status"]["message"].startswith("DRPlan nowhere does not exist; it was waited for 6s")
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


async def test_a_copy_with_a_foreign_uid_never_starts(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    item = await ns.execute("quick", annotations={ACCEPTED_ANNOTATION: "another"})
    ended = await ns.phase("quick", Phase.FAILED)
    assert ended["status"]["message"] == condition_messages.COPY
    assert "startTime" not in ended["status"]
    assert await ns.runs(item) == 0
