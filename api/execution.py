"""DRPlanExecution, and the status tree that planning, workflows, queries and objects share.

Source: docs/spec/drplanexecution.md; the older CRDs give every field that is not marked additive.
"""

from typing import Annotated, Literal

from pydantic import Field

from api.meta import API_VERSION, Condition, Model, ObjectMeta, ObjectName, ObjectReference, Timestamp
from api.params import Parameter
from api.phases import ActionType, Mode, OnMissing, Operation, OperationType, Phase

Int32 = Annotated[int, Field(json_schema_extra={"format": "int32"})]
Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"})]


class DRPlanExecutionSpec(Model):
    """What a person asks for. It never changes after creation."""

    plan_ref: str
    operation_type: OperationType
    mode: Mode | None = None
    revert_execution_ref: str | None = None
    params: list[Parameter] | None = None
    on_missing: OnMissing | None = None
    """Additive. Of a Revert; None means Fail."""


class HttpResponse(Model):
    """What an HTTP action was answered."""

    status_code: int
    body: str | None = None


class ActionOutputs(Model):
    """What an action made: the record that its rollback rests on."""

    localization_ref: ObjectReference | None = None
    globalization_ref: ObjectReference | None = None
    helm_chart_ref: ObjectReference | None = None
    subscription_ref: ObjectReference | None = None
    subscription_refs: list[ObjectReference] | None = None
    resource_ref: ObjectReference | None = None
    job_ref: ObjectReference | None = None
    http_response: HttpResponse | None = None


class ClusterActionStatus(Model):
    """State of a PerCluster action in one cluster."""

    cluster: str
    cluster_id: Annotated[str, Field(alias="clusterID")]
    phase: Phase
    message: str | None = None
    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None


class ActionStatus(Model):
    """State of one action, or of its rollback."""

    name: str
    type: ActionType | None = None
    """Additive. None in a record of the older controller."""
    phase: Phase
    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None
    message: str | None = None
    retries: int | None = None
    """Additive. Attempts after the first."""
    retry_count: Int32 | None = None
    """The older name of `retries`, with the same value."""
    operation: Operation | None = None
    """Additive. What the action really did; its rollback depends on it."""
    created: bool | None = None
    """Additive. Whether the object is there because of this action."""
    custom_rollback: bool | None = None
    """Additive. Whether the definition named a rollback of its own."""
    outputs: ActionOutputs | None = None
    cluster_statuses: list[ClusterActionStatus] | None = None


class WorkflowExecutionStatus(Model):
    """State of one DRWorkflow in a stage."""

    workflow_ref: ObjectName
    phase: Phase
    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None
    duration: str | None = None
    progress: str | None = None
    current_action: str | None = None
    message: str | None = None
    action_statuses: list[ActionStatus] | None = None

    @property
    def actions(self) -> list[ActionStatus]:
        """The actions, with an absent list read as empty."""
        return self.action_statuses or []


class StageStatus(Model):
    """State of one stage."""

    name: str
    phase: Phase
    parallel: bool | None = None
    depends_on: list[str] | None = None
    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None
    duration: str | None = None
    message: str | None = None
    workflow_executions: list[WorkflowExecutionStatus] | None = None

    @property
    def workflows(self) -> list[WorkflowExecutionStatus]:
        """The workflows, with an absent list read as empty."""
        return self.workflow_executions or []


class Summary(Model):
    """Counts over the tree. completed = succeeded + failed + skipped + canceled."""

    total_stages: int = 0
    completed_stages: int = 0
    running_stages: int = 0
    pending_stages: int = 0
    succeeded_stages: int = 0
    failed_stages: int = 0
    skipped_stages: int = 0
    canceled_stages: int = 0
    total_workflows: int = 0
    completed_workflows: int = 0
    running_workflows: int = 0
    pending_workflows: int = 0
    failed_workflows: int = 0
    total_actions: int = 0
    succeeded_actions: int = 0
    failed_actions: int = 0
    skipped_actions: int = 0
    canceled_actions: int = 0


class Progress(Model):
    """Completed of total, for columns: `3/5`."""

    stages: str
    actions: str


class Engine(Model):
    """The Temporal run that carries, or carried, an execution."""

    workflow_id: str
    run_id: str


class ExecutionTree(Model):
    """The part of a status that the workflows own: the plan's node with everything below it."""

    phase: Phase | None = None
    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None
    duration: str | None = None
    message: str | None = None
    progress: Progress | None = None
    summary: Summary | None = None
    service_account_name: str | None = None
    """Additive. In whose name the actions act."""
    stage_statuses: list[StageStatus] | None = None

    @property
    def stages(self) -> list[StageStatus]:
        """The stages, with an absent list read as empty."""
        return self.stage_statuses or []


class RunState(ExecutionTree):
    """The tree with what becomes a condition instead of a field; query answer and result of a root."""

    left_standing: list[str] = Field(default_factory=list)
    """Objects that skipped parts of the original created and that still exist, as `Kind namespace/name`."""


class ExecutionStatus(ExecutionTree):
    """The whole status of a DRPlanExecution."""

    observed_generation: Int64 | None = None
    engine: Engine | None = None
    conditions: list[Condition] | None = None


class DRPlanExecution(Model):
    """One run of a plan, or the taking back of one."""

    api_version: Literal["dr.bkbcs.tencent.com/v1alpha1"] = API_VERSION
    kind: Literal["DRPlanExecution"] = "DRPlanExecution"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: DRPlanExecutionSpec
    status: ExecutionStatus = Field(default_factory=ExecutionStatus)
