"""DRWorkflow: one reusable list of actions. Source: docs/spec/drworkflow.md."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from api.actions import Action
from api.execution import Int64
from api.meta import API_VERSION, Conditions, Model, ObjectMeta
from api.nodes import Int32
from api.params import Parameter
from api.phases import WorkflowFailurePolicy, WorkflowPhase


class ExecutorType(StrEnum):
    """Who runs the actions. Argo is stored, and refused by validation."""

    NATIVE = "Native"
    ARGO = "Argo"


class TtlStrategy(Model):
    """When an Argo workflow would have been removed, in seconds."""

    seconds_after_completion: Int32 | None = None
    """After it ended, with any result."""
    seconds_after_success: Int32 | None = None
    """After it succeeded."""
    seconds_after_failure: Int32 | None = None
    """After it failed."""


class ArgoOptions(Model):
    """Settings of the Argo executor, kept for existing objects."""

    namespace: str | None = None
    """Namespace of the Argo workflow."""
    service_account_name: str | None = None
    """Service account of the Argo workflow."""
    ttl_strategy: TtlStrategy | None = None
    """When the Argo workflow would have been removed."""


class Executor(Model):
    """Who runs the actions."""

    type: ExecutorType = ExecutorType.NATIVE
    """Native. Argo is stored, and refused by validation."""
    argo_options: ArgoOptions | None = None
    """Settings of the Argo executor, kept for existing objects."""


class DRWorkflowSpec(Model):
    """What a person writes."""

    parameters: list[Parameter] | None = None
    """Parameters that the actions use, with their defaults."""
    failure_policy: WorkflowFailurePolicy = WorkflowFailurePolicy.FAIL_FAST
    """What an Execute does in this workflow after a failed action."""
    executor: Executor | None = None
    """Who runs the actions."""
    actions: Annotated[list[Action], Field(min_length=1)]
    """What to do, in this order."""


class DRWorkflowStatus(Model):
    """What the bridge writes."""

    phase: WorkflowPhase | None = None
    """Ready, or Invalid with a condition that lists the errors."""
    conditions: Conditions | None = None
    """Aspects of the state, for programs."""
    observed_generation: Int64 | None = None
    """The metadata.generation that this status is about."""


class DRWorkflow(Model):
    """A reusable list of actions."""

    api_version: Literal["dr.bkbcs.tencent.com/v1alpha1"] = API_VERSION
    kind: Literal["DRWorkflow"] = "DRWorkflow"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: DRWorkflowSpec
    """What a person writes."""
    status: DRWorkflowStatus = Field(default_factory=DRWorkflowStatus)
    """What is known about the workflow."""
