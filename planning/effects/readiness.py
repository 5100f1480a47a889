"""Is an object ready, not yet, or never? Judged by what its own controller says of it.

Whatever a status holds, judging it never raises: kinds are other people's. An object without conditions
has nothing to wait for. Source: docs/spec/drworkflow.md, "waitReady"; Kubernetes, "kstatus" and "Job
termination and cleanup".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from planning.messages import readiness as readiness_messages

Object = dict[str, Any]

CLUSTERNET_GROUP = "apps.clusternet.io"
_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Verdict(StrEnum):
    """What waiting for an object is good for."""

    READY = "ready"
    """It is as wanted; nothing more is to be waited for."""
    NOT_YET = "not yet"
    """It may become ready by itself."""
    NEVER = "never"
    """It will not become ready unless somebody changes it."""


@dataclass(frozen=True)
class Readiness:
    """A verdict, and why it is not READY."""

    verdict: Verdict
    reason: str = ""


READY = Readiness(Verdict.READY)


def not_yet(reason: str) -> Readiness:
    """Give a verdict that may change."""
    return Readiness(Verdict.NOT_YET, reason)


def never(reason: str) -> Readiness:
    """Give a verdict that will not change."""
    return Readiness(Verdict.NEVER, reason)


def readiness(found: Object) -> Readiness:
    """Judge an object by itself, whole as the API server gives it."""
    if text(found, "metadata", "deletionTimestamp"):
        return never(readiness_messages.BEING_DELETED)
    if _outdated(found):
        return not_yet(readiness_messages.NOT_OBSERVED)
    return _RULES.get(group_and_kind(found), _by_conditions)(found)


def group_and_kind(found: Object) -> tuple[str, str]:
    """Give what tells kinds apart, whatever the version."""
    return text(found, "apiVersion").rpartition("/")[0], text(found, "kind")


# Reading what nobody has checked.


def at(found: Any, *path: str) -> Any:
    """Follow a path into an object; None where it leads nowhere."""
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def text(found: Any, *path: str) -> str:
    """Read a text; empty where there is none."""
    value = at(found, *path)
    return value if isinstance(value, str) else ""


def number(found: Any, *path: str, default: int = 0) -> int:
    """Read a whole number; `default` where there is none."""
    value = at(found, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def items(found: Any, *path: str) -> list[Object]:
    """Read a list of objects; what else stands in it is passed over."""
    value = at(found, *path)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _conditions(found: Object) -> Iterator[Object]:
    return iter(items(found, "status", "conditions"))


def _condition(found: Object, name: str) -> Object | None:
    return next((each for each in _conditions(found) if each.get("type") == name), None)


def _is_true(found: Object, name: str) -> bool:
    return text(_condition(found, name), "status") == "True"


def _detail(part: Any) -> str:
    """Give reason and message of a condition or status, as far as there are any."""
    return ": ".join(word for word in (text(part, "reason"), text(part, "message")) if word)


def _outdated(found: Object) -> bool:
    """Tell whether its status is known to be about an earlier generation."""
    generation = number(found, "metadata", "generation")
    return number(found, "status", "observedGeneration", default=generation) < generation


def _unobserved(found: Object) -> bool:
    """Tell of a kind whose controller always says so whether that has looked at the object at all."""
    return number(found, "status", "observedGeneration") < number(found, "metadata", "generation")


# Workloads.


def _deployment(found: Object) -> Readiness:
    progressing = _condition(found, "Progressing")
    if text(progressing, "reason") == "ProgressDeadlineExceeded":
        return never(readiness_messages.failed(_detail(progressing)))
    if _unobserved(found):
        return not_yet(readiness_messages.NOT_OBSERVED)
    wanted = number(found, "spec", "replicas", default=1)
    updated, available = number(found, "status", "updatedReplicas"), number(found, "status", "availableReplicas")
    if updated < wanted:
        return not_yet(readiness_messages.count(updated, wanted, "updated"))
    if (old := number(found, "status", "replicas") - updated) > 0:
        return not_yet(readiness_messages.too_many(old))
    return READY if available >= wanted else not_yet(readiness_messages.count(available, wanted, "available"))


def _stateful_set(found: Object) -> Readiness:
    if _unobserved(found):
        return not_yet(readiness_messages.NOT_OBSERVED)
    wanted = number(found, "spec", "replicas", default=1)
    ready = number(found, "status", "readyReplicas")
    if ready < wanted:
        return not_yet(readiness_messages.count(ready, wanted, "ready"))
    if (old := number(found, "status", "replicas") - wanted) > 0:
        return not_yet(readiness_messages.too_many(old))
    return READY if _rolled_out(found, wanted) else not_yet(readiness_messages.ROLLING)


def _rolled_out(found: Object, wanted: int) -> bool:
    """Tell whether a StatefulSet's update has come as far as its strategy lets it."""
    if text(found, "spec", "updateStrategy", "type") == "OnDelete":
        return True
    if partition := number(found, "spec", "updateStrategy", "rollingUpdate", "partition"):
        return number(found, "status", "updatedReplicas") >= wanted - partition
    new = text(found, "status", "updateRevision")
    return not new or new == text(found, "status", "currentRevision")


