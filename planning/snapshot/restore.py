"""The secrets that a snapshot does not contain, resolved again when they are needed, from the live definitions.

The secret parts of a definition are used only if the rest of it is unchanged; the value of a parameter only if the
entry that sets it is. Source: docs/spec/drplanexecution.md, "What is kept".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from api.actions import Action
from api.execution import DRPlanExecution
from api.params import Parameter
from api.plan import DRPlan
from api.snapshot import Snapshot, SnapshotDefinition, SnapshotParameters
from api.steps import Part
from api.workflow import DRWorkflow
from planning.snapshot.documents import PlanPlace, plan_of, without_secrets
from planning.values import omission
from planning.values.parameters import Layer, Layers, layers


@dataclass(frozen=True)
class LiveDefinitions:
    """Definitions as they are now, if they exist; `executions` from low to high precedence."""

    plan: DRPlan | None
    dr_workflow: DRWorkflow | None
    executions: tuple[DRPlanExecution, ...] = ()


def completed(action: Action, live: Action | None) -> Action | None:
    """Return a stored action with its secrets; None where the live one was changed."""
    try:
        return Action.model_validate(omission.fill(action.to_object(), live.to_object() if live else None))
    except omission.Changed:
        return None


def is_whole(definition: SnapshotDefinition, index: int, part: Part, action: Action) -> bool:
    """Tell whether a part of the action at `index` of a definition was stored whole; `action` is that part.

    A deletion consists of what identifies the object, which is never left out.
    """
    if definition.left_out is None:
        return is_complete(action)
    lacking = {Part.ACTION: definition.left_out.actions, Part.ROLLBACK: definition.left_out.rollbacks, Part.INVERSE: []}
    return index not in lacking[part]


def is_complete(action: Action) -> bool:
    """Tell by the marker whether version 0.1 stored an action without leaving anything out."""
    return omission.is_complete(action.to_object())


def layers_again(
    snapshot: Snapshot, place: PlanPlace, kept: DRWorkflow, own: SnapshotParameters, live: LiveDefinitions
) -> Layers:
    """Return the layers from which secret values are determined again; stored values stay as they are."""
    plan, name, position = plan_of(snapshot), *place
    index = next(index for index, stage in enumerate(plan.spec.stages) if stage.name == name)
    filled = _plan(plan, index, position, live.plan)
    found = layers(filled, index, position, _dr_workflow(kept, live.dr_workflow), *live.executions)
    known = Layer(tuple(Parameter(name=key, value=value) for key, value in own.values.items()), "", "")
    return Layers(found.plan_name, (*found.items, known))


def _plan(kept: DRPlan, index: int, position: int, live: DRPlan | None) -> DRPlan:
    """Return the stored plan with the current values of its own parameters and of those at one place."""
    if live is None:
        return kept
    stage = kept.spec.stages[index]
    reference = stage.workflows[position]
    now = next((each.workflows for each in live.spec.stages if each.name == stage.name), [])
    params = _filled(reference.params, now[position].params if position < len(now) else None)
    workflows = [*stage.workflows]
    workflows[position] = reference.model_copy(update={"params": params})
    stages = [*kept.spec.stages]
    stages[index] = stage.model_copy(update={"workflows": workflows})
    update = {"global_params": _filled(kept.spec.global_params, live.spec.global_params), "stages": stages}
    return kept.model_copy(update={"spec": kept.spec.model_copy(update=update)})


def _dr_workflow(kept: DRWorkflow, live: DRWorkflow | None) -> DRWorkflow:
    if live is None:
        return kept
    parameters = _filled(kept.spec.parameters, live.spec.parameters)
    return kept.model_copy(update={"spec": kept.spec.model_copy(update={"parameters": parameters})})


def _filled(kept: Sequence[Parameter] | None, live: Sequence[Parameter] | None) -> list[Parameter]:
    """Return stored parameters, with their current values where they are otherwise the same."""
    by_name = {parameter.name: parameter for parameter in live or []}
    filled = []
    for parameter in kept or []:
        now = by_name.get(parameter.name)
        filled.append(now if now is not None and without_secrets(now) == parameter else parameter)
    return filled
