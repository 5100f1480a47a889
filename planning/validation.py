"""Objects to the list of everything that is wrong with them, each with its field path and remedy.

The bridge marks plans and workflows Invalid with it, an Execute ends as Failed before it begins, and `drplan validate`
says it before anything is created. What changes together stands in the modules validation_*.
Source: docs/spec/drplan.md and docs/spec/drworkflow.md, "Errors".
"""

from collections.abc import Iterable, Iterator

from api.execution import DRPlanExecution
from api.plan import DRPlan
from api.workflow import DRWorkflow, ExecutorType
from planning import faults
from planning.fields import FieldError, plan_subject, used_workflows, workflow_subject
from planning.lookup import Workflows, definition, full_name
from planning.validation_actions import Finding, action_faults, dependency_faults, repeated
from planning.validation_templates import mode_faults, template_faults


def plan_errors(plan: DRPlan, workflows: Workflows | None) -> list[FieldError]:
    """Find what is wrong with a plan; references are looked up only where `workflows` is given."""
    found = [*_stage_faults(plan), *(_reference_faults(plan, workflows) if workflows is not None else ())]
    return _of(plan_subject(plan), found)


def _of(subject: str, found: Iterable[Finding]) -> list[FieldError]:
    return [FieldError(path=path, message=message, subject=subject) for path, message in found]


def _stage_faults(plan: DRPlan) -> Iterator[Finding]:
    stages = plan.spec.stages
    yield from repeated([stage.name for stage in stages], "spec.stages", "stage")
    yield from dependency_faults("stage", [(stage.name, stage.depends_on or []) for stage in stages])


def _reference_faults(plan: DRPlan, workflows: Workflows) -> Iterator[Finding]:
    for index, stage in enumerate(plan.spec.stages):
        for place, reference in enumerate(stage.workflows):
            if definition(workflows, reference.workflow_ref) is None:
                path = f"spec.stages[{index}].workflows[{place}].workflowRef"
                yield path, faults.missing_workflow(full_name(reference.workflow_ref))


def workflow_errors(workflow: DRWorkflow) -> list[FieldError]:
    """Find what is wrong with a DRWorkflow in itself."""
    return _of(workflow_subject(workflow), _workflow_faults(workflow))


def _workflow_faults(workflow: DRWorkflow) -> Iterator[Finding]:
    spec = workflow.spec
    if spec.executor is not None and spec.executor.type is ExecutorType.ARGO:
        yield "spec.executor.type", faults.argo()
    yield from action_faults(spec.actions)
    yield from template_faults(spec.actions)


def execution_errors(execution: DRPlanExecution, plan: DRPlan, workflows: Workflows) -> list[FieldError]:
    """Find everything that keeps an Execute from starting: in the plan and in each DRWorkflow that it uses."""
    found = plan_errors(plan, workflows)
    for workflow in used_workflows(plan, workflows):
        found += workflow_errors(workflow)
        if execution.spec.mode is not None:
            found += _of(workflow_subject(workflow), mode_faults(workflow.spec.actions, execution.spec.mode))
    return found
