"""What the engine says of an execution, as plain values: no engine type in it, so that status.py stays pure."""

from enum import StrEnum

from pydantic import Field

from api.execution import RunState, StageStatus, WorkflowExecutionStatus
from api.meta import Model, Timestamp


class RunEnd(StrEnum):
    """Where a root run stands in the engine."""

    OPEN = "Open"
    """It goes on; a worker may or may not be there."""
    COMPLETED = "Completed"
    """It ended well; its result is the final tree."""
    FAILED = "Failed"
    """It ended as failed; the failure's details hold the final tree, or it broke and they hold none."""
    CANCELED = "Canceled"
    """It ended by a cancel; its memo holds the final tree, unless it was cancelled before it had one."""
    TERMINATED = "Terminated"
    """Somebody ended it from outside; there is no final tree."""
    TIMED_OUT = "TimedOut"
    """The engine ended it; there is no final tree."""


class Run(Model):
    """A root run."""

    workflow_id: str
    run_id: str
    end: RunEnd
    start_time: Timestamp | None = None
    close_time: Timestamp | None = None
    cancel_requested: bool = False
    failing: bool = False
    """Its workflow task fails again and again: the worker's code cannot carry it on."""
    reason: str = ""
    """Why it ended, in the engine's words, where it did not end well."""
    state: RunState | None = None
    """The final tree of a closed run."""


class Attempt(Model):
    """An action that has begun, as the engine sees it. Attempts count from 1."""

    index: int
    attempt: int
    waiting: bool = False
    """Between two attempts: `attempt` is then the one that comes next."""
    limit: int | None = None
    """Retries that this schedule of the activity allows; None for no bound."""
    errors: int | None = None
    """Attempts that ended with an error; None where the failure does not say."""
    error: str = ""
    lost: bool = False
    """The last attempt was lost with its worker: what the engine says of it is no error of the action."""
    waiting_for: str = ""
    """What the running attempt waits for, from its heartbeat."""


class Place(Model):
    """A workflow in the tree, by position."""

    stage: int
    workflow: int


class WorkflowView(Model):
    """One open workflow of a stage; a node of None was not to be had."""

    place: Place
    node: WorkflowExecutionStatus | None = None
    attempts: list[Attempt] = Field(default_factory=list)


class StageView(Model):
    """One open stage; a node of None was not to be had."""

    index: int
    node: StageStatus | None = None


class Observation(Model):
    """Everything that one pass saw of an open run; each part may be missing."""

    state: RunState | None = None
    stages: list[StageView] = Field(default_factory=list)
    workflows: list[WorkflowView] = Field(default_factory=list)
    trouble: str = ""
    """Why the tree could not be had: no worker answers."""
