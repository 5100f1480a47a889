"""A plan is rehearsed as often as it asks for, whichever bridge is there, and says what was found."""

from datetime import datetime

import pytest
from temporalio.service import RPCError

from api.meta import ObjectKey
from api.phases import Phase
from api.reasons import Reason
from api.tree import Obstacle, Preview, RunState
from bridge.kubernetes.entry import ObjectKind
from kube.client import Object
from planning.definitions.identifiers import rehearsal_id
from tests.bridge.plan_namespace import PlanNamespace, condition
from tests.bridge.scripted_workflows import Close
from tests.eventually import eventually

CLEAR = RunState(phase=Phase.SUCCEEDED, preview=Preview())
OBSTACLE = Obstacle(stage="first", workflow="work", action="one", reason=Reason.FORBIDDEN, message="no right")
OBSTRUCTED = RunState(phase=Phase.FAILED, preview=Preview(obstacle_count=1, obstacles=[OBSTACLE]))


def begun(item: Object) -> bool:
    return "completionTime" not in item.get("status", {}).get("rehearsal", {"completionTime": ""})


def workflow_id(item: Object) -> str:
    meta = item["metadata"]
    start = datetime.fromisoformat(item["status"]["rehearsal"]["startTime"])
    return rehearsal_id(ObjectKey(namespace=meta["namespace"], name=meta["name"], uid=meta["uid"]), start)


async def rehearsed_plan(ns: PlanNamespace, name: str = "plan") -> None:
    await ns.plan(name)
    await ns.patch(ObjectKind.PLAN, name, {"spec": {"rehearsal": {"interval": "24h"}}})


async def end(ns: PlanNamespace, state: RunState | None, name: str = "plan") -> Object:
    """End the rehearsal of a plan that has begun, and return the plan with its result."""
    item = await ns.until(name, begun, "rehearsal", ObjectKind.PLAN)
    handle = ns.temporal.get_workflow_handle(workflow_id(item))

    async def signalled() -> bool:
        try:
            await handle.signal("close", Close(state=state))
        except RPCError:
            return False
        return True

    await eventually(signalled, "run of the rehearsal")
    return await ns.until(name, lambda one: not begun(one), "end of the rehearsal", ObjectKind.PLAN)


async def readiness_events(ns: PlanNamespace, number: int) -> list[tuple[str, str, str]]:
    async def posted() -> list[tuple[str, str, str]] | None:
        found = [
            (one["type"], one["reason"], one["note"])
            for one in sorted(await ns.events(), key=lambda one: one["eventTime"])
            if one["regarding"]["kind"] == "DRPlan"
        ]
        return found if len(found) >= number else None

    return await eventually(posted, "events")


async def test_a_rehearsal_says_on_the_plan_what_it_found(ns: PlanNamespace) -> None:
    await ns.dr_workflow()
    await rehearsed_plan(ns)
    item = await end(ns, OBSTRUCTED)
    executable = condition(item, "Executable")
    assert (executable["status"], executable["reason"]) == ("False", "Obstructed")
    assert executable["message"] == "1 obstacle: one: no right"
    assert executable["observedGeneration"] == item["status"]["rehearsal"]["observedGeneration"]
    assert condition(item, "Revertible")["reason"] == "NothingToRevert"
    assert item["status"]["rehearsal"]["nextTime"] > item["status"]["rehearsal"]["completionTime"]
    assert await readiness_events(ns, 1) == [
        ("Warning", "Obstructed", "Executable is False: 1 obstacle: one: no right")
    ]
    assert item["status"]["phase"] == "Ready", "a plan that cannot be executed now is no invalid one"

    await ns.patch(ObjectKind.PLAN, "plan", {"spec": {"rehearsal": None}})
    gone = await ns.until("plan", lambda one: "rehearsal" not in one["status"], "end of rehearsals", ObjectKind.PLAN)
    assert not condition(gone, "Executable")
    assert not condition(gone, "Revertible")


async def test_an_execute_that_would_be_refused_needs_no_worker(ns: PlanNamespace) -> None:
    await rehearsed_plan(ns)
    item = await ns.until(
        "plan", lambda one: condition(one, "Executable").get("status") == "False", "refusal", ObjectKind.PLAN
    )
    assert condition(item, "Executable")["reason"] == "Refused"
    assert f"DRWorkflow {ns.namespace}/work does not exist" in condition(item, "Executable")["message"]
    with pytest.raises(RPCError):
        await ns.temporal.get_workflow_handle(workflow_id(item)).describe()


async def test_the_revert_of_what_is_in_effect_is_rehearsed(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("quick")
    await ns.phase("quick", Phase.SUCCEEDED)
    await ns.released("quick")
    await ns.patch(ObjectKind.PLAN, "plan", {"spec": {"rehearsal": {"interval": "24h"}}})
    item = await end(ns, CLEAR)
    assert condition(item, "Executable")["reason"] == "InEffect"
    revertible = condition(item, "Revertible")
    assert (revertible["status"], revertible["reason"]) == ("True", "NoObstacles")
    assert revertible["message"].startswith("Revert of DRPlanExecution quick: ")
    assert [one[1] for one in await readiness_events(ns, 1)] == ["Rehearsed"]
