"""The walk over one stage's workflows, one after the other or side by side.

Source: docs/architecture.md, "The way of one Revert"; docs/spec/drplan.md, "When something fails".
"""

import asyncio
from collections.abc import Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.execution import StageStatus, WorkflowExecutionStatus
    from api.phases import OperationType, Phase, StageFailurePolicy
    from planning.messages import temporal_ui
    from planning.status import rollup, transitions
    from planning.status.size_limit import shorten_stage
from workflows.cancellation import Cancellation
from workflows.child import ChildCall, NeverBegan, Unheard, run_child, unheard_workflow
from workflows.results import closed

SIDE_BY_SIDE = 200
"""Children that run at once. Temporal allows 2,000 pending ones and advises 500 at most; the inputs of
all of them, parts of one decision of at most 2 MB, fit into one command batch of 4 MB."""

MakeChild = Callable[[int, WorkflowExecutionStatus], ChildCall[WorkflowExecutionStatus]]


class StageWalk:
    """State of one run: the node as it stands."""

    def __init__(self, operation: OperationType, node: StageStatus, policy: StageFailurePolicy) -> None:
        self._operation = operation
        self._node = node
        self._policy = policy
        self._cancellation = Cancellation()
        self._running: dict[int, str] = {}
        self._closed = sum(child.phase.terminal for child in node.workflows)
        self._stopped = False
        """Nothing further starts."""
        self._cutting = False
        """What runs is cancelled."""

    def state(self) -> StageStatus:
        """Answer the query."""
        return shorten_stage(self._node)

    async def run(self, child: MakeChild) -> StageStatus:
        """Run the workflows; `child` makes the call for one from its index and its started node.

        Raises ApplicationError with the node where the stage ends as Failed.
        """
        return closed(await self._cancellation.guard(self._walk(child)), self._operation)

    async def _walk(self, child: MakeChild) -> StageStatus:
        if self._node.phase is Phase.PENDING:
            self._node = transitions.stage_started(self._node, workflow.now())
        places = asyncio.Semaphore(SIDE_BY_SIDE if self._node.parallel else 1)
        pending = [index for index, node in enumerate(self._node.workflows) if node.phase is Phase.PENDING]
        await asyncio.gather(*(self._run(index, child, places) for index in pending))
        self._node = shorten_stage(self._finished())
        workflow.set_current_details(temporal_ui.ended(self._node.phase, self._node.message))
        return self._node

    async def _run(self, index: int, child: MakeChild, places: asyncio.Semaphore) -> None:
        async with places:
            if self._stopped or self._cancellation.requested:
                return
            given = self._node.workflows[index]
            node = await self._ended(index, given, child)
            self._running.pop(index, None)
            self._put(index, node)
            self._stopped |= not rollup.may_start_next_workflow(self._policy, [node.phase])
            self._cutting |= node.phase is Phase.FAILED and rollup.cancels_siblings(self._policy)

    async def _ended(self, index: int, given: WorkflowExecutionStatus, child: MakeChild) -> WorkflowExecutionStatus:
        running = transitions.workflow_started(given, workflow.now())

        def started() -> None:
            self._running[index] = given.workflow_ref.name
            self._put(index, running)

        try:
            return await run_child(child(index, running), self._cancellation, started, lambda: self._cutting)
        except NeverBegan:
            return given
        except Unheard as end:
            return unheard_workflow(running, str(end), workflow.now())

    def _finished(self) -> StageStatus:
        cut = any(node.phase in (Phase.PENDING, Phase.CANCELED) for node in self._node.workflows)
        canceled = self._cancellation.requested and cut
        return transitions.stage_finished(self._node, self._operation, workflow.now(), canceled=canceled)

    def _put(self, index: int, node: WorkflowExecutionStatus) -> None:
        self._closed += node.phase.terminal
        self._node = transitions.stage_with(self._node, index, node)
        total = len(self._node.workflows)
        workflow.set_current_details(
            temporal_ui.side_by_side("workflow", self._closed, total, list(self._running.values()))
        )
