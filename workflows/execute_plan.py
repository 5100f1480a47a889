"""ExecutePlan: the root of an Execute. Source: docs/architecture.md, "The way of one Revert"."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.execution import RunState, StageStatus
    from api.phases import OperationType
    from api.steps import ExecuteDecision, ExecuteStageInput, RunInput
    from planning.definitions import identifiers
    from planning.messages import temporal_ui
from workflows import activity_stubs
from workflows.child import ChildCall
from workflows.contract import STATE_QUERY, WorkflowType
from workflows.plan_walk import PlanWalk


@workflow.defn(name=WorkflowType.EXECUTE_PLAN)
class ExecutePlan:
    """Carry one plan out, stage by stage."""

    @workflow.init
    def __init__(self, given: RunInput) -> None:
        self._walk = PlanWalk[ExecuteDecision](OperationType.EXECUTE)

    @workflow.run
    async def run(self, given: RunInput) -> RunState:
        """Give the final tree, or raise as PlanWalk.run says."""
        return await self._walk.run(
            lambda: activity_stubs.load_execute(given), lambda decision: decision.plan_policy, _child
        )

    @workflow.query(name=STATE_QUERY)
    def state(self) -> RunState:
        """Answer with the tree as it stands."""
        return self._walk.state()


def _child(decision: ExecuteDecision, index: int, node: StageStatus) -> ChildCall[StageStatus]:
    root = workflow.info().workflow_id
    given = ExecuteStageInput(
        root=root,
        index=index,
        stage=node,
        steps=decision.steps[index],
        actor=decision.actor,
        policy=decision.stage_policies[index],
        workflow_policies=decision.workflow_policies[index],
        origin=decision.origin and decision.origin.model_copy(update={"stage": node.name}),
    )
    return ChildCall(
        workflow_type=WorkflowType.EXECUTE_STAGE,
        id=identifiers.stage_id(root, index, node.name),
        given=given,
        node=StageStatus,
        parts=len(node.workflows),
        summary=temporal_ui.stage(node),
        details=temporal_ui.stage_details(node),
    )
