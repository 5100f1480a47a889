"""How long an execution worked and how long it waited, and the times from which that is known.

Source: docs/spec/drplanexecution.md, "Timing".
"""

from enum import StrEnum

from api.meta import Model, Timestamp


class Wait(Model):
    """A time in which something waited for a person."""

    since: Timestamp
    """Additive. When it began to wait."""
    until: Timestamp | None = None
    """Additive. When the wait was over; absent while it goes on."""


class TimingState(StrEnum):
    """What the time of an execution that has not ended counts as."""

    WORKING = "Working"
    """An action runs, or nothing keeps the next one from running."""
    WAITING_FOR_PEOPLE = "WaitingForPeople"
    """No action runs, and a person is to decide, to approve or to resume."""
    WAITING_FOR_TURN = "WaitingForTurn"
    """Another execution runs the plan, or is to run it first."""


class Timing(Model):
    """How long an execution worked, and how long it waited. While it goes on, what is over by `since` is counted."""

    working: str = "0s"
    """Go duration from the start to the end without `waitingForPeople`."""
    waiting_for_people: str = "0s"
    """Go duration in which no action ran and something waited for a person."""
    waiting_for_turn: str = "0s"
    """Go duration from `queuedAt` to the start."""
    current: TimingState | None = None
    """What the time since `since` counts as; absent at the end."""
    since: Timestamp | None = None
    """Since when; nothing later is in the durations yet."""
