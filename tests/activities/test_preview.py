"""What each operation would do, asked of a real API server: told in the conditional, and nothing is changed."""

import json
from typing import Any

from activities.authorize import Impersonation
from activities.load import LoadActivities
from activities.preview import Previewer
from activities.registry import effects
from api.meta import ObjectKey
from api.phases import OperationType
from api.runs import RunInput
from api.tree import RunState
from tests.activities.believed_inputs import BelievedInputs
from tests.activities.live_namespace import Attempt, LiveNamespace, Object
from tests.activities.orders import subscription
from tests.fake_clusternet import Clusternet
from tests.manifests import HOLD, config_map, dr_plan, dr_workflow, execute, makes_config_map, stage, writes

SUBSCRIPTION = {
    "apiVersion": "apps.clusternet.io/v1alpha1",
    "kind": "Subscription",
    "spec": {"subscribers": [], "feeds": []},
}


async def previewed(ns: LiveNamespace, *actions: Object) -> RunState:
    """Preview an Execute of these actions."""
    ns.create(dr_workflow("flow", *actions), dr_plan("shop", stage("only", ns.namespace, "flow")))
    ns.create(execute("seen", "shop", dryRun=True))
    cluster = ns.cluster.dry_running()
    loads = LoadActivities(
        ns.cluster, Impersonation(), BelievedInputs(ns.cluster), Previewer(cluster, effects(cluster))
    )
    key = ObjectKey(namespace=ns.namespace, name="seen", uid=ns.uid("drpe", "seen"))
    given = RunInput(execution=key, plan="shop", operation=OperationType.EXECUTE)
    state = await Attempt().run(loads.preview, given)
    assert state.stages, state.message
    return state


def messages(state: RunState) -> dict[str, str]:
    return {action.name: action.message or "" for stage in state.stages for action in stage.actions}


async def test_every_operation_says_what_it_would_do(ns: LiveNamespace) -> None:
    uids = {name: ns.config_map(name) for name in ("applied", "patched", "deleted")}
    ns.create({**SUBSCRIPTION, "metadata": {"name": "old"}})
    old = ns.uid("subscription", "old")
    again = {"subscription": subscription("undone", ns.namespace, "Create")["subscription"]}
    undo = {"resource": makes_config_map("undone", ns.namespace)["resource"]}

    def action(name: str, operation: str, **more: Any) -> Object:
        return makes_config_map(name, ns.namespace, operation, **more)

    container = {"name": "one", "image": "none"}
    job = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}}
    state = await previewed(
        ns,
        subscription("old", ns.namespace, "Replace", rollback=again),
        subscription("new", ns.namespace, "Replace", rollback=again),
        action("applied", "Apply"),
        action("new-applied", "Apply"),
        action("patched", "Patch", rollback=undo),
        action("deleted", "Delete", rollback=undo),
        action("absent", "Delete", rollback=undo),
        {
            "name": "job",
            "type": "Job",
            "job": {"namespace": ns.namespace, "template": {"metadata": {"name": "j"}, **job}},
        },
    )

    def named(name: str) -> str:
        return f"ConfigMap {ns.namespace}/{name}"

    assert messages(state) == {
        "replace-old": f"Would replace Subscription {ns.namespace}/old",
        "replace-new": f"Would replace Subscription {ns.namespace}/new (it does not exist)",
        "make-applied": f"Would apply {named('applied')} (it exists)",
        "make-new-applied": f"Would apply {named('new-applied')} (it would be created)",
        "make-patched": f"Would patch {named('patched')}",
        "make-deleted": f"Would delete {named('deleted')}",
        "make-absent": f"{named('absent')} does not exist: there would be nothing to delete",
        "job": f"Would create Job {ns.namespace}/j",
    }
    assert state.preview is not None
    assert (state.preview.obstacle_count, state.preview.unknown_count) == (0, 0)
    assert {name: ns.uid("configmap", name) for name in uids} == uids
    assert ns.uid("subscription", "old") == old
    found = json.loads(ns.kubectl("get", "configmaps,jobs,controllerrevisions", "-o", "json"))["items"]
    assert {each["metadata"]["name"] for each in found} - {"kube-root-ca.crt"} == set(uids)
    recorded = {one.name: one.outputs.resource_ref for one in state.stages[0].actions if one.outputs}
    known = {name: ref.uid for name, ref in recorded.items() if ref is not None and ref.uid}
    assert known == {f"make-{name}": uids[name] for name in ("applied", "patched", "deleted")}, "of what stays itself"


async def test_what_is_deleted_before_and_in_every_cluster_is_asked_about(
    ns: LiveNamespace, clusternet: Clusternet
) -> None:
    clusternet.joins("east")
    clusternet.joins("west")
    ns.create(
        {**SUBSCRIPTION, "metadata": {"name": "hook"}},
        {**SUBSCRIPTION, "metadata": {"name": "held", "finalizers": [HOLD]}},
    )
    before = {name: ns.uid("subscription", name) for name in ("hook", "held")}
    cleanup = {"beforeCreate": True, "onSuccess": True}
    state = await previewed(
        ns,
        subscription("hook", ns.namespace, "Create", hookCleanup=cleanup),
        subscription("held", ns.namespace, "Create", hookCleanup=cleanup),
        subscription("app", ns.namespace, "Create", clusterExecutionMode="PerCluster", waitReady=True),
    )
    hook, stuck, app = messages(state).values()
    assert hook == f"Would create Subscription {ns.namespace}/hook, and remove it afterwards"
    assert HOLD in stuck
    assert app == f"Would create Subscription {ns.namespace}/app in 2 clusters"
    assert {name: ns.uid("subscription", name) for name in before} == before
    assert ns.kubectl("get", "subscriptions", "-o", "name").splitlines() == [
        f"subscription.apps.clusternet.io/{name}" for name in ("held", "hook")
    ]
    ns.let_go("subscription", "held")


async def test_a_field_that_the_kind_does_not_have_is_an_obstacle(ns: LiveNamespace) -> None:
    text = json.dumps({**config_map("app", namespace=ns.namespace), "dta": {}})
    action = {"name": "slip", "type": "KubernetesResource", "resource": {"manifest": text}}
    [message] = messages(await previewed(ns, action)).values()
    assert message.startswith("Would fail to create ConfigMap: ")
    assert "dta" in message


async def test_a_field_that_the_kind_does_not_have_is_named_before_anything_is_executed(ns: LiveNamespace) -> None:
    body = {**config_map("app", namespace=ns.namespace), "dta": {"a": "b"}}
    state = await previewed(ns, writes("make-app", json.dumps(body)))
    assert 'unknown field "dta"' in messages(state)["make-app"]
    assert state.preview is not None
    assert state.preview.obstacle_count == 1
