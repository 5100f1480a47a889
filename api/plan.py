"""DRPlan: what to do, in stages. Source: docs/spec/drplan.md."""

from typing import Annotated, Literal

from pydantic import Field

from api.execution import Int64
from api.meta import API_VERSION, Condition, Model, ObjectMeta, ObjectName, Timestamp
from api.params import Parameter
from api.phases import PlanFailurePolicy, PlanPhase, StageFailurePolicy


class WorkflowReference(Model):
    """A DRWorkflow as a stage runs it."""

    workflow_ref: ObjectName
    params: list[Parameter] | None = None


class Stage(Model):
    """A step of a plan: its workflows run in order, or side by side when `parallel`."""

    name: Annotated[str, Field(min_length=1)]
    description: str | None = None
    depends_on: list[str] | None = None
    parallel: bool = False
    failure_policy: StageFailurePolicy | None = None
    workflows: Annotated[list[WorkflowReference], Field(min_length=1)]


class DRPlanSpec(Model):
    """What a person writes."""

    description: str | None = None
    failure_policy: PlanFailurePolicy = PlanFailurePolicy.STOP
    global_params: list[Parameter] | None = None
    service_account_name: str | None = None
    """Additive. In whose name the actions act; None means the installation's setting."""
    stages: Annotated[list[Stage], Field(min_length=1)]


class CurrentExecution(Model):
    """The lock: the one execution that runs this plan."""

    name: str
    namespace: str | None = None
    uid: str | None = None
    """Additive. Which very object holds the lock."""


class ExecutionRecord(Model):
    """One line of a plan's history."""

    name: str
    namespace: str
    operation_type: str
    phase: str | None = None
    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None


class DRPlanStatus(Model):
    """What the bridge writes."""

    phase: PlanPhase | None = None
    current_execution: CurrentExecution | None = None
    last_execution_ref: str | None = None
    last_execution_time: Timestamp | None = None
    last_processed_trigger: str | None = None
    """Deprecated; an older controller's. Kept, never written."""
    execution_history: Annotated[list[ExecutionRecord] | None, Field(max_length=10)] = None
    """Newest first."""
    conditions: list[Condition] | None = None
    observed_generation: Int64 | None = None


class DRPlan(Model):
    """A recovery plan."""

    api_version: Literal["dr.bkbcs.tencent.com/v1alpha1"] = API_VERSION
    kind: Literal["DRPlan"] = "DRPlan"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: DRPlanSpec
    status: DRPlanStatus = Field(default_factory=DRPlanStatus)
