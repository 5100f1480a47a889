"""Has a Subscription reached its clusters? Judged by what Clusternet writes on the hub.

Clusternet binds a Subscription to clusters, prepares in each cluster's namespace Descriptions (what goes
there, and whether it arrived), and reports the states of what arrived. None of that says which generation
of the Subscription it is about. Source: docs/spec/drworkflow.md, "waitReady".
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from api.reasons import Reason
from planning.effects.object_fields import CLUSTERNET_GROUP, Object, at, group_and_kind, items, number, text
from planning.effects.readiness import READY, Readiness, ReadinessState, never, not_yet, readiness
from planning.messages import readiness as readiness_messages

SUBSCRIPTION_UID_LABEL = "apps.clusternet.io/subs.uid"
"""On a Description: the uid of the Subscription that it comes from."""
_HELM, _GENERIC = "Helm", "Generic"
_WORKLOADS = (("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"), ("batch", "Job"))
"""What arrives long before it works; everything else is done when it has arrived, unless its state says otherwise."""

Descriptions = Mapping[str, Sequence[Object]]
"""By cluster, as `namespace/name`: the Descriptions of one Subscription."""


_Identity = tuple[str, str, str, str]
"""API group, kind, namespace and name."""
_Numbers = dict[tuple[str, str, str, str, str], Object | None]
"""Replicas by name of the cluster and identity; None where what is reported cannot be read."""


def is_subscription(found: Object) -> bool:
    """Tell whether an object is judged here."""
    return group_and_kind(found) == (CLUSTERNET_GROUP, "Subscription")


def bound_clusters(subscription: Object) -> list[str]:
    """Return the clusters that Clusternet chose, as `namespace/name`."""
    bindings = at(subscription, "status", "bindingClusters")
    return [binding for binding in bindings if isinstance(binding, str)] if isinstance(bindings, list) else []


def namespace_of(cluster: str) -> str | None:
    """Return the namespace that belongs to a cluster; None where it is not named `namespace/name`."""
    namespace, slash, name = cluster.partition("/")
    return namespace if slash and namespace and name else None


def distribution(subscription: Object, descriptions: Descriptions) -> Readiness:
    """Evaluate a Subscription in all its clusters: one that failed decides, then one that is not ready."""
    if text(subscription, "metadata", "deletionTimestamp"):
        return never(readiness_messages.BEING_DELETED)
    clusters = bound_clusters(subscription)
    if not clusters:
        return not_yet(readiness_messages.NOT_BOUND)
    numbers = _numbers(subscription)
    verdicts = [
        (cluster, _in_cluster(subscription, cluster, descriptions.get(cluster, ()), numbers)) for cluster in clusters
    ]
    for wanted in (ReadinessState.NEVER, ReadinessState.NOT_YET):
        for cluster, found in verdicts:
            if found.state is wanted:
                return replace(found, reason=readiness_messages.in_cluster(cluster, found.reason))
    return READY


def _in_cluster(subscription: Object, cluster: str, descriptions: Sequence[Object], numbers: _Numbers) -> Readiness:
    """Evaluate a Subscription in one cluster, by its Descriptions there."""
    if namespace_of(cluster) is None:
        return never(readiness_messages.bad_binding(cluster))
    current = [each for each in descriptions if not text(each, "metadata", "deletionTimestamp")]
    arrived = _arrived(subscription, current)
    return arrived if arrived.state is not ReadinessState.READY else _working(subscription, cluster, current, numbers)


def _arrived(subscription: Object, descriptions: Sequence[Object]) -> Readiness:
    """Evaluate whether everything has been handed over to the cluster."""
    for each in descriptions:
        if text(each, "status", "phase") == "Failure":
            return never(
                readiness_messages.description_failed(text(each, "metadata", "name"), text(each, "status", "reason"))
            )
    # Charts are handed over by Descriptions of their own.
    needed = {_HELM if text(feed, "kind") == "HelmChart" else _GENERIC for feed in items(subscription, "spec", "feeds")}
    if needed - {text(each, "spec", "deployer") for each in descriptions}:
        return not_yet(readiness_messages.NOT_DESCRIBED)
    for each in descriptions:
        if (phase := text(each, "status", "phase")) != "Success":
            name, reason = text(each, "metadata", "name"), text(each, "status", "reason")
            return not_yet(readiness_messages.description(name, phase, reason))
    return READY


def _working(subscription: Object, cluster: str, descriptions: Sequence[Object], numbers: _Numbers) -> Readiness:
    """Evaluate whether what arrived does its work, as far as its state is reported."""
    generic = [each for each in descriptions if text(each, "spec", "deployer") == _GENERIC]
    sent = [(reports, made) for each in generic for reports in [_reported(each)] for made in _objects(each)]
    present = {_identity(made) for _, made in sent}
    for feed in items(subscription, "spec", "feeds"):
        # A chart or a Manifest is a wrapper: it is not itself part of what goes to the cluster.
        arrives = bool(text(feed, "name")) and group_and_kind(feed)[0] != CLUSTERNET_GROUP
        if arrives and _identity(feed) not in present:
            return not_yet(readiness_messages.not_part_yet(_called(feed)))
    name = cluster.partition("/")[2]
    for reports, made in sent:
        identity = _identity(made)
        found = _judged(made, reports.get(identity), numbers.get((name, *identity)))
        if not found.ends_waiting:
            return replace(found, reason=f"{_called(made)}: {found.reason}")
    return READY


def _objects(description: Object) -> list[Object]:
    """Return the objects as they go to the cluster, overrides applied; what cannot be read is passed over."""
    raw = at(description, "spec", "raw")
    decoded = [_decoded(each) for each in raw] if isinstance(raw, list) else []
    return [each for each in decoded if each]


def _decoded(raw: object) -> Object:
    try:
        made = json.loads(base64.b64decode(raw if isinstance(raw, str) else "", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return made if isinstance(made, dict) else {}


def _reported(description: Object) -> dict[_Identity, object]:
    """Return the states that the cluster reports, by object; the first one of each counts."""
    reports = items(description, "status", "manifestStatuses")
    return {_identity(each): at(each, "observedStatus") for each in reversed(reports)}


def _judged(made: Object, status: object, numbers: Object | None) -> Readiness:
    """Evaluate one object in the cluster. Its generation there is not known, so that of the hub is left out."""
    metadata = {"name": text(made, "metadata", "name")}
    stripped = {**made, "metadata": metadata}
    if isinstance(status, dict) and status:
        return readiness({**stripped, "status": status})
    if group_and_kind(made) not in _WORKLOADS:
        return READY
    if numbers is None:
        return Readiness(ReadinessState.NOT_YET, readiness_messages.NOT_REPORTED, Reason.NO_STATE_FROM_CLUSTER)
    if text(made, "kind") != "Job":
        return readiness({**stripped, "status": numbers})
    # Only counts are known of it: a Job's conditions are not among them.
    wanted, succeeded = number(made, "spec", "completions", default=1), number(numbers, "succeeded")
    return READY if succeeded >= wanted else not_yet(readiness_messages.completions(succeeded, wanted))


def _numbers(subscription: Object) -> _Numbers:
    """Return what the Subscription itself says of the objects in its clusters; the first report of each counts."""
    numbers: _Numbers = {}
    for each in items(subscription, "status", "aggregatedStatuses"):
        identity = _identity(each)
        for detail in items(each, "feedStatusDetails"):
            # `available` says that a state was reported, not that it is a good one.
            if detail.get("available"):
                found = at(detail, "replicaStatus")
                numbers.setdefault((text(detail, "clusterName"), *identity), found if isinstance(found, dict) else None)
    return numbers


def _identity(found: Object) -> _Identity:
    """Return what names an object, be it whole or a reference to it."""
    place = found["metadata"] if isinstance(found.get("metadata"), dict) else found
    return *group_and_kind(found), text(place, "namespace"), text(place, "name")


def _called(found: Object) -> str:
    _, kind, namespace, name = _identity(found)
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
