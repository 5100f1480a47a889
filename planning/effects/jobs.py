"""The state of a Job: whether and how it ended, why, and whether it may have been deleted before anybody saw that.

A status may have any form: what does not have the expected one counts as absent.
Source: docs/spec/drworkflow.md, "Job"; Kubernetes, "Job termination and cleanup" and "Determine the Reason for Pod
Failure".
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from api.meta import rfc3339
from planning.effects.readiness import at, condition_of, items, number, text
from planning.messages import effects as effect_messages
from planning.values.redaction import HIDDEN
from planning.values.secret_parts import hidden

Object = dict[str, Any]

_CLOCKS = timedelta(seconds=30)
"""By how much the clocks of workers and API server may differ."""
_ASKED = "asked"
_LONGEST_PAUSE = 3.0
_SHORTEST_PAUSE = 0.25
"""Seconds between two reads of a running Job."""


class JobResult(StrEnum):
    """How a Job ended."""

    COMPLETE = "Complete"
    FAILED = "Failed"


def job_result(job: Object) -> JobResult | None:
    """Return how a Job ended; None while it runs."""
    return next((end for end in JobResult if text(condition_of(job, end), "status") == "True"), None)


def progress(job: Object) -> str:
    """Return how far a Job is, as a message."""
    if text(condition_of(job, "Suspended"), "status") == "True":
        return effect_messages.SUSPENDED
    done, wanted = number(job, "status", "succeeded"), number(job, "spec", "completions", default=1)
    return effect_messages.job_progress(done, wanted, number(job, "status", "failed"))


def failure(job: Object, pods: Iterable[Object]) -> str:
    """Return why a Job failed: the message of its controller, and that of the pod that failed last."""
    condition = condition_of(job, JobResult.FAILED)
    words = [text(condition, "reason"), text(condition, "message"), last_failure(pods)]
    return ": ".join(word for word in words if word)


def pod_selector(job: Object) -> str:
    """Return the label selector of a Job's pods; empty where the Job has none."""
    labels = at(job, "spec", "selector", "matchLabels")
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items())) if isinstance(labels, dict) else ""


def last_failure(pods: Iterable[Object]) -> str:
    """Return the message of the pod that failed last; empty where there is none."""
    failed = ((_ended(pod), text(pod, "metadata", "name"), reason) for pod in pods if (reason := _pod_failure(pod)))
    _, name, reason = max(failed, default=("", "", ""))
    return f"pod {name}: {reason}" if reason else ""


def _pod_failure(pod: Object) -> str:
    """Return why a pod failed: its own reason, such as Evicted, else that of a container."""
    if reason := text(pod, "status", "reason"):
        return ": ".join(word for word in (reason, text(pod, "status", "message")) if word)
    found = ((text(end, "finishedAt"), name, end) for name, end in _failed_containers(pod))
    _, name, end = max(found, key=lambda each: each[:2], default=("", "", None))
    if end is None:
        return ""
    # A container may leave anything behind: values with a secret name do not go into a message.
    words = str(hidden(text(end, "message").strip(), lambda _: HIDDEN))
    return effect_messages.container_failed(name, text(end, "reason"), number(end, "exitCode"), words)


def _failed_containers(pod: Object) -> Iterator[tuple[str, Object]]:
    """Yield each container that failed, with its last terminated state."""
    for kind in ("initContainerStatuses", "containerStatuses"):
        for status in items(pod, "status", kind):
            ends = (at(status, state, "terminated") for state in ("state", "lastState"))
            bad = next((end for end in ends if isinstance(end, dict) and number(end, "exitCode") != 0), None)
            if bad is not None:
                yield text(status, "name"), bad


def _ended(pod: Object) -> str:
    """Return the time at which a pod ended, to sort by."""
    ends = [text(end, "finishedAt") for _, end in _failed_containers(pod)]
    return max([*ends, text(pod, "metadata", "creationTimestamp")])


def time_to_live(body: Object) -> timedelta | None:
    """Return how long a finished Job is kept; None means for ever."""
    seconds = number(body, "spec", "ttlSecondsAfterFinished", default=-1)
    return timedelta(seconds=seconds) if seconds >= 0 else None


def longest_pause(body: Object) -> float:
    """Return the longest pause between two reads, in seconds: a finished Job must be read before it is deleted."""
    lives = time_to_live(body)
    return _LONGEST_PAUSE if lives is None else min(max(lives.total_seconds() / 4, _SHORTEST_PAUSE), _LONGEST_PAUSE)


WITHDRAWN: Object = {"withdrawn": True}
"""The record that replaces the one of a request that the API server surely refused."""


def record(now: datetime) -> Object:
    """Return the record that is stored before a Job is created."""
    return {_ASKED: rfc3339(now)}


def may_have_gone(asked: Object, lives: timedelta, now: datetime) -> bool:
    """Tell whether an absent Job may have run and been deleted since its creation was first requested."""
    try:
        since = now - datetime.fromisoformat(text(asked, _ASKED))
    except (ValueError, TypeError):
        return True
    return since + _CLOCKS >= lives
