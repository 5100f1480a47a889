"""The walk over one DRWorkflow's actions, for Revert and Execute alike.

The complete node comes in; the walk only carries out what is Pending and flips phases. A step costs
the same whether there are ten actions or thousands: a replay does all of them at once.
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
            self._node = progress.workflow_started(self._node, workflow.now())
        for index, call in enumerate(calls):
            if self._cancellation.requested:
                break
            if call is None or self._node.actions[index].phase is not Phase.PENDING:
                continue
            await self._act(index, call)
            if not rollup.may_start_next_action(self._policy, [self._node.actions[index].phase]):
                break
        self._node = shorten_workflow(self._finished())
        workflow.set_current_details(captions.ended(self._node.phase, self._node.message))
        return self._node

    async def _act(self, index: int, call: ActionCall) -> None:
        actions = self._node.actions
        self._node = progress.action_started(self._node, index, workflow.now())
        workflow.set_current_details(captions.one_by_one("Action", index, len(actions), actions[index].name))

        def retrying(retry: int, limit: int, error: str) -> None:
            changed = list(self._node.actions)
            changed[index] = progress.action_retrying(changed[index], retry, limit, error)
            self._node = self._node.model_copy(update={"action_statuses": changed})

        ending = await carry_out(call, self._cancellation, retrying)
        self._node = progress.action_finished(self._node, index, ending.outcome, ending.retries, workflow.now())

    def _finished(self) -> WorkflowExecutionStatus:
        cut = any(action.phase in (Phase.PENDING, Phase.CANCELED) for action in self._node.actions)
        canceled = self._cancellation.requested and cut
        return progress.workflow_finished(
            self._node, self._operation, workflow.now(), canceled=canceled, policy=self._policy
        )
