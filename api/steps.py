"""Inputs and results of workflows and activities.

One model in, one out. Nothing here holds a manifest or a secret, because Temporal's histories hold these values.
JSON names never change: recorded runs are replayed. Source: docs/architecture.md, "What travels through Temporal".
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field

from api.actions import RetryPolicy
from api.execution import (
    ActionOutputs,
    ActionStatus,
    ClusterActionStatus,
    NodeReason,
    Rejection,
    RunState,
    SnapshotRef,
    StageStatus,
    WorkflowExecutionStatus,
)
from api.failures import FailureType as FailureType
from api.ledger import WorkflowRecord
from api.meta import Model, ObjectKey, ObjectName, Timestamp
from api.phases import (
    OnFailure,
    Operation,
    OperationType,
    Phase,
    PlanFailurePolicy,
    StageFailurePolicy,
    WorkflowFailurePolicy,
)
from api.proof import ActionProof
from api.reasons import Reason
from api.requests import Approval, PersonRequest


class Presence(StrEnum):
    """Whether an object exists, as far as it could be read."""

    PRESENT = "Present"
    ABSENT = "Absent"
    """There is no object of that name, or no kind that could have one."""
    FORBIDDEN = "Forbidden"
    UNREADABLE = "Unreadable"
    """No version of its kind is served although its definition exists, or the API server does not answer for it."""


class Target(Model):
    """An object by name. A namespace of None means cluster-scoped, or not known to be namespaced."""

    api_version: str
    kind: str
    name: str
    namespace: str | None = None


class ObservedObject(Model):
    """What a Revert observed of one object before it deleted anything."""

    presence: Presence
    uid: str | None = None
    version: str | None = None
    """Its resourceVersion, unless it was being deleted."""
    creation_timestamp: Timestamp | None = None
    finalizers: list[str] = Field(default_factory=list)
    mark: str | None = None
    """Value of its created-by annotation."""
    applies_later: bool = False
    """Whether it is an override of Clusternet whose deletion does not reach the child clusters by itself."""
    reason: str = ""
    """The API server's message where the object could not be read."""
    why: NodeReason = None
    """The reason of an action that fails because of it, where that says more."""


class Deletion(Model):
    """One object to delete, with its uid as a precondition."""

    target: Target
    uid: str
    foreground: bool = False
    """Wait for dependents as well: a Job goes with its pods."""
    applies_later: bool = False
    """Like in ObservedObject."""
    version: str | None = None
    """Like in ObservedObject: an object that has not changed since needs no look before it is deleted."""


class Restoration(Model):
    """One object to restore to its state before an action of the original, which is stored beside that."""

    target: Target
    uid: str
    """Recorded by the original: that of the object which the action changed, or deleted."""
    operation: Operation
    """What the action did to the object."""
    execution: ObjectKey
    """The original: the owner of the record."""
    record: SnapshotRef
    """The ControllerRevision with the state before, and the hash of its data."""
    mark: str
    """The identity of the action in the original. An object that is created again has it in an annotation."""


class Refusal(Model):
    """A failure that was certain when the run was decided; it is raised when the action's turn comes."""

    type: FailureType
    message: str
    reason: NodeReason = None
    """The reason of the action; None where the type is that."""
    may_exist: Target | None = None
    """The object that could not be read."""


class Attempts(Model):
    """How one action is tried. `timeout` (Go duration) bounds each attempt."""

    timeout: str = "5m"
    retry: RetryPolicy = RetryPolicy()


def with_timeout(attempts: Attempts, timeout: str | None) -> Attempts:
    """Return how an action is tried with another timeout; None leaves its own."""
    return attempts if timeout is None else attempts.model_copy(update={"timeout": timeout})


class Part(StrEnum):
    """Which part of an action's definition a step carries out."""

    ACTION = "Action"
    """The action itself."""
    INVERSE = "Inverse"
    """The deletion of what the action creates: an Execute in mode Delete."""
    ROLLBACK = "Rollback"
    """The action's own `rollback`."""


class Origin(Model):
    """Where the definitions of one DRWorkflow in one run are read."""

    execution: ObjectKey
    """The execution that runs: the owner of the snapshot."""
    snapshot: SnapshotRef
    stage: str = ""
    """Name of the stage in the plan."""
    workflow: int = 0
    """Position of the DRWorkflow in the plan's stage, where the same one may appear more than once."""
    ledger: bool = False
    """Whether each run of a DRWorkflow stores a record when it ends. Never in a Revert, nor in a run that was decided
    before there were ledgers."""


