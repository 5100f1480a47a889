"""The walk over one DRWorkflow's actions, for Revert and Execute alike.

The complete node comes in; the walk only carries out what is Pending and flips phases.
Source: docs/architecture.md, "The way of one Revert".
"""

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.execution import WorkflowExecutionStatus
    from api.phases import OperationType, Phase, WorkflowFailurePolicy
    from planning import captions, progress, rollup
    from planning.shorten import shorten_workflow
from workflows.attempts import carry_out
from workflows.calls import ActionCall
from workflows.cancellation import Cancellation
from workflows.results import closed


class WorkflowWalk:
    """State of one run: the node as it stands."""

    def __init__(self, operation: OperationType, node: WorkflowExecutionStatus, policy: WorkflowFailurePolicy) -> None:
        self._operation = operation
        self._node = node
        self._policy = policy
        self._cancellation = Cancellation()

    def state(self) -> WorkflowExecutionStatus:
        """Answer the query."""
        return shorten_workflow(self._node)

    async def run(self, calls: Sequence[ActionCall | None]) -> WorkflowExecutionStatus:
        """Carry the actions out, one call for each; None where there is nothing to do.

        Raises ApplicationError with the node where the workflow ends as Failed.
        """
        return closed(await self._cancellation.guard(self._walk(calls)), self._operation)

    async def _walk(self, calls: Sequence[ActionCall | None]) -> WorkflowExecutionStatus:
        if self._node.phase is Phase.PENDING:
            self._show(progress.workflow_started(self._node, workflow.now()))
        for index, call in enumerate(calls):
            if not self._may_go_on():
                break
            if call is not None and self._node.actions[index].phase is Phase.PENDING:
                await self._act(index, call)
        self._show(shorten_workflow(self._finished()))
        return self._node

    def _may_go_on(self) -> bool:
        phases = (action.phase for action in self._node.actions)
        return not self._cancellation.requested and rollup.may_start_next_action(self._policy, phases)

    async def _act(self, index: int, call: ActionCall) -> None:
        self._show(progress.action_started(self._node, index, workflow.now()))

        def retrying(retry: int, limit: int, error: str) -> None:
            actions = list(self._node.actions)
            actions[index] = progress.action_retrying(actions[index], retry, limit, error)
            self._show(self._node.model_copy(update={"action_statuses": actions}))

        ending = await carry_out(call, self._cancellation, retrying)
        self._show(progress.action_finished(self._node, index, ending.outcome, ending.retries, workflow.now()))

    def _finished(self) -> WorkflowExecutionStatus:
        cut = any(action.phase in (Phase.PENDING, Phase.CANCELED) for action in self._node.actions)
        canceled = self._cancellation.requested and cut
        return progress.workflow_finished(
            self._node, self._operation, workflow.now(), canceled=canceled, policy=self._policy
        )

    def _show(self, node: WorkflowExecutionStatus) -> None:
        self._node = node
        workflow.set_current_details(captions.current(node))
