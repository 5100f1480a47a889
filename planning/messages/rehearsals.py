"""What a plan's conditions Executable and Revertible say, and its events about them.

Source: docs/spec/drplan.md, "Rehearsal".
"""

from datetime import datetime, timedelta

from api.meta import Condition, go_duration, rfc3339
from planning.messages.runs import EVENT_BOUND
from planning.messages.text import bounded

NOT_REHEARSED = "Not rehearsed yet"
NOTHING_TO_REVERT = "No Execute of the plan is in effect"
INVALID_INTERVAL = "Not rehearsed: spec.rehearsal.interval is not valid"


def in_effect(execution: str | None) -> str:
    """An Execute was not taken back; its name may not be in the plan's history any more."""
    name = f"DRPlanExecution {execution}" if execution else "An Execute of the plan"
    return f"{name} is in effect, so its Revert is rehearsed"


def overdue(last: datetime) -> str:
    """What was found is too old to count on."""
    return f"Not rehearsed since {rfc3339(last)}, although it was due"


def of_revert(execution: str, message: str) -> str:
    """What was found about the Revert of an execution."""
    return f"Revert of DRPlanExecution {execution}: {message}"


def no_answer(limit: timedelta, reason: str = "") -> str:
    """A rehearsal did not come to an end in time."""
    return f"The rehearsal did not end within {go_duration(limit)}: {reason or 'no worker answers'}"


def ended_early(status: str) -> str:
    """Somebody ended the run of a rehearsal in Temporal; `status` is that of the run."""
    return f"The rehearsal was ended in Temporal: {status}"


def event_readiness(condition: Condition) -> str:
    """A condition changed."""
    return bounded(f"{condition.type} is {condition.status}: {condition.message}", EVENT_BOUND)
