"""What is recorded: one short story each, told to real parts; every story gives its runs by shape."""

from collections.abc import Awaitable, Callable

from api.meta import ObjectKey
from api.phases import Phase
from dev import without_bridge
from planning.definitions.identifiers import proof_id
from tests.eventually import eventually
from tests.faulty_server import Answer, Cut
from tests.histories import stories_of_actions, stories_of_requests
from tests.histories.stage import NAMESPACE, Scene
from tests.manifests import makes_config_map, makes_localization, stage
from tests.workflows.engine import Run, attempt_due, cancel_requested

Story = Callable[[Scene], Awaitable[dict[str, Run]]]
AWAY = Answer(503, '{"kind":"Status","reason":"ServiceUnavailable","message":"the server is away"}')
QUICKLY = {"limit": 3, "interval": "100ms", "backoffMultiplier": "1"}
SLOWLY = {"limit": 3, "interval": "1h"}
NEVER = {"limit": 0}


def made(name: str, **more: object) -> dict[str, object]:
    return makes_config_map(name, NAMESPACE, **more)  # type: ignore[arg-type]


def removed(name: str) -> dict[str, object]:
    return makes_config_map(name, NAMESPACE, "Delete")


async def two_stages(scene: Scene) -> dict[str, Run]:
    first = stage("config", NAMESPACE, "shop-config")
    second = stage("apps", NAMESPACE, "shop-east", "shop-west", parallel=True, dependsOn=["config"])
    scene.plan(
        "shop",
        [first, second],
        shop_config=[made("shop-a"), made("shop-b")],
        shop_east=[makes_localization("shop-east", NAMESPACE)],
        shop_west=[makes_localization("shop-west", NAMESPACE)],
    )
    executed = await scene.run("shop-up", "shop")
    return {"execute-success": executed, "revert-parallel": await scene.run("shop-down", "shop", "shop-up")}


async def in_order(scene: Scene) -> dict[str, Run]:
    scene.plan(
        "line",
        [stage("only", NAMESPACE, "line-one", "line-two")],
        line_one=[made("line-a"), made("line-b")],
        line_two=[made("line-c")],
    )
    await scene.run("line-up", "line")
    return {"revert-success": await scene.run("line-down", "line", "line-up")}


async def deleted_by_hand(scene: Scene) -> dict[str, Run]:
    scene.plan(
        "gap",
        [stage("one", NAMESPACE, "gap-one"), stage("two", NAMESPACE, "gap-two")],
        gap_one=[made("gap-a"), made("gap-b"), made("gap-c")],
        gap_two=[made("gap-d")],
    )
    await scene.run("gap-up", "gap")
    scene.kubectl("delete", "configmap", "gap-b")
    failed = await scene.run("gap-down", "gap", "gap-up")
    resumed = await scene.run("gap-down-again", "gap", "gap-up", onMissing="Ignore")
    return {"revert-action-failed": failed, "revert-resumed": resumed}


async def partly_failed(scene: Scene) -> dict[str, Run]:
    scene.kubectl("create", "configmap", "part-taken")
    stages = [
        stage("good", NAMESPACE, "part-good"),
        stage("bad", NAMESPACE, "part-bad", failurePolicy="Continue"),
        stage("never", NAMESPACE, "part-never", dependsOn=["bad"]),
    ]
    scene.plan(
        "part",
        stages,
        part_good=[made("part-a")],
        part_bad=[made("part-b"), made("part-taken"), made("part-c")],
        part_never=[made("part-d")],
    )
    failed = await scene.run("part-up", "part")
    return {"execute-partly-failed": failed, "revert-skipped-nodes": await scene.run("part-down", "part", "part-up")}


