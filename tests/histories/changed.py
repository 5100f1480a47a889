"""A RevertWorkflow with a change that breaks open runs: it takes the actions in another order."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.nodes import WorkflowExecutionStatus
    from api.runs import RevertWorkflowInput
from workflows import action_calls
from workflows.action_calls import ActionCall
from workflows.contract import WorkflowType
from workflows.workflow import RevertWorkflow


@workflow.defn(name=WorkflowType.REVERT_WORKFLOW)
class ChangedRevertWorkflow(RevertWorkflow):
    """Rolls the last action back first."""

    @workflow.init
    def __init__(self, workflow_input: RevertWorkflowInput) -> None:
        node = workflow_input.workflow
        backwards = node.model_copy(update={"action_statuses": node.actions[::-1]})
        super().__init__(workflow_input.model_copy(update={"workflow": backwards}))
        self._forwards = workflow_input

    @workflow.run
    async def run(self, workflow_input: RevertWorkflowInput) -> WorkflowExecutionStatus:
        return await self.cancellation.guard(self.walk(len(workflow_input.steps)))

    def call(self, index: int) -> ActionCall | None:
        steps = self._forwards.steps
        place = len(steps) - 1 - index
        step = steps[place]
        return None if step is None else action_calls.rollback(place, self._forwards, step)
