"""A bridge that comes and goes: what happened meanwhile is caught up on."""

from functools import partial

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.phases import Phase
from bridge.controller import reconcile
from bridge.kubernetes.entry import ObjectKind
from dev.stack import Stack
from planning.messages import runs as run_messages
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.controller.test_rehearse import CLEAR, begun, end, rehearsed_plan, workflow_id
from tests.bridge.controller.test_sync import BEGUN, tolerant
from tests.bridge.plan_namespace import PlanNamespace, bridge, condition, left_running
from tests.bridge.scripted_workflows import done
from tests.eventually import eventually


async def test_the_first_status_with_a_run_has_the_whole_tree(
    stack: Stack, unwatched_ns: PlanNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "FIRST_TREE_WAIT", 600.0)  # the script below may be slower than a worker
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


async def test_a_rehearsal_goes_on_under_the_next_bridge_and_ends_once(
    stack: Stack, unwatched_ns: PlanNamespace
) -> None:
    ns = unwatched_ns
    await ns.dr_workflow()
    async with bridge(stack, TASK_QUEUE):
        await rehearsed_plan(ns)
        item = await ns.until("plan", begun, "rehearsal", ObjectKind.PLAN)
    async with bridge(stack, TASK_QUEUE):
        ended = await end(ns, None)
    assert workflow_id(ended) == workflow_id(item), "the next bridge has begun no other one"
    executable = condition(ended, "Executable")
    assert (executable["status"], executable["reason"]) == ("Unknown", "NotKnown")
    assert executable["message"] == "the worker gave up"


async def test_at_most_so_many_plans_are_rehearsed_at_once(stack: Stack, unwatched_ns: PlanNamespace) -> None:
    ns, names = unwatched_ns, ["a", "b", "c"]
    await ns.dr_workflow()
    for name in names:
        await rehearsed_plan(ns, name)
    async with bridge(stack, TASK_QUEUE, DRPLAN_REHEARSALS="1"):
        while names:
            running = await eventually(partial(under_way, ns, names), "a rehearsal")
            assert len(running) == 1
            await end(ns, CLEAR, running[0])
            names.remove(running[0])


async def under_way(ns: PlanNamespace, names: list[str]) -> list[str]:
    return [name for name in names if begun(await ns.get(name, ObjectKind.PLAN))]