def _daemon_set(found: Object) -> Readiness:
    wanted = number(found, "status", "desiredNumberScheduled", default=-1)
    if wanted < 0 or _unobserved(found):
        return not_yet(readiness_messages.SCHEDULED_NOWHERE if wanted < 0 else readiness_messages.NOT_OBSERVED)
    updated, available = number(found, "status", "updatedNumberScheduled"), number(found, "status", "numberAvailable")
    on_delete = text(found, "spec", "updateStrategy", "type") == "OnDelete"
    if updated < wanted and not on_delete:
        return not_yet(readiness_messages.count(updated, wanted, "updated"))
    return READY if available >= wanted else not_yet(readiness_messages.count(available, wanted, "available"))


def _job(found: Object) -> Readiness:
    if _is_true(found, "Failed"):
        return never(readiness_messages.failed(_detail(_condition(found, "Failed"))))
    if _is_true(found, "Complete"):
        return READY
    if _is_true(found, "Suspended"):
        return not_yet(readiness_messages.SUSPENDED)
    wanted = number(found, "spec", "completions", default=1)
    return not_yet(readiness_messages.completions(number(found, "status", "succeeded"), wanted))


def _pod(found: Object) -> Readiness:
    phase = text(found, "status", "phase")
    if phase == "Failed":
        return never(readiness_messages.failed(_detail(at(found, "status"))))
    if phase == "Succeeded" or _is_true(found, "Ready"):
        return READY
    return not_yet(readiness_messages.pod_phase(phase))


# What others make of it.


def _by_conditions(found: Object) -> Readiness:
    """Judge a kind that is not known by the conditions Ready and Available, as far as it has them."""
    if _is_true(found, "Stalled"):
        return never(readiness_messages.stalled(_detail(_condition(found, "Stalled"))))
    for name in ("Ready", "Available"):
        condition, generation = _condition(found, name), number(found, "metadata", "generation")
        if number(condition, "observedGeneration", default=generation) < generation:
            return not_yet(readiness_messages.NOT_OBSERVED)
        if condition is not None and text(condition, "status") != "True":
            return not_yet(readiness_messages.condition(name, text(condition, "status"), _detail(condition)))
    return READY


def _definition(found: Object) -> Readiness:
    """Judge a CustomResourceDefinition: its kind is served."""
    established = _condition(found, "Established")
    if text(established, "status") == "True":
        return READY
    return not_yet(readiness_messages.condition("Established", text(established, "status"), _detail(established)))


# Clusternet's kinds; its Subscription is judged in planning.distribution.


def _chart(found: Object) -> Readiness:
    phase = text(found, "status", "phase")
    return READY if phase == "Found" else not_yet(readiness_messages.chart(phase, text(found, "status", "reason")))


def _override(found: Object) -> Readiness:
    """Judge a Localization or Globalization: Clusternet labels it with the uid of every feed that it is bound to."""
    kind, labels = text(found, "spec", "feed", "kind"), at(found, "metadata", "labels")
    bound = isinstance(labels, Mapping) and any(value == kind and _UID.fullmatch(key) for key, value in labels.items())
    return READY if kind and bound else not_yet(readiness_messages.UNBOUND_OVERRIDE)


_RULES: dict[tuple[str, str], Callable[[Object], Readiness]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("", "Pod"): _pod,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    (CLUSTERNET_GROUP, "HelmChart"): _chart,
    (CLUSTERNET_GROUP, "Localization"): _override,
    (CLUSTERNET_GROUP, "Globalization"): _override,
}
