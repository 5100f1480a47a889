"""ExecuteStage: one stage of an Execute. Source: docs/architecture.md, "The way of one Revert"."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.execution import StageStatus, WorkflowExecutionStatus
    from api.phases import OperationType
    from api.steps import ExecuteStageInput, ExecuteWorkflowInput
    from planning.definitions import identifiers
    from planning.messages import temporal_ui
from workflows.child import ChildCall
from workflows.contract import STATE_QUERY, WorkflowType
from workflows.stage_walk import StageWalk


@workflow.defn(name=WorkflowType.EXECUTE_STAGE)
class ExecuteStage:
    """Carry one stage out: its workflows in order, or side by side, as its failure policy says."""

    @workflow.init
    def __init__(self, given: ExecuteStageInput) -> None:
        self._walk = StageWalk(OperationType.EXECUTE, given.stage, given.policy)

    @workflow.run
    async def run(self, given: ExecuteStageInput) -> StageStatus:
        """Give the stage's final node, or raise it as a failure."""

        def child(index: int, node: WorkflowExecutionStatus) -> ChildCall[WorkflowExecutionStatus]:
            return _child(given, index, node)

        return await self._walk.run(child)

    @workflow.query(name=STATE_QUERY)
    def state(self) -> StageStatus:
        """Answer with the stage's node as it stands."""
        return self._walk.state()


def _child(given: ExecuteStageInput, index: int, node: WorkflowExecutionStatus) -> ChildCall[WorkflowExecutionStatus]:
    steps = given.steps[index]
    return ChildCall(
        workflow_type=WorkflowType.EXECUTE_WORKFLOW,
        id=identifiers.workflow_id(workflow.info().workflow_id, index, node.workflow_ref.name),
        given=ExecuteWorkflowInput(
            workflow=node,
            steps=steps,
            actor=given.actor,
            policy=given.workflow_policies[index],
            origin=given.origin and given.origin.model_copy(update={"workflow": index}),
        ),
        node=WorkflowExecutionStatus,
        parts=len(node.actions),
        summary=temporal_ui.workflow(node),
        details=temporal_ui.workflow_details(node, side_by_side=any(step.after is not None for step in steps)),
    )
