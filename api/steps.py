"""What a workflow asks an activity to do, and what it is answered.

One model in, one out. Nothing here holds a manifest or a secret: these values stand in Temporal's
histories. Source: docs/architecture.md, "What travels through Temporal".
"""

from enum import StrEnum

from pydantic import Field

from api.actions import RetryPolicy
from api.execution import ActionOutputs, RunState, StageStatus, WorkflowExecutionStatus
from api.meta import Model, ObjectKey, ObjectName, Timestamp
from api.phases import Operation, OperationType, Phase, PlanFailurePolicy, StageFailurePolicy, WorkflowFailurePolicy


class FailureType(StrEnum):
    """Why an action failed: the `type` of the ApplicationError, shown in Temporal's UI."""

    TRANSIENT = "Transient"
    """Repeating may help: the server was away, overloaded, or the write conflicted."""
    NOT_FOUND = "NotFound"
    FORBIDDEN = "Forbidden"
    INVALID = "Invalid"
    ALREADY_EXISTS = "AlreadyExists"
    WRONG_UID = "WrongUid"
    UNDEFINED = "Undefined"
    """The definition that the action needs is gone."""
    DELETION_TIMED_OUT = "DeletionTimedOut"
    TIMED_OUT = "TimedOut"
    TOO_LARGE = "TooLarge"
    UNSUPPORTED = "Unsupported"

    @property
    def repeatable(self) -> bool:
        """Tell whether a repeat may help. Source: docs/architecture.md, "Errors and attempts"."""
        return self in (FailureType.TRANSIENT, FailureType.TIMED_OUT)


class Seen(StrEnum):
    """What the look found where an object should be."""

    PRESENT = "Present"
    ABSENT = "Absent"
    FORBIDDEN = "Forbidden"


class Target(Model):
    """An object by name. A namespace of None means cluster-scoped, or not known to be namespaced."""

    api_version: str
    kind: str
    name: str
    namespace: str | None = None


class Look(Model):
    """What was seen of one object before anything was deleted."""

    seen: Seen
    uid: str | None = None
    creation_timestamp: Timestamp | None = None
    finalizers: list[str] = Field(default_factory=list)
    reason: str = ""
    """The API server's words where the object was not to be read."""


class Deletion(Model):
    """One object to delete, and only if it is the very one that was looked at."""

    target: Target
    uid: str
    foreground: bool = False
    """Wait for dependents as well: a Job goes with its pods."""


class Refusal(Model):
    """A failure that was already certain at the look; it is raised when the action's turn comes."""

    type: FailureType
    message: str


class Attempts(Model):
    """How one action is tried. `timeout` (Go duration) bounds each attempt."""

    timeout: str = "5m"
    retry: RetryPolicy = Field(default_factory=RetryPolicy)


class RollbackStep(Model):
    """What undoes one action: delete these objects in this order, or fail with this refusal."""

    deletions: list[Deletion] = Field(default_factory=list)
    refusal: Refusal | None = None
    attempts: Attempts = Field(default_factory=Attempts)


class ExecuteStep(Model):
    """Which action of its DRWorkflow to carry out. The definition itself stays in the cluster."""

    index: int
    """Position in the DRWorkflow's actions."""
    action: str
    mark: str
    """Value of the created-by annotation: the identity of this action in this execution."""
    title: str
    """What the Temporal UI calls it: `Create Localization default/nginx-loc-a`."""
    attempts: Attempts = Field(default_factory=Attempts)


class Actor(Model):
    """In whose name a call to the cluster goes out. None means with the worker's own rights."""

    user: str | None = None


class RollbackInput(Model):
    """Input of the activity that rolls one action back."""

    step: RollbackStep
    actor: Actor
    errors: int = 0
    """Attempts that ended with an error under earlier schedules of the same action."""


class ExecuteInput(Model):
    """Input of the activity that carries one action out."""

    dr_workflow: ObjectName
    step: ExecuteStep
    actor: Actor
    errors: int = 0


class LookInput(Model):
    """Input of the last look at an action that a cancel found between two attempts."""

    step: RollbackStep
    actor: Actor


class ActionOutcome(Model):
    """How an action ended."""

    phase: Phase
    message: str
    operation: Operation | None = None
    created: bool | None = None
    outputs: ActionOutputs | None = None
    attempt: int = 1
    """The server's number of the attempt that ended it; 1 is the first."""


class AttemptFailure(Model):
    """Details of an action's ApplicationError: what the workflow must know to go on counting."""

    errors: int
    """Attempts of this action that ended with an error so far."""
    attempt: int = 1
    operation: Operation | None = None
    created: bool | None = None
    outputs: ActionOutputs | None = None
    """What the action made although it failed."""


class Heartbeat(Model):
    """Details of a heartbeat: what the next attempt and the bridge want to know."""

    errors: int = 0
    waiting_for: str = ""
    deleting: str = ""
    """Uid of the object that a Delete found: if its attempt is lost, the next one knows that it was there."""


class RunInput(Model):
    """Input of a root workflow: which object to carry out."""

    execution: ObjectKey
    plan: str
    operation: OperationType


class RevertDecision(Model):
    """What a Revert will do: the complete tree, and a step for every Pending action."""

    state: RunState
    steps: list[list[list[RollbackStep | None]]] = Field(default_factory=list)
    """By stage, workflow and action, in the tree's order; None where there is nothing to do."""
    actor: Actor = Field(default_factory=Actor)
    rejection: str | None = None
    """Why nothing is to be touched at all; the run then ends as Failed with these words."""


class ExecuteDecision(Model):
    """What an Execute will do: the complete tree, and a step for every action."""

    state: RunState
    steps: list[list[list[ExecuteStep]]] = Field(default_factory=list)
    actor: Actor = Field(default_factory=Actor)
    plan_policy: PlanFailurePolicy = PlanFailurePolicy.STOP
    stage_policies: list[StageFailurePolicy] = Field(default_factory=list)
    """One for each stage, the plan's filled in."""
    workflow_policies: list[list[WorkflowFailurePolicy]] = Field(default_factory=list)
    rejection: str | None = None


class RevertStageInput(Model):
    """Input of RevertStage: its node and the steps below it."""

    root: str
    """Temporal workflow id of the root."""
    index: int
    stage: StageStatus
    steps: list[list[RollbackStep | None]]
    actor: Actor


class RevertWorkflowInput(Model):
    """Input of RevertWorkflow."""

    workflow: WorkflowExecutionStatus
    steps: list[RollbackStep | None]
    actor: Actor


class ExecuteStageInput(Model):
    """Input of ExecuteStage."""

    root: str
    index: int
    stage: StageStatus
    steps: list[list[ExecuteStep]]
    actor: Actor
    policy: StageFailurePolicy
    workflow_policies: list[WorkflowFailurePolicy]


class ExecuteWorkflowInput(Model):
    """Input of ExecuteWorkflow."""

    workflow: WorkflowExecutionStatus
    steps: list[ExecuteStep]
    actor: Actor
    policy: WorkflowFailurePolicy
