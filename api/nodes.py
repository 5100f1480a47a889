"""The nodes of the status tree: stages, their workflows, their actions, and what an action records.

Source: docs/spec/drplanexecution.md; the older CRDs give every field that is not marked additive.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from api.meta import Model, ObjectName, ObjectReference, Timestamp
from api.phases import ActionType, Operation, Phase
from api.proof import ActionProof
from api.reasons import Reason
from api.requests import StageApproval
from api.timing import Wait

Int32 = Annotated[int, Field(json_schema_extra={"format": "int32"})]
NodePhase = Annotated[Phase, Field(json_schema_extra={"enum": [p.value for p in Phase if p is not Phase.UNKNOWN]})]
"""What the CRD admits for a stage, a workflow or an action."""


def _known(reason: object) -> object:
    """Read a reason of a later release as none."""
    return reason if reason in Reason.__members__.values() else None


NodeReason = Annotated[Reason | None, BeforeValidator(_known), WithJsonSchema({"type": "string"})]
"""The CRD admits any word, so that a release can add one."""


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
