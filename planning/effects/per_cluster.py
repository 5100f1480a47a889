"""PerCluster: in which managed clusters an action is done, and by which Subscription in each of them.

Every cluster gets its own Subscription, which selects only that cluster. The mark of the Subscription contains the
name of the cluster, so that a later attempt, or a Delete, can assign it.
Source: docs/spec/drworkflow.md, "clusterExecutionMode"; Kubernetes, "Labels and Selectors".
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.nodes import ClusterActionStatus
from planning.effects.object_fields import Object, at, items, text
from planning.messages import effects as effect_messages
from planning.messages.text import bounded

CLUSTER_ID_LABEL = "clusters.clusternet.io/cluster-id"
MANAGED_CLUSTERS = "clusters.clusternet.io/v1beta1"
_MOST_NAME = 253
"""Source: Kubernetes, "Object Names and IDs", DNS subdomain names."""
_HASH = 8
_SLASHES = 5
"""Slashes in the mark of a cluster's Subscription; that of its action has three."""
_MESSAGES = 200_000
"""Bytes for the messages of all clusters together: an activity's result has 2 MB at the most."""
_SHORTEST = 80


class SelectorError(ValueError):
    """A clusterAffinity is not a label selector; the message says why."""


@dataclass(frozen=True)
class ManagedCluster:
    """A cluster that Clusternet manages."""

    name: str
    namespace: str
    """The namespace on the hub that belongs to it."""
    id: str
    labels: Mapping[str, str]

    @property
    def binding(self) -> str:
        """Its name as Clusternet writes it: `namespace/name`."""
        return f"{self.namespace}/{self.name}"


def managed_cluster(found: Object) -> ManagedCluster:
    """Read a ManagedCluster."""
    labels = at(found, "metadata", "labels")
    return ManagedCluster(
        name=text(found, "metadata", "name"),
        namespace=text(found, "metadata", "namespace"),
        id=text(found, "spec", "clusterId"),
        labels=labels if isinstance(labels, dict) else {},
    )


# Which clusters.


def targets(spec: Object, clusters: Sequence[ManagedCluster]) -> list[ManagedCluster]:
    """Return the clusters that any subscriber chooses, by name; all of them where there is no subscriber.

    Raises SelectorError.
    """
    subscribers = items(spec, "subscribers") or [{"clusterAffinity": {}}]
    selectors = [selector(subscriber.get("clusterAffinity")) for subscriber in subscribers]
    chosen = [each for each in clusters if any(takes(each.labels) for takes in selectors)]
    return sorted(chosen, key=lambda each: each.binding)


def selector(affinity: Any) -> Callable[[Mapping[str, str]], bool]:
    """Read a label selector; an empty one takes all, an absent one none. Raises SelectorError."""
    if affinity is None:
        return lambda _: False
    equal, expressions = at(affinity, "matchLabels") or {}, at(affinity, "matchExpressions") or []
    if not isinstance(affinity, dict) or not isinstance(equal, dict) or not isinstance(expressions, list):
        raise SelectorError(effect_messages.NOT_A_SELECTOR)
    wanted = [_Requirement(key, "In", (value,)) for key, value in equal.items()]
    wanted += [_requirement(expression) for expression in expressions]
    return lambda labels: all(requirement.met_by(labels) for requirement in wanted)


@dataclass(frozen=True)
class _Requirement:
    key: str
    operator: str
    values: tuple[Any, ...] = ()

    def met_by(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels fulfil it; one that forbids values is fulfilled by the key's absence, too."""
        if self.operator in _WITH_VALUES:
            return (labels.get(self.key) in self.values) is (self.operator == "In")
        return (self.key in labels) is (self.operator == "Exists")


_WITH_VALUES, _WITHOUT_VALUES = ("In", "NotIn"), ("Exists", "DoesNotExist")


def _requirement(expression: Any) -> _Requirement:
    """Read one of matchExpressions. Raises SelectorError."""
    key, operator, values = text(expression, "key"), text(expression, "operator"), at(expression, "values") or []
    if not key or not isinstance(values, list):
        raise SelectorError(effect_messages.NOT_A_SELECTOR)
    if operator not in (*_WITH_VALUES, *_WITHOUT_VALUES):
        raise SelectorError(effect_messages.no_operator(operator))
    if operator in _WITH_VALUES and not values:
        raise SelectorError(effect_messages.no_values(key, operator))
    if operator in _WITHOUT_VALUES and values:
        raise SelectorError(effect_messages.needless_values(key, operator))
    return _Requirement(key, operator, tuple(values))


# Its Subscription.


def child_name(parent: str, cluster: str) -> str:
    """Name a cluster's Subscription: `<parent>--<cluster>`, cut to what a name may have."""
    name = f"{parent}--{cluster}"
    return name if len(name) <= _MOST_NAME else name[:_MOST_NAME].rstrip("-.")


def other_child_name(parent: str, binding: str) -> str:
    """Name a cluster's Subscription where another cluster of that name has one: only namespaces keep them apart."""
    digest = hashlib.sha256(binding.encode()).hexdigest()[:_HASH]
    whole = f"{parent}--{binding.partition('/')[2]}"
    return f"{whole[: _MOST_NAME - _HASH - 1].rstrip('-.')}-{digest}"


def child_names(parent: str, clusters: Sequence[ManagedCluster], made: Mapping[str, str]) -> dict[str, str]:
    """Name the Subscription of every cluster, no name twice; `made` are those that are there, by cluster."""
    names, taken = dict(made), set(made.values())
    for cluster in clusters:
        if cluster.binding not in names:
            name = child_name(parent, cluster.name)
            name = other_child_name(parent, cluster.binding) if name in taken else name
            names[cluster.binding] = name
            taken.add(name)
    return names


def child_body(parent: Object, name: str, cluster: ManagedCluster) -> Object:
    """Return a cluster's Subscription: the parent's spec, for this cluster alone."""
    chosen = {"key": CLUSTER_ID_LABEL, "operator": "In", "values": [cluster.id]}
    spec = {
        **(at(parent, "spec") or {}),
        "subscribers": [{"clusterAffinity": {"matchExpressions": [chosen]}}],
        "schedulingStrategy": "Replication",
    }
    return {**parent, "metadata": {**parent["metadata"], "name": name}, "spec": spec}


def child_mark(mark: str, binding: str) -> str:
    """Return the mark of a cluster's Subscription."""
    return f"{mark}/{binding}"


def marked_for(mark: str, found: str | None) -> str | None:
    """Read the cluster from the mark of a Subscription that this very action made; None for any other."""
    return found.removeprefix(f"{mark}/") if found and found.startswith(f"{mark}/") else None


def made_for(parent: str, name: str, found: str | None) -> str | None:
    """Read the cluster from the mark of a Subscription that any execution made for one cluster of `parent`.

    None for any other object, whatever its name looks like.
    """
    if not found or found.count("/") != _SLASHES:
        return None
    binding = "/".join(found.rsplit("/", 2)[1:])
    names = (child_name(parent, binding.partition("/")[2]), other_child_name(parent, binding))
    return binding if name in names else None


def within_bound(statuses: Sequence[ClusterActionStatus]) -> list[ClusterActionStatus]:
    """Return the statuses with messages short enough to travel together."""
    room = max(_MESSAGES // max(len(statuses), 1), _SHORTEST)
    return [
        status.model_copy(update={"message": bounded(status.message, room)}) if status.message else status
        for status in statuses
    ]
