"""DRPlanExecution: what a person asks for, and the whole status.

Source: docs/spec/drplanexecution.md; the older CRDs give every field that is not marked additive.
"""

from typing import Annotated, Literal

from pydantic import Field

from api.meta import API_VERSION, LONGEST_DURATION, Conditions, Model, ObjectMeta, Timestamp
from api.params import Parameter
from api.phases import Mode, OnFailure, OnMissing, OperationType
from api.requests import AllowedAction, RequestStatus
from api.timing import Timing
from api.tree import ExecutionTree

Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"})]


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


class Engine(Model):
    """The Temporal run that carries, or carried, an execution."""

    workflow_id: str
    """Temporal's workflow id."""
    run_id: str
    """Temporal's run id."""


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
