"""A RevertWorkflow as nobody may change it: it takes the actions in another order than runs that are open."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.execution import WorkflowExecutionStatus
    from api.phases import OperationType, WorkflowFailurePolicy
    from api.steps import RevertWorkflowInput
from workflows import activity_stubs
from workflows.contract import WorkflowType
from workflows.workflow_walk import WorkflowWalk


@workflow.defn(name=WorkflowType.REVERT_WORKFLOW)
class ChangedRevertWorkflow:
    """Rolls the last action back first."""

    @workflow.run
    async def run(self, given: RevertWorkflowInput) -> WorkflowExecutionStatus:
        actions, last = given.workflow.actions, len(given.steps) - 1
        node = given.workflow.model_copy(update={"action_statuses": actions[::-1]})
        backwards = [
            None if step is None else activity_stubs.rollback(last - place, given, step)
            for place, step in enumerate(given.steps[::-1])
        ]
        return await WorkflowWalk(OperationType.REVERT, node, WorkflowFailurePolicy.FAIL_FAST).run(backwards)
