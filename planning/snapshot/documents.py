"""The documents that are stored for a run, and its definitions: converted to such documents, and back.

The name of a document is derived from its content: storing it twice stores it once, and a reader detects a change.
A document contains no secrets. Source: docs/spec/drplanexecution.md, "What is kept".
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from api.actions import Action
from api.meta import Model, ObjectKey, ObjectMeta, ObjectName
from api.nodes import SnapshotRef
from api.params import Parameter
from api.phases import Mode
from api.plan import DRPlan, DRPlanSpec
from api.snapshot import (
    LeftOut,
    Snapshot,
    SnapshotDefinition,
    SnapshotParameters,
    SnapshotPlan,
    SnapshotStage,
    SnapshotUse,
    SnapshotWorkflow,
)
from api.workflow import DRWorkflow, DRWorkflowSpec
from planning.definitions.field_errors import model_errors
from planning.definitions.identifiers import RECORD_PREFIX, Workflows, reference_in_plan, used_workflows
from planning.messages import actions as action_messages
from planning.messages import records as record_messages
from planning.values import omission
from planning.values.secret_names import is_secret_name
from planning.values.secret_parts import MARKER, secrets_in

PlanPlace = tuple[str, int]
"""A DRWorkflow in a plan: name of the stage, position in the stage's list."""
ModelT = TypeVar("ModelT", bound=Model)

_UID_SIGNS = 10
_HASH_SIGNS = 16


class SnapshotError(ValueError):
    """A stored document was changed or cannot be parsed; the message says which."""


@dataclass(frozen=True)
class Definitions:
    """The definitions of a run, with secrets. Every DRWorkflow that the plan names is there."""

    plan: DRPlan
    workflows: Workflows
    parameters: Mapping[PlanPlace, SnapshotParameters]
    """Of every place in the plan."""
    mode: Mode | None = None
    parameters_of: tuple[ObjectKey, ...] = ()
    """Executions whose own parameters count, from low to high precedence."""


@dataclass(frozen=True)
class SnapshotDocument:
    """One document to store: its data, with the name and hash that follow from it."""

    ref: SnapshotRef
    data: dict[str, Any]


