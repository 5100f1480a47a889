"""The status tree that planning, workflows, queries and objects share: what the workflows own of a status.

Source: docs/spec/drplanexecution.md; the older CRDs give every field that is not marked additive.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from api.meta import Model, Timestamp
from api.nodes import LedgerRef, NodeReason, SnapshotRef, StageStatus
from api.phases import Phase
from api.proof import Proof
from api.requests import Pause
from api.timing import Wait

RunPhase = Annotated[Phase, Field(json_schema_extra={"enum": [p.value for p in Phase if p is not Phase.SKIPPED]})]
"""What the CRD admits for an execution as a whole, which is never skipped."""


class LedgerFault(StrEnum):
    """Why a ledger cannot be used."""

    ALTERED = "Altered"
    """A part of it is not what the worker stored."""
    GONE = "Gone"
    """A part of it is missing."""


class Summary(Model):
    """Counts over the tree. completed = succeeded + failed + skipped + canceled."""

    total_stages: int = 0
    """All stages."""
    completed_stages: int = 0
    """Stages that ended, with any result."""
    running_stages: int = 0
    """Stages that are running."""
    pending_stages: int = 0
    """Stages that have not begun."""
    succeeded_stages: int = 0
    """Additive. Stages that succeeded."""
    failed_stages: int = 0
    """Stages that failed."""
    skipped_stages: int = 0
    """Additive. Stages that were skipped."""
    canceled_stages: int = 0
    """Additive. Stages that a cancel cut short."""
    total_workflows: int = 0
    """All workflows."""
    completed_workflows: int = 0
    """Workflows that ended, with any result."""
    running_workflows: int = 0
    """Workflows that are running."""
    pending_workflows: int = 0
    """Workflows that have not begun."""
    failed_workflows: int = 0
    """Workflows that failed."""
    total_actions: int = 0
    """Additive. All actions."""
    succeeded_actions: int = 0
    """Additive. Actions that succeeded."""
    failed_actions: int = 0
    """Additive. Actions that failed."""
    skipped_actions: int = 0
    """Additive. Actions that were skipped."""
    canceled_actions: int = 0
    """Additive. Actions that a cancel cut short."""


class Progress(Model):
    """Succeeded of total, for columns: `3/5`."""

    stages: str
    """Stages."""
    actions: str
    """Actions."""


class LaterExecution(Model):
    """An execution of the plan that came after the one to take back, and is in effect."""

    name: str
    """Additive. Name of the DRPlanExecution."""
    rests_on: str | None = None
    """Additive. The first object that it created or changed and that the Revert was to take away or change."""


class Obstacle(Model):
    """Something that would keep an execution from succeeding, as a preview found it."""

    stage: str | None = None
    """Additive. Name of the stage; absent where it is about the execution as a whole."""
    workflow: str | None = None
    """Additive. The DRWorkflow, as `namespace/name`."""
    action: str | None = None
    """Additive. Name of the action."""
    reason: NodeReason = None
    """Additive. Why, as one word for programs; see 'Reasons'."""
    message: str
    """Additive. Why, for people."""


class Preview(Model):
    """What a preview found, or how an execution with a `previewDigest` compares with its preview."""

    digest: str | None = None
    """SHA-256 of what would be done, with the uids of the objects; absent where it would be refused."""
    definitions: str | None = None
    """SHA-256 of the definitions and parameter values that would be carried out."""
    obstacle_count: int = 0
    """How many obstacles there are."""
    obstacles: list[Obstacle] | None = None
    """The first of them, in the order in which they would be met."""
    unknown_count: int = 0
    """Actions of which it cannot be known before others ran whether they would succeed."""
    estimated_duration: str | None = None
    """Go duration: the median of what the plan's last executions of that operation which succeeded have worked."""
    estimated_from: int | None = None
    """From how many of them."""
    differences: list[str] | None = None
    """Of an execution that was refused: what is not as its preview showed it."""


class ExecutionTree(Model):
    """The part of a status that the workflows own: the plan's node with everything below it."""

    phase: RunPhase | None = None
    """Phase of the execution."""
    start_time: Timestamp | None = None
    """When it began."""
    completion_time: Timestamp | None = None
    """When it ended."""
    duration: str | None = None
    """Additive. Go duration from begin to end."""
    message: str | None = None
    """What happened, is happening or was the reason, for people."""
    progress: Progress | None = None
    """Additive. Succeeded of total, for columns: `3/5`."""
    summary: Summary | None = None
    """Counts over the tree. completed = succeeded + failed + skipped + canceled."""
    service_account_name: str | None = None
    """Additive. The service account in whose name the actions act."""
    snapshot: SnapshotRef | None = None
    """Additive. The definitions and parameter values that this execution works with, secrets left out."""
    ledger: LedgerRef | None = None
    """Additive. Of an Execute: the first part of the record that a Revert rests on; see 'The ledger'."""
    paused: Pause | None = None
    """Additive. A person's pause: no further action starts until it is resumed."""
    pauses: list[Wait] | None = None
    """Additive. The pauses that are over."""
    decision: SnapshotRef | None = None
    """Additive. Of a Revert: what each of its actions deletes or carries out, as decided before the first one."""
    in_effect: str | None = None
    """Additive. Of a Revert with revertTo: the execution that it returns to, unless that was taken back before."""
    later_executions: list[LaterExecution] | None = None
    """Additive. Of a Revert: executions of the plan that came later and are in effect, those first that rest on an
    object which the Revert was to take away or change; at most 20."""
    proof: Proof | None = None
    """Additive. Of a Revert that has ended: whether every object is as it was before the Execute; see 'Proof'."""
    preview: Preview | None = None
    """Additive. Of a preview, and of an execution with a `previewDigest`: obstacles, digest, estimated duration."""
    stage_statuses: list[StageStatus] | None = None
    """The whole tree: stages, their workflows, their actions, in the order in which they run."""

    @property
    def stages(self) -> list[StageStatus]:
        """The stages, with an absent list read as empty."""
        return self.stage_statuses or []


class Rejection(StrEnum):
    """Why a run touched nothing, where a person is advised something of its own."""

    NAMESPACE_NOT_OPEN = "NamespaceNotOpen"
    """The worker may not act in the namespace."""
    OBJECT_OF_ANOTHER_EXECUTION = "ObjectOfAnotherExecution"
    """Another execution of the plan made an object that this one is to create."""


class RunState(ExecutionTree):
    """The tree with what becomes a condition instead of a field; query answer and result of a root."""

    left_standing: list[str] = Field(default_factory=list)
    """Objects that skipped parts of the original created and that still exist, as `Kind namespace/name`."""
    unread: int = 0
    """How many of `left_standing` could not be read, so that it is not known whether they exist."""
    not_deleted: list[str] | None = None
    """Of a Revert that failed or was cancelled: objects that it was to delete and did not, like in `left_standing`."""
    definitions_of_today: bool = False
    """Of a Revert: the definitions as they were at the Execute were not kept, so it works with the current ones."""
    rejection: Rejection | None = None
    """Why nothing was touched."""
    shortened: bool | None = None
    """Details were left out, because all of them together were too large."""
    ledger_fault: LedgerFault | None = None
    """Of a Revert: why the ledger of the original cannot be used, so that nothing was rolled back."""
