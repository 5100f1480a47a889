"""Two bridges at once, stopped ones, restarted ones: the lease saves double work, and nothing rests on it."""

import asyncio
import signal
from contextlib import AsyncExitStack

from api.phases import Phase
from api.steps import Target
from bridge.kubernetes.index import ObjectKind
from dev.stack import Stack
from kube.client import OWN
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.plan_namespace import PlanNamespace, bridge
from tests.bridge.processes import process, says
from tests.bridge.scripted_workflows import done
from tests.eventually import eventually

ENV = {"DRPLAN_TASK_QUEUE": TASK_QUEUE}


async def test_of_two_bridges_one_leads_and_the_other_takes_over_when_it_is_killed(
    stack: Stack, unwatched_ns: PlanNamespace
) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    async with process(stack, "bridge", **ENV) as first:
        await says(first, "bridge leading")
        async with process(stack, "bridge", **ENV) as second:
            await says(second, "bridge started")
            await ns.execute("slow")
            item = await ns.phase("slow", Phase.RUNNING)
            first.kill()
            await ns.close(item, done())
            await says(second, "bridge leading")
            await ns.phase("slow", Phase.SUCCEEDED)


async def test_a_bridge_that_is_told_to_end_gives_up_its_lease_and_ends_with_0(
    stack: Stack, unwatched_ns: PlanNamespace
) -> None:
    async with process(stack, "bridge", **ENV) as first:
        await says(first, "bridge leading")
        first.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await first.wait() == 0
    target = Target(api_version="coordination.k8s.io/v1", kind="Lease", name="drplan-bridge", namespace="drplan-system")
    lease = await unwatched_ns.cluster.get(target, OWN)
    assert lease["spec"]["holderIdentity"] == ""


async def test_a_leader_that_is_stopped_loses_the_lease_and_works_no_further_when_it_goes_on(
    stack: Stack, unwatched_ns: PlanNamespace
) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    async with process(stack, "bridge", DRPLAN_LEASE_DURATION="2s", **ENV) as first:
        await says(first, "bridge leading")
        first.send_signal(signal.SIGSTOP)
        async with process(stack, "bridge", DRPLAN_LEASE_DURATION="2s", **ENV) as second:
            await says(second, "bridge leading")
            await ns.execute("quick")
            await ns.phase("quick", Phase.SUCCEEDED)
            first.send_signal(signal.SIGCONT)
            await says(first, "lease lost")


async def test_two_leaders_at_once_start_one_workflow(stack: Stack, unwatched_ns: PlanNamespace) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    async with AsyncExitStack() as all_of_them:
        for number in range(2):
            lease = {"DRPLAN_LEASE_NAMESPACE": ns.namespace}
            await all_of_them.enter_async_context(
                bridge(stack, TASK_QUEUE, user="admin", DRPLAN_LEASE_NAME=f"lease-{number}", **lease)
            )
        items = [await ns.execute(f"quick-{number}") for number in range(8)]
        for item in items:
            await ns.phase(item["metadata"]["name"], Phase.SUCCEEDED)
        for item in items:
            await ns.released(item["metadata"]["name"])
            assert await ns.runs(item) == 1
        plan = await ns.get("plan", ObjectKind.PLAN)
        records = plan["status"]["executionHistory"]
        assert {one["name"] for one in records} == {item["metadata"]["name"] for item in items}
        assert {one["phase"] for one in records} == {"Succeeded"}


async def test_a_bridge_restarted_ten_times_starts_one_workflow(stack: Stack, unwatched_ns: PlanNamespace) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    item = await ns.execute("slow")
    for _ in range(10):
        async with bridge(stack, TASK_QUEUE):
            await ns.phase("slow", Phase.PENDING, Phase.RUNNING)
    async with bridge(stack, TASK_QUEUE):
        await ns.phase("slow", Phase.RUNNING)
        await ns.close(item, done())
        await ns.phase("slow", Phase.SUCCEEDED)

        async def counted() -> bool:
            return await ns.runs(item) == 1

        await eventually(counted, "one run")
