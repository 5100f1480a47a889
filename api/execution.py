"""DRPlanExecution, and the status tree that planning, workflows, queries and objects share.

Source: docs/spec/drplanexecution.md; the older CRDs give every field that is not marked additive.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from api.meta import (
    API_VERSION,
    LONGEST_DURATION,
    Conditions,
    Model,
    ObjectMeta,
    ObjectName,
    ObjectReference,
    Timestamp,
)
from api.params import Parameter
from api.phases import ActionType, Mode, OnFailure, OnMissing, Operation, OperationType, Phase
from api.proof import ActionProof, Proof
from api.reasons import Reason
from api.requests import AllowedAction, Pause, RequestStatus, StageApproval
from api.timing import Timing, Wait

Int32 = Annotated[int, Field(json_schema_extra={"format": "int32"})]
Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"})]

RunPhase = Annotated[Phase, Field(json_schema_extra={"enum": [p.value for p in Phase if p is not Phase.SKIPPED]})]
"""What the CRD admits for an execution as a whole, which is never skipped."""
NodePhase = Annotated[Phase, Field(json_schema_extra={"enum": [p.value for p in Phase if p is not Phase.UNKNOWN]})]
"""What the CRD admits for a stage, a workflow or an action."""


def _known(reason: object) -> object:
    """Read a reason of a later release as none."""
    return reason if reason in Reason.__members__.values() else None


NodeReason = Annotated[Reason | None, BeforeValidator(_known), WithJsonSchema({"type": "string"})]
"""The CRD admits any word, so that a release can add one."""


Name = Annotated[str, Field(min_length=1, max_length=253)]
"""A name that a person writes to select something."""


class Selection(Model):
    """Parts of an execution by name. Each list that is not empty narrows what the others select."""

    stages: Annotated[list[Name] | None, Field(max_length=1000)] = None
    """Names of stages."""
    workflows: Annotated[list[Name] | None, Field(max_length=1000)] = None
    """Names of DRWorkflows, or namespace/name."""
    actions: Annotated[list[Name] | None, Field(max_length=1000)] = None
    """Names of actions."""


class NamedObject(Model):
    """An object by kind and name."""

    kind: Annotated[str, Field(min_length=1, max_length=253)]
    """Additive. Kind of the object."""
    namespace: Annotated[str | None, Field(max_length=63)] = None
    """Additive. Namespace of the object; empty for a cluster-scoped one."""
    name: Name
    """Additive. Name of the object."""


class DRPlanExecutionSpec(Model):
    """What a person asks for. It never changes after creation."""

    plan_ref: str
    """Name of the DRPlan, in the same namespace."""
    operation_type: OperationType
    """Whether the plan is carried out (Execute) or an earlier Execute of it is taken back (Revert)."""
    mode: Mode | None = None
    """Of an Execute: the path through the plan. `when` conditions compare with it; without it nothing is filtered."""
    revert_execution_ref: str | None = None
    """Of a Revert: name of the execution to take back, an Execute of the same plan in the same namespace."""
    params: list[Parameter] | None = None
    """Of an Execute: parameters that win over those of the plan, its stages and its workflows."""
    on_missing: OnMissing | None = None
    """Additive. Of a Revert: whether an object that was already gone makes its action fail (Fail, also when this is
    empty) or is passed over (Ignore)."""
    on_failure: OnFailure | None = None
    """Additive. What happens when an action failed and has no retry left: it is Failed (Stop, also when this is empty)
    or waits for a person's decision (Pause)."""
    ignore_missing: Annotated[list[NamedObject] | None, Field(max_length=1000)] = None
    """Additive. Of a Revert: objects that are passed over where they were already gone, whatever onMissing says of
    others."""
    include_partial: bool | None = None
    """Additive. Of a Revert: also take back what stages, workflows and actions that did not succeed have done, as far
    as that is recorded."""
    only: Selection | None = None
    """Additive. Of a Revert: the parts of the original to take back; the rest is Skipped, for a later Revert."""
    revert_to: str | None = None
    """Additive. Of a Revert, in place of revertExecutionRef: name of the execution to return to. All later ones of the
    plan that are in effect are taken back, the newest first; this one stays."""
    force: bool | None = None
    """Additive. Of a Revert: also take away or change objects on which a later execution of the plan rests."""
    soak: Annotated[str | None, Field(max_length=LONGEST_DURATION)] = None
    """Additive. Of a Revert: how long after its end it is checked once more whether every object is as it was before
    the Execute (Go duration, at most 720h); see 'Proof'."""
    dry_run: bool | None = None
    """Additive. Whether this is a preview: the status says what would happen, and nothing is changed."""
    preview_digest: str | None = None
    """Additive. `status.preview.digest` of a preview: the execution is refused unless what it would do now is what was
    shown there."""


