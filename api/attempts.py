"""What the activities of an action get and answer, and what is known of its attempts.

Nothing here holds a manifest or a secret, because Temporal's histories hold these values.
JSON names never change: recorded runs are replayed. Source: docs/architecture.md, "What travels through Temporal".
"""

from typing import Annotated, Any

from pydantic import Field

from api.ledger import WorkflowRecord
from api.meta import Model, ObjectName
from api.nodes import ActionOutputs, ClusterActionStatus, NodeReason, SnapshotRef
from api.objects import Actor
from api.phases import Operation, Phase
from api.requests import PersonRequest
from api.steps import Attempts, ExecuteStep, Origin, ParametersRef, RollbackStep, with_timeout
from api.tree import Rejection


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
