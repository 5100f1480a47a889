"""Objects to the list of everything that is wrong with them, each with its field path and remedy.

The bridge marks plans and workflows Invalid with it, an Execute ends as Failed before it begins, and `drplan validate`
says it before anything is created. What changes together stands in the modules validation_*.
Source: docs/spec/drplan.md and docs/spec/drworkflow.md, "Errors".
"""

from collections.abc import Iterable, Iterator

from api.execution import DRPlanExecution
from api.meta import ObjectName
from api.plan import DRPlan
from api.workflow import DRWorkflow, ExecutorType
from planning.definitions.field_errors import (
    FieldError,
    execution_subject,
    plan_subject,
    used_workflows,
    workflow_subject,
)
from planning.definitions.lookup import Workflows, definition, full_name
from planning.messages import fields as field_messages
from planning.validation.actions import Finding, action_faults, dependency_faults, repeated
from planning.validation.parameters import execution_parameter_faults, plan_parameter_faults, workflow_parameter_faults
from planning.validation.parameters import value_errors as value_errors
from planning.validation.placeholders import mode_faults, template_faults


def workflow_errors(workflow: DRWorkflow) -> list[FieldError]:
    """Find what is wrong with a DRWorkflow in itself."""
    return _of(workflow_subject(workflow), _workflow_faults(workflow))


def plan_errors(plan: DRPlan, workflows: Workflows | None = None) -> list[FieldError]:
    """Find what is wrong with a plan: in itself, and as it stands with its DRWorkflows, where these are given.

    What an execution would still have to give is then missing.
    """
    found = own_errors(plan)
    if workflows is not None:
        found += [*_of(plan_subject(plan), _missing_references(plan, workflows)), *value_errors(plan, workflows)]
    return found


def execution_errors(execution: DRPlanExecution, plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    """Find everything that keeps an Execute from starting: in it, in the plan and in each DRWorkflow that it uses."""
    return [
        *parameter_errors(execution),
        *own_errors(plan),
        *_of(plan_subject(plan), _missing_references(plan, workflows)),
        *(error for workflow in used_workflows(plan, workflows) for error in workflow_errors(workflow)),
        *mode_errors(execution, plan, workflows),
        *value_errors(plan, workflows, execution),
    ]


def own_errors(plan: DRPlan) -> list[FieldError]:
    """Find what is wrong with a plan, whatever it refers to."""
    return _of(plan_subject(plan), (*_stage_faults(plan), *plan_parameter_faults(plan)))


def parameter_errors(execution: DRPlanExecution) -> list[FieldError]:
    """Find what is wrong with an execution's parameters by themselves."""
    return _of(execution_subject(execution), execution_parameter_faults(execution))


def mode_errors(execution: DRPlanExecution, plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    """Find what is wrong with the DRWorkflows of a plan in an execution's mode."""
    mode, used = execution.spec.mode, used_workflows(plan, workflows)
    if mode is None:
        return []
    return [error for each in used for error in _of(workflow_subject(each), mode_faults(each.spec.actions, mode))]


def references(plan: DRPlan) -> Iterator[tuple[str, ObjectName]]:
    """Give every reference of a plan to a DRWorkflow, with its field path."""
    for index, stage in enumerate(plan.spec.stages):
        for place, reference in enumerate(stage.workflows):
            yield f"spec.stages[{index}].workflows[{place}].workflowRef", reference.workflow_ref


def _of(subject: str, found: Iterable[Finding]) -> list[FieldError]:
    return [FieldError(path=path, message=message, subject=subject) for path, message in found]


def _stage_faults(plan: DRPlan) -> Iterator[Finding]:
    stages = plan.spec.stages
    yield from repeated([stage.name for stage in stages], "spec.stages", "stage")
    yield from dependency_faults("stage", [(stage.name, stage.depends_on or []) for stage in stages])
    yield from (
        (f"{path}.name", field_messages.EMPTY_REFERENCE) for path, reference in references(plan) if not reference.name
    )


def _missing_references(plan: DRPlan, workflows: Workflows) -> Iterator[Finding]:
    for path, reference in references(plan):
        if reference.name and definition(workflows, reference) is None:
            yield path, field_messages.missing_workflow(full_name(reference))


def _workflow_faults(workflow: DRWorkflow) -> Iterator[Finding]:
    spec = workflow.spec
    if spec.executor is not None and spec.executor.type is ExecutorType.ARGO:
        yield "spec.executor.type", field_messages.ARGO
    yield from workflow_parameter_faults(workflow)
    yield from action_faults(spec.actions)
    yield from template_faults(spec.actions)
