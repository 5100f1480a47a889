"""DRPlan: what to do, in stages. Source: docs/spec/drplan.md."""

from typing import Annotated, Literal

from pydantic import Field

from api.execution import Int64
from api.meta import API_VERSION, Conditions, Model, ObjectKey, ObjectMeta, ObjectName, Timestamp
from api.params import Parameter
from api.phases import OperationType, PlanFailurePolicy, PlanPhase, StageFailurePolicy
from api.requests import Approval


class DRWorkflowName(ObjectName):
    """A DRWorkflow as a plan names it; `reference_in_plan` fills in what is left out."""

    namespace: str | None = None
    """Namespace of the DRWorkflow; empty means the plan's own."""


class WorkflowReference(Model):
    """A DRWorkflow as a stage runs it."""

    workflow_ref: DRWorkflowName
    """The DRWorkflow."""
    params: list[Parameter] | None = None
    """Parameters that win over the plan's."""


class Stage(Model):
    """A step of a plan: its workflows run in order, or in parallel if `parallel`."""

    name: Annotated[str, Field(min_length=1)]
    """Name of the stage, unique in the plan."""
    description: str | None = None
    """What it is for."""
    depends_on: list[str] | None = None
    """Names of the stages that come before it."""
    parallel: bool = False
    """Whether its workflows run in parallel."""
    failure_policy: StageFailurePolicy | None = None
    """What an Execute does in this stage after a failed workflow; without it, as the plan's policy says."""
    approval: Approval | None = None
    """Additive. Who has to agree before it begins, in an Execute and in a Revert; see 'Approval'."""
    workflows: Annotated[list[WorkflowReference], Field(min_length=1)]
    """What it does. The same DRWorkflow may appear more than once."""


class Rehearsal(Model):
    """A preview of the plan that is repeated by itself; its result is in the plan's conditions."""

    interval: Annotated[str, Field(json_schema_extra={"maxLength": 100})]
    """How often, as a Go duration from 5m to 8760h: the longest time between the starts of two rehearsals."""
    operation: OperationType | None = None
    """What is rehearsed: an Execute, or the Revert of the last Execute that is in effect. Without it, the Revert while
    the plan's phase is Executed, and an Execute otherwise."""


class DRPlanSpec(Model):
    """What a person writes."""

    description: str | None = None
    """What the plan is for."""
    failure_policy: PlanFailurePolicy = PlanFailurePolicy.STOP
    """What an Execute does after a failed stage."""
    global_params: list[Parameter] | None = None
    """Parameters for every stage."""
    service_account_name: Annotated[str | None, Field(json_schema_extra={"maxLength": 253})] = None
    """Additive. The service account, in the plan's namespace, in whose name the actions act; without it, the one that
    the installation is set to."""
    rehearsal: Rehearsal | None = None
    """Additive. How often to ask by itself what an execution of the plan would do; see 'Rehearsal'."""
    stages: Annotated[list[Stage], Field(min_length=1)]
    """What to do. They run one after the other, in the order of their dependencies, else as written."""


class CurrentExecution(Model):
    """The lock: the one execution that runs this plan."""

    name: str
    """Name of the execution."""
    namespace: str | None = None
    """Namespace of the execution."""
    uid: str | None = None
    """Additive. UID of the execution: it identifies the object that holds the lock."""


class ExecutionRecord(Model):
    """One line of a plan's history."""

    name: str
    """Name of the execution."""
    namespace: str
    """Namespace of the execution."""
    operation_type: str
    """Execute or Revert."""
    phase: str | None = None
    """Its current or final phase."""
    start_time: Timestamp | None = None
    """When it began."""
    completion_time: Timestamp | None = None
    """When it ended."""
    working: str | None = None
    """Additive. Go duration without what it waited for people."""
    in_effect: str | None = None
    """Additive. Of a Revert that returned to an execution: that one, where it is in effect."""


class RehearsalStatus(Model):
    """The last rehearsal of a plan. What it found is in the plan's conditions."""

    start_time: Timestamp
    """When it began."""
    completion_time: Timestamp | None = None
    """When it ended; absent while it runs."""
    next_time: Timestamp | None = None
    """When the next one begins, unless something is in the way; absent while one runs."""
    operation: OperationType
    """What was rehearsed."""
    execution: str | None = None
    """Of a Revert: the Execute that it would take back."""
    observed_generation: Int64 | None = None
    """The metadata.generation of the plan that was rehearsed."""


class DRPlanStatus(Model):
    """What the bridge writes."""

    phase: PlanPhase | None = None
    """Ready, Executed once an Execute succeeded and until it is taken back, or Invalid."""
    current_execution: CurrentExecution | None = None
    """The lock: the one execution that runs this plan."""
    last_execution_ref: str | None = None
    """Name of the last execution."""
    last_execution_time: Timestamp | None = None
    """When the last execution began."""
    last_processed_trigger: str | None = None
    """Deprecated; an older controller's. Kept, never written."""
    execution_history: Annotated[list[ExecutionRecord] | None, Field(max_length=10)] = None
    """The last 10 executions, newest first."""
    rehearsal: RehearsalStatus | None = None
    """Additive. The last rehearsal."""
    conditions: Conditions | None = None
    """Aspects of the state, for programs."""
    observed_generation: Int64 | None = None
    """The metadata.generation that this status is about."""


class DRPlan(Model):
    """A recovery plan."""

    api_version: Literal["dr.bkbcs.tencent.com/v1alpha1"] = API_VERSION
    kind: Literal["DRPlan"] = "DRPlan"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: DRPlanSpec
    """What a person writes."""
    status: DRPlanStatus = Field(default_factory=DRPlanStatus)
    """What is known about the plan."""

    def locked_by(self, execution: ObjectKey) -> bool:
        """Return whether this very execution has the lock; one that the older controller wrote has no uid."""
        lock = self.status.current_execution
        return lock is not None and (lock.name, lock.uid) == (execution.name, execution.uid)
