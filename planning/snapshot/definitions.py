"""From definitions and values that were read to the definitions of a run.

Source: docs/spec/drplanexecution.md, "What is kept"; docs/spec/drplan.md, "Parameters".
"""

from collections.abc import Iterator, Mapping

from api.execution import DRPlanExecution
from api.phases import Mode
from api.plan import DRPlan
from api.snapshot import Snapshot, SnapshotParameters
from planning.definitions.field_errors import subject
from planning.definitions.identifiers import Workflows, definition, reference_in_plan
from planning.snapshot.documents import Definitions, PlanPlace, places_of, plan_of, use_of
from planning.values.parameters import Layers, Resolved, kept_layers, layers


def layers_of(plan: DRPlan, workflows: Workflows, *executions: DRPlanExecution) -> dict[PlanPlace, Layers]:
    """Return the layers of every DRWorkflow in a plan; a place whose DRWorkflow does not exist is left out."""
    return {
        (stage.name, position): layers(plan, index, position, found, *executions)
        for index, stage in enumerate(plan.spec.stages)
        for position, each in enumerate(stage.workflows)
        if (found := definition(workflows, reference_in_plan(plan, each.workflow_ref))) is not None
    }


def of_execute(
    execution: DRPlanExecution, plan: DRPlan, workflows: Workflows, resolved: Mapping[PlanPlace, Resolved]
) -> Definitions | None:
    """Return the definitions of an Execute; None where a DRWorkflow of the plan does not exist."""
    places = places_of(plan)
    if not all(place in resolved for place in places):
        return None
    parameters = {place: kept_parameters(resolved[place]) for place in places}
    return Definitions(plan, workflows, parameters, execution.spec.mode, (execution.metadata.key,))


def kept_parameters(resolved: Resolved) -> SnapshotParameters:
    """Return the values that are stored, and the names of the secret ones, which are not."""
    kept = {name: value for name, value in resolved.values.items() if name not in resolved.left_out}
    fragments = sorted(resolved.fragments)
    return SnapshotParameters(values=kept, left_out=sorted(resolved.left_out), fragments=fragments)


# A Revert that carries out definitions.


def layers_of_revert(snapshot: Snapshot, revert: DRPlanExecution) -> dict[PlanPlace, Layers]:
    """Return the layers of every place in a snapshot: the stored values, and above them the Revert's own."""
    return {
        place: kept_layers(snapshot.plan.name, own.values, own.fragments, revert)
        for place, own in _parameters(snapshot)
    }


def of_revert(
    snapshot: Snapshot, workflows: Workflows, revert: DRPlanExecution, resolved: Mapping[PlanPlace, Resolved]
) -> Definitions:
    """Return the definitions of a Revert: those of its original, with its own parameters above the original's."""
    parameters = {}
    for place, stored in _parameters(snapshot):
        kept = kept_parameters(resolved[place])
        # A secret value that the Revert replaces by one that is not secret is no longer left out.
        left_out = {*stored.left_out} - {*kept.values} | {*kept.left_out}
        parameters[place] = kept.model_copy(update={"left_out": sorted(left_out)})
    of = (*snapshot.parameters_of, revert.metadata.key)
    return Definitions(plan_of(snapshot), workflows, parameters, Mode.ROLLBACK, of)


def of_revert_today(
    original: DRPlanExecution,
    revert: DRPlanExecution,
    plan: DRPlan,
    workflows: Workflows,
    resolved: Mapping[PlanPlace, Resolved],
) -> Definitions | None:
    """Return the definitions of a Revert whose original stored none: the definitions as they are today."""
    found = of_execute(revert, plan, workflows, resolved)
    return found and Definitions(
        plan, workflows, found.parameters, Mode.ROLLBACK, (original.metadata.key, revert.metadata.key)
    )


def revert_parameter_errors(revert: DRPlanExecution, resolved: Mapping[PlanPlace, Resolved]) -> list[str]:
    """Return the errors in a Revert's own parameters, each once."""
    name = subject(revert)
    errors = [error for at_place in resolved.values() for error in at_place.errors]
    return list(dict.fromkeys(error.text for error in errors if error.subject == name))


def _parameters(snapshot: Snapshot) -> Iterator[tuple[PlanPlace, SnapshotParameters]]:
    for place in places_of(plan_of(snapshot)):
        if (use := use_of(snapshot, place)) is not None:
            yield place, use[1]