class ExecuteStep(Model):
    """Which action of its DRWorkflow to run. The definition itself stays in the cluster."""

    index: int
    """Position in the DRWorkflow's actions."""
    action: str
    mark: str
    """Value of the created-by annotation: the identity of this action in this execution."""
    title: str
    """Its name in the Temporal UI: `Create Localization default/nginx-loc-a`."""
    attempts: Attempts = Attempts()
    part: Part = Part.ACTION
    after: list[int] | None = None
    """Positions in the workflow's node of the actions that must succeed before; None: one action runs at a time."""
    outputs_of: list[str] = Field(default_factory=list)
    """Names of earlier actions of the same workflow whose outputs the definition uses."""


class ParametersRef(Model):
    """Where the values of parameters are stored that a person set for retries of an action."""

    execution: ObjectKey
    """The execution in which the action was retried: the owner of the record."""
    record: SnapshotRef
    names: list[str]
    """Of the parameters whose values there count."""


class CustomRollback(Model):
    """An action that a Revert runs: an action's own rollback, or a rollback hook."""

    step: ExecuteStep
    outputs: dict[str, ActionOutputs] = Field(default_factory=dict)
    """What the original recorded, of the actions that `step.outputs_of` names."""
    phases: dict[str, Phase] = Field(default_factory=dict)
    """How those actions ended in the original."""
    parameters: ParametersRef | None = None
    """Of an action's own rollback: what the action was retried with in the original."""


class RollbackStep(Model):
    """What rolls one action back: delete these objects in this order, run this action, restore this object, or fail
    with this refusal."""

    deletions: list[Deletion] = Field(default_factory=list)
    custom: CustomRollback | None = None
    restoration: Restoration | None = None
    """Comes with a refusal, for workers of releases that do not know it: they would do nothing and report success."""
    refusal: Refusal | None = None
    attempts: Attempts = Attempts()

    @property
    def certain_refusal(self) -> Refusal | None:
        """Why the action fails whatever is there when its turn comes; None for a restoration, which looks then."""
        return self.refusal if self.restoration is None else None

    @property
    def success(self) -> Reason:
        """The reason of an action whose step was done."""
        if self.custom is None:
            return Reason.ROLLED_BACK
        hook = self.custom.step.part is Part.ACTION
        return Reason.ROLLBACK_HOOK_EXECUTED if hook else Reason.CUSTOM_ROLLBACK_EXECUTED


class Actor(Model):
    """As whom calls to the cluster are made. None means with the worker's own rights."""

    user: str | None = None


class Heartbeat(Model):
    """Details of a heartbeat: what the next attempt and the bridge need to know."""

    errors: int = 0
    waiting_for: str = ""
    not_begun: int = 0
    """Like in AttemptFailure."""
    lost: int = 0
    """Earlier attempts of this schedule that never ended: their workers took them back, or were lost."""
    deleting: str = ""
    """Uid of the object that a Delete is deleting: if the attempt is lost, the next one knows that it existed."""
    job: Annotated[str, Field(alias="made")] = ""
    """Uid of the Job that the action created and waits for: the next attempt knows that it existed."""


class RollbackInput(Model):
    """Input of the activity that rolls one action back."""

    step: RollbackStep
    actor: Actor
    dr_workflow: ObjectName | None = None
    """Of a custom step: the DRWorkflow that defines it."""
    origin: Origin | None = None
    """Of a custom step: where that definition is kept."""
    errors: int = 0
    """Attempts that ended with an error under earlier schedules of the same action."""
    lost: bool = False
    """Whether an attempt under an earlier schedule was lost with its worker: what it did is not known."""
    heartbeat: Heartbeat | None = None
    """The last one of an attempt that was lost under an earlier schedule."""
    timeout: str | None = None
    """Of a retry that a person asked for: bounds the attempt in place of the step's own timeout (Go duration)."""
    parameters: ParametersRef | None = None
    """What a person set for retries of this action in this run."""
    decided_again: SnapshotRef | None = None
    """Where the step is stored, if it was decided again for a retry."""

    @property
    def attempts(self) -> Attempts:
        """How the action is tried: as its step says, with the timeout that a person asked for."""
        return with_timeout(self.step.attempts, self.timeout)


