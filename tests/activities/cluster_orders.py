"""Subscriptions with clusterExecutionMode PerCluster as tests order them, and what the tests read back."""

from typing import Any

from api.execution import ActionOutputs, ClusterActionStatus
from api.phases import Phase
from tests.activities.orders import Task, execution_of, subscription
from tests.activities.site import Object, Site

FEED = {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "namespace": "default"}
POSTED = "/subscriptions"


def rolls_out(site: Site, operation: str = "Create", subscribers: Any = (), **more: Any) -> Task:
    """Give the task to roll the Subscription `app` out, cluster by cluster."""
    spec = {"subscribers": list(subscribers), "feeds": [FEED], "schedulingStrategy": "Dividing", "priority": 3}
    modes = {"waitReady": True, "clusterExecutionMode": "PerCluster"}
    given = {name: more.pop(name) for name in ("timeout", "limit") if name in more}
    action = subscription("app", site.namespace, operation, spec=spec, **(modes | more))
    return Task(site, action, execution_of(site), **given)


def found(site: Site, name: str) -> Object:
    seen = site.get("subscription", name)
    assert seen is not None, f"Subscription {name} is absent"
    return seen


def names(site: Site) -> list[str]:
    return site.kubectl("get", "subscriptions", "-o", "jsonpath={.items[*].metadata.name}").split()


def recorded(outputs: ActionOutputs | None) -> dict[str | None, str | None]:
    """Give name and uid of every Subscription in a record."""
    return {each.name: each.uid for each in (outputs and outputs.subscription_refs) or []}


def uids(site: Site, *subscriptions: str) -> dict[str, str]:
    return {name: site.uid("subscription", name) for name in subscriptions}


def phases(statuses: list[ClusterActionStatus] | None) -> dict[str, Phase]:
    return {each.cluster: each.phase for each in statuses or []}


def rolls_out_again(site: Site) -> Object:
    """Give the action that deletes what `rolls_out` makes."""
    modes = {"waitReady": True, "clusterExecutionMode": "PerCluster"}
    return subscription("app", site.namespace, "Delete", spec=None, **modes)


def body(name: str, **metadata: Any) -> Object:
    kind = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Subscription"}
    return {**kind, "metadata": {"name": name, **metadata}}
