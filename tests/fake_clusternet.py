"""Plays Clusternet on a stack that has none: binds Subscriptions, prepares Descriptions, reports states.

What it writes is what Clusternet v0.18 writes on the hub, field by field; nothing is deployed anywhere. Only
Subscriptions, overrides and charts of given namespaces are served, and only clusters that have joined here.
"""

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from dev import StackError
from dev.stack import Stack
from planning.effects.per_cluster import CLUSTER_ID_LABEL, ManagedCluster, managed_cluster, targets
from planning.effects.subscription import SUBSCRIPTION_UID_LABEL
from tests.admin import Admin

Object = dict[str, Any]

APPS = "apps.clusternet.io/v1alpha1"
FINALIZER = "apps.clusternet.io/finalizer"
_PAUSE = 0.2
"""Seconds between two passes."""
_SERVED = {
    "ManagedCluster": "managedclusters",
    "Subscription": "subscriptions.apps.clusternet.io",
    "Description": "descriptions",
    "Localization": "localizations",
    "Globalization": "globalizations",
    "HelmChart": "helmcharts.apps.clusternet.io",
}

_UP = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
_WORKING: dict[str, Object] = {
    "Deployment": _UP,
    "StatefulSet": _UP,
    "DaemonSet": {"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1},
    "Job": {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]},
}
"""The state of a workload that does its work."""
_COUNTED = ("Deployment", "StatefulSet", "Job")
"""Kinds of whose replicas a Subscription's own status tells."""


@dataclass(frozen=True)
class Workload:
    """What a feed is in the clusters: its spec as it is sent there, and the state that it has there."""

    spec: Object = field(default_factory=dict)
    status: Object = field(default_factory=dict)


