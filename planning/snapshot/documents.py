"""The definitions that a run works with: to the documents that are kept, and back.

A document is named after its content, so that keeping it twice keeps it once, and whoever reads it can tell
whether it is what was kept. Nothing secret goes into one. Source: docs/spec/drplanexecution.md, "What is kept".
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from api.actions import Action
from api.execution import SnapshotRef
from api.meta import Model, ObjectKey, ObjectMeta, ObjectName
from api.params import Parameter
from api.phases import Mode
from api.plan import DRPlan, DRPlanSpec, Stage, WorkflowReference
from api.snapshot import KeptDefinition, KeptParameters, KeptPlan, KeptStage, KeptUse, KeptWorkflow, Snapshot
from api.workflow import DRWorkflow, DRWorkflowSpec
from planning.definitions.lookup import Workflows, definition
from planning.messages import attempts as attempt_messages
from planning.values import omission

Place = tuple[str, int]
"""A DRWorkflow in a plan: name of the stage, position in the stage's list."""
ModelT = TypeVar("ModelT", bound=Model)

_UID_SIGNS = 10
_HASH_SIGNS = 16


class SnapshotError(ValueError):
    """What is there is not what was kept, or is not to be understood; the message says which."""


@dataclass(frozen=True)
class Definitions:
    """What a run works with, secrets and all. Every DRWorkflow that the plan names is there."""

    plan: DRPlan
    workflows: Workflows
    parameters: Mapping[Place, KeptParameters]
    """Of every place in the plan."""
    mode: Mode | None = None
    parameters_of: tuple[ObjectKey, ...] = ()
    """Executions whose own parameters count, from low to high precedence."""


@dataclass(frozen=True)
class Document:
    """One object to keep: its data, and the name and hash that follow from it."""

    ref: SnapshotRef
    data: dict[str, Any]


def digest(data: Any) -> str:
    """Give the SHA-256 of a JSON value, however its text was laid out."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def places_of(plan: DRPlan) -> list[Place]:
    """Give every place of a plan."""
    return [(stage.name, position) for stage in plan.spec.stages for position in range(len(stage.workflows))]


# What is kept.


def documents(execution: ObjectKey, definitions: Definitions) -> list[Document]:
    """Give what is to be kept for a run; the root is the last, so that whatever it names is there before it."""
    used = _used(definitions)
    kept = [_document(execution, KeptDefinition(spec=_workflow_spec(one.spec))) for one in used]
    root = _document(execution, _root(definitions, used, [each.ref for each in kept]))
    return [*{each.ref.name: each for each in kept}.values(), root]


def _document(execution: ObjectKey, model: Model) -> Document:
    data = model.to_object()
    sha256 = digest(data)
    name = f"drplan-{execution.uid.replace('-', '')[:_UID_SIGNS]}-{sha256[:_HASH_SIGNS]}"
    return Document(SnapshotRef(name=name, sha256=sha256), data)


def _used(definitions: Definitions) -> list[DRWorkflow]:
    """Give each DRWorkflow that the plan names once, in the plan's order."""
    stages = definitions.plan.spec.stages
    found = (definition(definitions.workflows, each.workflow_ref) for stage in stages for each in stage.workflows)
    return list({(one.metadata.namespace, one.metadata.name): one for one in found if one is not None}.values())


def _root(definitions: Definitions, used: Sequence[DRWorkflow], refs: Sequence[SnapshotRef]) -> Snapshot:
    plan = definitions.plan
    sets = {digest(each.to_object()): each for each in definitions.parameters.values()}
    numbers = {sha256: number for number, sha256 in enumerate(sets)}
    places = {(one.metadata.namespace, one.metadata.name): place for place, one in enumerate(used)}

    def use(stage: str, position: int, ref: ObjectName) -> KeptUse:
        own = definitions.parameters[stage, position]
        return KeptUse(workflow=places[ref.in_namespace, ref.name], parameters=numbers[digest(own.to_object())])

    return Snapshot(
        plan=KeptPlan(**_identity(plan.metadata), spec=_plan_spec(plan.spec)),
        mode=definitions.mode,
        parameters_of=list(definitions.parameters_of),
        workflows=[KeptWorkflow(**_identity(one.metadata), revision=ref) for one, ref in zip(used, refs, strict=True)],
        parameters=list(sets.values()),
        stages=[
            KeptStage(name=one.name, uses=[use(one.name, place, ref) for place, ref in enumerate(_references(one))])
            for one in plan.spec.stages
        ],
    )


