"""Validate plans, DRWorkflows and executions: everything that is wrong, each with its field and a remedy.

The bridge marks plans and DRWorkflows as Invalid with it, an invalid Execute fails before it starts, and `drplan
validate` reports it before anything is created. A name becomes part of the path of a request and of a label, so the
references of an object are validated before anything is read with them.
Source: docs/spec/drplan.md and docs/spec/drworkflow.md, "Errors".
"""

from collections.abc import Iterator
from itertools import chain, islice

from api.execution import DRPlanExecution
from api.meta import ObjectName
from api.plan import DRPlan
from api.workflow import DRWorkflow, ExecutorType
from planning.definitions.field_errors import FieldError, in_object
from planning.definitions.identifiers import (
    Workflows,
    definition,
    full_name,
    is_dns_label,
    is_dns_subdomain,
    is_object_name,
    reference_in_plan,
    used_workflows,
)
from planning.definitions.rehearsal import rehearsal_errors
from planning.messages import fields as field_messages
from planning.messages import parameters as parameter_messages
from planning.validation.actions import action_errors, dependency_errors, duplicate_names
from planning.validation.parameters import (
    execution_parameter_errors,
    plan_parameter_errors,
    value_errors,
    workflow_parameter_errors,
)
from planning.validation.placeholders import outputs_in_mode_errors, template_errors

MOST_PARTS = 10_000
"""Stages, workflows and actions of a plan: the nodes of its tree."""
MOST_PARAMETERS = 100_000
MOST_ERRORS = 1000
"""Errors of one object that are listed."""


def workflow_errors(dr_workflow: DRWorkflow) -> list[FieldError]:
    """Validate a DRWorkflow by itself."""
    spec, errors = dr_workflow.spec, list[FieldError]()
    if spec.executor is not None and spec.executor.type is ExecutorType.ARGO:
        errors.append(FieldError("spec.executor.type", field_messages.ARGO))
    more = chain(workflow_parameter_errors(dr_workflow), action_errors(spec.actions), template_errors(spec.actions))
    return in_object(dr_workflow, [*errors, *islice(more, MOST_ERRORS)])


def plan_errors(plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    """Validate a plan with its DRWorkflows. A value that only an execution would set is reported as missing."""
    if too_large := _size_errors(plan, workflows):
        return too_large
    # Not of an Execute: how often a plan is rehearsed must keep nobody from executing it.
    rehearsal = in_object(plan, rehearsal_errors(plan))
    return [*own_errors(plan), *rehearsal, *_missing_workflows(plan, workflows), *value_errors(plan, workflows)]


def execution_errors(execution: DRPlanExecution, plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    """Return everything that keeps an Execute from starting: in it, in the plan and in the DRWorkflows it uses."""
    if too_large := _size_errors(plan, workflows):
        return too_large
    return [
        *execution_reference_errors(execution),
        *parameter_errors(execution),
        *own_errors(plan),
        *_missing_workflows(plan, workflows),
        *(error for each in used_workflows(plan, workflows) for error in workflow_errors(each)),
        *mode_errors(execution, plan, workflows),
        *value_errors(plan, workflows, execution),
    ]


def own_errors(plan: DRPlan) -> list[FieldError]:
    """Validate a plan without what it refers to."""
    stages = plan.spec.stages
    errors = chain(
        duplicate_names([stage.name for stage in stages], "spec.stages", "stage"),
        dependency_errors("stage", [(stage.name, stage.depends_on or []) for stage in stages]),
        plan_reference_errors(plan),
        plan_parameter_errors(plan),
    )
    return in_object(plan, islice(errors, MOST_ERRORS))


def parameter_errors(execution: DRPlanExecution) -> list[FieldError]:
    """Validate an execution's parameters by themselves."""
    return in_object(execution, execution_parameter_errors(execution))


def mode_errors(execution: DRPlanExecution, plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    """Validate the DRWorkflows of a plan in an execution's mode."""
    mode = execution.spec.mode
    if mode is None:
        return []
    used = used_workflows(plan, workflows)
    return [error for each in used for error in in_object(each, outputs_in_mode_errors(each.spec.actions, mode))]


def _size_errors(plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    """Find out whether a plan is too large: one DRWorkflow counts at each place where the plan uses it."""
    parts, parameters = len(plan.spec.stages), 0
    for _, reference in references(plan):
        spec = dr_workflow.spec if (dr_workflow := definition(workflows, reference)) else None
        parts += 1 + (len(spec.actions) if spec else 0)
        parameters += len(plan.spec.global_params or []) + (len(spec.parameters or []) if spec else 0)
    errors = []
    if parts > MOST_PARTS:
        errors.append(FieldError("spec.stages", field_messages.too_many_parts(parts, MOST_PARTS)))
    if parameters > MOST_PARAMETERS:
        errors.append(FieldError("spec.stages", parameter_messages.too_many_parameters(parameters, MOST_PARAMETERS)))
    return in_object(plan, errors)


def _missing_workflows(plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    errors = []
    for path, reference in references(plan):
        if is_object_name(reference) and definition(workflows, reference) is None:
            errors.append(FieldError(path, field_messages.missing_workflow(full_name(reference))))
    return in_object(plan, errors)


def execution_reference_errors(execution: DRPlanExecution) -> list[FieldError]:
    """Validate what an execution refers to. Whether a Revert names its original is not examined here."""
    spec = execution.spec
    errors = list(_name_errors("spec.planRef", spec.plan_ref, field_messages.NO_PLAN))
    if spec.revert_execution_ref:
        errors += _name_errors("spec.revertExecutionRef", spec.revert_execution_ref)
    if spec.revert_to:
        errors += _name_errors("spec.revertTo", spec.revert_to)
    return in_object(execution, errors)


def plan_reference_errors(plan: DRPlan) -> Iterator[FieldError]:
    """Validate the references of a plan to DRWorkflows and to its service account."""
    if plan.spec.service_account_name:
        yield from _name_errors("spec.serviceAccountName", plan.spec.service_account_name)
    for path, reference in references(plan):
        yield from _name_errors(f"{path}.name", reference.name, field_messages.EMPTY_REFERENCE)
        if reference.namespace and not is_dns_label(reference.namespace):
            yield FieldError(f"{path}.namespace", field_messages.not_a_namespace(reference.namespace))


def references(plan: DRPlan) -> Iterator[tuple[str, ObjectName]]:
    """Yield every reference of a plan to a DRWorkflow with its field path."""
    for index, stage in enumerate(plan.spec.stages):
        for place, use in enumerate(stage.workflows):
            yield f"spec.stages[{index}].workflows[{place}].workflowRef", reference_in_plan(plan, use.workflow_ref)


def _name_errors(path: str, name: str, empty: str = "") -> Iterator[FieldError]:
    if not name:
        yield FieldError(path, empty)
    elif not is_dns_subdomain(name):
        yield FieldError(path, field_messages.not_a_subdomain(name))
