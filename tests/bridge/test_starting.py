"""One test for each sentence of 'Starting, queueing, cancelling' about references, copies and labels."""

from api.meta import ACCEPTED_ANNOTATION, PLAN_LABEL
from api.phases import Phase
from planning.messages import conditions as condition_messages
from tests.bridge.scripted import done
from tests.bridge.world import World, condition


async def test_a_missing_plan_is_waited_for_and_then_the_execution_starts(world: World) -> None:
    await world.dr_workflow()
    await world.execute("quick", plan="plan")
    waiting = await world.phase("quick", Phase.PENDING)
    assert waiting["status"]["message"] == "Waiting for DRPlan plan"
    assert condition(waiting, "Progressing")["reason"] == "WaitingForReference"
    await world.plan()
    await world.phase("quick", Phase.SUCCEEDED)


async def test_a_missing_dr_workflow_is_waited_for_and_then_the_execution_starts(world: World) -> None:
    await world.plan()
    await world.execute("quick")
    waiting = await world.phase("quick", Phase.PENDING)
    assert waiting["status"]["message"] == f"Waiting for DRWorkflow {world.namespace}/work"
    await world.dr_workflow()
    await world.phase("quick", Phase.SUCCEEDED)


async def test_a_missing_original_is_waited_for(world: World) -> None:
    await world.ready_plan()
    await world.revert("quick-revert", "quick")
    waiting = await world.phase("quick-revert", Phase.PENDING)
    assert waiting["status"]["message"] == "Waiting for DRPlanExecution quick"
    await world.execute("quick")
    await world.phase("quick-revert", Phase.SUCCEEDED)


async def test_a_reference_that_stays_missing_ends_as_failed(world: World) -> None:
    item = await world.execute("quick", plan="nowhere")
    ended = await world.phase("quick", Phase.FAILED)
    assert ended["status"]["message"].startswith("DRPlan nowhere does not exist; it was waited for 6s")
    assert condition(ended, "Completed")["status"] == "True"
    assert condition(ended, "Completed")["reason"] == "Failed"
    assert await world.runs(item) == 0


async def test_a_folder_may_be_applied_in_any_order(world: World) -> None:
    await world.execute("quick")
    await world.plan()
    await world.dr_workflow()
    await world.phase("quick", Phase.SUCCEEDED)


async def test_before_the_start_the_object_is_annotated_with_its_own_uid_and_labelled_with_its_plan(
    world: World,
) -> None:
    await world.ready_plan()
    await world.execute("slow")
    item = await world.phase("slow", Phase.RUNNING)
    assert item["metadata"]["annotations"][ACCEPTED_ANNOTATION] == item["metadata"]["uid"]
    assert item["metadata"]["labels"][PLAN_LABEL] == "plan"
    await world.close(item, done())
    await world.phase("slow", Phase.SUCCEEDED)


async def test_a_copy_with_a_foreign_uid_never_starts(world: World) -> None:
    await world.ready_plan()
    item = await world.execute("quick", annotations={ACCEPTED_ANNOTATION: "another"})
    ended = await world.phase("quick", Phase.FAILED)
    assert ended["status"]["message"] == condition_messages.COPY
    assert "startTime" not in ended["status"]
    assert await world.runs(item) == 0