@dataclass
class Clusternet:
    """Clusternet as a test wants it. What it is told takes effect at the next pass."""

    stack: Stack
    namespaces: tuple[str, ...]
    """Of the Subscriptions and charts that are served."""
    finalizers: bool = False
    """Whether Subscriptions carry its finalizer, which goes when nothing of them is left in any cluster."""
    binds: bool = True
    """Whether its scheduler is at work."""
    charts_found: bool = True
    _clusters: dict[str, ManagedCluster] = field(default_factory=dict)
    _failing: dict[str, str] = field(default_factory=dict)
    _held: set[str] = field(default_factory=set)
    _workloads: dict[tuple[str, str], Workload] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _broken: list[Exception] = field(default_factory=list)

    @property
    def _admin(self) -> Admin:
        return Admin.of(self.stack)

    @classmethod
    @contextmanager
    def at_work(cls, stack: Stack, *namespaces: str, finalizers: bool = False) -> Iterator[Self]:
        """Serve until the end of the block; then all clusters leave."""
        clusternet = cls(stack, namespaces, finalizers)
        thread = threading.Thread(target=clusternet._serve, daemon=True)
        thread.start()
        try:
            yield clusternet
        finally:
            clusternet._stop.set()
            thread.join()
            for cluster in clusternet._clusters.copy().values():
                clusternet.leaves(cluster)
        if clusternet._broken:
            raise clusternet._broken[0]

    def joins(self, name: str, namespace: str | None = None, **labels: str) -> ManagedCluster:
        """Add a cluster; without `namespace` it gets one of its own."""
        namespace = namespace or f"{self.namespaces[0]}-{name}"
        id_ = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{namespace}/{name}"))
        labels = {**labels, CLUSTER_ID_LABEL: id_}
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        if self._admin.get("namespace", namespace) is None:
            self._admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        self._create({"apiVersion": "clusters.clusternet.io/v1beta1", "kind": "ManagedCluster", "metadata": metadata})
        cluster = ManagedCluster(name, namespace, id_, labels)
        self._clusters[cluster.binding] = cluster
        return cluster

    def leaves(self, cluster: ManagedCluster) -> None:
        """Take a cluster away with all that was prepared for it."""
        self._clusters.pop(cluster.binding)
        self._admin.delete("managedcluster", cluster.name, cluster.namespace)
        if not any(each.namespace == cluster.namespace for each in self._clusters.values()):
            self._admin.delete("namespace", cluster.namespace)

    def fails_in(self, cluster: ManagedCluster, reason: str) -> None:
        """Nothing more can be deployed to the cluster."""
        self._failing[cluster.binding] = reason

    def holds_back(self, cluster: ManagedCluster) -> None:
        """What is sent to the cluster does not arrive."""
        self._held.add(cluster.binding)

    def reaches(self, cluster: ManagedCluster) -> None:
        """What is sent to the cluster arrives."""
        self._held.discard(cluster.binding)
        self._failing.pop(cluster.binding, None)

    def runs(self, kind: str, name: str, spec: Object, status: Object) -> None:
        """Say what a feed is in the clusters; what nothing is said of is there once, and works."""
        self._workloads[kind, name] = Workload(spec, status)

    # Its passes.

    def _serve(self) -> None:
        try:
            while not self._stop.wait(_PAUSE):
                self._pass()
        except Exception as error:
            self._broken.append(error)

    def _pass(self) -> None:
        found = self._read()
        subscriptions = [each for each in found["Subscription"] if each["metadata"]["namespace"] in self.namespaces]
        for each in subscriptions:
            self._serve_subscription(each, found)
        self._clear(found, {each["metadata"]["uid"] for each in subscriptions if not _leaving(each)})
        places = {*self.namespaces, *(cluster.namespace for cluster in self._clusters.copy().values())}
        for each in [*found["Localization"], *found["Globalization"]]:
            if each["metadata"].get("namespace", self.namespaces[0]) in places:
                self._bind_override(each)
        for each in found["HelmChart"]:
            if each["metadata"]["namespace"] in self.namespaces:
                phase = "Found" if self.charts_found else "NotFound"
                self._say(each, {"phase": phase, "reason": "" if self.charts_found else "no such chart"})

    def _read(self) -> dict[str, list[Object]]:
        return {kind: self._admin.list(plural) for kind, plural in _SERVED.items()}

    def _serve_subscription(self, subscription: Object, found: dict[str, list[Object]]) -> None:
        present = [each for each in found["Description"] if _comes_from(each, subscription["metadata"]["uid"])]
        held_by = subscription["metadata"].get("finalizers") or []
        if _leaving(subscription):
            if FINALIZER in held_by and not present:
                self._hold(subscription, [each for each in held_by if each != FINALIZER])
            return
        if self.finalizers and FINALIZER not in held_by:
            self._hold(subscription, [*held_by, FINALIZER])
        joined = [each for each in map(managed_cluster, found["ManagedCluster"]) if each.binding in self._clusters]
        chosen = targets(subscription["spec"], joined) if self.binds else []
        for cluster in chosen:
            self._deploy(subscription, cluster, present)
        counted = [self._counts(feed, chosen) for feed in _feeds(subscription) if feed["kind"] in _COUNTED]
        bound = [each.binding for each in chosen]
        self._say(subscription, {"bindingClusters": bound, "aggregatedStatuses": counted if chosen else []})

    def _deploy(self, subscription: Object, cluster: ManagedCluster, present: list[Object]) -> None:
        feeds = _feeds(subscription)
        charts = [feed for feed in feeds if feed["kind"] == "HelmChart"]
        for deployer, some in (("Helm", charts), ("Generic", [feed for feed in feeds if feed not in charts])):
            if some:
                self._describe(subscription, cluster, deployer, some, present)

    def _describe(
        self,
        subscription: Object,
        cluster: ManagedCluster,
        deployer: str,
        feeds: list[Object],
        present: list[Object],
    ) -> None:
        """Prepare one Description, or bring it up to date; then say what became of it."""
        metadata = {
            "name": f"{subscription['metadata']['name'][:200]}-{deployer.lower()}",
            "namespace": cluster.namespace,
            "labels": {
                SUBSCRIPTION_UID_LABEL: subscription["metadata"]["uid"],
                CLUSTER_ID_LABEL: cluster.id,
                "clusters.clusternet.io/cluster-name": cluster.name,
            },
        }
        spec = {
            "deployer": deployer,
            "raw": [_raw(self._sent(feed)) for feed in feeds] if deployer == "Generic" else [],
        }
        there = [each for each in present if _placed(each) == (metadata["namespace"], metadata["name"])]
        if not there:
            self._create({"apiVersion": APPS, "kind": "Description", "metadata": metadata, "spec": spec})
            return
        if there[0]["spec"] != spec:
            self._patch(there[0], {"spec": spec})
        elif cluster.binding not in self._held:
            self._say(there[0], self._arrival(cluster, feeds if deployer == "Generic" else []))

    def _arrival(self, cluster: ManagedCluster, feeds: list[Object]) -> Object:
        if (reason := self._failing.get(cluster.binding)) is not None:
            return {"phase": "Failure", "reason": reason}
        states = [{**feed, "observedStatus": status} for feed in feeds if (status := self._workload(feed).status)]
        return {"phase": "Success", "reason": "", "manifestStatuses": states}

    def _workload(self, feed: Object) -> Workload:
        default = Workload(status=_WORKING.get(feed["kind"], {}))
        return self._workloads.get((feed["kind"], feed["name"]), default)

    def _sent(self, feed: Object) -> Object:
        metadata = {"name": feed["name"], "namespace": feed.get("namespace", "default")}
        spec = self._workload(feed).spec
        return {"apiVersion": feed["apiVersion"], "kind": feed["kind"], "metadata": metadata, "spec": spec}

    def _counts(self, feed: Object, clusters: list[ManagedCluster]) -> Object:
        numbers = {name: value for name, value in self._workload(feed).status.items() if isinstance(value, int)}
        details = [
            {"clusterId": each.id, "clusterName": each.name, "available": True, "replicaStatus": numbers}
            for each in clusters
            if each.binding not in self._held and each.binding not in self._failing
        ]
        return {**feed, "feedStatusDetails": details}

    def _clear(self, found: dict[str, list[Object]], living: set[str]) -> None:
        """Delete what was prepared for Subscriptions that go, and for clusters that left."""
        places = {each.namespace for each in self._clusters.copy().values()}
        for each in found["Description"]:
            metadata = each["metadata"]
            if metadata["namespace"] in places and metadata["labels"].get(SUBSCRIPTION_UID_LABEL) not in living:
                self._admin.delete("description", metadata["name"], metadata["namespace"])

    def _bind_override(self, override: Object) -> None:
        feed = override.get("spec", {}).get("feed")
        if feed is None or _leaving(override) or feed["kind"] in override["metadata"].get("labels", {}).values():
            return
        uid = str(uuid.uuid5(uuid.NAMESPACE_DNS, json.dumps(feed, sort_keys=True)))
        self._patch(override, {"metadata": {"labels": {uid: feed["kind"]}}})

    # Its writes; an object may go at any time.

    def _create(self, body: Object) -> None:
        if body["kind"] == "ManagedCluster":
            body = {**body, "spec": {"clusterId": body["metadata"]["labels"][CLUSTER_ID_LABEL], "syncMode": "Dual"}}
        with suppress(*() if body["kind"] == "ManagedCluster" else (StackError,)):
            self._admin.create(body)

    def _say(self, found: Object, status: Object) -> None:
        """Write a status, if it is not what is there."""
        now = found.get("status") or {}
        if any(now.get(name) != value for name, value in status.items()):
            self._patch(found, {"status": status}, "status")

    def _hold(self, found: Object, finalizers: list[str]) -> None:
        self._patch(found, {"metadata": {"finalizers": finalizers or None}})

    def _patch(self, found: Object, change: Object, subresource: str = "") -> None:
        metadata = found["metadata"]
        kind = f"{found['kind'].lower()}.apps.clusternet.io"
        with suppress(StackError):
            self._admin.patch(kind, metadata["name"], change, metadata.get("namespace"), subresource)


def _feeds(subscription: Object) -> list[Object]:
    return [{"namespace": "default", **feed} for feed in subscription["spec"].get("feeds") or []]


def _comes_from(description: Object, uid: str) -> bool:
    return bool(description["metadata"].get("labels", {}).get(SUBSCRIPTION_UID_LABEL) == uid)


def _placed(found: Object) -> tuple[str, str]:
    return found["metadata"]["namespace"], found["metadata"]["name"]


def _leaving(found: Object) -> bool:
    return "deletionTimestamp" in found["metadata"]


def _raw(made: Object) -> str:
    return base64.b64encode(json.dumps(made, sort_keys=True).encode()).decode()
