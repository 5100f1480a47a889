"""Subscriptions with clusterExecutionMode PerCluster as tests order them, and what the tests read back."""

from typing import Any

from api.nodes import ActionOutputs, ClusterActionStatus
from api.phases import Phase
from tests.activities.live_namespace import LiveNamespace, Object
from tests.activities.orders import Task, execution_of, subscription

FEED = {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "namespace": "default"}
POSTED = "/subscriptions"


def rolls_out(ns: LiveNamespace, operation: str = "Create", subscribers: Any = (), **more: Any) -> Task:
    """Give the task to roll the Subscription `app` out, cluster by cluster."""
    spec = {"subscribers": list(subscribers), "feeds": [FEED], "schedulingStrategy": "Dividing", "priority": 3}
    modes = {"waitReady": True, "clusterExecutionMode": "PerCluster"}
    given = {name: more.pop(name) for name in ("timeout", "limit") if name in more}
    action = subscription("app", ns.namespace, operation, spec=spec, **(modes | more))
    return Task(ns, action, execution_of(ns), **given)


def found(ns: LiveNamespace, name: str) -> Object:
    seen = ns.get("subscription", name)
    assert seen is not None, f"Subscription {name} is absent"
    return seen


def names(ns: LiveNamespace) -> list[str]:
    return ns.kubectl("get", "subscriptions", "-o", "jsonpath={.items[*].metadata.name}").split()


def recorded(outputs: ActionOutputs | None) -> dict[str | None, str | None]:
    """Give name and uid of every Subscription in a record."""
    return {each.name: each.uid for each in (outputs and outputs.subscription_refs) or []}


def uids(ns: LiveNamespace, *subscriptions: str) -> dict[str, str]:
    return {name: ns.uid("subscription", name) for name in subscriptions}


def phases(statuses: list[ClusterActionStatus] | None) -> dict[str, Phase]:
    return {each.cluster: each.phase for each in statuses or []}


def rolls_out_again(ns: LiveNamespace) -> Object:
    """Give the action that deletes what `rolls_out` makes."""
    modes = {"waitReady": True, "clusterExecutionMode": "PerCluster"}
    return subscription("app", ns.namespace, "Delete", spec=None, **modes)


def body(name: str, **metadata: Any) -> Object:
    kind = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Subscription"}
    return {**kind, "metadata": {"name": name, **metadata}}