async def parts(scene: Scene) -> dict[str, Run]:
    scene.kubectl("create", "configmap", "half-taken")
    scene.plan(
        "half",
        [stage("good", NAMESPACE, "half-good"), stage("bad", NAMESPACE, "half-bad")],
        half_good=[made("half-a", operation="Apply"), made("half-b")],
        half_bad=[made("half-c"), made("half-taken")],
    )
    await scene.run("half-up", "half")
    await scene.run("half-up-again", "half")  # it stops at half-b, and rests on half-a
    refused = await scene.run("half-down", "half", "half-up")
    selected = await scene.run("half-down-part", "half", "half-up", only={"actions": ["make-half-b"]})
    partial = await scene.run("half-down-whole", "half", "half-up", includePartial=True, force=True)
    return {"revert-below-a-later-one": refused, "revert-selected": selected, "revert-partial": partial}


async def previewed(scene: Scene) -> dict[str, Run]:
    scene.plan("seen", [stage("one", NAMESPACE, "seen-one")], seen_one=[made("seen-a"), made("seen-b")])
    shown = await scene.run("seen-first", "seen", dryRun=True)
    scene.kubectl("create", "configmap", "seen-a")
    obstructed = await scene.run("seen-again", "seen", dryRun=True)
    scene.kubectl("delete", "configmap", "seen-a")
    await scene.run("seen-up", "seen")
    back = await scene.run("seen-back", "seen", "seen-up", dryRun=True)
    return {"preview-execute": shown, "preview-obstructed": obstructed, "preview-revert": back}


async def rehearsed(scene: Scene) -> dict[str, Run]:
    scene.plan("reh", [stage("one", NAMESPACE, "reh-one")], reh_one=[made("reh-a")])
    found = await scene.rehearse("reh")
    refused = await scene.rehearse("reh", recorded=False)
    return {"rehearsal": found, "rehearsal-refused": refused}


async def returned(scene: Scene) -> dict[str, Run]:
    own = {**made("ret-$(params.n)"), "name": "make-own"}
    actions = [made("ret-app", operation="Apply"), own]
    scene.plan("ret", [stage("only", NAMESPACE, "ret-flow")], ret_flow=actions)
    for number in "123":
        await scene.run(f"ret-{number}", "ret", params=[{"name": "n", "value": number}])
    reverting = await scene.start("ret-back", "ret", "", revertTo="ret-1")

    async def second_part() -> bool:
        return [one.phase for one in (await reverting.state()).stages][1:] == [Phase.RUNNING]

    await eventually(second_part, "ret-2 is taken back")
    key = ObjectKey(namespace=NAMESPACE, name="ret-back", uid=reverting.uid)
    await without_bridge.record(scene.stack, key, reverting.handle)  # the decision on it, as the bridge does
    await scene.finish("ret-back", reverting)
    return {"revert-to": reverting}


async def retried(scene: Scene) -> dict[str, Run]:
    scene.plan(
        "again",
        [stage("only", NAMESPACE, "again-flow")],
        again_flow=[made("again-a", retryPolicy=QUICKLY), made("again-b")],
    )
    scene.api.fault("POST", "/configmaps", AWAY, times=2)
    executed = await scene.run("again-up", "again")
    scene.api.fault("DELETE", "/configmaps/again-a", AWAY, times=2)
    return {
        "execute-retried-action": executed,
        "revert-retried-action": await scene.run("again-down", "again", "again-up"),
    }


async def worker_lost(scene: Scene) -> dict[str, Run]:
    actions = [made("lost-a", held=True, retryPolicy=NEVER), made("lost-b")]
    scene.plan("lost", [stage("only", NAMESPACE, "lost-flow")], lost_flow=actions)
    fault = scene.api.fault("POST", "/configmaps", Cut.HANG)
    executing = await scene.start("lost-up", "lost")
    await scene.met(lambda: fault.met, 1)
    scene.worker.kill()
    await scene.worker_up()
    await scene.finish("lost-up", executing)
    reverting = await scene.start("lost-down", "lost", "lost-up")
    await scene.leaving("lost-a")
    scene.worker.kill()
    await scene.worker_up()
    scene.let_go("lost-a")
    await scene.finish("lost-down", reverting)
    return {"execute-worker-lost": executing, "revert-worker-lost": reverting}


