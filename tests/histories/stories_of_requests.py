"""Stories of persons: they pause, decide about what failed, and approve."""

from dataclasses import replace
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from api.reasons import Reason
from api.requests import PersonRequest, RequestType
from dev import StackError
from tests.eventually import eventually
from tests.histories.stage import NAMESPACE, Scene
from tests.manifests import config_map, dr_plan, dr_workflow, makes_config_map, stage
from tests.workflows.engine import Run
from workflows.contract import APPROVE_UPDATE, DECIDE_UPDATE, NONE, PAUSE_UPDATE, SearchAttribute

NEVER = {"limit": 0}


async def ask(
    run: Run, kind: RequestType, action: int | None = None, reason: str = "", flow: str = "people", **more: Any
) -> None:
    request = PersonRequest(id=f"{kind}-{action}", type=kind, action=action, by="alice", reason=reason, stage=0, **more)
    if kind.decides:
        await run.workflow((0, "s"), (0, flow)).execute_update(DECIDE_UPDATE, request)
    else:
        name = APPROVE_UPDATE if kind is RequestType.APPROVE else PAUSE_UPDATE
        await run.handle.execute_update(name, request)


async def waits(run: Run, action: int, flow: str = "people") -> None:
    """Wait until an action waits for a decision."""

    async def awaits() -> bool:
        stages = (await run.state()).stages
        if not stages or stages[0].start_time is None:
            return False
        try:
            node = await run.workflow_state((0, "s"), (0, flow))
        except RPCError:
            return False  # the stage has not started it yet
        return node.actions[action].reason is Reason.AWAITING_DECISION

    await eventually(awaits, f"action {action} waits for a decision")


async def decided(scene: Scene) -> dict[str, Run]:
    scene.create(config_map("taken-b"), config_map("taken-c"))
    actions = [makes_config_map(name, NAMESPACE, retryPolicy=NEVER) for name in ("people-a", "taken-b", "taken-c")]
    scene.plan("people", [stage("s", NAMESPACE, "people")], people=actions)
    executed = await scene.start("people-up", "people", onFailure="Pause")
    await waits(executed, 1)
    scene.kubectl("delete", "configmap", "taken-b")
    await ask(executed, RequestType.RETRY, 1)
    await waits(executed, 2)
    await ask(executed, RequestType.SKIP, 2, "not needed")
    await scene.finish("people-up", executed)
    scene.kubectl("delete", "configmap", "people-a")
    reverted = await scene.start("people-down", "people", "people-up", onFailure="Pause")
    await waits(reverted, 2)
    await ask(reverted, RequestType.DONE, 2, "deleted by hand")
    await scene.finish("people-down", reverted)
    return {"execute-decided": executed, "revert-decided": reverted}


async def paused_and_approved(scene: Scene) -> dict[str, Run]:
    scene.held("held-by-others")
    actions = [makes_config_map("held-by-others", NAMESPACE, "Delete"), makes_config_map("after-it", NAMESPACE)]
    approval = {"required": 1, "allowRequester": True}
    scene.plan("guarded", [stage("s", NAMESPACE, "guarded", approval=approval)], guarded=actions)
    run = await scene.start("guarded-up", "guarded")

    async def asks() -> bool:
        stages = (await run.state()).stages
        return bool(stages) and stages[0].reason is Reason.AWAITING_APPROVAL

    await eventually(asks, "the stage waits for approval")
    await ask(run, RequestType.APPROVE)
    await scene.leaving("held-by-others")
    await ask(run, RequestType.PAUSE)
    scene.let_go("held-by-others")

    async def deleted() -> bool:
        return (await run.workflow_state((0, "s"), (0, "guarded"))).actions[0].phase.terminal

    await eventually(deleted, "the deletion has ended")
    await ask(run, RequestType.RESUME)
    await scene.finish("guarded-up", run)
    return {"execute-paused-and-approved": run}


async def repaired(scene: Scene) -> dict[str, Run]:
    """Another value of a parameter; then a retry of what was refused while the account lacked its rights."""
    user, binding = f"system:serviceaccount:{NAMESPACE}:repairer", "repairer-may-edit"
    grants = ("create", "rolebinding", binding, "--clusterrole=edit", f"--serviceaccount={NAMESPACE}:repairer")

    async def may_delete(answer: bool) -> None:
        def answered() -> bool:
            try:
                return ("yes" in scene.kubectl("auth", "can-i", "delete", "configmaps", f"--as={user}")) is answer
            except StackError:
                return not answer  # kubectl fails where the answer is no

        await eventually(answered, "the right is known")

    scene.kubectl("create", "serviceaccount", "repairer")
    scene.kubectl(*grants)
    scene.create(config_map("taken-name"))
    action = makes_config_map("$(params.name)", NAMESPACE, retryPolicy=NEVER) | {"name": "make-named"}
    named = [{"name": "name", "value": "taken-name"}]
    scene.create(dr_workflow("repair", action))
    scene.create(dr_plan("repair", stage("s", NAMESPACE, "repair"), globalParams=named, serviceAccountName="repairer"))
    await may_delete(True)
    executed = await scene.start("repair-up", "repair", onFailure="Pause")
    await waits(executed, 0, "repair")
    asked = {"id": "Retry-0", "by": "alice", "params": '{"name": "free-name"}'}
    written = [f"dr.bkbcs.tencent.com/request-{name}={value}" for name, value in asked.items()]
    scene.kubectl("annotate", "drplanexecution", "repair-up", *written)
    await ask(executed, RequestType.RETRY, 0, flow="repair", parameters=["name"])
    await scene.finish("repair-up", executed)
    scene.kubectl("delete", "rolebinding", binding)
    await may_delete(False)
    reverted = await scene.start("repair-down", "repair", "repair-up", onFailure="Pause")
    await waits(reverted, 0, "repair")
    scene.kubectl(*grants)
    await may_delete(True)
    await ask(reverted, RequestType.RETRY, 0, flow="repair")
    await scene.finish("repair-down", reverted)
    return {"execute-retried-with-parameters": executed, "revert-decided-again": reverted}


async def searchable(scene: Scene) -> dict[str, Run]:
    """Roots that the bridge started where all search attributes are registered."""
    scene.create(config_map("taken-e"))
    actions = [makes_config_map(name, NAMESPACE, retryPolicy=NEVER) for name in ("found-d", "taken-e")]
    scene.plan("found", [stage("s", NAMESPACE, "found")], found=actions)
    values = {
        SearchAttribute.PLAN: "found",
        SearchAttribute.NAMESPACE: NAMESPACE,
        SearchAttribute.EXECUTION: "found-up",
        SearchAttribute.OPERATION: "Execute",
        SearchAttribute.STAGE: NONE,
        SearchAttribute.FAILED_ACTION: NONE,
    }
    pairs = [SearchAttributePair(SearchAttributeKey.for_keyword(name), value) for name, value in values.items()]
    started = replace(scene, search_attributes=TypedSearchAttributes(pairs))
    return {"execute-searchable-failed": await started.run("found-up", "found")}


STORIES = [decided, paused_and_approved, repaired, searchable]
