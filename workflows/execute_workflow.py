"""ExecuteWorkflow: one DRWorkflow of an Execute. Source: docs/architecture.md, "The way of one Revert"."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.execution import WorkflowExecutionStatus
    from api.phases import OperationType
    from api.steps import ExecuteWorkflowInput
from workflows import activity_stubs
from workflows.activity_stubs import ActionCall
from workflows.contract import STATE_QUERY, WorkflowType
from workflows.workflow_walk import WorkflowWalk


@workflow.defn(name=WorkflowType.EXECUTE_WORKFLOW)
class ExecuteWorkflow:
    """Carry the actions out, in order or as they depend on each other, as the workflow's failure policy says."""

    @workflow.init
    def __init__(self, given: ExecuteWorkflowInput) -> None:
        needs = [step.after for step in given.steps]
        order = None if any(after is None for after in needs) else [after or [] for after in needs]
        self._walk = WorkflowWalk(OperationType.EXECUTE, given.workflow, given.policy, order)

    @workflow.run
    async def run(self, given: ExecuteWorkflowInput) -> WorkflowExecutionStatus:
        """Give the workflow's final node, or raise it as a failure."""
        return await self._walk.run([self._call(given, index) for index in range(len(given.steps))])

    def _call(self, given: ExecuteWorkflowInput, index: int) -> ActionCall:
        wanted = given.steps[index].outputs_of
        return activity_stubs.execute(index, given, lambda: self._walk.actions_called(wanted))

    @workflow.query(name=STATE_QUERY)
    def state(self) -> WorkflowExecutionStatus:
        """Answer with the workflow's node as it stands."""
        return self._walk.state()
