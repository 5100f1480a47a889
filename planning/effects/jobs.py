"""A Job on its way: has it ended, how, why, and may it have gone before anybody saw that?

What a status holds is read without a check: it may be anything. Source: docs/spec/drworkflow.md, "Job";
Kubernetes, "Job termination and cleanup" and "Determine the Reason for Pod Failure".
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from api.meta import ObjectKey, rfc3339
from planning.effects.readiness import at, items, number, text
from planning.messages import attempts as attempt_messages
from planning.messages import readiness as readiness_messages

Object = dict[str, Any]

_CLOCKS = timedelta(seconds=30)
"""By how much the clocks of workers and API server may differ."""
_ASKED = "asked"
_LONGEST_PAUSE = 3.0
_SHORTEST_PAUSE = 0.25
"""Seconds between two looks at a Job that goes on."""


class Ending(StrEnum):
    """How a Job ended."""

    COMPLETE = "Complete"
    FAILED = "Failed"


def ending(job: Object) -> Ending | None:
    """Tell how a Job ended; None while it goes on."""
    return next((end for end in Ending if text(_condition(job, end), "status") == "True"), None)


def progress(job: Object) -> str:
    """Say how far a Job has come."""
    if text(_condition(job, "Suspended"), "status") == "True":
        return readiness_messages.SUSPENDED
    done, wanted = number(job, "status", "succeeded"), number(job, "spec", "completions", default=1)
    return attempt_messages.job_progress(done, wanted, number(job, "status", "failed"))


def failure(job: Object, pods: Iterable[Object]) -> str:
    """Say why a Job failed: in its controller's words, and in those of the pod that failed last."""
    condition = _condition(job, Ending.FAILED)
    words = [text(condition, "reason"), text(condition, "message"), last_failure(pods)]
    return ": ".join(word for word in words if word)


def _condition(job: Object, name: str) -> Object | None:
    return next((each for each in items(job, "status", "conditions") if each.get("type") == name), None)


def pod_selector(job: Object) -> str:
    """Give the label selector that finds a Job's pods; empty where the Job does not say it."""
    labels = at(job, "spec", "selector", "matchLabels")
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items())) if isinstance(labels, dict) else ""


def last_failure(pods: Iterable[Object]) -> str:
    """Say what is known of the pod that failed last; empty where none says anything."""
    failed = ((_ended(pod), text(pod, "metadata", "name"), reason) for pod in pods if (reason := _pod_failure(pod)))
    _, name, reason = max(failed, default=("", "", ""))
    return attempt_messages.pod_failed(name, reason) if reason else ""


def _pod_failure(pod: Object) -> str:
    """Say why a pod failed: its own reason, such as Evicted, else that of a container."""
    if reason := text(pod, "status", "reason"):
        return ": ".join(word for word in (reason, text(pod, "status", "message")) if word)
    found = ((text(end, "finishedAt"), name, end) for name, end in _failed_containers(pod))
    _, name, end = max(found, key=lambda each: each[:2], default=("", "", None))
    if end is None:
        return ""
    return attempt_messages.container_failed(name, text(end, "reason"), number(end, "exitCode"), text(end, "message"))


def _failed_containers(pod: Object) -> Iterator[tuple[str, Object]]:
    """Give each container that ended otherwise than well, with how it ended last."""
    for kind in ("initContainerStatuses", "containerStatuses"):
        for status in items(pod, "status", kind):
            ends = (at(status, state, "terminated") for state in ("state", "lastState"))
            bad = next((end for end in ends if isinstance(end, dict) and number(end, "exitCode") != 0), None)
            if bad is not None:
                yield text(status, "name"), bad


def _ended(pod: Object) -> str:
    """Give a time to order pods by."""
    ends = [text(end, "finishedAt") for _, end in _failed_containers(pod)]
    return max([*ends, text(pod, "metadata", "creationTimestamp")])


def time_to_live(body: Object) -> timedelta | None:
    """Give how long a Job stays after it finished; None is for ever."""
    seconds = number(body, "spec", "ttlSecondsAfterFinished", default=-1)
    return timedelta(seconds=seconds) if seconds >= 0 else None


def longest_pause(body: Object) -> float:
    """Give the longest pause between two looks, in seconds: a Job that goes by itself must be seen before."""
    lives = time_to_live(body)
    return _LONGEST_PAUSE if lives is None else min(max(lives.total_seconds() / 4, _SHORTEST_PAUSE), _LONGEST_PAUSE)


def record_name(execution: ObjectKey, mark: str) -> str:
    """Name the record of when a Job was asked for, so that each attempt finds it again."""
    return f"drplan-{execution.uid[:8]}-asked-{hashlib.sha256(mark.encode()).hexdigest()[:16]}"


def record(now: datetime) -> Object:
    """Give the record of a Job that is about to be asked for."""
    return {_ASKED: rfc3339(now)}


def may_have_gone(asked: Object, lives: timedelta, now: datetime) -> bool:
    """Tell of a Job that is absent whether it may have run and gone since it was first asked for."""
    try:
        since = now - datetime.fromisoformat(text(asked, _ASKED))
    except (ValueError, TypeError):
        return True
    return since + _CLOCKS >= lives
