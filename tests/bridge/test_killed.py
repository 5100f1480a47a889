"""The bridge is killed before and after each of its steps; the next one ends it all as if nothing had happened."""

import asyncio
import signal
from pathlib import Path

import pytest

from api.phases import Phase
from bridge.kubernetes.entry import ObjectKind
from dev.stack import Stack
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.plan_namespace import PlanNamespace, bridge
from tests.bridge.self_killing_bridge import STEPS
from tests.programs import running


@pytest.mark.parametrize("step", STEPS)
async def test_a_bridge_killed(stack: Stack, unwatched_ns: PlanNamespace, tmp_path: Path, step: str) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    item = await ns.execute("quick")
    environment = stack.env("bridge") | {"DRPLAN_TASK_QUEUE": TASK_QUEUE}
    for moment in ("before", "after"):
        with running("tests.bridge.self_killing_bridge", tmp_path / moment, environment, moment, step) as dying:
            assert await asyncio.to_thread(dying.wait_for_end, 60) == -signal.SIGKILL
    async with bridge(stack, TASK_QUEUE):
        await ns.phase("quick", Phase.SUCCEEDED)
        await ns.released("quick")
        plan = await ns.until("plan", lambda one: one["status"].get("phase") == "Executed", "phase", ObjectKind.PLAN)
        assert "currentExecution" not in plan["status"]
        assert [one["phase"] for one in plan["status"]["executionHistory"]] == ["Succeeded"]
        await ns.ran_once(item)
