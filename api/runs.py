"""Inputs of the workflows, and of what is done once for a whole run. One model in, one out.

Nothing here holds a manifest or a secret, because Temporal's histories hold these values.
JSON names never change: recorded runs are replayed. Source: docs/architecture.md, "What travels through Temporal".
"""

from pydantic import Field

from api.decisions import RevertPlace
from api.meta import Model, ObjectKey, Timestamp
from api.nodes import StageStatus, WorkflowExecutionStatus
from api.objects import Actor
from api.phases import OnFailure, OperationType, StageFailurePolicy, WorkflowFailurePolicy
from api.proof import ActionProof
from api.steps import ExecuteStep, Origin, RollbackStep


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
