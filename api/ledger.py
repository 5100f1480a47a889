"""What a Revert rests on, as the data of ControllerRevisions: the tree of an Execute, and what each DRWorkflow did.

The first part is stored before anything is done, one more at the end of each run of a DRWorkflow. A later release must
still read what this one wrote. Source: docs/spec/drplanexecution.md, "The ledger".
"""

from pydantic import Field

from api.meta import Model, ObjectName, Timestamp
from api.nodes import ActionStatus, LedgerRef, NodePhase, SnapshotRef


class LedgerStage(Model):
    """A stage of an Execute and its DRWorkflows, in the order of the status."""

    name: str
    parallel: bool | None = None
    depends_on: list[str] | None = None
    workflows: list[ObjectName]
    skipped: list[int] = Field(default_factory=list)
    """Positions of DRWorkflows in which there was nothing to do: they have no record, and nothing is missing."""


class Ledger(Model):
    """The first part: what an Execute is going to run, and in whose name."""

    service_account_name: str | None = None
    snapshot: SnapshotRef
    stages: list[LedgerStage]


class WorkflowRecord(Model):
    """What one run of a DRWorkflow did, or a part of it where that needs several ControllerRevisions."""

    phase: NodePhase
    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None
    actions: list[ActionStatus]
    """Without what is only shown: messages and numbers of retries."""
    continued: list[LedgerRef] = Field(default_factory=list)
    """Of the first part: the others, with the actions that follow."""
