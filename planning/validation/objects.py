"""Validate plans, DRWorkflows and executions: everything that is wrong, each with its field and a remedy.

The bridge marks plans and DRWorkflows as Invalid with it, an invalid Execute fails before it starts, and `drplan
validate` reports it before anything is created. Source: docs/spec/drplan.md and docs/spec/drworkflow.md, "Errors".
"""

from api.execution import DRPlanExecution
from api.plan import DRPlan
from api.workflow import DRWorkflow, ExecutorType
from planning.definitions.field_errors import FieldError, in_object
from planning.definitions.identifiers import (
    Workflows,
    definition,
    full_name,
    is_object_name,
    used_workflows,
)
from planning.messages import fields as field_messages
from planning.validation.actions import action_errors, dependency_errors, duplicate_names
from planning.validation.parameters import (
    execution_parameter_errors,
    plan_parameter_errors,
    value_errors,
    workflow_parameter_errors,
)
from planning.validation.placeholders import outputs_in_mode_errors, template_errors
from planning.validation.references import execution_reference_errors, plan_reference_errors, references


def workflow_errors(dr_workflow: DRWorkflow) -> list[FieldError]:
    """Validate a DRWorkflow by itself."""
    spec, errors = dr_workflow.spec, list[FieldError]()
    if spec.executor is not None and spec.executor.type is ExecutorType.ARGO:
        errors.append(FieldError("spec.executor.type", field_messages.ARGO))
    errors += workflow_parameter_errors(dr_workflow)
    errors += action_errors(spec.actions)
    errors += template_errors(spec.actions)
    return in_object(dr_workflow, errors)


def plan_errors(plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    """Validate a plan with its DRWorkflows. A value that only an execution would set is reported as missing."""
    return [*own_errors(plan), *_missing_workflows(plan, workflows), *value_errors(plan, workflows)]


def execution_errors(execution: DRPlanExecution, plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    """Return everything that keeps an Execute from starting: in it, in the plan and in the DRWorkflows it uses."""
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
    errors = [
        *duplicate_names([stage.name for stage in stages], "spec.stages", "stage"),
        *dependency_errors("stage", [(stage.name, stage.depends_on or []) for stage in stages]),
    ]
    return [*in_object(plan, errors), *plan_reference_errors(plan), *in_object(plan, plan_parameter_errors(plan))]


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


def _missing_workflows(plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    errors = []
    for path, reference in references(plan):
        if is_object_name(reference) and definition(workflows, reference) is None:
            errors.append(FieldError(path, field_messages.missing_workflow(full_name(reference))))
    return in_object(plan, errors)
