"""One test for each sentence of 'Starting, queueing, cancelling' about cancels, the finalizer and deletion."""

from api.meta import CANCEL_ANNOTATION, FINALIZER
from api.phases import Phase
from bridge.keys import Kind
from planning.messages import conditions as condition_messages
from tests.bridge.scripted import action, done, node, stage, state
from tests.bridge.world import World, condition, eventually

CANCEL = {CANCEL_ANNOTATION: "true"}
CANCELED = state(
    stage(
        "first",
        node("work", action("one", Phase.SUCCEEDED), action("two", Phase.SKIPPED), phase=Phase.CANCELED),
        phase=Phase.CANCELED,
    ),
    phase=Phase.CANCELED,
    message="Plan execution canceled: 0 of 1 stage, 1 of 2 actions completed",
)


async def test_a_cancel_before_the_start_ends_at_once(world: World) -> None:
    await world.ready_plan()
    item = await world.execute("quick", annotations=CANCEL)
    ended = await world.phase("quick", Phase.CANCELED)
    assert ended["status"]["message"] == condition_messages.CANCELED_BEFORE_START
    assert condition(ended, "CancelRequested")["reason"] == "Effective"
    assert await world.runs(item) == 0
    assert "currentExecution" not in (await world.get("plan", Kind.PLAN)).get("status", {})


async def test_a_cancel_is_requested_accepted_and_effective_and_releases_the_lock(world: World) -> None:
    await world.ready_plan()
    await world.execute("slow")
    item = await world.phase("slow", Phase.RUNNING)
    await world.annotate("slow", CANCEL)
    await world.until("slow", lambda one: condition(one, "CancelRequested").get("reason") == "Accepted", "acceptance")
    assert (await world.get("slow"))["status"]["phase"] == "Running"
    await world.close(item, CANCELED, "cancel")
    ended = await world.phase("slow", Phase.CANCELED)
    assert ended["status"]["message"] == CANCELED.message
    assert ended["status"]["stageStatuses"][0]["workflowExecutions"][0]["actionStatuses"][1]["phase"] == "Skipped"
    assert condition(ended, "CancelRequested")["reason"] == "Effective"
    assert condition(ended, "Completed")["reason"] == "Canceled"
    await world.released("slow")
    assert "currentExecution" not in (await world.get("plan", Kind.PLAN))["status"]


async def test_a_second_cancel_changes_nothing(world: World) -> None:
    await world.ready_plan()
    await world.execute("slow")
    item = await world.phase("slow", Phase.RUNNING)
    for value in ("true", "again", "true"):
        await world.annotate("slow", {CANCEL_ANNOTATION: value})
        await world.until("slow", lambda one: condition(one, "CancelRequested"), "cancel")

    async def noticed() -> bool:
        return bool(await world.root(item).query("cancels") == 1)

    await eventually(noticed, "cancel at the workflow")
    events = (await world.root(item).fetch_history()).events
    assert sum(event.HasField("workflow_execution_cancel_requested_event_attributes") for event in events) == 1
    await world.close(item, CANCELED, "cancel")
    await world.phase("slow", Phase.CANCELED)


async def test_a_cancel_that_comes_too_late_is_said_to_have(world: World) -> None:
    await world.ready_plan()
    await world.execute("slow")
    item = await world.phase("slow", Phase.RUNNING)
    await world.annotate("slow", CANCEL)
    await world.until("slow", lambda one: condition(one, "CancelRequested"), "cancel")
    await world.close(item, done())
    ended = await world.phase("slow", Phase.SUCCEEDED)
    assert condition(ended, "CancelRequested")["reason"] == "TooLate"


async def test_the_finalizer_is_there_only_while_it_runs(world: World) -> None:
    await world.ready_plan()
    await world.execute("slow")
    item = await world.phase("slow", Phase.RUNNING)
    assert item["metadata"]["finalizers"] == [FINALIZER]
    await world.close(item, done())
    await world.released("slow")


async def test_deleting_a_running_execution_cancels_it_first(world: World) -> None:
    await world.ready_plan()
    await world.execute("slow")
    item = await world.phase("slow", Phase.RUNNING)
    await world.delete(Kind.EXECUTION, "slow")
    await world.until("slow", lambda one: condition(one, "CancelRequested").get("reason") == "Accepted", "acceptance")
    assert (await world.get("slow"))["metadata"]["finalizers"] == [FINALIZER]
    await world.close(item, CANCELED, "cancel")
    await world.gone("slow")
    assert "currentExecution" not in (await world.get("plan", Kind.PLAN))["status"]


async def test_deleting_a_waiting_execution_lets_it_go_at_once(world: World) -> None:
    await world.ready_plan()
    await world.execute("holder")
    holder = await world.phase("holder", Phase.RUNNING)
    await world.execute("second")
    await world.phase("second", Phase.PENDING)
    await world.delete(Kind.EXECUTION, "second")
    await world.gone("second")
    await world.close(holder, done())
    await world.phase("holder", Phase.SUCCEEDED)


async def test_a_run_whose_object_loses_its_finalizer_by_force_is_cancelled(world: World) -> None:
    await world.ready_plan()
    await world.execute("slow")
    item = await world.phase("slow", Phase.RUNNING)
    await world.cluster.patch(Kind.EXECUTION, world.namespace, "slow", {"metadata": {"finalizers": []}})
    await world.delete(Kind.EXECUTION, "slow")

    async def noticed() -> bool:
        return bool(await world.root(item).query("cancels") == 1)

    await eventually(noticed, "cancel at the workflow")
    await world.close(item, CANCELED, "cancel")
