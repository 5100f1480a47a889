"""The bridge is killed before and after each of its steps; the next one ends it all as if nothing had happened."""

import asyncio
import signal

import pytest

from api.phases import Phase
from bridge.keys import Kind
from dev.stack import Stack
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.deadly import STEPS
from tests.bridge.processes import process
from tests.bridge.world import World, bridge


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_bridge_killed(stack: Stack, empty_world: World, when: str, step: str) -> None:
    world = empty_world
    await world.ready_plan()
    item = await world.execute("quick")
    async with process(stack, "tests.bridge.deadly", when, step, DRPLAN_TASK_QUEUE=TASK_QUEUE) as dying:
        async with asyncio.timeout(60):
            assert await dying.wait() == -signal.SIGKILL
    async with bridge(stack, TASK_QUEUE):
        await world.phase("quick", Phase.SUCCEEDED)
        await world.released("quick")
        plan = await world.until("plan", lambda one: one["status"].get("phase") == "Executed", "phase", Kind.PLAN)
        assert "currentExecution" not in plan["status"]
        assert [one["phase"] for one in plan["status"]["executionHistory"]] == ["Succeeded"]
        assert await world.runs(item) == 1
