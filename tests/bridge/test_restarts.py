"""A bridge that comes and goes: what happened meanwhile is caught up on."""

from functools import partial

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.phases import Phase
from dev.stack import Stack
from planning.messages import runs as run_messages
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.controller.test_sync import BEGUN, tolerant
from tests.bridge.plan_namespace import PlanNamespace, bridge, left_running
from tests.bridge.scripted_workflows import done
from tests.eventually import eventually


async def test_the_first_status_with_a_run_has_the_whole_tree(stack: Stack, unwatched_ns: PlanNamespace) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    async with bridge(stack, TASK_QUEUE):
        item = await ns.execute("slow")

        async def shown() -> bool:
            await ns.root(item).signal("show", BEGUN)
            return True

        await eventually(partial(tolerant, shown), "run")
        seen = await ns.until("slow", lambda one: one.get("status", {}).get("engine"), "status")
        assert [one["name"] for one in seen["status"]["stageStatuses"]] == ["first", "second"]
        assert seen["status"]["summary"]["pendingStages"] == 1
        await ns.close(item, done())
        await ns.phase("slow", Phase.SUCCEEDED)


async def test_a_run_that_the_engine_no_longer_knows_is_said_to_be_so(
    stack: Stack, unwatched_ns: PlanNamespace
) -> None:
    ns = unwatched_ns
    item = await left_running(stack, ns, TASK_QUEUE)
    await ns.root(item).terminate()
    await _delete(ns.temporal, ns.root(item).id)
    async with bridge(stack, TASK_QUEUE):
        ended = await ns.phase("slow", Phase.FAILED)
        assert ended["status"]["message"] == run_messages.run_unknown(ns.root(item).id)
        await ns.released("slow")


async def test_a_bridge_that_was_down_catches_up_on_everything_that_happened_meanwhile(
    stack: Stack, unwatched_ns: PlanNamespace
) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    async with bridge(stack, TASK_QUEUE):
        await ns.execute("slow")
        item = await ns.phase("slow", Phase.RUNNING)
        await ns.execute("quick")
        await ns.phase("quick", Phase.PENDING)
    await ns.close(item, done(Phase.FAILED, "it failed meanwhile"), "fail")
    await ns.execute("quick-too")
    async with bridge(stack, TASK_QUEUE):
        assert (await ns.phase("slow", Phase.FAILED))["status"]["message"] == "it failed meanwhile"
        await ns.phase("quick", Phase.SUCCEEDED)
        await ns.phase("quick-too", Phase.SUCCEEDED)


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