class ExecuteInput(Model):
    """Input of the activity that executes one action."""

    dr_workflow: ObjectName
    step: ExecuteStep
    actor: Actor
    errors: int = 0
    lost: bool = False
    heartbeat: Heartbeat | None = None
    """Like in RollbackInput, all three."""
    timeout: str | None = None
    """Like in RollbackInput."""
    origin: Origin | None = None
    """None in runs that were started before snapshots were kept: the current DRWorkflow is read."""
    outputs: dict[str, ActionOutputs] = Field(default_factory=dict)
    """Outputs of the actions that `step.outputs_of` names, as far as they have any."""
    phases: dict[str, Phase] = Field(default_factory=dict)
    """How those actions ended."""
    parameters: list[ParametersRef] = Field(default_factory=list)
    """What persons set for retries of this action, from low to high precedence; in an Execute at most its own."""

    @property
    def attempts(self) -> Attempts:
        """How the action is tried: as its step says, with the timeout that a person asked for."""
        return with_timeout(self.step.attempts, self.timeout)


class ObserveInput(Model):
    """Input of the last look at an action that was between two attempts when the run was cancelled."""

    step: RollbackStep
    actor: Actor
    dr_workflow: ObjectName | None = None
    """Like in RollbackInput."""
    origin: Origin | None = None
    parameters: ParametersRef | None = None
    decided_again: SnapshotRef | None = None
    """Like in RollbackInput, both."""


class ActionRecord(Model):
    """What an action did to the cluster, whether it succeeded or failed; None is unknown, or nothing."""

    operation: Operation | None = None
    created: bool | None = None
    """Whether the objects in `outputs` exist because of this action."""
    outputs: ActionOutputs | None = None
    cluster_statuses: list[ClusterActionStatus] | None = None
    """Of a PerCluster action: how it ended in each managed cluster."""

    def record_fields(self) -> dict[str, Any]:
        """Return the fields of the record, for another model that extends it."""
        return {name: getattr(self, name) for name in ActionRecord.model_fields}


class ActionOutcome(ActionRecord):
    """How an action ended."""

    phase: Phase
    message: str
    reason: NodeReason = None
    """None in an outcome of version 0.1, and where the phase and the step tell."""
    attempt: int = 1
    """The server's number of the attempt that ended it; 1 is the first."""


WORKER_SHUTDOWN = "WorkerShutdown"
WORKER_ENDED_IT = frozenset({WORKER_SHUTDOWN, "ActivityPause", "ActivityReset"})
"""Types of the ApplicationErrors of an attempt that is taken away from its worker. Source: the SDK's names."""


class AttemptFailure(ActionRecord):
    """Details of an action's ApplicationError: what the workflow must know to continue counting."""

    errors: int
    """Attempts of this action that ended with an error so far."""
    attempt: int = 1
    not_begun: int = 0
    """Attempts of this schedule that ended before they did anything: they are neither errors nor lost."""
    reason: NodeReason = None
    """The reason of the action; None where the type of the failure is that."""
    rejection: Rejection | None = None
    """Of a decision that failed."""


class ParametersInput(Model):
    """Input of the activity that checks and stores the parameters of a retry."""

    request: PersonRequest
    execute: ExecuteInput | None = None
    rollback: RollbackInput | None = None
    """The action that is to be tried again, one of the two, with what it was tried with before."""
    record: ActionRecord
    """What it has done so far."""


class LedgerInput(Model):
    """Input of the activity that stores a part of an Execute's ledger."""

    origin: Origin
    """Says which run of a DRWorkflow in which execution it is about."""
    part: int
    record: WorkflowRecord


class RunInput(Model):
    """Input of a root workflow: the execution to run."""

    execution: ObjectKey
    plan: str
    operation: OperationType
    part: str | None = None
    """Of a Revert with `revertTo`, for the activity that decides: the execution to take back next; None: the newest."""


class RehearsalInput(Model):
    """Input of the rehearsal of a plan; what it asks is in the plan's status."""

    plan: ObjectKey
    start_time: Timestamp


class ProofInput(Model):
    """Input of the activity that checks whether all is as it was before what a Revert has taken back."""

    run: RunInput
    parts: list[str] = Field(default_factory=list)
    """Of a Revert with `revertTo`: the executions that it has taken back, the newest first."""
    soak: str = ""
    """How long to wait before (Go duration)."""


class ProvedAction(Model):
    """An action of an execution that was taken back, by names and their occurrences, with what was found."""

    execution: str = ""
    """Of a Revert with `revertTo`."""
    stage: str
    stage_occurrence: int = 0
    workflow: str
    """As `namespace/name`."""
    workflow_occurrence: int = 0
    action: str
    action_occurrence: int = 0
    proof: ActionProof = ActionProof()


