"""Two bridges at once, stopped ones, restarted ones: the lease saves double work, and nothing rests on it."""

import asyncio
from contextlib import AbstractContextManager, AsyncExitStack
from pathlib import Path

from api.objects import Target
from api.phases import Phase
from bridge.kubernetes.entry import ObjectKind
from dev.stack import Stack
from kube.client import OWN
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.plan_namespace import PlanNamespace, bridge
from tests.bridge.scripted_workflows import done
from tests.programs import Program, running


def process(stack: Stack, log: Path, **settings: str) -> AbstractContextManager[Program]:
    return running("bridge", log, stack.env("bridge") | {"DRPLAN_TASK_QUEUE": TASK_QUEUE} | settings)


async def says(bridge_process: Program, words: str) -> None:
    await asyncio.to_thread(bridge_process.wait_until_it_says, words)


async def test_of_two_bridges_one_leads_and_the_other_takes_over_when_it_is_killed(
    stack: Stack, unwatched_ns: PlanNamespace, tmp_path: Path
) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    with process(stack, tmp_path / "first") as first:
        await says(first, "bridge leading")
        with process(stack, tmp_path / "second") as second:
            await says(second, "bridge started")
            await ns.execute("slow")
            item = await ns.phase("slow", Phase.RUNNING)
            await asyncio.to_thread(first.kill)
            await ns.close(item, done())
            await says(second, "bridge leading")
            await ns.phase("slow", Phase.SUCCEEDED)


async def test_a_bridge_that_is_told_to_end_gives_up_its_lease_and_ends_with_0(
    stack: Stack, unwatched_ns: PlanNamespace, tmp_path: Path
) -> None:
    with process(stack, tmp_path / "first") as first:
        await says(first, "bridge leading")
        assert await asyncio.to_thread(first.stop) == 0
    target = Target(api_version="coordination.k8s.io/v1", kind="Lease", name="drplan-bridge", namespace="drplan-system")
    lease = await unwatched_ns.cluster.get(target, OWN)
    assert lease["spec"]["holderIdentity"] == ""


async def test_a_leader_that_is_stopped_loses_the_lease_and_works_no_further_when_it_goes_on(
    stack: Stack, unwatched_ns: PlanNamespace, tmp_path: Path
) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    with process(stack, tmp_path / "first", DRPLAN_LEASE_DURATION="2s") as first:
        await says(first, "bridge leading")
        first.pause()
        with process(stack, tmp_path / "second", DRPLAN_LEASE_DURATION="2s") as second:
            await says(second, "bridge leading")
            await ns.execute("quick")
            await ns.phase("quick", Phase.SUCCEEDED)
            first.resume()
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
            await ns.ran_once(item)
        plan = await ns.get("plan", ObjectKind.PLAN)
        records = plan["status"]["executionHistory"]
        assert sorted(one["name"] for one in records) == [item["metadata"]["name"] for item in items]
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
        await ns.ran_once(item)
