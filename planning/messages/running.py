"""What an execution says while it runs: first what keeps it from going on, then the deepest part that is at work.

Source: docs/spec/drplanexecution.md, "While it runs".
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from api.meta import CANCEL_ANNOTATION
from api.phases import OperationType
from api.reasons import Cause, Reason
from planning.messages.text import MESSAGE_BOUND, bounded, counted, excerpt, listed

DECIDING = "Reading and looking at every object concerned"
"""Before the tree is known; also a root's current details in Temporal."""
RUNNING = "running"
"""Of an action that says nothing itself."""
CANCEL_REQUESTED = "Cancel requested"
"""Begins the message until the run has ended."""
_TIME_ALONE = timedelta(hours=12)
"""How long ago a moment may be that is named without its day."""


def cancels_nothing(value: str) -> str:
    """Say why an annotation has no effect."""
    return f'the annotation {CANCEL_ANNOTATION} is "{excerpt(value)}", which cancels nothing: write "true"'


def deciding(waiting_for: str, error: str) -> str:
    """Say how far the decision is: what is waited for, or the error after which it is tried again."""
    if error:
        return bounded(f"{DECIDING}: Retrying: {error}")
    return bounded(f"{DECIDING}: {waiting_for}" if waiting_for else DECIDING)


def part(stage: str, *below: str) -> str:
    """Name a part by its path: `stage sites / shop-east / gate`."""
    return " / ".join((f"stage {stage}", *below))


def at(path: str, what: str) -> str:
    """Say what a part does: `stage sites / shop-east / gate: Retrying (23 of 1000): no answer`."""
    return f"{path}: {what}"


def several(running: int, total: int, noun: str) -> str:
    """Count parts that run in parallel: `2 of 20 workflows running`."""
    return f"{running} of {counted(total, noun)} running"


def ended(over: int, total: int, noun: str) -> str:
    """Say how many parts have ended, when none runs at this moment."""
    return f"{over} of {counted(total, noun)} ended"


def joined(parts: Sequence[str]) -> str:
    """Return the message of a running execution, from its parts."""
    return bounded("; ".join(parts), MESSAGE_BOUND)


def before_that(message: str) -> str:
    """Say what the execution did when it was last heard of."""
    return f"before that: {message}"


def no_worker(since: datetime, now: datetime) -> str:
    """No worker answers a query."""
    return f"No worker answers since {_moment(since, now)}; nothing is lost"


def worker_failing(since: datetime, now: datetime) -> str:
    """A worker cannot continue the run."""
    return (
        f"The worker fails to carry the workflow on since {_moment(since, now)}, and tries again; nothing is lost: "
        "see its log and Temporal's UI"
    )


def no_engine(since: datetime, now: datetime, reason: str) -> str:
    """Temporal does not answer the bridge."""
    return bounded(f"Temporal cannot be reached since {_moment(since, now)} ({reason}); nothing is lost")


def _moment(since: datetime, now: datetime) -> str:
    """Return the time of day in UTC, with the day where that is not plain."""
    return f"{since:%H:%M:%S}" if now - since < _TIME_ALONE else f"{since:%Y-%m-%d %H:%M:%S}"


def paused(who: str, why: str, error: str) -> Cause:
    """Somebody paused the activity of an action in Temporal; `error` is that of its last attempt."""
    by = f" by {who}" if who else ""
    reason = f" ({why})" if why else ""
    last = f"; the last attempt failed: {error}" if error else ""
    return Cause(Reason.PAUSED, bounded(f"Paused in Temporal{by}{reason}, until it is unpaused there{last}"))


def current_action(running: Sequence[str]) -> str | None:
    """Name the actions of a workflow that run now: `create-a, create-b`; None where none does."""
    return listed(running, MESSAGE_BOUND, ", ") if running else None


def progress(operation: OperationType, done_actions: int, total: int) -> str:
    """Progress of a workflow: `2/2 actions rolled back`."""
    verb = "rolled back" if operation is OperationType.REVERT else "completed"
    return f"{done_actions}/{total} actions {verb}"
