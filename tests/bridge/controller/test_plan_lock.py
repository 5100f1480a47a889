"""One test for each sentence of 'Starting, queueing, cancelling' about the lock, the queue and the plan's phase."""

from datetime import datetime

import pytest

from api.execution import DRPlanExecution
from api.meta import CANCEL_ANNOTATION, go_duration
from api.phases import Phase
from bridge.controller.plan_lock import hold_lock
from bridge.kubernetes.entry import ObjectKind
from kube.client import Object
from kube.errors import ConflictError
from tests.bridge.controller.test_many_executions import Server, execution, filled, item, one_pass, passing, plan
from tests.bridge.plan_namespace import PlanNamespace, condition, next_second
from tests.bridge.scripted_workflows import done


def lock(plan: Object) -> Object | None:
    found: Object | None = plan.get("status", {}).get("currentExecution")
    return found


async def test_one_execution_of_a_plan_runs_and_holds_its_lock_by_uid(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("holder")
    holder = await ns.phase("holder", Phase.RUNNING)
    plan = await ns.get("plan", ObjectKind.PLAN)
    assert lock(plan) == {"name": "holder", "namespace": ns.namespace, "uid": holder["metadata"]["uid"]}
    await ns.close(holder, done())
    await ns.released("holder")
    assert lock(await ns.get("plan", ObjectKind.PLAN)) is None


async def test_others_are_pending_with_the_reason_and_start_by_themselves_oldest_first(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("holder")
    holder = await ns.phase("holder", Phase.RUNNING)
    for name in ("second", "third"):
        await next_second(await ns.execute(name))
    waiting = await ns.until("third", lambda item: "position 2" in str(item.get("status")), "its position")
    assert waiting["status"]["phase"] == "Pending"
    assert waiting["status"]["message"] == (
        "Waiting for DRPlanExecution holder, which runs DRPlan plan; position 2 in the queue"
    )
    assert condition(waiting, "Progressing")["reason"] == "WaitingForPlan"
    queued_at = waiting["status"]["queuedAt"]
    assert waiting["status"]["timing"].items() >= {"current": "WaitingForTurn", "since": queued_at}.items()
    await ns.close(holder, done())
    second = await ns.phase("second", Phase.RUNNING)
    third = await ns.until("third", lambda item: "position 1" in item["status"]["message"], "its position")
    assert third["status"]["phase"] == "Pending"
    await ns.close(second, done())
    await ns.close(await ns.phase("third", Phase.RUNNING), done())
    status = (await ns.phase("third", Phase.SUCCEEDED))["status"]
    turn = datetime.fromisoformat(status["startTime"]) - datetime.fromisoformat(queued_at)
    assert (status["queuedAt"], status["timing"]["waitingForTurn"]) == (queued_at, go_duration(turn))


async def test_an_execution_is_validated_again_when_its_turn_comes(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("holder")
    holder = await ns.phase("holder", Phase.RUNNING)
    item = await ns.execute("second")
    await ns.phase("second", Phase.PENDING)
    plan = await ns.get("plan", ObjectKind.PLAN)
    stages = [{**plan["spec"]["stages"][0], "dependsOn": ["nothing"]}]
    await ns.patch(ObjectKind.PLAN, "plan", {"spec": {"stages": stages}})
    await ns.close(holder, done())
    ended = await ns.phase("second", Phase.FAILED)
    assert "spec.stages[0].dependsOn" in ended["status"]["message"]
    assert await ns.runs(item) == 0
    await ns.released("second")


async def test_a_lock_whose_execution_is_gone_is_void(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    held = {"currentExecution": {"name": "nobody", "namespace": ns.namespace, "uid": "gone"}}
    await ns.write_status(ObjectKind.PLAN, "plan", held)
    await ns.execute("quick")
    await ns.phase("quick", Phase.SUCCEEDED)


async def test_a_lock_that_somebody_writes_for_a_revert_does_not_keep_its_execute_from_ending() -> None:
    spec = {"planRef": "plan", "operationType": "Revert", "revertExecutionRef": "move"}
    back = item(ObjectKind.EXECUTION, "back", spec, creationTimestamp="2026-02-03T08:00:00Z")
    objects = (plan("back"), execution("move"), back)
    server = Server(*objects)
    async with passing(server, filled(*objects)) as context:
        waiting = (await one_pass(context, "back")).execution.model.status
    assert waiting.message == "Waiting for the end of DRPlanExecution move, which is to be taken back"
    assert server.objects["drplans", "plan"]["status"] == {}


async def test_an_execution_that_another_leader_has_ended_meanwhile_does_not_take_the_lock_again() -> None:
    free = {**plan("nobody"), "status": {}}
    server = Server(free, execution("move"))
    async with passing(server, filled(free, execution("move"))) as context:
        seen = await context.store.get(DRPlanExecution, "default", "move")
        server.objects["drplanexecutions", "move"] = execution("move", resourceVersion="2")
        with pytest.raises(ConflictError):
            await hold_lock(context, seen)
        assert server.objects["drplans", "plan"]["status"] == {}
        del server.objects["drplanexecutions", "move"]
        with pytest.raises(ConflictError):
            await hold_lock(context, seen)
        server.objects["drplanexecutions", "move"] = execution("move")
        assert await hold_lock(context, seen)
    assert server.objects["drplans", "plan"]["status"]["currentExecution"]["name"] == "move"


async def test_a_void_lock_is_taken_off_the_plan(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    held = {"currentExecution": {"name": "nobody", "namespace": ns.namespace, "uid": "gone"}}
    await ns.write_status(ObjectKind.PLAN, "plan", held)
    await ns.until("plan", lambda item: lock(item) is None, "free plan", ObjectKind.PLAN)


async def test_a_waiting_execution_that_is_cancelled_leaves_the_queue(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("holder")
    holder = await ns.phase("holder", Phase.RUNNING)
    await ns.execute("second")
    await ns.phase("second", Phase.PENDING)
    await ns.annotate("second", {CANCEL_ANNOTATION: "true"})
    await ns.phase("second", Phase.CANCELED)
    await ns.close(holder, done())
    await ns.execute("quick")
    await ns.phase("quick", Phase.SUCCEEDED)


async def test_the_plan_is_executed_after_an_execute_and_ready_after_its_revert(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.until("plan", lambda item: item.get("status", {}).get("phase") == "Ready", "phase", ObjectKind.PLAN)
    await ns.execute("quick")
    await ns.released("quick")
    plan = await ns.until("plan", lambda item: item["status"]["phase"] == "Executed", "phase", ObjectKind.PLAN)
    assert plan["status"]["lastExecutionRef"] == "quick"
    await ns.revert("quick-revert", "quick")
    await ns.released("quick-revert")
    plan = await ns.until("plan", lambda item: item["status"]["phase"] == "Ready", "phase", ObjectKind.PLAN)
    records = [(one["name"], one["operationType"], one["phase"]) for one in plan["status"]["executionHistory"]]
    assert records == [("quick-revert", "Revert", "Succeeded"), ("quick", "Execute", "Succeeded")]


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.CANCELED])
async def test_an_execute_that_does_not_succeed_leaves_the_plan_ready(ns: PlanNamespace, phase: Phase) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    await ns.close(item, done(phase), "fail")
    await ns.released("slow")
    plan = await ns.get("plan", ObjectKind.PLAN)
    assert plan["status"]["phase"] == "Ready"
    assert plan["status"]["executionHistory"][0]["phase"] == phase
    assert "completionTime" in plan["status"]["executionHistory"][0]


async def test_a_plan_without_its_dr_workflow_is_invalid_and_heals(ns: PlanNamespace) -> None:
    await ns.plan()
    plan = await ns.until(
        "plan", lambda item: item.get("status", {}).get("phase") == "Invalid", "phase", ObjectKind.PLAN
    )
    assert "work" in condition(plan, "Valid")["message"]
    assert plan["status"]["observedGeneration"] == 1
    await ns.dr_workflow()
    await ns.until("plan", lambda item: item["status"]["phase"] == "Ready", "phase", ObjectKind.PLAN)


async def test_a_dr_workflow_says_whether_it_is_valid(ns: PlanNamespace) -> None:
    await ns.dr_workflow("good")
    wrong = {"name": "one", "type": "KubernetesResource", "resource": {"manifest": "no manifest"}}
    await ns.create(ObjectKind.DR_WORKFLOW, "wrong", {"actions": [wrong]})
    for name, phase in {"good": "Ready", "wrong": "Invalid"}.items():
        item = await ns.until(name, lambda one: "status" in one, "status", ObjectKind.DR_WORKFLOW)
        assert item["status"]["phase"] == phase
        assert condition(item, "Valid")["status"] == str(phase == "Ready")
