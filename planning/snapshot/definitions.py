"""From definitions and values that were read to what a run works with, and keeps.

Source: docs/spec/drplanexecution.md, "What is kept"; docs/spec/drplan.md, "Parameters".
"""

from collections.abc import Iterator, Mapping

from api.execution import DRPlanExecution
from api.phases import Mode
from api.plan import DRPlan
from api.snapshot import KeptParameters, Snapshot
from planning.definitions.field_errors import execution_subject
from planning.definitions.lookup import Workflows, definition
from planning.snapshot.documents import Definitions, Place, places_of, plan_of, use_of
from planning.values.precedence import Layers, kept_layers, layers
from planning.values.resolve import Resolved


def layers_of(plan: DRPlan, workflows: Workflows, *executions: DRPlanExecution) -> dict[Place, Layers]:
    """Give the layers of every DRWorkflow in a plan; a place whose DRWorkflow does not exist has none."""
    return {
        (stage.name, position): layers(plan, index, position, found, *executions)
        for index, stage in enumerate(plan.spec.stages)
        for position, each in enumerate(stage.workflows)
        if (found := definition(workflows, each.workflow_ref)) is not None
    }


def of_execute(
    execution: DRPlanExecution, plan: DRPlan, workflows: Workflows, resolved: Mapping[Place, Resolved]
) -> Definitions | None:
    """Give what an Execute works with; None where a DRWorkflow of the plan does not exist."""
    places = places_of(plan)
    if not all(place in resolved for place in places):
        return None
    parameters = {place: kept_parameters(resolved[place]) for place in places}
    return Definitions(plan, workflows, parameters, execution.spec.mode, (execution.metadata.key,))


def kept_parameters(resolved: Resolved) -> KeptParameters:
    """Give the values that are kept, and the names of those that are not."""
    kept = {name: value for name, value in resolved.values.items() if name not in resolved.left_out}
    return KeptParameters(values=kept, left_out=sorted(resolved.left_out))


# A Revert that carries out definitions.


def layers_of_revert(snapshot: Snapshot, revert: DRPlanExecution) -> dict[Place, Layers]:
    """Give the layers of every place in a snapshot: the values that were kept, and above them the Revert's own."""
    return {place: kept_layers(snapshot.plan.name, own.values, revert) for place, own in _parameters(snapshot)}


def of_revert(
    snapshot: Snapshot, workflows: Workflows, revert: DRPlanExecution, resolved: Mapping[Place, Resolved]
) -> Definitions:
    """Give what a Revert works with: its original's definitions, and its own parameters over the original's."""
    parameters = {place: _overlaid(own, resolved[place]) for place, own in _parameters(snapshot)}
    of = (*snapshot.parameters_of, revert.metadata.key)
    return Definitions(plan_of(snapshot), workflows, parameters, Mode.ROLLBACK, of)


def of_revert_today(
    original: DRPlanExecution,
    revert: DRPlanExecution,
    plan: DRPlan,
    workflows: Workflows,
    resolved: Mapping[Place, Resolved],
) -> Definitions | None:
    """Give what a Revert works with whose original kept nothing: the definitions as they are today."""
    found = of_execute(revert, plan, workflows, resolved)
    return found and Definitions(
        plan, workflows, found.parameters, Mode.ROLLBACK, (original.metadata.key, revert.metadata.key)
    )


def own_errors(revert: DRPlanExecution, resolved: Mapping[Place, Resolved]) -> list[str]:
    """Give what is wrong with a Revert's own parameters, each thing once."""
    subject = execution_subject(revert)
    return list(dict.fromkeys(e.text for found in resolved.values() for e in found.errors if e.subject == subject))


def _overlaid(own: KeptParameters, found: Resolved) -> KeptParameters:
    """Give kept values with a Revert's own over them: what it gives anew was not left out any more, unless secret."""
    kept = kept_parameters(found)
    left_out = {*own.left_out} - {*kept.values} | {*kept.left_out}
    return KeptParameters(values=kept.values, left_out=sorted(left_out))


def _parameters(snapshot: Snapshot) -> Iterator[tuple[Place, KeptParameters]]:
    for place in places_of(plan_of(snapshot)):
        if (use := use_of(snapshot, place)) is not None:
            yield place, use[1]
