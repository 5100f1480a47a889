"""What Temporal answers about an execution, as plain values, so that bridge/status needs no client."""

from enum import StrEnum

from pydantic import Field

from api.execution import Engine, RunState, StageStatus, WorkflowExecutionStatus
from api.meta import Model, Timestamp


class RunStatus(StrEnum):
    """The status of a root run in Temporal."""

    OPEN = "Open"
    """It has not ended; a worker may or may not be there."""
    COMPLETED = "Completed"
    """It succeeded; its result is the final tree."""
    FAILED = "Failed"
    """It failed; the failure's details hold the final tree, or none where the workflow itself broke."""
    CANCELED = "Canceled"
    """It was cancelled; its memo holds the final tree, unless it was cancelled before it had one."""
    TERMINATED = "Terminated"
    """Somebody terminated it in Temporal; there is no final tree."""
    TIMED_OUT = "TimedOut"
    """Temporal ended it; there is no final tree."""


class RootRun(Model):
    """The latest run of an execution's root workflow."""

    workflow_id: str
    run_id: str
    status: RunStatus
    start_time: Timestamp | None = None
    close_time: Timestamp | None = None
    cancel_requested: bool = False
    failing: bool = False
    """Its workflow task fails repeatedly: the worker's code cannot continue it."""
    cause: str = ""
    """Why it failed, in Temporal's words."""
    state: RunState | None = None
    """The final tree of a closed run."""

    @property
    def engine(self) -> Engine:
        """The run as an execution's status names it."""
        return Engine(workflow_id=self.workflow_id, run_id=self.run_id)


class PendingActivity(Model):
    """The activity of an action that has started and not ended."""

    index: int
    """Place of the action in its workflow."""
    attempt: int
    """Counted from 1."""
    waiting: bool = False
    """Between two attempts: `attempt` is then the next one."""
    limit: int | None = None
    """Retries that this schedule of the activity allows; None for no limit."""
    errors: int | None = None
    """Attempts that ended with an error; None where the failure does not say."""
    error: str = ""
    """The last error."""
    lost: bool = False
    """The last attempt was lost with its worker: `error` is then no error of the action."""
    waiting_for: str = ""
    """What the running attempt waits for, from its heartbeat."""


class ObservedStage(Model):
    """A running stage; `node` is None where its run did not answer."""

    index: int
    node: StageStatus | None = None


class ObservedWorkflow(Model):
    """A running workflow; `node` is None where its run did not answer."""

    stage: int
    index: int
    node: WorkflowExecutionStatus | None = None
    activities: list[PendingActivity] = Field(default_factory=list)


class Observation(Model):
    """Everything that one pass learned about an open run; each part may be missing."""

    state: RunState | None = None
    stages: list[ObservedStage] = Field(default_factory=list)
    workflows: list[ObservedWorkflow] = Field(default_factory=list)
    answered: bool = True
    """A worker answered; without one there is no tree."""
