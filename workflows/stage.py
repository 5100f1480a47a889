"""RevertStage and ExecuteStage: run the DRWorkflows of one stage, one after the other or in parallel.

Source: docs/architecture.md, "The way of one Revert"; docs/spec/drplan.md, "When something fails".
"""

import asyncio
from abc import ABC, abstractmethod
from typing import ClassVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.decisions import RevertPlace
    from api.nodes import StageStatus, WorkflowExecutionStatus
    from api.phases import OperationType, Phase, StageFailurePolicy
    from api.requests import Pause
    from api.runs import ExecuteStageInput, ExecuteWorkflowInput, RevertStageInput, RevertWorkflowInput
    from api.steps import ExecuteStep
    from planning.definitions import identifiers
    from planning.messages import temporal_ui
    from planning.status import rollup, transitions
    from planning.status.size_limit import RenderedTree, TreeWriter
from workflows.cancellation import Cancellation
from workflows.child import ChildCall, ChildLost, ChildNotStarted, final_node, lost_workflow, result, start_child
from workflows.contract import PAUSE_SIGNAL, STATE_QUERY, WorkflowType
from workflows.requests import Paused

PARALLEL_WORKFLOWS = 200
"""Children that run at once. Temporal allows 2,000 pending ones and advises 500 at most; the inputs of
all of them, parts of one decision of at most 2 MB, fit into one command batch of 4 MB."""


class StageWalk(ABC):
    """What both workflows of a stage do."""

    operation: ClassVar[OperationType]
    workflow_type: ClassVar[WorkflowType]

    def __init__(self, node: StageStatus, policy: StageFailurePolicy) -> None:
        self._node = node
        self._tree = TreeWriter()
        self._policy = policy
        self.cancellation = Cancellation()
        self._paused = Paused(self.cancellation)
        self._running: dict[int, str] = {}
        self._ended = sum(child.phase.terminal for child in node.workflows)
        self._stopped = False
        """No further workflow starts."""
        self._canceling = False
        """Running workflows are cancelled."""

    @workflow.query(name=STATE_QUERY)
    def state(self) -> RenderedTree:
        """Return the current node."""
        return self._tree.rendered(self._node)

    @workflow.signal(name=PAUSE_SIGNAL)
    async def pause(self, pause: Pause | None) -> None:
        """Start no further workflow until the next signal without a pause."""
        await self._paused.change(pause)

    @abstractmethod
    def workflow_input(self, index: int, node: WorkflowExecutionStatus) -> RevertWorkflowInput | ExecuteWorkflowInput:
        """Return the input of the workflow at `index`; `node` is its started node."""

    async def walk(self) -> StageStatus:
        """Run the workflows and return the final node. Raises ApplicationError with the node where that is Failed."""
        if self._node.phase is Phase.PENDING:
            self._node = transitions.started(self._node, workflow.now())
        slots = asyncio.Semaphore(PARALLEL_WORKFLOWS if self._node.parallel else 1)
        pending = [index for index, node in enumerate(self._node.workflows) if node.phase is Phase.PENDING]
        await asyncio.gather(*(self._run_workflow(index, slots) for index in pending))
        canceled = self.cancellation.cut_short(node.phase for node in self._node.workflows)
        self._node = transitions.stage_finished(self._node, self.operation, workflow.now(), canceled=canceled)
        return result(self._node, self.operation, self._tree)

    async def _run_workflow(self, index: int, slots: asyncio.Semaphore) -> None:
        async with slots:
            await self._paused.over()
            if self._stopped or self.cancellation.requested:
                return
            pending = self._node.workflows[index]
            running = transitions.started(pending, workflow.now())
            workflow_input = self.workflow_input(index, running)
            in_parallel = any(isinstance(step, ExecuteStep) and step.after is not None for step in workflow_input.steps)
            call = ChildCall(
                workflow_type=self.workflow_type,
                id=identifiers.workflow_id(workflow.info().workflow_id, index, running.workflow_ref.name),
                input=workflow_input,
                result_type=WorkflowExecutionStatus,
                parts=len(running.actions),
                summary=temporal_ui.workflow_summary(running),
                details=temporal_ui.workflow_details(running, parallel=in_parallel),
                stage=self._node.name,
            )
            try:
                child = await start_child(call, self.cancellation)
                await self._paused.entered(child)
                self._running[index] = running.workflow_ref.name
                self._update(index, running)
                node = await final_node(child, call, self.cancellation, lambda: self._canceling)
            except ChildNotStarted:
                node = pending
            except ChildLost as lost:
                node = lost_workflow(running, self.operation, str(lost), workflow.now())
            self._running.pop(index, None)
            self._paused.left(call.id)
            self._update(index, node)
            self._stopped |= not rollup.may_start_next(self._policy, [node.phase])
            self._canceling |= node.phase is Phase.FAILED and rollup.cancels_siblings(self._policy)

    def _update(self, index: int, node: WorkflowExecutionStatus) -> None:
        self._ended += node.phase.terminal
        self._node = transitions.with_child(self._node, index, node)
        self._tree.update(self._node)
        total = len(self._node.workflows)
        details = temporal_ui.parallel_details("workflow", self._ended, total, list(self._running.values()))
        workflow.set_current_details(details)


@workflow.defn(name=WorkflowType.REVERT_STAGE)
class RevertStage(StageWalk):
    """Revert one stage."""

    operation = OperationType.REVERT
    workflow_type = WorkflowType.REVERT_WORKFLOW

    @workflow.init
    def __init__(self, stage_input: RevertStageInput) -> None:
        # A Revert ignores failure policies: nothing further starts, what has started continues.
        super().__init__(stage_input.stage, StageFailurePolicy.STOP)
        self._input = stage_input

    @workflow.run
    async def run(self, stage_input: RevertStageInput) -> StageStatus:
        """Return the final node, or raise what StageWalk.walk raises."""
        return await self.cancellation.guard(self.walk())

    def workflow_input(self, index: int, node: WorkflowExecutionStatus) -> RevertWorkflowInput:
        """Return the input of RevertWorkflow."""
        origin = self._input.origin
        # The Revert's list is the reverse of the plan's.
        position = len(self._input.steps) - 1 - index
        return RevertWorkflowInput(
            workflow=node,
            steps=self._input.steps[index],
            actor=self._input.actor,
            origin=origin and origin.model_copy(update={"workflow": position}),
            on_failure=self._input.on_failure,
            place=RevertPlace(stage=self._input.stage.name, workflow=index, part=self._input.stage.execution),
        )


@workflow.defn(name=WorkflowType.EXECUTE_STAGE)
class ExecuteStage(StageWalk):
    """Execute one stage as its failure policy says."""

    operation = OperationType.EXECUTE
    workflow_type = WorkflowType.EXECUTE_WORKFLOW

    @workflow.init
    def __init__(self, stage_input: ExecuteStageInput) -> None:
        super().__init__(stage_input.stage, stage_input.policy)
        self._input = stage_input

    @workflow.run
    async def run(self, stage_input: ExecuteStageInput) -> StageStatus:
        """Return the final node, or raise what StageWalk.walk raises."""
        return await self.cancellation.guard(self.walk())

    def workflow_input(self, index: int, node: WorkflowExecutionStatus) -> ExecuteWorkflowInput:
        """Return the input of ExecuteWorkflow."""
        origin = self._input.origin
        return ExecuteWorkflowInput(
            workflow=node,
            steps=self._input.steps[index],
            actor=self._input.actor,
            policy=self._input.workflow_policies[index],
            origin=origin and origin.model_copy(update={"workflow": index}),
            on_failure=self._input.on_failure,
        )
