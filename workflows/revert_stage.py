"""RevertStage: one stage of a Revert. Source: docs/architecture.md, "The way of one Revert"."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.execution import StageStatus, WorkflowExecutionStatus
    from api.phases import OperationType, StageFailurePolicy
    from api.steps import RevertStageInput, RevertWorkflowInput
    from planning.definitions import identifiers
    from planning.messages import temporal_ui
from workflows.child import ChildCall
from workflows.contract import STATE_QUERY, WorkflowType
from workflows.stage_walk import StageWalk


@workflow.defn(name=WorkflowType.REVERT_STAGE)
class RevertStage:
    """Take one stage back: its workflows in the node's order, or side by side."""

    @workflow.init
    def __init__(self, given: RevertStageInput) -> None:
        # A Revert ignores failure policies: nothing further starts, what has begun goes on.
        self._walk = StageWalk(OperationType.REVERT, given.stage, StageFailurePolicy.STOP)

    @workflow.run
    async def run(self, given: RevertStageInput) -> StageStatus:
        """Give the stage's final node, or raise it as a failure."""

        def child(index: int, node: WorkflowExecutionStatus) -> ChildCall[WorkflowExecutionStatus]:
            return _child(given, index, node)

        return await self._walk.run(child)

    @workflow.query(name=STATE_QUERY)
    def state(self) -> StageStatus:
        """Answer with the stage's node as it stands."""
        return self._walk.state()


def _child(given: RevertStageInput, index: int, node: WorkflowExecutionStatus) -> ChildCall[WorkflowExecutionStatus]:
    # The Revert's list is the reverse of the plan's.
    position = len(given.steps) - 1 - index
    return ChildCall(
        workflow_type=WorkflowType.REVERT_WORKFLOW,
        id=identifiers.workflow_id(workflow.info().workflow_id, index, node.workflow_ref.name),
        given=RevertWorkflowInput(
            workflow=node,
            steps=given.steps[index],
            actor=given.actor,
            origin=given.origin and given.origin.model_copy(update={"workflow": position}),
        ),
        node=WorkflowExecutionStatus,
        parts=len(node.actions),
        summary=temporal_ui.workflow(node),
        details=temporal_ui.workflow_details(node),
    )
