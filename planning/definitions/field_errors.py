"""One thing found at one field, and the objects in which things are found.

Source: docs/spec/drplan.md and docs/spec/drworkflow.md, "Errors".
"""

from api.execution import DRPlanExecution
from api.meta import Model
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.definitions.lookup import Workflows, definition, workflow_references
from planning.messages import fields as field_messages


class FieldError(Model):
    """One thing that is wrong: where, in which object, and what."""

    path: str
    message: str
    subject: str
    """`DRPlan default/shop`."""

    @property
    def text(self) -> str:
        """The whole sentence of an error."""
        return field_messages.found(self.path, self.subject, self.message)


def plan_subject(plan: DRPlan) -> str:
    """Name a plan: `DRPlan default/shop`."""
    return f"DRPlan {plan.metadata.namespace}/{plan.metadata.name}"


def workflow_subject(dr_workflow: DRWorkflow) -> str:
    """Name a DRWorkflow: `DRWorkflow default/nginx`."""
    return f"DRWorkflow {dr_workflow.metadata.namespace}/{dr_workflow.metadata.name}"


def execution_subject(execution: DRPlanExecution) -> str:
    """Name an execution: `DRPlanExecution default/shop-move`."""
    return f"DRPlanExecution {execution.metadata.namespace}/{execution.metadata.name}"


def used_workflows(plan: DRPlan, workflows: Workflows) -> list[DRWorkflow]:
    """Give each DRWorkflow that a plan names, once, in the order of the plan."""
    found = (definition(workflows, reference) for reference in workflow_references(plan))
    return [workflow for workflow in found if workflow is not None]