class HttpResponse(Model):
    """What an HTTP action was answered."""

    status_code: int
    """The response's status code."""
    body: str | None = None
    """The response's body, as far as it was kept."""


class ActionOutputs(Model):
    """What an action created: the record that its rollback uses."""

    localization_ref: ObjectReference | None = None
    """The Localization."""
    globalization_ref: ObjectReference | None = None
    """The Globalization."""
    helm_chart_ref: ObjectReference | None = None
    """The HelmChart."""
    subscription_ref: ObjectReference | None = None
    """The Subscription."""
    subscription_refs: list[ObjectReference] | None = None
    """The Subscriptions, one for each managed cluster, of a PerCluster action."""
    resource_ref: ObjectReference | None = None
    """The object of a KubernetesResource action."""
    job_ref: ObjectReference | None = None
    """The Job."""
    http_response: HttpResponse | None = None
    """What an HTTP action was answered."""


class ClusterActionStatus(Model):
    """State of a PerCluster action in one cluster."""

    cluster: str
    """The managed cluster, as `namespace/name`."""
    cluster_id: Annotated[str, Field(alias="clusterID")]
    """The managed cluster's spec.clusterId."""
    phase: Annotated[Phase, Field(json_schema_extra={"enum": ["Pending", "Running", "Succeeded", "Failed", "Skipped"]})]
    """Phase of the action in this cluster."""
    message: str | None = None
    """What happened, for people."""
    start_time: Timestamp | None = None
    """When it began in this cluster."""
    completion_time: Timestamp | None = None
    """When it ended in this cluster."""


class LedgerFault(StrEnum):
    """Why a ledger cannot be used."""

    ALTERED = "Altered"
    """A part of it is not what the worker stored."""
    GONE = "Gone"
    """A part of it is missing."""


class SnapshotRef(Model):
    """Definitions as a run works with them: a ControllerRevision in the execution's namespace."""

    name: str
    """Name of the ControllerRevision."""
    sha256: str
    """SHA-256 of its data as JSON with sorted keys and no spaces, in hexadecimal: what was changed is not trusted."""


class LedgerRef(Model):
    """A part of an Execute's ledger, the record that a Revert rests on: a ControllerRevision in its namespace."""

    name: str
    """Name of the ControllerRevision."""
    sha256: str
    """SHA-256 of its content as JSON with sorted keys and no spaces, in hexadecimal: what was changed is not used."""


class RetriedWith(Model):
    """Values of parameters that a person set for retries of an action."""

    parameters: list[str]
    """Names of the parameters, those of earlier retries included."""
    by: str
    """Who set them last."""
    reason: str | None = None
    """Why, in that person's words."""
    at: Timestamp
    """When."""
    record: SnapshotRef
    """Where the values are."""


class ActionStatus(Model):
    """State of one action, or of its rollback."""

    name: str
    """Name of the action."""
    type: ActionType | None = None
    """Additive. The action's type; absent in a record of the older controller."""
    phase: NodePhase
    """Phase of the action; in a Revert, of its rollback."""
    start_time: Timestamp | None = None
    """When it began."""
    completion_time: Timestamp | None = None
    """When it ended."""
    reason: NodeReason = None
    """Additive. Why the phase is what it is, as one word for programs; see 'Reasons'."""
    rolled_back_by: list[str] | None = None
    """Additive. Of a Revert: the earlier Reverts that rolled the action, or some object of it, back."""
    message: str | None = None
    """What happened, is happening or was the reason, for people."""
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
    """What the action created: the record that its rollback uses."""
    waits: list[Wait] | None = None
    """Additive. When it waited for a person's decision."""
    cluster_statuses: list[ClusterActionStatus] | None = None
    """Of a PerCluster action: its state in each managed cluster."""
    proof: ActionProof | None = None
    """Additive. Of a Revert that has ended: whether the action's objects are as they were before the Execute."""
    retried_with: RetriedWith | None = None
    """Additive. Parameters that a person set for retries of this action only."""


