"""Whether an object is ready, from what its own controller reports.

A status may have any form and never raises. The rules follow kstatus, and are stricter where that takes something for
done which a plan must wait for: a Job that runs, a pod that failed, a load balancer without an address.
Source: docs/spec/drworkflow.md, "waitReady"; kubernetes-sigs/cli-utils, "pkg/kstatus"; Kubernetes, "Job termination and
cleanup".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from api.meta import GROUP
from api.phases import Phase, PlanPhase, WorkflowPhase
from api.reasons import Reason
from planning.effects.object_fields import (
    CLUSTERNET_GROUP,
    Object,
    at,
    condition_of,
    detail,
    generation_in,
    group_and_kind,
    is_true,
    items,
    number,
    text,
)
from planning.effects.obstacles import pod_obstacle
from planning.messages import readiness as readiness_messages

_BUILT_IN = frozenset({"", "apps", "autoscaling", "batch", "extensions", "policy"})
_BUILT_IN_DOMAINS = frozenset(
    {
        *("admissionregistration", "apiextensions", "apiregistration", "authentication", "authorization"),
        *("certificates", "coordination", "discovery", "events", "flowcontrol.apiserver", "internal.apiserver"),
        *("networking", "node", "rbac.authorization", "resource", "scheduling", "storage", "storagemigration"),
    }
)
"""Groups of the API server itself, the latter without `.k8s.io`."""
_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class ReadinessState(StrEnum):
    """Whether waiting for an object makes sense."""

    READY = "ready"
    """It is ready: waiting has ended."""
    NOT_KNOWN = "not known"
    """Nothing tells whether it is ready, or ever will: waiting has ended."""
    NOT_YET = "not yet"
    """It may become ready: waiting continues."""
    NEVER = "never"
    """It cannot become ready unless somebody changes it: waiting fails."""


@dataclass(frozen=True)
class Readiness:
    """The state of an object, with the reason if it is not READY."""

    state: ReadinessState
    reason: str = ""
    why: Reason = Reason.NOT_READY
    """The reason of an action that waits for it in vain."""

    @property
    def ends_waiting(self) -> bool:
        """Whether the object is as ready as can be known."""
        return self.state in (ReadinessState.READY, ReadinessState.NOT_KNOWN)


READY = Readiness(ReadinessState.READY)


def not_yet(reason: str) -> Readiness:
    """Return that an object is not ready yet."""
    return Readiness(ReadinessState.NOT_YET, reason)


def not_known(reason: str) -> Readiness:
    """Return that nothing tells whether an object is ready."""
    return Readiness(ReadinessState.NOT_KNOWN, reason)


def never(reason: str) -> Readiness:
    """Return that an object cannot become ready."""
    return Readiness(ReadinessState.NEVER, reason)


@dataclass(frozen=True)
class StatusWait:
    """The wait until the controller of a custom resource has written a status about the object as it is now."""

    seconds: float = 0
    """How long it takes at most; 0 for a kind that has no status of its own, for which nobody waits."""
    over: bool = True


NO_WAIT = StatusWait()


def readiness(found: Object, wait: StatusWait = NO_WAIT) -> Readiness:
    """Return the readiness of an object of any kind but Subscription, as the API server returned it."""
    if text(found, "metadata", "deletionTimestamp"):
        return never(readiness_messages.BEING_DELETED)
    generation = number(found, "metadata", "generation")
    if _observed(found, default=generation) < generation:
        return not_yet(readiness_messages.NOT_OBSERVED)
    if is_true(found, "Stalled"):
        return never(readiness_messages.stalled(detail(condition_of(found, "Stalled"))))
    if is_true(found, "Reconciling"):
        return not_yet(readiness_messages.condition("Reconciling", "True", detail(condition_of(found, "Reconciling"))))
    rule = _RULES.get(group_and_kind(found))
    return rule(found) if rule is not None else _by_conditions(found, wait)


def _observed(found: Object, default: int = 0) -> int:
    """Return the generation that a status is about."""
    return generation_in(at(found, "status"), default)


def _unobserved(found: Object) -> bool:
    """Tell whether a controller that always sets observedGeneration has not observed the latest one."""
    return _observed(found) < number(found, "metadata", "generation")


# Workloads.


def _deployment(found: Object) -> Readiness:
    progressing = condition_of(found, "Progressing")
    if text(progressing, "reason") == "ProgressDeadlineExceeded":
        causes = [detail(progressing), *_obstacles(found)]
        return never(readiness_messages.object_failed(readiness_messages.with_cause(*causes)))
    if _unobserved(found):
        return not_yet(readiness_messages.NOT_OBSERVED)
    reason = _unfinished(found)
    return not_yet(readiness_messages.with_cause(reason, *_obstacles(found))) if reason else READY


def _unfinished(deployment: Object) -> str:
    """Return how far the roll-out of a Deployment is; empty if it is complete."""
    wanted = number(deployment, "spec", "replicas", default=1)
    updated = number(deployment, "status", "updatedReplicas")
    available = number(deployment, "status", "availableReplicas")
    if updated < wanted:
        return readiness_messages.replicas(updated, wanted, "updated")
    if (old := number(deployment, "status", "replicas") - updated) > 0:
        return readiness_messages.too_many(old)
    if available < wanted:
        return readiness_messages.replicas(available, wanted, "available")
    condition = condition_of(deployment, "Available")
    if condition is not None and text(condition, "status") != "True":
        return readiness_messages.condition("Available", text(condition, "status"), detail(condition))
    return ""


def _obstacles(found: Object) -> Iterator[str]:
    """Yield what keeps a workload from having its replicas, as far as it says that itself."""
    if at(found, "spec", "paused") is True:
        yield readiness_messages.PAUSED
    if is_true(found, "ReplicaFailure"):
        yield detail(condition_of(found, "ReplicaFailure"))


def _replica_set(found: Object) -> Readiness:
    if _unobserved(found):
        return not_yet(readiness_messages.NOT_OBSERVED)
    wanted = number(found, "spec", "replicas", default=1)
    reason = ""
    if (old := number(found, "status", "replicas") - wanted) > 0:
        reason = readiness_messages.too_many(old)
    elif (available := number(found, "status", "availableReplicas")) < wanted or is_true(found, "ReplicaFailure"):
        reason = readiness_messages.replicas(available, wanted, "available")
    return not_yet(readiness_messages.with_cause(reason, *_obstacles(found))) if reason else READY


def _stateful_set(found: Object) -> Readiness:
    if _unobserved(found):
        return not_yet(readiness_messages.NOT_OBSERVED)
    wanted = number(found, "spec", "replicas", default=1)
    ready = number(found, "status", "readyReplicas")
    if ready < wanted:
        return not_yet(readiness_messages.replicas(ready, wanted, "ready"))
    if (old := number(found, "status", "replicas") - wanted) > 0:
        return not_yet(readiness_messages.too_many(old))
    return READY if _rolled_out(found, wanted) else not_yet(readiness_messages.ROLLING)


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
        return not_yet(readiness_messages.SCHEDULED_NOWHERE if wanted < 0 else readiness_messages.NOT_OBSERVED)
    updated, available = number(found, "status", "updatedNumberScheduled"), number(found, "status", "numberAvailable")
    on_delete = text(found, "spec", "updateStrategy", "type") == "OnDelete"
    if updated < wanted and not on_delete:
        return not_yet(readiness_messages.replicas(updated, wanted, "updated"))
    return READY if available >= wanted else not_yet(readiness_messages.replicas(available, wanted, "available"))


def _job(found: Object) -> Readiness:
    if is_true(found, "Failed"):
        return never(readiness_messages.object_failed(detail(condition_of(found, "Failed"))))
    if is_true(found, "Complete"):
        return READY
    if is_true(found, "Suspended"):
        return not_yet(readiness_messages.SUSPENDED)
    wanted = number(found, "spec", "completions", default=1)
    return not_yet(readiness_messages.completions(number(found, "status", "succeeded"), wanted))


def _pod(found: Object) -> Readiness:
    phase = text(found, "status", "phase")
    if phase == "Failed":
        return never(readiness_messages.object_failed(pod_obstacle(found)))
    if phase == "Succeeded" or is_true(found, "Ready"):
        return READY
    return not_yet(readiness_messages.with_cause(readiness_messages.phase(phase), pod_obstacle(found)))


# Other kinds.


def _by_conditions(found: Object, wait: StatusWait) -> Readiness:
    """Return the readiness of any other kind, from its conditions Ready and Available if it has them."""
    conditions = [(name, condition) for name in ("Ready", "Available") if (condition := condition_of(found, name))]
    generation = number(found, "metadata", "generation")
    for name, condition in conditions:
        if generation_in(condition, default=generation) < generation:
            return not_yet(readiness_messages.NOT_OBSERVED)
        if text(condition, "status") != "True":
            return not_yet(readiness_messages.condition(name, text(condition, "status"), detail(condition)))
    if not _is_custom(found):
        return READY
    if not _reported(found):
        late = readiness_messages.no_status_within(wait.seconds) if wait.seconds else readiness_messages.WITHOUT_STATUS
        return not_known(late) if wait.over else not_yet(readiness_messages.NO_STATUS)
    if wait.seconds and _is_older_than_spec(found):
        return not_known(readiness_messages.OLD_STATUS) if wait.over else not_yet(readiness_messages.NOT_OBSERVED)
    if conditions or (generation and _observed(found) >= generation):
        return READY
    return not_known(readiness_messages.not_understood(text(found, "status", "phase")))


def _is_older_than_spec(found: Object) -> bool:
    """Return whether a status that names no generation was last written before the object was last changed.

    The API server notes when a field of either was last set to another value, in whole seconds.
    """
    named = [at(found, "status"), *items(found, "status", "conditions")]
    if number(found, "metadata", "generation") < 2 or any(generation_in(each) for each in named):
        return False
    writes = items(found, "metadata", "managedFields")
    status = [text(each, "time") for each in writes if text(each, "subresource") == "status"]
    changes = [text(each, "time") for each in writes if _changes_more_than_metadata(each)]
    return bool(status) and max(status) < max(changes, default="")


def _changes_more_than_metadata(write: Object) -> bool:
    fields = at(write, "fieldsV1")
    changed = set(fields) - {"f:metadata"} if isinstance(fields, Mapping) else set()
    return bool(changed) and not text(write, "subresource")


def _is_custom(found: Object) -> bool:
    """Return whether an object is of a group that the API server itself does not define."""
    group = group_and_kind(found)[0]
    return group not in _BUILT_IN and group.removesuffix(".k8s.io") not in _BUILT_IN_DOMAINS


def _reported(found: Object) -> bool:
    """Return whether a controller has written a status: the defaults of a definition are empty, or Unknown."""
    status = at(found, "status")
    if not isinstance(status, Mapping):
        return False
    conditions = items(found, "status", "conditions")
    unknown = bool(conditions) and all(text(each, "status") == "Unknown" for each in conditions)
    values = [value for key, value in status.items() if not (key == "conditions" and unknown)]
    return any(value not in ("", None, [], {}) for value in values)


def _if_true(name: str, found: Object) -> Readiness:
    """Return whether the condition that a kind always has is True."""
    condition = condition_of(found, name)
    if text(condition, "status") == "True":
        return READY
    return not_yet(readiness_messages.condition(name, text(condition, "status"), detail(condition)))


def _definition(found: Object) -> Readiness:
    """Return whether the kind of a CustomResourceDefinition is served."""
    accepted, established = condition_of(found, "NamesAccepted"), condition_of(found, "Established")
    if text(accepted, "status") == "False":
        return never(readiness_messages.condition("NamesAccepted", "False", detail(accepted)))
    if text(established, "status") == "False" and text(established, "reason") != "Installing":
        return never(readiness_messages.condition("Established", "False", detail(established)))
    return _if_true("Established", found)


def _claim(found: Object) -> Readiness:
    """Return whether a PersistentVolumeClaim has a volume."""
    phase = text(found, "status", "phase")
    if phase == "Lost":
        return never(readiness_messages.LOST)
    return READY if phase == "Bound" else not_yet(readiness_messages.phase(phase))


def _service(found: Object) -> Readiness:
    """Return whether a Service has the address that its type promises."""
    if text(found, "spec", "type") != "LoadBalancer" or at(found, "spec", "externalIPs"):
        return READY
    return READY if items(found, "status", "loadBalancer", "ingress") else not_yet(readiness_messages.NO_ADDRESS)


def _execution(found: Object) -> Readiness:
    """Return whether a DRPlanExecution has succeeded: a plan may be an action of another one."""
    phase, message = text(found, "status", "phase"), text(found, "status", "message")
    if phase == Phase.FAILED:
        return never(readiness_messages.object_failed(message))
    if phase == Phase.CANCELED:
        return never(readiness_messages.canceled(message))
    return READY if phase == Phase.SUCCEEDED else not_yet(readiness_messages.phase(phase, message))


def _plan(found: Object) -> Readiness:
    """Return whether a DRPlan or DRWorkflow is valid, in its latest generation."""
    if _unobserved(found):
        return not_yet(readiness_messages.NOT_OBSERVED)
    phase = text(found, "status", "phase")
    valid = phase in (PlanPhase.READY, PlanPhase.EXECUTED, WorkflowPhase.READY)
    if valid:
        return READY
    problems = (text(each, "message") for each in items(found, "status", "conditions"))
    return not_yet(readiness_messages.phase(phase, next(filter(None, problems), "")))


# Clusternet's kinds; Subscription is in planning/effects/subscription.py.


def _chart(found: Object) -> Readiness:
    phase = text(found, "status", "phase")
    return READY if phase == "Found" else not_yet(readiness_messages.chart(phase, text(found, "status", "reason")))


def _override(found: Object) -> Readiness:
    """Return whether a Localization or Globalization is bound: it has a label with the uid of its feed."""
    kind, labels = text(found, "spec", "feed", "kind"), at(found, "metadata", "labels")
    bound = isinstance(labels, Mapping) and any(value == kind and _UID.fullmatch(key) for key, value in labels.items())
    return READY if kind and bound else not_yet(readiness_messages.UNBOUND_OVERRIDE)


_RULES: dict[tuple[str, str], Callable[[Object], Readiness]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("", "ReplicationController"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): partial(_if_true, "Available"),
    (GROUP, "DRPlanExecution"): _execution,
    (GROUP, "DRPlan"): _plan,
    (GROUP, "DRWorkflow"): _plan,
    (CLUSTERNET_GROUP, "HelmChart"): _chart,
    (CLUSTERNET_GROUP, "Localization"): _override,
    (CLUSTERNET_GROUP, "Globalization"): _override,
}
