"""RevertWorkflow: one DRWorkflow of a Revert. Source: docs/architecture.md, "The way of one Revert"."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.execution import WorkflowExecutionStatus
    from api.phases import OperationType, WorkflowFailurePolicy
    from api.steps import RevertWorkflowInput
from workflows import activity_stubs
from workflows.contract import STATE_QUERY, WorkflowType
from workflows.workflow_walk import WorkflowWalk


@workflow.defn(name=WorkflowType.REVERT_WORKFLOW)
class RevertWorkflow:
    """Roll the actions back, in the node's order, until one fails."""

    @workflow.init
    def __init__(self, given: RevertWorkflowInput) -> None:
        self._walk = WorkflowWalk(OperationType.REVERT, given.workflow, WorkflowFailurePolicy.FAIL_FAST)

    @workflow.run
    async def run(self, given: RevertWorkflowInput) -> WorkflowExecutionStatus:
        """Give the workflow's final node, or raise it as a failure."""
        return await self._walk.run(
            [
                None if step is None else activity_stubs.rollback(index, given, step)
                for index, step in enumerate(given.steps)
            ]
        )

    @workflow.query(name=STATE_QUERY)
    def state(self) -> WorkflowExecutionStatus:
        """Answer with the workflow's node as it stands."""
        return self._walk.state()
