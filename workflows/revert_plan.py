"""RevertPlan: the root of a Revert. Source: docs/architecture.md, "The way of one Revert"."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.execution import RunState, StageStatus
    from api.phases import OperationType, PlanFailurePolicy
    from api.steps import RevertDecision, RevertStageInput, RunInput
    from planning.definitions import identifiers
    from planning.messages import temporal_ui
from workflows import activity_stubs
from workflows.child import ChildCall
from workflows.contract import STATE_QUERY, WorkflowType
from workflows.plan_walk import PlanWalk


@workflow.defn(name=WorkflowType.REVERT_PLAN)
class RevertPlan:
    """Take one execution back, stage by stage."""

    @workflow.init
    def __init__(self, given: RunInput) -> None:
        self._walk = PlanWalk[RevertDecision](OperationType.REVERT)

    @workflow.run
    async def run(self, given: RunInput) -> RunState:
        """Give the final tree, or raise as PlanWalk.run says. A Revert stops at the first failure."""
        return await self._walk.run(lambda: activity_stubs.load_revert(given), lambda _: PlanFailurePolicy.STOP, _child)

    @workflow.query(name=STATE_QUERY)
    def state(self) -> RunState:
        """Answer with the tree as it stands."""
        return self._walk.state()


def _child(decision: RevertDecision, index: int, node: StageStatus) -> ChildCall[StageStatus]:
    root = workflow.info().workflow_id
    given = RevertStageInput(
        root=root,
        index=index,
        stage=node,
        steps=decision.steps[index],
        actor=decision.actor,
        origin=decision.origin and decision.origin.model_copy(update={"stage": node.name}),
    )
    return ChildCall(
        workflow_type=WorkflowType.REVERT_STAGE,
        id=identifiers.stage_id(root, index, node.name),
        given=given,
        node=StageStatus,
        parts=len(node.workflows),
        summary=temporal_ui.stage(node),
        details=temporal_ui.stage_details(node),
    )
