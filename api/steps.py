"""What is to be done for one action: a step is decided once, and carried out by activities.

Nothing here holds a manifest or a secret, because Temporal's histories hold these values.
JSON names never change: recorded runs are replayed. Source: docs/architecture.md, "What travels through Temporal".
"""

from enum import StrEnum

from pydantic import Field

from api.actions import RetryPolicy
from api.failures import FailureType
from api.meta import Model, ObjectKey
from api.nodes import ActionOutputs, NodeReason, SnapshotRef
from api.objects import Target
from api.phases import Operation, Phase
from api.reasons import Reason


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
