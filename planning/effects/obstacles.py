"""What keeps an object from being ready: what scheduler and kubelet report of its pods, and events report of itself.

Source: docs/spec/drworkflow.md, "waitReady"; Kubernetes, "Pod Lifecycle" and "Determine the Reason for Pod Failure".
"""

from collections.abc import Iterable, Iterator

from planning.effects.object_fields import Object, at, condition_of, detail, items, number, text
from planning.messages import effects as effect_messages
from planning.messages import readiness as readiness_messages
from planning.values.redaction import HIDDEN
from planning.values.secret_parts import hidden

_WORDS = 10_000
"""Characters of what a container left behind; kubelet keeps 4,096 bytes, but others may write a status."""
_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Why a container waits that starts as it should."""


def last_failure(pods: Iterable[Object]) -> str:
    """Return the message of the pod that failed last; empty where there is none."""
    failed = ((_ended(pod), text(pod, "metadata", "name"), reason) for pod in pods if (reason := _failure(pod)))
    _, name, reason = max(failed, default=("", "", ""))
    return readiness_messages.pod(name, reason) if reason else ""


def obstacle(pods: Iterable[Object]) -> str:
    """Return what keeps the newest pod that something keeps from working; empty where nothing is known to."""
    found = (
        (text(pod, "metadata", "creationTimestamp"), text(pod, "metadata", "name"), reason)
        for pod in pods
        if (reason := pod_obstacle(pod))
    )
    _, name, reason = max(found, default=("", "", ""))
    return readiness_messages.pod(name, reason) if reason else ""


def last_warning(events: Iterable[Object]) -> str:
    """Return what the newest event of type Warning says; empty where there is none."""
    warnings = [each for each in events if text(each, "type") == "Warning" and detail(each)]
    newest = max(warnings, key=_event_time, default=None)
    return readiness_messages.last_warning(detail(newest)) if newest is not None else ""


def _event_time(event: Object) -> str:
    """Return when an event happened last, to sort by: events of either API have another field for it."""
    series = text(event, "series", "lastObservedTime")
    return series or text(event, "lastTimestamp") or text(event, "eventTime") or text(event, "firstTimestamp")


def pod_obstacle(pod: Object) -> str:
    """Return what keeps a pod from working: its place, an image, or a container that ends; empty for nothing."""
    if text(pod, "metadata", "deletionTimestamp"):
        return ""
    if text(pod, "status", "phase") == "Failed":
        return _failure(pod) or detail(at(pod, "status"))
    scheduled = condition_of(pod, "PodScheduled")
    if text(scheduled, "status") == "False":
        return detail(scheduled)
    return next(filter(None, map(_container_obstacle, _containers(pod))), "")


def _container_obstacle(container: Object) -> str:
    """Return why a container does not run, or ends again and again; empty where it runs, or may be about to."""
    name, waiting = text(container, "name"), at(container, "state", "waiting")
    reason, last = text(waiting, "reason"), at(container, "lastState", "terminated")
    failed = isinstance(last, dict) and number(last, "exitCode") != 0
    if reason not in _STARTING:
        # The message of a back-off names only the pause; how the container ended names the cause.
        return _ended_so(name, last, reason) if failed else readiness_messages.container(name, detail(waiting))
    times = number(container, "restartCount")
    again = failed and times and container.get("ready") is not True
    return readiness_messages.restarted(_ended_so(name, last), times) if again else ""


def _failure(pod: Object) -> str:
    """Return why a pod failed: its own reason, such as Evicted, else that of a container."""
    if text(pod, "status", "reason"):
        return detail(at(pod, "status"))
    found = ((text(end, "finishedAt"), name, end) for name, end in _failed_containers(pod))
    _, name, end = max(found, key=lambda each: each[:2], default=("", "", None))
    return "" if end is None else _ended_so(name, end)


def _ended_so(name: str, end: Object, since: str = "") -> str:
    """Return how a container ended, in its own words where it left any; `since` is why it waits now."""
    # A container may leave anything behind: values with a secret name do not go into a message.
    words = str(hidden(text(end, "message").strip()[:_WORDS], lambda _: HIDDEN))
    reason = ": ".join(word for word in (since, text(end, "reason")) if word)
    return effect_messages.container_failed(name, reason, number(end, "exitCode"), words)


def _containers(pod: Object) -> Iterator[Object]:
    for kind in ("initContainerStatuses", "containerStatuses"):
        yield from items(pod, "status", kind)


def _failed_containers(pod: Object) -> Iterator[tuple[str, Object]]:
    """Yield each container that failed, with its last terminated state."""
    for status in _containers(pod):
        ends = (at(status, state, "terminated") for state in ("state", "lastState"))
        bad = next((end for end in ends if isinstance(end, dict) and number(end, "exitCode") != 0), None)
        if bad is not None:
            yield text(status, "name"), bad


def _ended(pod: Object) -> str:
    """Return the time at which a pod ended, to sort by."""
    ends = [text(end, "finishedAt") for _, end in _failed_containers(pod)]
    return max([*ends, text(pod, "metadata", "creationTimestamp")])
