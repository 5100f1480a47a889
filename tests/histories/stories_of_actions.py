"""What is recorded of single actions and of the order in which they run: one short story for each shape."""

import json
from typing import Any

from api.phases import Phase
from tests import fake_kubelet
from tests.eventually import eventually
from tests.fake_clusternet import Clusternet
from tests.faulty_server import Cut
from tests.histories.stage import NAMESPACE, Scene
from tests.http_service import Reply
from tests.manifests import dr_plan, dr_workflow, makes_config_map, makes_localization, stage, writes
from tests.workflows.engine import Run, cancel_requested

NEVER = {"limit": 0}
Runs = dict[str, Run]
Object = dict[str, Any]


def made(name: str, **more: Any) -> Object:
    return makes_config_map(name, NAMESPACE, **more)


def removed(name: str, **more: Any) -> Object:
    return makes_config_map(name, NAMESPACE, "Delete", **more)


def after(*names: str) -> Object:
    """Give the field by which an action waits for those on these ConfigMaps."""
    return {"dependsOn": [f"make-{name}" for name in names]}


def calls(scene: Scene, name: str, path: str, method: str = "POST", **more: Any) -> Object:
    """Give an action that asks the story's service."""
    http = {"url": f"{scene.service.address}{path}", "method": method, "headers": {"X-Plan": "$(planName)"}}
    return {"name": name, "type": "HTTP", "http": http, **more}


def subscribes(name: str, operation: str = "Create", **more: Any) -> Object:
    feed = {"apiVersion": "batch/v1", "kind": "Job", "name": "migrate", "namespace": NAMESPACE}
    spec = {"subscribers": [{"clusterAffinity": {"matchLabels": {"site": "eu"}}}], "feeds": [feed]}
    block = {"name": name, "namespace": NAMESPACE, "operation": operation, "spec": spec}
    return {"name": f"send-{name}", "type": "Subscription", "subscription": block, **more}


def only(scene: Scene, name: str, *actions: Object, **more: Any) -> None:
    """Create a plan of one DRWorkflow, `<name>-flow`."""
    scene.create(dr_workflow(f"{name}-flow", *actions, **more), dr_plan(name, stage("only", NAMESPACE, f"{name}-flow")))


async def failed(run: Run, name: str) -> None:
    """Wait until the only DRWorkflow knows that an action failed."""

    async def knows() -> bool:
        node = await run.workflow_state((0, "only"), (0, name))
        return any(one.phase is Phase.FAILED for one in node.actions)

    await eventually(knows, "an action failed")


# Actions that depend on each other.


async def side_by_side(scene: Scene) -> Runs:
    last = made("fan-d", **after("fan-b", "fan-c"))
    only(scene, "fan", made("fan-a"), made("fan-b", **after("fan-a")), made("fan-c", **after("fan-a")), last)
    executed = await scene.run("fan-up", "fan")
    return {"execute-side-by-side": executed, "revert-side-by-side": await scene.run("fan-down", "fan", "fan-up")}


async def side_by_side_failed(scene: Scene) -> Runs:
    runs = {}
    for policy in ("FailFast", "Continue"):
        name = f"burst-{policy.lower()}"
        scene.held(f"{name}-slow")
        scene.kubectl("create", "configmap", f"{name}-taken")
        actions = [removed(f"{name}-slow"), made(f"{name}-taken"), made(f"{name}-a", **after(f"{name}-slow"))]
        only(scene, name, *actions, made(f"{name}-b", **after(f"{name}-taken")), failurePolicy=policy)
        run = await scene.start(f"{name}-up", name)
        await scene.leaving(f"{name}-slow")
        await failed(run, f"{name}-flow")
        scene.let_go(f"{name}-slow")
        await scene.finish(f"{name}-up", run)
        runs[f"execute-side-by-side-{policy.lower()}"] = run
    return runs


async def side_by_side_canceled(scene: Scene) -> Runs:
    for name in ("halt-a", "halt-b"):
        scene.held(name)
    only(scene, "halt", removed("halt-a"), removed("halt-b"), made("halt-c", **after("halt-a")))
    run = await scene.start("halt-up", "halt")
    for name in ("halt-a", "halt-b"):
        await scene.leaving(name)
    await run.handle.cancel()
    await cancel_requested(run.workflow((0, "only"), (0, "halt-flow")))
    for name in ("halt-a", "halt-b"):
        scene.let_go(name)
    await scene.finish("halt-up", run)
    return {"execute-side-by-side-canceled": run}


async def side_by_side_worker_lost(scene: Scene) -> Runs:
    actions = [made(f"gone-{letter}", retryPolicy=NEVER) for letter in "ab"]
    only(scene, "gone", *actions, made("gone-c", **after("gone-a", "gone-b")))
    fault = scene.api.fault("POST", "/configmaps", Cut.HANG, times=2)
    run = await scene.start("gone-up", "gone")
    await scene.met(lambda: fault.met, 2)
    scene.worker.kill()
    await scene.worker_up()
    await scene.finish("gone-up", run)
    return {"execute-side-by-side-worker-lost": run}


# Conditions, modes, values.


async def conditions(scene: Scene) -> Runs:
    upgraded = made("path-b", when='mode == "upgrade"', **after("path-a"))
    only(scene, "path", made("path-a", when='mode == "install"'), upgraded, made("path-c", **after("path-b")))
    return {"execute-conditions": await scene.run("path-up", "path", mode="Install")}


