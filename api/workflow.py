"""DRWorkflow: one reusable list of actions. Source: docs/spec/drworkflow.md."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from api.actions import Action
from api.execution import Int32, Int64
from api.meta import API_VERSION, Condition, Model, ObjectMeta
from api.params import Parameter
from api.phases import WorkflowFailurePolicy, WorkflowPhase


class ExecutorType(StrEnum):
    """Who runs the actions. Argo is stored, and refused by validation."""

    NATIVE = "Native"
    ARGO = "Argo"


class TtlStrategy(Model):
    """When an Argo workflow would have been removed, in seconds."""

    seconds_after_completion: Int32 | None = None
    seconds_after_success: Int32 | None = None
    seconds_after_failure: Int32 | None = None


class ArgoOptions(Model):
    """Settings of the Argo executor, kept for existing objects."""

    namespace: str | None = None
    service_account_name: str | None = None
    ttl_strategy: TtlStrategy | None = None


class Executor(Model):
    """Who runs the actions."""

    type: ExecutorType = ExecutorType.NATIVE
    argo_options: ArgoOptions | None = None


class DRWorkflowSpec(Model):
    """What a person writes."""

    parameters: list[Parameter] | None = None
    failure_policy: WorkflowFailurePolicy = WorkflowFailurePolicy.FAIL_FAST
    executor: Executor | None = None
    actions: Annotated[list[Action], Field(min_length=1)]


class DRWorkflowStatus(Model):
    """What the bridge writes."""

    phase: WorkflowPhase | None = None
    conditions: list[Condition] | None = None
    observed_generation: Int64 | None = None


class DRWorkflow(Model):
    """A reusable list of actions."""

    api_version: Literal["dr.bkbcs.tencent.com/v1alpha1"] = API_VERSION
    kind: Literal["DRWorkflow"] = "DRWorkflow"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: DRWorkflowSpec
    status: DRWorkflowStatus = Field(default_factory=DRWorkflowStatus)