class WorkflowExecutionStatus(Model):
    """State of one DRWorkflow in a stage."""

    workflow_ref: ObjectName
    """The DRWorkflow."""
    phase: NodePhase
    """Phase of the workflow."""
    start_time: Timestamp | None = None
    """When it began."""
    completion_time: Timestamp | None = None
    """When it ended."""
    duration: str | None = None
    """Go duration from begin to end."""
    progress: str | None = None
    """How far it is, for people: `2/2 actions rolled back`."""
    current_action: str | None = None
    """Name of the action that is running; several that run in parallel are separated by commas."""
    reason: NodeReason = None
    """Additive. Why the phase is what it is, as one word for programs; see 'Reasons'."""
    message: str | None = None
    """What happened or was the reason, for people."""
    ledger: LedgerRef | None = None
    """Additive. Of an Execute, at the end: the worker's own record of the actions, which a Revert uses instead of
    `actionStatuses`."""
    action_statuses: list[ActionStatus] | None = None
    """Its actions, in the order in which they run."""

    @property
    def actions(self) -> list[ActionStatus]:
        """The actions, with an absent list read as empty."""
        return self.action_statuses or []


class StageStatus(Model):
    """State of one stage."""

    name: str
    """Name of the stage."""
    execution: str | None = None
    """Additive. Of a Revert with revertTo: the execution of which the stage is taken back."""
    phase: NodePhase
    """Phase of the stage."""
    parallel: bool | None = None
    """Whether its workflows run in parallel."""
    depends_on: list[str] | None = None
    """Names of the stages that came before it in the plan."""
    start_time: Timestamp | None = None
    """When it began."""
    completion_time: Timestamp | None = None
    """When it ended."""
    duration: str | None = None
    """Go duration from begin to end."""
    reason: NodeReason = None
    """Additive. Why the phase is what it is, as one word for programs; see 'Reasons'."""
    message: str | None = None
    """What happened or was the reason, for people."""
    approvals: list[StageApproval] | None = None
    """Additive. Who agreed to its start, where the plan asks for that."""
    waits: list[Wait] | None = None
    """Additive. When it waited for approval."""
    workflow_executions: list[WorkflowExecutionStatus] | None = None
    """Its workflows, in the order in which they run."""

    @property
    def workflows(self) -> list[WorkflowExecutionStatus]:
        """The workflows, with an absent list read as empty."""
        return self.workflow_executions or []

    @property
    def actions(self) -> list[ActionStatus]:
        """The actions of all its workflows."""
        return [action for workflow in self.workflows for action in workflow.actions]


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


class Engine(Model):
    """The Temporal run that carries, or carried, an execution."""

    workflow_id: str
    """Temporal's workflow id."""
    run_id: str
    """Temporal's run id."""


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


class NextStep(Model):
    """What a person can do about an execution that waits, or that did not end well."""

    what: str
    """Additive. What to do."""
    why: str
    """Additive. What is the case."""
    command: str | None = None
    """Additive. A command that does it, or that shows what is needed for it."""


class ExecutionStatus(ExecutionTree):
    """The whole status of a DRPlanExecution."""

    queued_at: Timestamp | None = None
    """Additive. When it began to wait for its turn, because another execution ran the plan."""
    timing: Timing | None = None
    """Additive. How long it worked and how long it waited; see 'Timing'."""
    next_steps: list[NextStep] | None = None
    """Additive. What to do now, the most important first; absent where there is nothing to do."""

    allowed_actions: list[AllowedAction] | None = None
    """Additive. What a person can ask for now; see 'Pause and repair'."""
    requests: list[RequestStatus] | None = None
    """Additive. What persons asked for while it ran, the newest last."""
    observed_generation: Int64 | None = None
    """Additive. The metadata.generation that this status is about."""
    engine: Engine | None = None
    """Additive. The Temporal run that carries, or carried, this execution."""
    conditions: Conditions | None = None
    """Aspects of the state, for programs: `kubectl wait --for=condition=Completed`."""


class DRPlanExecution(Model):
    """One run of a plan, or the taking back of one."""

    api_version: Literal["dr.bkbcs.tencent.com/v1alpha1"] = API_VERSION
    kind: Literal["DRPlanExecution"] = "DRPlanExecution"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: DRPlanExecutionSpec
    """What a person asks for. It never changes after creation."""
    status: ExecutionStatus = Field(default_factory=ExecutionStatus)
    """How far it is, down to every action."""
