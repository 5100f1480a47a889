"""What a snapshot left out, put back at the moment of use: from the definitions and objects as they are then.

A definition gives its secret parts only if it is otherwise what was kept; a parameter its value only if the
place that gives it is. Source: docs/spec/drplanexecution.md, "What is kept".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from api.actions import Action
from api.execution import DRPlanExecution
from api.params import Parameter
from api.plan import DRPlan
from api.snapshot import KeptParameters, Snapshot
from api.workflow import DRWorkflow
from planning.definitions.action_types import templates_of
from planning.definitions.manifest import ManifestError, parse_manifest
from planning.snapshot.documents import Place, plan_of, without_secrets
from planning.values import omission
from planning.values.placeholders import PlaceholderKind, placeholders, texts
from planning.values.precedence import Layer, Layers, layers


@dataclass(frozen=True)
class Live:
    """Definitions as they are now, as far as they exist; `executions` from low to high precedence."""

    plan: DRPlan | None
    dr_workflow: DRWorkflow | None
    executions: tuple[DRPlanExecution, ...] = ()


def completed(action: Action, live: Action | None) -> Action | None:
    """Give a kept action with what was left out of it; None where the live one is no longer the same."""
    try:
        return Action.model_validate(omission.fill(action.to_object(), live.to_object() if live else None))
    except omission.Changed:
        return None


def is_complete(action: Action) -> bool:
    """Tell whether nothing of an action was left out."""
    return omission.is_complete(action.to_object())


def secret_texts(kept: Action, whole: Action) -> list[str]:
    """Give the texts that were put back into an action, those within a manifest each by itself."""
    known = frozenset(text for _, text in texts(kept.to_object(), ""))
    back = [text for _, text in texts(whole.to_object(), "") if text not in known]
    return [text for each in back for text in _within(each)]


def _within(text: str) -> list[str]:
    """Give what a text that was left out says: the values of a Secret's manifest, or the text as it is."""
    try:
        body = parse_manifest(text)
    except ManifestError:
        return [text]
    parts = (body.get("data"), body.get("stringData"), (body["metadata"]).get("annotations"))
    return [value for part in parts if isinstance(part, dict) for value in part.values() if isinstance(value, str)]


def used_parameters(action: Action) -> frozenset[str]:
    """Name the parameters that an action's texts ask for."""
    found = (
        each for value in templates_of(action).values() for _, text in texts(value, "") for each in placeholders(text)
    )
    return frozenset(each.name for each in found if each.kind is PlaceholderKind.PARAMS)


def layers_again(snapshot: Snapshot, place: Place, kept: DRWorkflow, own: KeptParameters, live: Live) -> Layers:
    """Give the layers from which the values that were left out are determined anew; what was kept stays as it was."""
    plan, name, position = plan_of(snapshot), *place
    index = next(index for index, stage in enumerate(plan.spec.stages) if stage.name == name)
    filled = _plan(plan, index, position, live.plan)
    found = layers(filled, index, position, _dr_workflow(kept, live.dr_workflow), *live.executions)
    known = Layer(tuple(Parameter(name=key, value=value) for key, value in own.values.items()), "", "")
    return Layers(found.plan_name, (*found.items, known))


def _plan(kept: DRPlan, index: int, position: int, live: DRPlan | None) -> DRPlan:
    if live is None:
        return kept
    stage = kept.spec.stages[index]
    reference = stage.workflows[position]
    params = _filled(reference.params, _stage_params(live, stage.name, position))
    workflows = [*stage.workflows]
    workflows[position] = reference.model_copy(update={"params": params})
    stages = [*kept.spec.stages]
    stages[index] = stage.model_copy(update={"workflows": workflows})
    given = {"global_params": _filled(kept.spec.global_params, live.spec.global_params), "stages": stages}
    return kept.model_copy(update={"spec": kept.spec.model_copy(update=given)})


def _stage_params(plan: DRPlan, name: str, position: int) -> list[Parameter] | None:
    stage = next((stage for stage in plan.spec.stages if stage.name == name), None)
    return stage.workflows[position].params if stage and position < len(stage.workflows) else None


def _dr_workflow(kept: DRWorkflow, live: DRWorkflow | None) -> DRWorkflow:
    if live is None:
        return kept
    parameters = _filled(kept.spec.parameters, live.spec.parameters)
    return kept.model_copy(update={"spec": kept.spec.model_copy(update={"parameters": parameters})})


def _filled(kept: Sequence[Parameter] | None, live: Sequence[Parameter] | None) -> list[Parameter]:
    """Give kept parameters, those that say the same otherwise with the value that they have now."""
    by_name = {parameter.name: parameter for parameter in live or []}
    return [_filled_one(parameter, by_name.get(parameter.name)) for parameter in kept or []]


def _filled_one(kept: Parameter, live: Parameter | None) -> Parameter:
    return live if live is not None and without_secrets(live) == kept else kept
