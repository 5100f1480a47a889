"""What a run works with, as the data of ControllerRevisions: definitions, and what a Revert decided.

Of the definitions one root for each run, and one document for each distinct DRWorkflow, so that none exceeds the size
of an object. Secrets are left out. A later release must still read what this one wrote.
Source: docs/spec/drplanexecution.md, "What is kept".
"""

from typing import Literal

from pydantic import Field

from api.meta import Model, ObjectKey, ObjectName, Timestamp
from api.nodes import SnapshotRef
from api.phases import Mode
from api.plan import DRPlanSpec
from api.steps import RollbackStep
from api.workflow import DRWorkflowSpec


class SnapshotPlan(Model):
    """The plan at the start of the run."""

    namespace: str
    name: str
    uid: str
    generation: int
    spec: DRPlanSpec


class SnapshotWorkflow(Model):
    """A DRWorkflow at the start of the run; its spec is a separate document."""

    namespace: str
    name: str
    uid: str
    generation: int
    revision: SnapshotRef


class SnapshotParameters(Model):
    """The parameters of a DRWorkflow in a stage, with their values."""

    values: dict[str, str] = Field(default_factory=dict)
    left_out: list[str] = Field(default_factory=list)
    """Names of those whose values are secret: they are determined again when they are used."""
    fragments: list[str] = Field(default_factory=list)
    """Names of those of type yaml, whose values may be lists or mappings."""


class SnapshotUse(Model):
    """A DRWorkflow in a stage: positions of its definition and its parameters in the snapshot's lists."""

    workflow: int
    parameters: int


class SnapshotStage(Model):
    """A stage, with its DRWorkflows in the plan's order."""

    name: str
    uses: list[SnapshotUse]


class Snapshot(Model):
    """The root: everything but the specs of the DRWorkflows."""

    format: Literal[1] = 1
    plan: SnapshotPlan
    mode: Mode | None = None
    parameters_of: list[ObjectKey]
    """Executions whose `spec.params` apply, from low to high precedence: a Revert's come after its original's."""
    workflows: list[SnapshotWorkflow]
    parameters: list[SnapshotParameters]
    """Each distinct set once: most DRWorkflows of a plan share one."""
    stages: list[SnapshotStage]
    service_account_name: str | None = None
    """Of an Execute: the account in whose name its actions act; None without impersonation, and from older releases."""


class LeftOut(Model):
    """Actions of a DRWorkflow of which something secret is not in the snapshot, by their positions."""

    actions: list[int] = Field(default_factory=list)
    """Actions that lack something themselves."""
    rollbacks: list[int] = Field(default_factory=list)
    """Actions whose own `rollback` lacks something."""


class SnapshotDefinition(Model):
    """The document of a DRWorkflow."""

    spec: DRWorkflowSpec
    left_out: LeftOut | None = None
    """None in a document of version 0.1, which shows only by the marker in a text that something was left out."""


class DecidedStep(Model):
    """What rolls one action back and, where that carries out a definition, of which DRWorkflow at which place."""

    step: RollbackStep
    dr_workflow: ObjectName | None = None
    stage: str = ""
    workflow: int = 0
    """Both like in Origin."""


class DecidedSteps(Model):
    """A part of what a Revert decided."""

    steps: list[DecidedStep]


class StoredDecision(DecidedSteps):
    """The first part of what a Revert decided."""

    format: Literal[1]
    """Without a default, so that no other document can be read as this one."""
    service_account_name: str | None = None
    """The account in whose name its actions act; None without impersonation."""
    snapshot: SnapshotRef | None = None
    """The definitions that it carries out, if any."""
    continued: list[SnapshotRef] = Field(default_factory=list)
    """The other parts, with the steps that follow."""


class StoredParameters(Model):
    """Values of parameters that a person set for retries of an action; none of them is secret."""

    format: Literal[1] = 1
    mark: str
    """The identity of the action in the execution."""
    values: dict[str, str]
    by: str
    reason: str = ""
    at: Timestamp
    request: str
    """Id of the request that set the latest of them."""