def digest(data: Any) -> str:
    """Return the SHA-256 of a JSON value, whatever the layout of its text."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def places_of(plan: DRPlan) -> list[PlanPlace]:
    """Return every place of a plan, in its order."""
    return [(stage.name, position) for stage in plan.spec.stages for position in range(len(stage.workflows))]


# What is kept.


def documents(
    execution: ObjectKey, definitions: Definitions, service_account_name: str | None = None
) -> list[SnapshotDocument]:
    """Return what is stored of the definitions of a run. The root comes last, so that what it names exists before it.

    `service_account_name` is the account in whose name an Execute acts.
    """
    used = used_workflows(definitions.plan, definitions.workflows)
    kept = [document_of(execution, _definition(one.spec)) for one in used]
    root = _root(definitions, used, [each.ref for each in kept])
    root = root.model_copy(update={"service_account_name": service_account_name})
    return [*{each.ref.name: each for each in kept}.values(), document_of(execution, root)]


def document_of(execution: ObjectKey, model: Model) -> SnapshotDocument:
    """Return a model as a document that is stored for an execution."""
    data = model.to_object()
    sha256 = digest(data)
    name = f"{RECORD_PREFIX}{execution.uid.replace('-', '')[:_UID_SIGNS]}-{sha256[:_HASH_SIGNS]}"
    return SnapshotDocument(SnapshotRef(name=name, sha256=sha256), data)


def parts_of(items: Sequence[ModelT], bound: int) -> list[list[ModelT]]:
    """Divide models into lists, at least one, of at most so many bytes each; a single model is never divided."""
    return divided([(item, stored_size(item)) for item in items], bound)


def stored_size(item: Model) -> int:
    """Return the bytes of a model in the form that is stored, in which characters beyond ASCII take six or more."""
    return len(json.dumps(item.to_object()))


def divided(items: Sequence[tuple[ModelT, int]], bound: int) -> list[list[ModelT]]:
    """Divide models as `parts_of` does; each is there with its size."""
    parts: list[list[ModelT]] = [[]]
    size = 0
    for item, length in items:
        if parts[-1] and size + length > bound:
            parts.append([])
            size = 0
        parts[-1].append(item)
        size += length
    return parts


def _root(definitions: Definitions, used: Sequence[DRWorkflow], refs: Sequence[SnapshotRef]) -> Snapshot:
    plan = definitions.plan
    sets = {digest(each.to_object()): each for each in definitions.parameters.values()}
    numbers = {sha256: number for number, sha256 in enumerate(sets)}
    places = {(one.metadata.namespace, one.metadata.name): place for place, one in enumerate(used)}

    def use(stage: str, position: int, ref: ObjectName) -> SnapshotUse:
        own, ref = definitions.parameters[stage, position], reference_in_plan(plan, ref)
        return SnapshotUse(workflow=places[ref.in_namespace, ref.name], parameters=numbers[digest(own.to_object())])

    return Snapshot(
        plan=SnapshotPlan(**_identity(plan.metadata), spec=_plan_spec(plan.spec)),
        mode=definitions.mode,
        parameters_of=list(definitions.parameters_of),
        workflows=[
            SnapshotWorkflow(**_identity(one.metadata), revision=ref) for one, ref in zip(used, refs, strict=True)
        ],
        parameters=list(sets.values()),
        stages=[
            SnapshotStage(
                name=stage.name,
                uses=[use(stage.name, place, each.workflow_ref) for place, each in enumerate(stage.workflows)],
            )
            for stage in plan.spec.stages
        ],
    )


def _identity(metadata: ObjectMeta | SnapshotPlan | SnapshotWorkflow) -> dict[str, Any]:
    return {name: getattr(metadata, name) for name in ("namespace", "name", "uid", "generation")}


def _plan_spec(spec: DRPlanSpec) -> DRPlanSpec:
    """Return the spec of a plan without secrets."""
    stages = []
    for stage in spec.stages:
        uses = [each.model_copy(update={"params": _parameters(each.params)}) for each in stage.workflows]
        stages.append(stage.model_copy(update={"workflows": uses}))
    return spec.model_copy(update={"global_params": _parameters(spec.global_params), "stages": stages})


def _workflow_spec(spec: DRWorkflowSpec) -> DRWorkflowSpec:
    """Return the spec of a DRWorkflow without secrets."""
    actions = [Action.model_validate(omission.leave_out_action(action.to_object())) for action in spec.actions]
    return spec.model_copy(update={"parameters": _parameters(spec.parameters), "actions": actions})


def _definition(spec: DRWorkflowSpec) -> SnapshotDefinition:
    """Return the document of a DRWorkflow, and what it lacks: whatever a text says, that is known here only."""
    kept = _workflow_spec(spec)
    pairs = [(before.to_object(), after.to_object()) for before, after in zip(spec.actions, kept.actions, strict=True)]
    left_out = LeftOut(
        actions=[n for n, (before, after) in enumerate(pairs) if {**before, "rollback": 0} != {**after, "rollback": 0}],
        rollbacks=[n for n, (before, after) in enumerate(pairs) if before.get("rollback") != after.get("rollback")],
    )
    return SnapshotDefinition(spec=kept, left_out=left_out)


def _parameters(parameters: list[Parameter] | None) -> list[Parameter] | None:
    return None if parameters is None else [without_secrets(each) for each in parameters]


def without_secrets(parameter: Parameter) -> Parameter:
    """Return a parameter without its literal value if its name says that it is secret, or if that contains a secret."""
    texts = {name: text for name in ("value", "default") if (text := getattr(parameter, name))}
    if not is_secret_name(parameter.name) and not any(secrets_in(text) for text in texts.values()):
        return parameter
    return parameter.model_copy(update=dict.fromkeys(texts, MARKER))


# Reading back.


def read_document(kind: type[ModelT], ref: SnapshotRef, data: Any) -> ModelT:
    """Return a stored document: the root of a snapshot, or the definition of a DRWorkflow. Raises SnapshotError."""
    if digest(data) != ref.sha256:
        raise SnapshotError(record_messages.snapshot_altered(ref.name))
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = model_errors(error)[0]
        problem = f"{first.path}: {first.message}"
        raise SnapshotError(action_messages.not_readable("ControllerRevision", ref.name, problem)) from None


def workflow_of(kept: SnapshotWorkflow, definition: SnapshotDefinition) -> DRWorkflow:
    """Return a stored DRWorkflow; two of them may share a definition."""
    return DRWorkflow(metadata=ObjectMeta(**_identity(kept)), spec=definition.spec)


def plan_of(snapshot: Snapshot) -> DRPlan:
    """Return the stored plan.

    Version 0.1 took a reference without a namespace to mean `default`: then it has that namespace here.
    """
    plan = DRPlan(metadata=ObjectMeta(**_identity(snapshot.plan)), spec=snapshot.plan.spec)
    stages = []
    for stage, kept in zip(plan.spec.stages, snapshot.stages, strict=True):
        uses = []
        for each, use in zip(stage.workflows, kept.uses, strict=True):
            ref, namespace = each.workflow_ref, snapshot.workflows[use.workflow].namespace
            if reference_in_plan(plan, ref).in_namespace != namespace:
                each = each.model_copy(update={"workflow_ref": ref.model_copy(update={"namespace": namespace})})
            uses.append(each)
        stages.append(stage.model_copy(update={"workflows": uses}))
    return plan.model_copy(update={"spec": plan.spec.model_copy(update={"stages": stages})})


def use_of(snapshot: Snapshot, place: PlanPlace) -> tuple[SnapshotWorkflow, SnapshotParameters] | None:
    """Return the DRWorkflow at a place, and its parameters there; None where the plan has no such place."""
    name, position = place
    for stage in snapshot.stages:
        if stage.name == name and 0 <= position < len(stage.uses):
            use = stage.uses[position]
            return snapshot.workflows[use.workflow], snapshot.parameters[use.parameters]
    return None
