"""Refuses bad input before anything starts, with planning's words; PURE.

The workflow decides again when it begins, by the same functions. Source: docs/architecture.md, "Rules that
always hold", 5.
"""

from api.execution import DRPlanExecution
from api.phases import OperationType
from api.plan import DRPlan
from api.workflow import DRWorkflow
from bridge.controller.references import References
from planning.definitions import field_errors
from planning.definitions.lookup import Workflows
from planning.execute.decide import decide_execute
from planning.revert.preconditions import why_not
from planning.validation import objects as validation


def rejection(execution: DRPlanExecution, found: References) -> str | None:
    """Say why an execution cannot start; None when it can."""
    if execution.spec.operation_type is OperationType.REVERT:
        return why_not(execution, found.original)
    assert found.plan is not None, "references are complete when its turn has come"
    return decide_execute(execution, found.plan.model, found.workflows).rejection


def of_plan(plan: DRPlan, workflows: Workflows) -> list[str]:
    """Say what is wrong with a plan and with the DRWorkflows that it refers to."""
    errors = validation.plan_errors(plan, workflows)
    used = field_errors.used_workflows(plan, workflows)
    errors += [error for dr_workflow in used for error in validation.workflow_errors(dr_workflow)]
    return [error.text for error in errors]


def of_workflow(dr_workflow: DRWorkflow) -> list[str]:
    """Say what is wrong with a DRWorkflow."""
    return [error.text for error in validation.workflow_errors(dr_workflow)]
