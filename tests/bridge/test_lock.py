"""One test for each sentence of 'Starting, queueing, cancelling' about the lock, the queue and the plan's phase."""

from datetime import UTC, datetime

import pytest

from api.meta import CANCEL_ANNOTATION, rfc3339
from api.phases import Phase
from bridge.keys import Kind
from bridge.kubernetes.api import Object
from tests.bridge.scripted import done
from tests.bridge.world import World, condition, eventually


def lock(plan: Object) -> Object | None:
    found: Object | None = plan.get("status", {}).get("currentExecution")
    return found


async def next_second(item: Object) -> None:
    """Wait until the clock of creationTimestamp has moved on: within one second the uids give the order."""

    async def look() -> bool:
        return rfc3339(datetime.now(UTC)) > str(item["metadata"]["creationTimestamp"])

    await eventually(look, "next second")


async def test_one_execution_of_a_plan_runs_and_holds_its_lock_by_uid(world: World) -> None:
    await world.ready_plan()
    await world.execute("holder")
    holder = await world.phase("holder", Phase.RUNNING)
    plan = await world.get("plan", Kind.PLAN)
    assert lock(plan) == {"name": "holder", "namespace": world.namespace, "uid": holder["metadata"]["uid"]}
    await world.close(holder, done())
    await world.released("holder")
    assert lock(await world.get("plan", Kind.PLAN)) is None


async def test_others_are_pending_with_the_reason_and_start_by_themselves_oldest_first(world: World) -> None:
    await world.ready_plan()
    await world.execute("holder")
    holder = await world.phase("holder", Phase.RUNNING)
    for name in ("second", "third"):
        await next_second(await world.execute(name))
    waiting = await world.until("third", lambda item: "position 2" in str(item.get("status")), "its position")
    assert waiting["status"]["phase"] == "Pending"
    assert waiting["status"]["message"] == (
        "Waiting for DRPlanExecution holder, which runs DRPlan plan; position 2 in the queue"
    )
    assert condition(waiting, "Progressing")["reason"] == "WaitingForPlan"
    await world.close(holder, done())
    second = await world.phase("second", Phase.RUNNING)
    third = await world.until("third", lambda item: "position 1" in item["status"]["message"], "its position")
    assert third["status"]["phase"] == "Pending"
    await world.close(second, done())
    await world.close(await world.phase("third", Phase.RUNNING), done())
    await world.phase("third", Phase.SUCCEEDED)


async def test_an_execution_is_validated_again_when_its_turn_comes(world: World) -> None:
    await world.ready_plan()
    await world.execute("holder")
    holder = await world.phase("holder", Phase.RUNNING)
    item = await world.execute("second")
    await world.phase("second", Phase.PENDING)
    plan = await world.get("plan", Kind.PLAN)
    stages = [{**plan["spec"]["stages"][0], "dependsOn": ["nothing"]}]
    await world.cluster.patch(Kind.PLAN, world.namespace, "plan", {"spec": {"stages": stages}})
    await world.close(holder, done())
    ended = await world.phase("second", Phase.FAILED)
    assert "spec.stages[0].dependsOn" in ended["status"]["message"]
    assert await world.runs(item) == 0
    await world.released("second")


async def test_a_lock_whose_execution_is_gone_is_void(world: World) -> None:
    await world.ready_plan()
    held = {"currentExecution": {"name": "nobody", "namespace": world.namespace, "uid": "gone"}}
    await world.write_status(Kind.PLAN, "plan", held)
    await world.execute("quick")
    await world.phase("quick", Phase.SUCCEEDED)


async def test_a_void_lock_is_taken_off_the_plan(world: World) -> None:
    await world.ready_plan()
    held = {"currentExecution": {"name": "nobody", "namespace": world.namespace, "uid": "gone"}}
    await world.write_status(Kind.PLAN, "plan", held)
    await world.until("plan", lambda item: lock(item) is None, "free plan", Kind.PLAN)


async def test_a_waiting_execution_that_is_cancelled_leaves_the_queue(world: World) -> None:
    await world.ready_plan()
    await world.execute("holder")
    holder = await world.phase("holder", Phase.RUNNING)
    await world.execute("second")
    await world.phase("second", Phase.PENDING)
    await world.annotate("second", {CANCEL_ANNOTATION: "true"})
    await world.phase("second", Phase.CANCELED)
    await world.close(holder, done())
    await world.execute("quick")
    await world.phase("quick", Phase.SUCCEEDED)


async def test_the_plan_is_executed_after_an_execute_and_ready_after_its_revert(world: World) -> None:
    await world.ready_plan()
    await world.until("plan", lambda item: item.get("status", {}).get("phase") == "Ready", "phase", Kind.PLAN)
    await world.execute("quick")
    await world.released("quick")
    plan = await world.until("plan", lambda item: item["status"]["phase"] == "Executed", "phase", Kind.PLAN)
    assert plan["status"]["lastExecutionRef"] == "quick"
    await world.revert("quick-revert", "quick")
    await world.released("quick-revert")
    plan = await world.until("plan", lambda item: item["status"]["phase"] == "Ready", "phase", Kind.PLAN)
    records = [(one["name"], one["operationType"], one["phase"]) for one in plan["status"]["executionHistory"]]
    assert records == [("quick-revert", "Revert", "Succeeded"), ("quick", "Execute", "Succeeded")]


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.CANCELED])
async def test_an_execute_that_does_not_succeed_leaves_the_plan_ready(world: World, phase: Phase) -> None:
    await world.ready_plan()
    await world.execute("slow")
    item = await world.phase("slow", Phase.RUNNING)
    await world.close(item, done(phase), "fail")
    await world.released("slow")
    plan = await world.get("plan", Kind.PLAN)
    assert plan["status"]["phase"] == "Ready"
    assert plan["status"]["executionHistory"][0]["phase"] == phase
    assert "completionTime" in plan["status"]["executionHistory"][0]


async def test_a_plan_without_its_dr_workflow_is_invalid_and_heals(world: World) -> None:
    await world.plan()
    plan = await world.until("plan", lambda item: item.get("status", {}).get("phase") == "Invalid", "phase", Kind.PLAN)
    assert "work" in condition(plan, "Valid")["message"]
    assert plan["status"]["observedGeneration"] == 1
    await world.dr_workflow()
    await world.until("plan", lambda item: item["status"]["phase"] == "Ready", "phase", Kind.PLAN)


async def test_a_dr_workflow_says_whether_it_is_valid(world: World) -> None:
    await world.dr_workflow("good")
    wrong = {"name": "one", "type": "KubernetesResource", "resource": {"manifest": "no manifest"}}
    await world.create(Kind.DR_WORKFLOW, "wrong", {"actions": [wrong]})
    for name, phase in {"good": "Ready", "wrong": "Invalid"}.items():
        item = await world.until(name, lambda one: "status" in one, "status", Kind.DR_WORKFLOW)
        assert item["status"]["phase"] == phase
        assert condition(item, "Valid")["status"] == str(phase == "Ready")
