"""What is kept of the definitions that a run works with, as the data of ControllerRevisions.

One root for each run; one further document for each distinct DRWorkflow, so that none outgrows an object. Secrets
are left out. A later release must still read what this one wrote. Source: docs/spec/drplanexecution.md, "What is kept".
"""

from typing import Literal

from pydantic import Field

from api.execution import SnapshotRef
from api.meta import Model, ObjectKey
from api.phases import Mode
from api.plan import DRPlanSpec
from api.workflow import DRWorkflowSpec


class KeptPlan(Model):
    """The plan as it was."""

    namespace: str
    name: str
    uid: str
    generation: int
    spec: DRPlanSpec


class KeptWorkflow(Model):
    """A DRWorkflow as it was; its spec is a document of its own."""

    namespace: str
    name: str
    uid: str
    generation: int
    revision: SnapshotRef


class KeptParameters(Model):
    """The parameters of a DRWorkflow in a stage, with their values."""

    values: dict[str, str] = Field(default_factory=dict)
    left_out: list[str] = Field(default_factory=list)
    """Names of those whose values are secret: they are determined again when they are used."""


class KeptUse(Model):
    """A DRWorkflow in a stage: where its definition and its parameters stand in the snapshot's lists."""

    workflow: int
    parameters: int


class KeptStage(Model):
    """A stage, with its DRWorkflows in the plan's order."""

    name: str
    uses: list[KeptUse]


class Snapshot(Model):
    """The root: everything but the specs of the DRWorkflows."""

    format: Literal[1] = 1
    plan: KeptPlan
    mode: Mode | None = None
    parameters_of: list[ObjectKey]
    """Executions whose own `spec.params` count, from low to high precedence: a Revert's come after its original's."""
    workflows: list[KeptWorkflow]
    parameters: list[KeptParameters]
    """Each distinct set once: most DRWorkflows of a plan share theirs."""
    stages: list[KeptStage]


class LeftOut(Model):
    """Actions of a DRWorkflow of which something secret is not in the snapshot, by their positions."""

    actions: list[int] = Field(default_factory=list)
    """Actions that lack something themselves."""
    rollbacks: list[int] = Field(default_factory=list)
    """Actions whose own `rollback` lacks something."""


class KeptDefinition(Model):
    """The document of a DRWorkflow."""

    spec: DRWorkflowSpec
    left_out: LeftOut | None = None
    """None in a document of version 0.1, which shows only by the marker in a text that something was left out."""