def _references(stage: Stage) -> list[ObjectName]:
    return [each.workflow_ref for each in stage.workflows]


def _identity(metadata: ObjectMeta) -> dict[str, Any]:
    return {name: getattr(metadata, name) for name in ("namespace", "name", "uid", "generation")}


def _plan_spec(spec: DRPlanSpec) -> DRPlanSpec:
    """Leave secrets out of a plan."""
    return spec.model_copy(
        update={
            "global_params": _parameters(spec.global_params),
            "stages": [
                stage.model_copy(update={"workflows": [_reference(each) for each in stage.workflows]})
                for stage in spec.stages
            ],
        }
    )


def _reference(reference: WorkflowReference) -> WorkflowReference:
    return reference.model_copy(update={"params": _parameters(reference.params)})


def _workflow_spec(spec: DRWorkflowSpec) -> DRWorkflowSpec:
    """Leave secrets out of a DRWorkflow."""
    actions = [Action.model_validate(omission.leave_out_action(action.to_object())) for action in spec.actions]
    return spec.model_copy(update={"parameters": _parameters(spec.parameters), "actions": actions})


def _parameters(parameters: list[Parameter] | None) -> list[Parameter] | None:
    return None if parameters is None else [without_secrets(each) for each in parameters]


def without_secrets(parameter: Parameter) -> Parameter:
    """Leave out what a parameter with a secret's name says literally."""
    if not omission.is_secret_name(parameter.name):
        return parameter
    given = {name: omission.MARKER for name in ("value", "default") if getattr(parameter, name)}
    return parameter.model_copy(update=given)


# Reading back.


def read_root(ref: SnapshotRef, data: Any) -> Snapshot:
    """Read a root. Raises SnapshotError."""
    return _read(Snapshot, ref, data)


def read_definition(ref: SnapshotRef, data: Any) -> DRWorkflowSpec:
    """Read what a DRWorkflow said. Raises SnapshotError."""
    return _read(KeptDefinition, ref, data).spec


def workflow_of(kept: KeptWorkflow, spec: DRWorkflowSpec) -> DRWorkflow:
    """Give a DRWorkflow as it was; two of them may share a spec."""
    return DRWorkflow(metadata=_metadata(kept), spec=spec)


def plan_of(snapshot: Snapshot) -> DRPlan:
    """Give the plan as it was."""
    return DRPlan(metadata=_metadata(snapshot.plan), spec=snapshot.plan.spec)


def use_of(snapshot: Snapshot, place: Place) -> tuple[KeptWorkflow, KeptParameters] | None:
    """Give which DRWorkflow stands at a place, and its parameters there; None where there is no such place."""
    name, position = place
    for stage in snapshot.stages:
        if stage.name == name and 0 <= position < len(stage.uses):
            use = stage.uses[position]
            return snapshot.workflows[use.workflow], snapshot.parameters[use.parameters]
    return None


def _metadata(kept: KeptPlan | KeptWorkflow) -> ObjectMeta:
    return ObjectMeta(namespace=kept.namespace, name=kept.name, uid=kept.uid, generation=kept.generation)


def _read(kind: type[ModelT], ref: SnapshotRef, data: Any) -> ModelT:
    if digest(data) != ref.sha256:
        raise SnapshotError(attempt_messages.snapshot_altered(ref.name))
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        problem = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise SnapshotError(attempt_messages.not_readable("ControllerRevision", ref.name, problem)) from None
