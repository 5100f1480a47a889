"""The state of a Job: whether and how it ended, why, and whether it may have been deleted before anybody saw that.

A status may have any form: what does not have the expected one counts as absent.
Source: docs/spec/drworkflow.md, "Job"; Kubernetes, "Job termination and cleanup".
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from api.meta import rfc3339
from planning.effects.object_fields import Object, condition_of, number, text
from planning.effects.obstacles import last_failure
from planning.messages import effects as effect_messages
from planning.messages import readiness as readiness_messages

_CLOCKS = timedelta(seconds=30)
"""By how much the clocks of workers and API server may differ."""
_ASKED = "asked"
_LONGEST_TIME_TO_LIVE = 2**31
"""Seconds, as many as the field of a Job holds: what a manifest asks for nobody has checked yet."""
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
        return readiness_messages.SUSPENDED
    done, wanted = number(job, "status", "succeeded"), number(job, "spec", "completions", default=1)
    return effect_messages.job_progress(done, wanted, number(job, "status", "failed"))


def failure(job: Object, pods: Iterable[Object]) -> str:
    """Return why a Job failed: the message of its controller, and that of the pod that failed last."""
    condition = condition_of(job, JobResult.FAILED)
    words = [text(condition, "reason"), text(condition, "message"), last_failure(pods)]
    return ": ".join(word for word in words if word)


def time_to_live(body: Object) -> timedelta | None:
    """Return how long a finished Job is kept; None means for ever."""
    seconds = number(body, "spec", "ttlSecondsAfterFinished", default=-1)
    return timedelta(seconds=min(seconds, _LONGEST_TIME_TO_LIVE)) if seconds >= 0 else None


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
