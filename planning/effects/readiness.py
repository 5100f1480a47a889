"""Whether an object is ready, from what its own controller reports.

A status may have any form and never raises. An object without conditions is ready at once.
Source: docs/spec/drworkflow.md, "waitReady"; Kubernetes, "kstatus" and "Job termination and cleanup".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from planning.messages import effects as effect_messages

Object = dict[str, Any]

CLUSTERNET_GROUP = "apps.clusternet.io"
_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class ReadinessState(StrEnum):
    """Whether waiting for an object makes sense."""

    READY = "ready"
    """It is ready: waiting has ended."""
    NOT_YET = "not yet"
    """It may become ready: waiting continues."""
    NEVER = "never"
    """It cannot become ready unless somebody changes it: waiting fails."""


@dataclass(frozen=True)
class Readiness:
    """The state of an object, with the reason if it is not READY."""

    state: ReadinessState
    reason: str = ""


READY = Readiness(ReadinessState.READY)


def not_yet(reason: str) -> Readiness:
    """Return that an object is not ready yet."""
    return Readiness(ReadinessState.NOT_YET, reason)


def never(reason: str) -> Readiness:
    """Return that an object cannot become ready."""
    return Readiness(ReadinessState.NEVER, reason)


def readiness(found: Object) -> Readiness:
    """Return the readiness of an object of any kind but Subscription, as the API server returned it."""
    if text(found, "metadata", "deletionTimestamp"):
        return never(effect_messages.BEING_DELETED)
    generation = number(found, "metadata", "generation")
    if number(found, "status", "observedGeneration", default=generation) < generation:
        return not_yet(effect_messages.NOT_OBSERVED)
    return _RULES.get(group_and_kind(found), _by_conditions)(found)


def group_and_kind(found: Object) -> tuple[str, str]:
    """Return API group and kind, without the version."""
    return text(found, "apiVersion").rpartition("/")[0], text(found, "kind")


# Reading fields of any form.


def at(found: Any, *path: str) -> Any:
    """Return the value at a path; None where there is none."""
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def text(found: Any, *path: str) -> str:
    """Return the text at a path; empty where there is none."""
    value = at(found, *path)
    return value if isinstance(value, str) else ""


def number(found: Any, *path: str, default: int = 0) -> int:
    """Return the integer at a path; `default` where there is none."""
    value = at(found, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def items(found: Any, *path: str) -> list[Object]:
    """Return the objects in the list at a path; other items are ignored."""
    value = at(found, *path)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def condition_of(found: Object, name: str) -> Object | None:
    """Return the condition of a type; None where there is none."""
    return next((each for each in items(found, "status", "conditions") if each.get("type") == name), None)


def _is_true(found: Object, name: str) -> bool:
    return text(condition_of(found, name), "status") == "True"


def _detail(part: Any) -> str:
    """Return reason and message of a condition or status, as far as there are any."""
    return ": ".join(word for word in (text(part, "reason"), text(part, "message")) if word)


def _unobserved(found: Object) -> bool:
    """Tell whether a controller that always sets observedGeneration has not observed the latest one."""
    return number(found, "status", "observedGeneration") < number(found, "metadata", "generation")


# Workloads.


def _deployment(found: Object) -> Readiness:
    progressing = condition_of(found, "Progressing")
    if text(progressing, "reason") == "ProgressDeadlineExceeded":
        return never(effect_messages.object_failed(_detail(progressing)))
    if _unobserved(found):
        return not_yet(effect_messages.NOT_OBSERVED)
    wanted = number(found, "spec", "replicas", default=1)
    updated, available = number(found, "status", "updatedReplicas"), number(found, "status", "availableReplicas")
    if updated < wanted:
        return not_yet(effect_messages.replicas(updated, wanted, "updated"))
    if (old := number(found, "status", "replicas") - updated) > 0:
        return not_yet(effect_messages.too_many(old))
    return READY if available >= wanted else not_yet(effect_messages.replicas(available, wanted, "available"))


def _stateful_set(found: Object) -> Readiness:
    if _unobserved(found):
        return not_yet(effect_messages.NOT_OBSERVED)
    wanted = number(found, "spec", "replicas", default=1)
    ready = number(found, "status", "readyReplicas")
    if ready < wanted:
        return not_yet(effect_messages.replicas(ready, wanted, "ready"))
    if (old := number(found, "status", "replicas") - wanted) > 0:
        return not_yet(effect_messages.too_many(old))
    return READY if _rolled_out(found, wanted) else not_yet(effect_messages.ROLLING)


def _rolled_out(found: Object, wanted: int) -> bool:
    """Tell whether a StatefulSet's update is as far as its strategy allows."""
    if text(found, "spec", "updateStrategy", "type") == "OnDelete":
        return True
    if partition := number(found, "spec", "updateStrategy", "rollingUpdate", "partition"):
        return number(found, "status", "updatedReplicas") >= wanted - partition
    new = text(found, "status", "updateRevision")
    return not new or new == text(found, "status", "currentRevision")


