"""What a bridge makes of objects that were there before it: copies, the old controller's, void locks.

Here every test starts a bridge of its own, once the objects are as they should be.
"""

from api.meta import ACCEPTED_ANNOTATION, FINALIZER
from api.phases import Phase
from api.tree import RunState
from bridge.kubernetes.entry import ObjectKind
from dev.stack import Stack
from planning.messages import runs as run_messages
from planning.status import transitions
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.plan_namespace import PlanNamespace, bridge, condition

LONG_AGO = "2026-01-01T00:00:00Z"


async def test_an_object_begun_by_the_old_controller_never_starts(stack: Stack, unwatched_ns: PlanNamespace) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    item = await ns.execute("quick", finalizers=[FINALIZER])
    tree = [{"name": "first", "phase": "Running"}, {"name": "second", "phase": "Pending"}]
    await ns.write_status(ObjectKind.EXECUTION, "quick", {"phase": "Running", "stageStatuses": tree})
    async with bridge(stack, TASK_QUEUE):
        ended = await ns.phase("quick", Phase.FAILED)
        assert ended["status"]["message"] == run_messages.COPY
        assert [(each["name"], each["phase"]) for each in ended["status"]["stageStatuses"]] == [
            ("first", "Failed"),
            ("second", "Skipped"),
        ]
        assert ACCEPTED_ANNOTATION not in ended["metadata"].get("annotations", {})
        assert await ns.runs(item) == 0


async def test_what_the_old_controller_left_running_is_closed_in_the_plan_as_well(
    stack: Stack, unwatched_ns: PlanNamespace
) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    await ns.execute("left", finalizers=[FINALIZER])
    await ns.write_status(ObjectKind.EXECUTION, "left", {"phase": "Running", "startTime": LONG_AGO})
    place = {"name": "left", "namespace": ns.namespace}
    record = {**place, "operationType": "Execute", "phase": "Pending", "startTime": LONG_AGO}
    ready = {"type": "Ready", "status": "True", "reason": "ValidationSucceeded", "message": "Plan is valid"}
    await ns.write_status(
        ObjectKind.PLAN,
        "plan",
        {
            "phase": "Ready",
            "currentExecution": place,
            "executionHistory": [record],
            "conditions": [{**ready, "lastTransitionTime": LONG_AGO}],
        },
    )
    async with bridge(stack, TASK_QUEUE):
        plan = await ns.until(
            "plan", lambda item: item["status"]["executionHistory"][0]["phase"] == "Failed", "history", ObjectKind.PLAN
        )
    assert "currentExecution" not in plan["status"]
    assert condition(plan, "Ready")["reason"] == "Valid"


async def test_the_columns_of_what_the_old_controller_finished_are_counted_and_nothing_else_is_written(
    stack: Stack, unwatched_ns: PlanNamespace
) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    await ns.execute("old", finalizers=[FINALIZER])
    ref = {"name": "work", "namespace": ns.namespace}
    actions = [{"name": "one", "phase": "Succeeded"}, {"name": "two", "phase": "Failed"}]
    node = {"workflowRef": ref, "phase": "Failed", "actionStatuses": actions}
    tree = [{"name": "first", "phase": "Failed", "workflowExecutions": [node]}, {"name": "second", "phase": "Pending"}]
    status = {"phase": "Failed", "startTime": LONG_AGO, "stageStatuses": tree, "summary": {"totalStages": 2}}
    before = await ns.write_status(ObjectKind.EXECUTION, "old", status)
    async with bridge(stack, TASK_QUEUE):
        after = await ns.until("old", lambda item: item["status"].get("progress"), "progress")
    state = transitions.with_counts(RunState.model_validate(status))
    assert state.progress is not None
    assert after["status"] == {**before["status"], "progress": state.progress.to_object()}
    assert after["metadata"]["finalizers"] == [FINALIZER]
    assert ACCEPTED_ANNOTATION not in after["metadata"].get("annotations", {})


async def test_nothing_is_written_to_a_copy_that_is_terminal_already(stack: Stack, unwatched_ns: PlanNamespace) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    await ns.execute("ended", annotations={ACCEPTED_ANNOTATION: "another"}, finalizers=[FINALIZER])
    before = await ns.write_status(ObjectKind.EXECUTION, "ended", {"phase": "Failed", "message": "as it was"})
    async with bridge(stack, TASK_QUEUE):
        await ns.execute("quick")
        await ns.phase("quick", Phase.SUCCEEDED)
        assert await ns.get("ended") == before


async def test_a_lock_whose_execution_is_terminal_is_void(stack: Stack, unwatched_ns: PlanNamespace) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    ended = await ns.execute("ended")
    await ns.write_status(ObjectKind.EXECUTION, "ended", {"phase": "Succeeded"})
    held = {"name": "ended", "namespace": ns.namespace, "uid": ended["metadata"]["uid"]}
    await ns.write_status(ObjectKind.PLAN, "plan", {"currentExecution": held})
    await ns.execute("quick")
    async with bridge(stack, TASK_QUEUE):
        await ns.phase("quick", Phase.SUCCEEDED)


async def test_a_lock_whose_execution_was_recreated_is_void(stack: Stack, unwatched_ns: PlanNamespace) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    await ns.execute("quick")
    held = {"name": "quick", "namespace": ns.namespace, "uid": "of-the-former"}
    await ns.write_status(ObjectKind.PLAN, "plan", {"currentExecution": held})
    async with bridge(stack, TASK_QUEUE):
        await ns.phase("quick", Phase.SUCCEEDED)


async def test_the_old_controllers_finalizer_goes_when_a_terminal_execution_is_deleted(
    stack: Stack, unwatched_ns: PlanNamespace
) -> None:
    ns = unwatched_ns
    await ns.execute("old", finalizers=[FINALIZER])
    await ns.write_status(ObjectKind.EXECUTION, "old", {"phase": "Succeeded"})
    async with bridge(stack, TASK_QUEUE):
        await ns.ready_plan()
        await ns.execute("quick")
        await ns.phase("quick", Phase.SUCCEEDED)
        assert (await ns.get("old"))["metadata"]["finalizers"] == [FINALIZER]
        await ns.delete(ObjectKind.EXECUTION, "old")
        await ns.gone("old")


async def test_the_old_controllers_finalizer_goes_when_an_execution_that_never_started_is_deleted(
    stack: Stack, unwatched_ns: PlanNamespace
) -> None:
    ns = unwatched_ns
    for name, status in {"running": {"phase": "Running"}, "new": {}}.items():
        await ns.execute(name, finalizers=[FINALIZER])
        await ns.write_status(ObjectKind.EXECUTION, name, status)
        await ns.delete(ObjectKind.EXECUTION, name)
    async with bridge(stack, TASK_QUEUE):
        await ns.gone("running")
        await ns.gone("new")
