"""Stories of persons: they pause, decide about what failed, and approve."""

from api.reasons import Reason
from api.requests import PersonRequest, RequestType
from tests.eventually import eventually
from tests.histories.stage import NAMESPACE, Scene
from tests.manifests import config_map, makes_config_map, stage
from tests.workflows.engine import Run
from workflows.contract import APPROVE_UPDATE, DECIDE_UPDATE, PAUSE_UPDATE

NEVER = {"limit": 0}


async def ask(run: Run, kind: RequestType, action: int | None = None, reason: str = "") -> None:
    request = PersonRequest(id=f"{kind}-{action}", type=kind, action=action, by="alice", reason=reason, stage=0)
    if kind.decides:
        await run.workflow((0, "s"), (0, "people")).execute_update(DECIDE_UPDATE, request)
    else:
        name = APPROVE_UPDATE if kind is RequestType.APPROVE else PAUSE_UPDATE
        await run.handle.execute_update(name, request)


async def waits(run: Run, action: int) -> None:
    """Wait until an action waits for a decision."""

    async def awaits() -> bool:
        stages = (await run.state()).stages
        if not stages or stages[0].start_time is None:
            return False
        node = await run.workflow_state((0, "s"), (0, "people"))
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


STORIES = [decided, paused_and_approved]