async def mode_delete(scene: Scene) -> Runs:
    called = calls(scene, "tell", "/tell", when='mode == "install"')
    scene.service.replies_to("/tell", Reply(200))
    scene.plan(
        "down",
        [stage("only", NAMESPACE, "down-flow", "down-calls")],
        down_flow=[made("down-a"), makes_localization("down-b", NAMESPACE)],
        down_calls=[called],
    )
    await scene.run("down-up", "down", mode="Install")
    return {"execute-mode-delete": await scene.run("down-gone", "down", mode="Delete")}


async def values(scene: Scene) -> Runs:
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": NAMESPACE, "name": "vals-source"}
    scene.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "vals-source"}, "data": {"size": "3"}})
    first = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "vals-$(params.site)"}})
    uses = {"uid": "$(outputs.first.resourceRef.uid)", "phase": "$(outputs.first.phase)", "size": "$(params.size)"}
    second = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "vals-b"}, "data": uses}
    parameters = [
        {"name": "size", "type": "number", "valueFrom": {"manifestRef": {**reference, "jsonPath": "{.data.size}"}}},
        {"name": "site", "default": "east"},
    ]
    only(scene, "vals", writes("first", first), writes("second", json.dumps(second)), parameters=parameters)
    executed = await scene.run("vals-up", "vals", params=[{"name": "site", "value": "west"}])
    return {"execute-values": executed, "revert-values": await scene.run("vals-down", "vals", "vals-up")}


# RollbackActivities of one's own, hooks.


async def custom_rollbacks(scene: Scene) -> Runs:
    scene.kubectl("create", "configmap", "own-settings")
    patched = writes("patch", _settings("new"), "Patch", rollback=_patches("old"))
    called = calls(scene, "move", "/move", rollback=calls(scene, "move-back", "/back", retryPolicy=NEVER))
    only(scene, "own", patched, called)
    scene.service.replies_to("/move", Reply(201, "moved"))
    scene.service.replies_to("/back", Reply(500, "not now"), Reply(200, "back"))
    await scene.run("own-up", "own")
    refused = await scene.run("own-down", "own", "own-up")
    done = await scene.run("own-down-again", "own", "own-up")
    return {"revert-custom-rollback-failed": refused, "revert-custom-rollback": done}


def _settings(value: str) -> str:
    metadata = {"name": "own-settings", "namespace": NAMESPACE}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"state": value}})


def _patches(value: str) -> Object:
    return {"type": "KubernetesResource", "resource": {"operation": "Patch", "manifest": _settings(value)}}


async def rollback_hooks(scene: Scene) -> Runs:
    hooks = [made(f"bell-{hook}", hookType=f"{hook}-rollback", when='mode == "rollback"') for hook in ("pre", "post")]
    only(scene, "bell", *hooks, made("bell-a"), made("bell-b"))
    await scene.run("bell-up", "bell", mode="Install")
    return {"revert-hooks": await scene.run("bell-down", "bell", "bell-up")}


# Types of actions.


async def requests(scene: Scene) -> Runs:
    scene.service.replies_to("/health", Reply(503), Reply(200, "ready"))
    scene.service.replies_to("/order", Reply(201, "ordered"), Reply(cut=True))
    quick = {"limit": 3, "interval": "100ms"}
    only(scene, "ask", calls(scene, "health", "/health", "GET", retryPolicy=quick), calls(scene, "order", "/order"))
    answered = await scene.run("ask-up", "ask")
    return {"execute-http": answered, "execute-http-outcome-unknown": await scene.run("ask-up-again", "ask")}


async def jobs(scene: Scene) -> Runs:
    runs = {}
    for name, ends in (("work-well", fake_kubelet.succeeds), ("work-badly", fake_kubelet.fails)):
        only(
            scene,
            name,
            {"name": "run", "type": "Job", "job": {"namespace": NAMESPACE, "template": fake_kubelet.template(name)}},
        )
        run = await scene.start(f"{name}-up", name)
        await ends(scene, name)
        await scene.finish(f"{name}-up", run)
        runs["execute-job" if name == "work-well" else "execute-job-failed"] = run
    return runs


async def replaced(scene: Scene) -> Runs:
    rollback = {"type": "Subscription", "subscription": subscribes("swap", "Delete")["subscription"]}
    only(scene, "swap", subscribes("swap"), {**subscribes("swap", "Replace", rollback=rollback), "name": "swap"})
    executed = await scene.run("swap-up", "swap")
    return {"execute-replace": executed, "revert-replace": await scene.run("swap-down", "swap", "swap-up")}


async def in_clusters(scene: Scene) -> Runs:
    everywhere: Object = {"waitReady": True, "clusterExecutionMode": "PerCluster", "retryPolicy": NEVER}
    cleaned = subscribes("hook", waitReady=True, hookCleanup={"beforeCreate": True, "onSuccess": True})
    only(scene, "fleet", cleaned, subscribes("fleet", **everywhere))
    only(scene, "crew", subscribes("crew", **everywhere))
    with Clusternet.at_work(scene.stack, NAMESPACE) as clusternet:
        clusternet.joins("east", site="eu")
        west = clusternet.joins("west", site="eu")
        executed = await scene.run("fleet-up", "fleet")
        reverted = await scene.run("fleet-down", "fleet", "fleet-up")
        clusternet.fails_in(west, "no room")
        failing = await scene.run("crew-up", "crew")
    return {"execute-per-cluster": executed, "revert-per-cluster": reverted, "execute-per-cluster-failed": failing}


STORIES = [
    side_by_side,
    side_by_side_failed,
    side_by_side_canceled,
    side_by_side_worker_lost,
    conditions,
    mode_delete,
    values,
    custom_rollbacks,
    rollback_hooks,
    requests,
    jobs,
    replaced,
    in_clusters,
]
