"""A bridge that comes and goes: what happened meanwhile is caught up on."""

from functools import partial

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.phases import Phase
from dev.stack import Stack
from planning.messages import conditions as condition_messages
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.scripted import done
from tests.bridge.test_following import BEGUN, tolerant
from tests.bridge.world import World, bridge, eventually


async def test_the_first_status_with_a_run_has_the_whole_tree(stack: Stack, empty_world: World) -> None:
    world = empty_world
    await world.ready_plan()
    async with bridge(stack, TASK_QUEUE):
        item = await world.execute("slow")

        async def shown() -> bool:
            await world.root(item).signal("show", BEGUN)
            return True

        await eventually(partial(tolerant, shown), "run")
        seen = await world.until("slow", lambda one: one.get("status", {}).get("engine"), "status")
        assert [one["name"] for one in seen["status"]["stageStatuses"]] == ["first", "second"]
        assert seen["status"]["summary"]["pendingStages"] == 1
        await world.close(item, done())
        await world.phase("slow", Phase.SUCCEEDED)


async def test_a_run_that_the_engine_no_longer_knows_is_said_to_be_so(stack: Stack, empty_world: World) -> None:
    world = empty_world
    await world.ready_plan()
    async with bridge(stack, TASK_QUEUE):
        await world.execute("slow")
        item = await world.phase("slow", Phase.RUNNING)
    await world.root(item).terminate()
    await _delete(world.temporal, world.root(item).id)
    async with bridge(stack, TASK_QUEUE):
        ended = await world.phase("slow", Phase.FAILED)
        assert ended["status"]["message"] == condition_messages.run_unknown(world.root(item).id)
        await world.released("slow")


async def test_a_bridge_that_was_down_catches_up_on_everything_that_happened_meanwhile(
    stack: Stack, empty_world: World
) -> None:
    world = empty_world
    await world.ready_plan()
    async with bridge(stack, TASK_QUEUE):
        await world.execute("slow")
        item = await world.phase("slow", Phase.RUNNING)
        await world.execute("quick")
        await world.phase("quick", Phase.PENDING)
    await world.close(item, done(Phase.FAILED, "it failed meanwhile"), "fail")
    await world.execute("quick-too")
    async with bridge(stack, TASK_QUEUE):
        assert (await world.phase("slow", Phase.FAILED))["status"]["message"] == "it failed meanwhile"
        await world.phase("quick", Phase.SUCCEEDED)
        await world.phase("quick-too", Phase.SUCCEEDED)


async def _delete(client: Client, workflow_id: str) -> None:

    execution = WorkflowExecution(workflow_id=workflow_id)
    request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
    await client.workflow_service.delete_workflow_execution(request)

    async def gone() -> bool:
        try:
            await client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            return error.status is RPCStatusCode.NOT_FOUND
        return False

    await eventually(gone, "deletion")
