"""What a run will do, decided before anything is done: the complete tree, and a step for each action.

Nothing here holds a manifest or a secret, because Temporal's histories hold these values.
JSON names never change: recorded runs are replayed. Source: docs/architecture.md, "What travels through Temporal".
"""

from typing import ClassVar

from pydantic import Field

from api.meta import Model, ObjectName
from api.nodes import ActionStatus, SnapshotRef
from api.objects import Actor
from api.phases import OnFailure, PlanFailurePolicy, StageFailurePolicy, WorkflowFailurePolicy
from api.requests import Approval
from api.steps import ExecuteStep, Origin, RollbackStep
from api.tree import RunState


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