async def canceled(scene: Scene) -> dict[str, Run]:
    stages = [stage("one", NAMESPACE, "cut-one"), stage("two", NAMESPACE, "cut-two")]
    scene.plan("cut", stages, cut_one=[made("cut-a"), made("cut-b", held=True), made("cut-c")], cut_two=[made("cut-d")])
    await scene.run("cut-up", "cut")
    reverting = await scene.start("cut-down", "cut", "cut-up")
    await scene.leaving("cut-b")
    await reverting.handle.cancel()
    await cancel_requested(reverting.workflow((1, "one"), (0, "cut-one")))
    scene.let_go("cut-b")
    await scene.finish("cut-down", reverting)
    return {"revert-canceled": reverting}


async def execute_canceled(scene: Scene) -> dict[str, Run]:
    scene.held("stop-old")
    actions = [made("stop-a"), removed("stop-old"), made("stop-b")]
    scene.plan("stop", [stage("only", NAMESPACE, "stop-flow")], stop_flow=actions)
    executing = await scene.start("stop-up", "stop")
    await scene.leaving("stop-old")
    await executing.handle.cancel()
    await cancel_requested(executing.workflow((0, "only"), (0, "stop-flow")))
    scene.let_go("stop-old")
    await scene.finish("stop-up", executing)
    return {"execute-canceled": executing}


async def canceled_between_attempts(scene: Scene) -> dict[str, Run]:
    actions = [made("wait-a", retryPolicy=SLOWLY), made("wait-b")]
    scene.plan("wait", [stage("only", NAMESPACE, "wait-flow")], wait_flow=actions)
    scene.api.fault("POST", "/configmaps", AWAY)
    first = await scene.start("wait-up", "wait")
    await attempt_due(first.workflow((0, "only"), (0, "wait-flow")), 2)
    await first.handle.cancel()
    await scene.finish("wait-up", first)
    await scene.run("wait-up-again", "wait")
    scene.api.fault("DELETE", "/configmaps/wait-b", AWAY, times=9)
    reverting = await scene.start("wait-down", "wait", "wait-up-again")
    await attempt_due(reverting.workflow((0, "only"), (0, "wait-flow")), 2)
    await reverting.handle.cancel()
    await scene.finish("wait-down", reverting)
    return {"execute-canceled-between-attempts": first, "revert-canceled-between-attempts": reverting}


async def canceled_before_it_began(scene: Scene) -> dict[str, Run]:
    scene.plan("early", [stage("only", NAMESPACE, "early-flow")], early_flow=[made("early-a")])
    scene.worker.kill()
    executing = await scene.start("early-up", "early")
    await executing.handle.cancel()
    await scene.worker_up()
    await scene.finish("early-up", executing)
    return {"execute-canceled-before-it-began": executing}


async def rejected(scene: Scene) -> dict[str, Run]:
    scene.plan("no", [stage("only", NAMESPACE, "no-flow")], no_flow=[made("no-a")])
    await scene.run("no-up", "no")
    await scene.run("no-down", "no", "no-up")
    of_a_revert = await scene.run("no-down-down", "no", "no-down")
    scene.plan("late", [stage("only", NAMESPACE, "late-flow")], late_flow=[made("late-a", timeout="soon")])
    return {"revert-rejected": of_a_revert, "execute-rejected": await scene.run("late-up", "late")}