class ProofReport(Model):
    """What was found, action by action."""

    actions: list[ProvedAction] = Field(default_factory=list)


class RevertPart(Model):
    """An execution that a Revert with `revertTo` takes back after others."""

    execution: str
    stages: int
    """Of the tree, before it is decided what becomes of them."""


class RevertPlace(Model):
    """Where a DRWorkflow is in the tree of a Revert."""

    stage: str
    workflow: int
    """Position in the stage's list of the tree."""
    part: str | None = None
    """Of a Revert with `revertTo`: the execution that is taken back."""


class RedecisionInput(Model):
    """Input of the activity that decides again on an action of a Revert that was refused."""

    place: RevertPlace
    dr_workflow: ObjectName
    index: int
    """Position of the action in the workflow's node."""
    action: str


class Redecision(Model):
    """What is decided again on one action of a Revert."""

    node: ActionStatus
    """The action as it was decided: Pending, or Skipped with its cause."""
    step: RollbackStep | None = None
    actor: Actor
    origin: Origin | None = None
    """Of the action's DRWorkflow, where its definition is carried out."""
    decision: SnapshotRef
    """Where the step is stored."""


class RevertDecision(Model):
    """What a Revert will do: the complete tree, and a step for every Pending action."""

    state: RunState
    steps: list[list[list[RollbackStep | None]]] = Field(default_factory=list)
    """By stage, workflow and action, in the tree's order; None where there is nothing to do."""
    actor: Actor = Field(default_factory=Actor)
    origin: Origin | None = None
    """Of the whole run, if it runs definitions: each level adds its stage and position."""
    rejection: str | None = None
    """Why nothing is to be changed at all; the run then ends as Failed with this message."""
    on_failure: OnFailure = OnFailure.STOP
    approvals: list[Approval | None] = Field(default_factory=list)
    """What each stage of the tree needs before it begins; empty where none needs anything."""
    requested_by: str = ""
    """Who created the execution, where that matters for an approval."""
    parts: list[RevertPart] = Field(default_factory=list)
    """What follows after the stages with steps, each to be decided when its turn comes."""
    soak: str | None = None
    """How long after the end the objects are checked again (Go duration)."""
    plan_policy: ClassVar[PlanFailurePolicy] = PlanFailurePolicy.STOP
    """A Revert ignores the plan's policy."""


class ExecuteDecision(Model):
    """What an Execute will do: the complete tree, and a step for every action."""

    state: RunState
    steps: list[list[list[ExecuteStep]]] = Field(default_factory=list)
    actor: Actor = Field(default_factory=Actor)
    plan_policy: PlanFailurePolicy = PlanFailurePolicy.STOP
    stage_policies: list[StageFailurePolicy] = Field(default_factory=list)
    """One for each stage; the default comes from the plan."""
    workflow_policies: list[list[WorkflowFailurePolicy]] = Field(default_factory=list)
    origin: Origin | None = None
    """Of the whole run: each level adds its stage and position."""
    rejection: str | None = None
    on_failure: OnFailure = OnFailure.STOP
    approvals: list[Approval | None] = Field(default_factory=list)
    requested_by: str = ""


class RevertStageInput(Model):
    """Input of RevertStage: its node and the steps below it."""

    root: str
    """Temporal workflow id of the root."""
    index: int
    stage: StageStatus
    steps: list[list[RollbackStep | None]]
    actor: Actor
    origin: Origin | None = None
    on_failure: OnFailure = OnFailure.STOP


class RevertWorkflowInput(Model):
    """Input of RevertWorkflow."""

    workflow: WorkflowExecutionStatus
    steps: list[RollbackStep | None]
    actor: Actor
    origin: Origin | None = None
    on_failure: OnFailure = OnFailure.STOP
    place: RevertPlace | None = None
    """None in runs that earlier releases started: what was refused there is not decided again."""


class ExecuteStageInput(Model):
    """Input of ExecuteStage."""

    root: str
    index: int
    stage: StageStatus
    steps: list[list[ExecuteStep]]
    actor: Actor
    policy: StageFailurePolicy
    workflow_policies: list[WorkflowFailurePolicy]
    origin: Origin | None = None
    on_failure: OnFailure = OnFailure.STOP


class ExecuteWorkflowInput(Model):
    """Input of ExecuteWorkflow."""

    workflow: WorkflowExecutionStatus
    steps: list[ExecuteStep]
    actor: Actor
    policy: WorkflowFailurePolicy
    origin: Origin | None = None
    on_failure: OnFailure = OnFailure.STOP
