"""What a bridge makes of objects that were there before it: copies, the old controller's, void locks.

Here every test starts a bridge of its own, once the objects are as they should be.
"""

from api.meta import ACCEPTED_ANNOTATION, FINALIZER
from api.phases import Phase
from bridge.keys import Kind
from dev.stack import Stack
from planning.messages import conditions as condition_messages
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.world import World, bridge


async def test_an_object_begun_by_the_old_controller_never_starts(stack: Stack, empty_world: World) -> None:
    world = empty_world
    await world.ready_plan()
    item = await world.execute("quick", finalizers=[FINALIZER])
    tree = [{"name": "first", "phase": "Running"}]
    await world.write_status(Kind.EXECUTION, "quick", {"phase": "Running", "stageStatuses": tree})
    async with bridge(stack, TASK_QUEUE):
        ended = await world.phase("quick", Phase.FAILED)
        assert ended["status"]["message"] == condition_messages.COPY
        assert ended["status"]["stageStatuses"] == tree
        assert ACCEPTED_ANNOTATION not in ended["metadata"].get("annotations", {})
        assert await world.runs(item) == 0


async def test_nothing_is_written_to_a_copy_that_is_terminal_already(stack: Stack, empty_world: World) -> None:
    world = empty_world
    await world.ready_plan()
    await world.execute("ended", annotations={ACCEPTED_ANNOTATION: "another"}, finalizers=[FINALIZER])
    before = await world.write_status(Kind.EXECUTION, "ended", {"phase": "Failed", "message": "as it was"})
    async with bridge(stack, TASK_QUEUE):
        await world.execute("quick")
        await world.phase("quick", Phase.SUCCEEDED)
        assert await world.get("ended") == before


async def test_a_lock_whose_execution_is_terminal_is_void(stack: Stack, empty_world: World) -> None:
    world = empty_world
    await world.ready_plan()
    ended = await world.execute("ended")
    await world.write_status(Kind.EXECUTION, "ended", {"phase": "Succeeded"})
    held = {"name": "ended", "namespace": world.namespace, "uid": ended["metadata"]["uid"]}
    await world.write_status(Kind.PLAN, "plan", {"currentExecution": held})
    await world.execute("quick")
    async with bridge(stack, TASK_QUEUE):
        await world.phase("quick", Phase.SUCCEEDED)


async def test_a_lock_whose_execution_was_recreated_is_void(stack: Stack, empty_world: World) -> None:
    world = empty_world
    await world.ready_plan()
    await world.execute("quick")
    held = {"name": "quick", "namespace": world.namespace, "uid": "of-the-former"}
    await world.write_status(Kind.PLAN, "plan", {"currentExecution": held})
    async with bridge(stack, TASK_QUEUE):
        await world.phase("quick", Phase.SUCCEEDED)


async def test_the_old_controllers_finalizer_goes_when_a_terminal_execution_is_deleted(
    stack: Stack, empty_world: World
) -> None:
    world = empty_world
    await world.execute("old", finalizers=[FINALIZER])
    await world.write_status(Kind.EXECUTION, "old", {"phase": "Succeeded"})
    async with bridge(stack, TASK_QUEUE):
        await world.ready_plan()
        await world.execute("quick")
        await world.phase("quick", Phase.SUCCEEDED)
        assert (await world.get("old"))["metadata"]["finalizers"] == [FINALIZER]
        await world.delete(Kind.EXECUTION, "old")
        await world.gone("old")


async def test_the_old_controllers_finalizer_goes_when_an_execution_that_never_started_is_deleted(
    stack: Stack, empty_world: World
) -> None:
    world = empty_world
    for name, status in {"running": {"phase": "Running"}, "new": {}}.items():
        await world.execute(name, finalizers=[FINALIZER])
        await world.write_status(Kind.EXECUTION, name, status)
        await world.delete(Kind.EXECUTION, name)
    async with bridge(stack, TASK_QUEUE):
        await world.gone("running")
        await world.gone("new")