def _daemon_set(found: Object) -> Readiness:
    wanted = number(found, "status", "desiredNumberScheduled", default=-1)
    if wanted < 0 or _unobserved(found):
        return not_yet(effect_messages.SCHEDULED_NOWHERE if wanted < 0 else effect_messages.NOT_OBSERVED)
    updated, available = number(found, "status", "updatedNumberScheduled"), number(found, "status", "numberAvailable")
    on_delete = text(found, "spec", "updateStrategy", "type") == "OnDelete"
    if updated < wanted and not on_delete:
        return not_yet(effect_messages.replicas(updated, wanted, "updated"))
    return READY if available >= wanted else not_yet(effect_messages.replicas(available, wanted, "available"))


def _job(found: Object) -> Readiness:
    if _is_true(found, "Failed"):
        return never(effect_messages.object_failed(_detail(condition_of(found, "Failed"))))
    if _is_true(found, "Complete"):
        return READY
    if _is_true(found, "Suspended"):
        return not_yet(effect_messages.SUSPENDED)
    wanted = number(found, "spec", "completions", default=1)
    return not_yet(effect_messages.completions(number(found, "status", "succeeded"), wanted))


def _pod(found: Object) -> Readiness:
    phase = text(found, "status", "phase")
    if phase == "Failed":
        return never(effect_messages.object_failed(_detail(at(found, "status"))))
    if phase == "Succeeded" or _is_true(found, "Ready"):
        return READY
    return not_yet(effect_messages.pod_phase(phase))


# Other kinds.


def _by_conditions(found: Object) -> Readiness:
    """Return the readiness of any other kind, from its conditions Ready and Available if it has them."""
    if _is_true(found, "Stalled"):
        return never(effect_messages.stalled(_detail(condition_of(found, "Stalled"))))
    for name in ("Ready", "Available"):
        condition, generation = condition_of(found, name), number(found, "metadata", "generation")
        if number(condition, "observedGeneration", default=generation) < generation:
            return not_yet(effect_messages.NOT_OBSERVED)
        if condition is not None and text(condition, "status") != "True":
            return not_yet(effect_messages.condition_not_true(name, text(condition, "status"), _detail(condition)))
    return READY


def _definition(found: Object) -> Readiness:
    """Return whether the kind of a CustomResourceDefinition is served."""
    established = condition_of(found, "Established")
    if text(established, "status") == "True":
        return READY
    return not_yet(effect_messages.condition_not_true("Established", text(established, "status"), _detail(established)))


# Clusternet's kinds; Subscription is in planning/effects/subscription.py.


def _chart(found: Object) -> Readiness:
    phase = text(found, "status", "phase")
    return READY if phase == "Found" else not_yet(effect_messages.chart(phase, text(found, "status", "reason")))


def _override(found: Object) -> Readiness:
    """Return whether a Localization or Globalization is bound: it has a label with the uid of its feed."""
    kind, labels = text(found, "spec", "feed", "kind"), at(found, "metadata", "labels")
    bound = isinstance(labels, Mapping) and any(value == kind and _UID.fullmatch(key) for key, value in labels.items())
    return READY if kind and bound else not_yet(effect_messages.UNBOUND_OVERRIDE)


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
