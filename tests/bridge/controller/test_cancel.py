"""One test for each sentence of 'Starting, queueing, cancelling' about cancels, the finalizer and deletion."""

from api.execution import DRPlanExecution, DRPlanExecutionSpec
from api.meta import CANCEL_ANNOTATION, FINALIZER
from api.phases import OperationType, Phase
from bridge.kubernetes.entry import ObjectKind
from planning.messages import rejections as rejection_messages
from planning.messages import runs as run_messages
from planning.revert.decide import decide_revert
from tests.bridge.plan_namespace import PlanNamespace, condition
from tests.bridge.scripted_workflows import action, done, node, stage, state
from tests.eventually import eventually

CANCEL = {CANCEL_ANNOTATION: "true"}
REVERT = DRPlanExecutionSpec(plan_ref="any", operation_type=OperationType.REVERT, revert_execution_ref="quick")
CANCELED = state(
    stage(
        "first",
        node("work", action("one", Phase.SUCCEEDED), action("two", Phase.SKIPPED), phase=Phase.CANCELED),
        phase=Phase.CANCELED,
    ),
    phase=Phase.CANCELED,
    message="Plan execution canceled: 0 of 1 stage, 1 of 2 actions completed",
)


async def test_a_cancel_before_the_start_ends_at_once(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    item = await ns.execute("quick", annotations=CANCEL)
    ended = await ns.phase("quick", Phase.CANCELED)
    assert ended["status"]["message"] == run_messages.CANCELED_BEFORE_START
    assert condition(ended, "CancelRequested")["reason"] == "Effective"
    assert await ns.runs(item) == 0
    assert "currentExecution" not in (await ns.get("plan", ObjectKind.PLAN)).get("status", {})
    original = DRPlanExecution.model_validate(ended)
    taking_back = original.model_copy(update={"spec": REVERT.model_copy(update={"plan_ref": original.spec.plan_ref})})
    rejection = rejection_messages.never_started("quick", Phase.CANCELED)
    assert decide_revert(taking_back, original, [], {}, None, {}).rejection == rejection


async def test_a_cancel_is_requested_accepted_and_effective_and_releases_the_lock(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    await ns.annotate("slow", CANCEL)
    await ns.until("slow", lambda one: condition(one, "CancelRequested").get("reason") == "Accepted", "acceptance")
    assert (await ns.get("slow"))["status"]["phase"] == "Running"
    await ns.close(item, CANCELED, "cancel")
    ended = await ns.phase("slow", Phase.CANCELED)
    assert ended["status"]["message"] == CANCELED.message
    assert ended["status"]["stageStatuses"][0]["workflowExecutions"][0]["actionStatuses"][1]["phase"] == "Skipped"
    assert condition(ended, "CancelRequested")["reason"] == "Effective"
    assert condition(ended, "Completed")["reason"] == "Canceled"
    await ns.released("slow")
    assert "currentExecution" not in (await ns.get("plan", ObjectKind.PLAN))["status"]


async def test_a_second_cancel_changes_nothing(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    for value in ("true", "again", "true"):
        await ns.annotate("slow", {CANCEL_ANNOTATION: value})
        await ns.until("slow", lambda one: condition(one, "CancelRequested"), "cancel")

    async def noticed() -> bool:
        return bool(await ns.root(item).query("cancels") == 1)

    await eventually(noticed, "cancel at the workflow")
    events = (await ns.root(item).fetch_history()).events
    assert sum(event.HasField("workflow_execution_cancel_requested_event_attributes") for event in events) == 1
    await ns.close(item, CANCELED, "cancel")
    await ns.phase("slow", Phase.CANCELED)


async def test_a_cancel_that_comes_too_late_is_said_to_have(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    await ns.annotate("slow", CANCEL)
    await ns.until("slow", lambda one: condition(one, "CancelRequested"), "cancel")
    await ns.close(item, done())
    ended = await ns.phase("slow", Phase.SUCCEEDED)
    assert condition(ended, "CancelRequested")["reason"] == "TooLate"


async def test_the_finalizer_is_there_only_while_it_runs(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    assert item["metadata"]["finalizers"] == [FINALIZER]
    await ns.close(item, done())
    await ns.released("slow")


async def test_deleting_a_running_execution_cancels_it_first(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    await ns.delete(ObjectKind.EXECUTION, "slow")
    await ns.until("slow", lambda one: condition(one, "CancelRequested").get("reason") == "Accepted", "acceptance")
    assert (await ns.get("slow"))["metadata"]["finalizers"] == [FINALIZER]
    await ns.close(item, CANCELED, "cancel")
    await ns.gone("slow")
    assert "currentExecution" not in (await ns.get("plan", ObjectKind.PLAN))["status"]


async def test_deleting_a_waiting_execution_lets_it_go_at_once(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("holder")
    holder = await ns.phase("holder", Phase.RUNNING)
    await ns.execute("second")
    await ns.phase("second", Phase.PENDING)
    await ns.delete(ObjectKind.EXECUTION, "second")
    await ns.gone("second")
    await ns.close(holder, done())
    await ns.phase("holder", Phase.SUCCEEDED)


async def test_a_run_whose_object_loses_its_finalizer_by_force_is_cancelled(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    await ns.patch(ObjectKind.EXECUTION, "slow", {"metadata": {"finalizers": []}})
    await ns.delete(ObjectKind.EXECUTION, "slow")

    async def noticed() -> bool:
        return bool(await ns.root(item).query("cancels") == 1)

    await eventually(noticed, "cancel at the workflow")
    await ns.close(item, CANCELED, "cancel")