async def fail_fast(scene: Scene) -> dict[str, Run]:
    for name in ("fast-gate", "fast-slow"):
        scene.held(name)
    scene.kubectl("create", "configmap", "fast-taken")
    both = stage("both", NAMESPACE, "fast-bad", "fast-good", parallel=True, failurePolicy="FailFast")
    scene.plan(
        "fast",
        [both],
        fast_bad=[removed("fast-gate"), made("fast-taken")],
        fast_good=[removed("fast-slow"), made("fast-a")],
    )
    executing = await scene.start("fast-up", "fast")
    for name in ("fast-gate", "fast-slow"):
        await scene.leaving(name)
    scene.let_go("fast-gate")
    await cancel_requested(executing.workflow((0, "both"), (1, "fast-good")))
    scene.let_go("fast-slow")
    await scene.finish("fast-up", executing)
    return {"execute-fail-fast": executing}


async def child_terminated(scene: Scene) -> dict[str, Run]:
    stages = [stage("one", NAMESPACE, "torn-one"), stage("two", NAMESPACE, "torn-two")]
    scene.plan("torn", stages, torn_one=[made("torn-a")], torn_two=[made("torn-b", held=True), made("torn-c")])
    await scene.run("torn-up", "torn")
    reverting = await scene.start("torn-down", "torn", "torn-up")
    await scene.leaving("torn-b")
    await reverting.workflow((0, "two"), (0, "torn-two")).terminate("by hand")
    await scene.finish("torn-down", reverting)
    scene.let_go("torn-b")
    return {"revert-child-terminated": reverting}


async def restored(scene: Scene) -> dict[str, Run]:
    for name in ("undo-a", "undo-b"):
        scene.kubectl("create", "configmap", name, "--from-literal=made=before")
    actions = [makes_config_map("undo-a", NAMESPACE, "Patch"), removed("undo-b")]
    scene.plan("undo", [stage("only", NAMESPACE, "undo-flow")], undo_flow=actions)
    await scene.run("undo-up", "undo")
    back = await scene.run("undo-down", "undo", "undo-up")
    await scene.run("undo-up-again", "undo")
    scene.kubectl("patch", "configmap", "undo-a", "--type=merge", "-p", '{"data":{"made":"by others"}}')
    refused = await scene.run("undo-down-again", "undo", "undo-up-again")
    return {"revert-restored": back, "revert-changed-since": refused}


async def proved(scene: Scene) -> dict[str, Run]:
    scene.kubectl("create", "configmap", "true-b", "--from-literal=made=before")
    actions = [made("true-a"), makes_config_map("true-b", NAMESPACE, "Patch")]
    scene.plan("true", [stage("only", NAMESPACE, "true-flow")], true_flow=actions)
    await scene.run("true-up", "true")
    soaked = await scene.run("true-down", "true", "true-up", soak="1s")
    await soaked.client.get_workflow_handle(proof_id(soaked.handle.id)).result()
    await scene.run("true-up-again", "true")
    scene.kubectl("patch", "configmap", "true-b", "--type=merge", "-p", '{"data":{"theirs":"x"}}')
    differs = await scene.run("true-down-again", "true", "true-up-again")
    return {"revert-proved-and-soaked": soaked, "revert-proof-differs": differs}


async def not_proved(scene: Scene) -> dict[str, Run]:
    scene.plan("gone", [stage("only", NAMESPACE, "gone-flow")], gone_flow=[made("gone-a", held=True)])
    await scene.run("gone-up", "gone")
    reverting = await scene.start("gone-down", "gone", "gone-up")
    await scene.leaving("gone-a")
    scene.kubectl("patch", "drplanexecution", "gone-up", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    scene.kubectl("delete", "drplanexecution", "gone-up")
    scene.let_go("gone-a")
    await scene.finish("gone-down", reverting)
    return {"revert-not-proved": reverting}


STORIES: list[Story] = [
    two_stages,
    in_order,
    deleted_by_hand,
    partly_failed,
    parts,
    previewed,
    rehearsed,
    returned,
    retried,
    worker_lost,
    canceled,
    execute_canceled,
    canceled_between_attempts,
    canceled_before_it_began,
    rejected,
    fail_fast,
    child_terminated,
    restored,
    proved,
    not_proved,
    *stories_of_actions.STORIES,
    *stories_of_requests.STORIES,
]
