"""What is wrong with parameters: lists by themselves, and values that a DRWorkflow lacks where a plan uses it.

A DRWorkflow may stand in a plan several times, with other parameters each time: it is judged at each of its places.
Source: docs/spec/drplan.md, "Parameters" and "Errors".
"""

from collections.abc import Iterator, Sequence

from api.execution import DRPlanExecution
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.definitions.field_errors import (
    FieldError,
    execution_subject,
    plan_subject,
    used_workflows,
    workflow_subject,
)
from planning.definitions.lookup import Workflows, definition
from planning.messages import fields as field_messages
from planning.validation.placeholders import uses_in
from planning.values.declarations import RESERVED, parameter_faults
from planning.values.placeholders import PlaceholderKind
from planning.values.precedence import Layers, given, layers
from planning.values.resolve import missing, resolve

Finding = tuple[str, str]


def workflow_parameter_faults(workflow: DRWorkflow) -> Iterator[Finding]:
    """Find what is wrong with the parameters that a DRWorkflow declares."""
    return parameter_faults(workflow.spec.parameters or [], "spec.parameters", of_execution=False)


def plan_parameter_faults(plan: DRPlan) -> Iterator[Finding]:
    """Find what is wrong with a plan's lists of parameters, each by itself."""
    yield from parameter_faults(plan.spec.global_params or [], "spec.globalParams", of_execution=False)
    for index, stage in enumerate(plan.spec.stages):
        for place, reference in enumerate(stage.workflows):
            path = f"spec.stages[{index}].workflows[{place}].params"
            yield from parameter_faults(reference.params or [], path, of_execution=False)


def execution_parameter_faults(execution: DRPlanExecution) -> Iterator[Finding]:
    """Find what is wrong with the parameters of an execution by themselves."""
    return parameter_faults(execution.spec.params or [], "spec.params", of_execution=True)


def value_errors(plan: DRPlan, workflows: Workflows, *executions: DRPlanExecution) -> list[FieldError]:
    """Find values that are missing or wrong when all layers are taken together; unknown DRWorkflows are passed over."""
    found: list[FieldError] = []
    for stage_index, stage in enumerate(plan.spec.stages):
        for index, reference in enumerate(stage.workflows):
            dr_workflow = definition(workflows, reference.workflow_ref)
            if dr_workflow is not None:
                found += _at_place(plan, stage_index, index, dr_workflow, executions)
    known = _found_already(plan, workflows, executions) if found else frozenset()
    return [error for error in dict.fromkeys(found) if (error.subject, error.path) not in known]


def _found_already(
    plan: DRPlan, workflows: Workflows, executions: tuple[DRPlanExecution, ...]
) -> frozenset[tuple[str, str]]:
    """Name the fields that are wrong whatever the other layers say."""
    lists = [(plan_subject(plan), plan_parameter_faults(plan))]
    lists += [(workflow_subject(each), workflow_parameter_faults(each)) for each in used_workflows(plan, workflows)]
    lists += [(execution_subject(each), execution_parameter_faults(each)) for each in executions]
    return frozenset((subject, path) for subject, found in lists for path, _ in found)


def _at_place(
    plan: DRPlan, stage_index: int, index: int, dr_workflow: DRWorkflow, executions: tuple[DRPlanExecution, ...]
) -> Iterator[FieldError]:
    of = layers(plan, stage_index, index, dr_workflow, *executions)
    declared = list(missing(of))
    yield from (error for error in resolve(of, {}).errors if error not in declared)
    # An execution may still give the mode; what it gives stands among the layers.
    names = given(of) if executions else given(of) | {RESERVED}
    place = f"spec.stages[{stage_index}].workflows[{index}].params"
    for name, needed_by in (_required(of) | _used(dr_workflow, executions)).items():
        if name not in names:
            yield FieldError(
                path=place, message=field_messages.nowhere_given(name, needed_by), subject=plan_subject(plan)
            )


def _required(of: Layers) -> dict[str, str]:
    """Give the parameters that some list requires, each with the entry that does."""
    return {
        item.name: field_messages.requires(f"{layer.path}[{index}]", layer.subject)
        for layer in of.items
        for index, item in enumerate(layer.parameters)
        if item.required
    }


def _used(dr_workflow: DRWorkflow, executions: Sequence[DRPlanExecution]) -> dict[str, str]:
    """Give the parameters that actions use which may be carried out, each with the first field that does."""
    found: dict[str, str] = {}
    for use in uses_in(dr_workflow, executions[-1].spec.mode if executions else None):
        if use.placeholder.kind is PlaceholderKind.PARAMS:
            found.setdefault(use.placeholder.name, field_messages.uses(use.path, workflow_subject(dr_workflow)))
    return found
