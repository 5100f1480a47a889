"""ExecuteWorkflow: one DRWorkflow of an Execute. Source: docs/architecture.md, "The way of one Revert"."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.execution import WorkflowExecutionStatus
    from api.phases import OperationType
    from api.steps import ExecuteWorkflowInput
from workflows import calls
from workflows.contract import STATE_QUERY, WorkflowType
from workflows.workflow_walk import WorkflowWalk


@workflow.defn(name=WorkflowType.EXECUTE_WORKFLOW)
class ExecuteWorkflow:
    """Carry the actions out in order, as the workflow's failure policy says."""

    @workflow.init
    def __init__(self, given: ExecuteWorkflowInput) -> None:
        self._walk = WorkflowWalk(OperationType.EXECUTE, given.workflow, given.policy)

    @workflow.run
    async def run(self, given: ExecuteWorkflowInput) -> WorkflowExecutionStatus:
        """Give the workflow's final node, or raise it as a failure."""
        reference = given.workflow.workflow_ref
        steps = enumerate(given.steps)
        return await self._walk.run([calls.execute(index, reference, step, given.actor) for index, step in steps])

    @workflow.query(name=STATE_QUERY)
    def state(self) -> WorkflowExecutionStatus:
        """Answer with the workflow's node as it stands."""
        return self._walk.state()
