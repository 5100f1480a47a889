"""The walk over one DRWorkflow's actions, for Revert and Execute alike.

The complete node comes in; the walk only carries out what is Pending and flips phases. A step costs
the same whether there are ten actions or thousands: a replay does all of them at once.
Source: docs/architecture.md, "The way of one Revert"; docs/spec/drworkflow.md, "dependsOn".
"""

import asyncio
from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.execution import ActionStatus, WorkflowExecutionStatus
    from api.phases import OperationType, Phase, WorkflowFailurePolicy
    from planning.definitions.dependencies import Frontier, Needs
    from planning.messages import temporal_ui
    from planning.status import rollup, transitions
    from planning.status.size_limit import shorten_workflow
from workflows.activity_stubs import ActionCall
from workflows.attempts import carry_out
from workflows.cancellation import Cancellation
from workflows.results import closed

SIDE_BY_SIDE = 50
"""Actions of one DRWorkflow that run at once. Each is a call to the cluster, and one command of a batch of 4 MB."""

Calls = Sequence[ActionCall | None]
"""One for each action; None where there is nothing to do."""


class WorkflowWalk:
    """State of one run: the node as it stands."""

    def __init__(
        self,
        operation: OperationType,
        node: WorkflowExecutionStatus,
        policy: WorkflowFailurePolicy,
        needs: Needs | None = None,
    ) -> None:
        """Take the node to walk over; without `needs` its actions run one after the other."""
        self._operation = operation
        self._node = node
        self._policy = policy
        self._needs = needs
        self._cancellation = Cancellation()
        self._running: dict[int, str] = {}
        self._closed = sum(action.phase.terminal for action in node.actions)

    def state(self) -> WorkflowExecutionStatus:
        """Answer the query."""
        return shorten_workflow(self._node)

    def actions_called(self, names: Sequence[str]) -> list[ActionStatus]:
        """Give the nodes of these actions, as they stand."""
        return [action for action in self._node.actions if action.name in names] if names else []

    async def run(self, calls: Calls) -> WorkflowExecutionStatus:
        """Carry the actions out.

        Raises ApplicationError with the node where the workflow ends as Failed.
        """
        return closed(await self._cancellation.guard(self._walk(calls)), self._operation)

    async def _walk(self, calls: Calls) -> WorkflowExecutionStatus:
        if self._node.phase is Phase.PENDING:
            self._node = transitions.workflow_started(self._node, workflow.now())
        if self._needs is None:
            await self._one_by_one(calls)
        else:
            await self._side_by_side(calls, Frontier(self._needs))
        self._node = shorten_workflow(self._finished())
        workflow.set_current_details(temporal_ui.ended(self._node.phase, self._node.message))
        return self._node

    async def _one_by_one(self, calls: Calls) -> None:
        for index, call in enumerate(calls):
            if self._cancellation.requested:
                break
            if call is None or self._node.actions[index].phase is not Phase.PENDING:
                continue
            if not self._goes_on_after(await self._act(index, call)):
                break

    async def _side_by_side(self, calls: Calls, frontier: Frontier) -> None:
        """Run whatever has all that it needs; what runs when nothing further may start is waited for."""
        running: list[asyncio.Task[int]] = []
        goes_on = True
        while True:
            while goes_on and not self._cancellation.requested and len(running) < SIDE_BY_SIDE:
                begun = self._begun(calls, frontier)
                if begun is None:
                    break
                running.append(begun)
            if not running:
                return
            done, running = await workflow.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for index in [task.result() for task in done]:
                goes_on = goes_on and self._goes_on_after(index)
                if self._node.actions[index].phase is Phase.SUCCEEDED:
                    frontier.ended(index)

    def _begun(self, calls: Calls, frontier: Frontier) -> "asyncio.Task[int] | None":
        """Begin the next action that has something to do; one that was skipped counts as done."""
        while (index := frontier.take()) is not None:
            call = calls[index]
            if call is not None and self._node.actions[index].phase is Phase.PENDING:
                return asyncio.create_task(self._act(index, call))
            frontier.ended(index)
        return None

    def _goes_on_after(self, index: int) -> bool:
        return rollup.may_start_next_action(self._policy, [self._node.actions[index].phase])

    async def _act(self, index: int, call: ActionCall) -> int:
        """Carry one action out, and give its index back."""
        beside = list(self._running.values())
        self._running[index] = self._node.actions[index].name
        self._node = transitions.action_started(self._node, index, workflow.now(), beside)
        self._tell(index)

        def retrying(retry: int, limit: int, error: str) -> None:
            changed = list(self._node.actions)
            changed[index] = transitions.action_retrying(changed[index], retry, limit, error)
            self._node = self._node.model_copy(update={"action_statuses": changed})

        ending = await carry_out(call, self._cancellation, retrying)
        del self._running[index]
        self._closed += 1
        outcome, beside = ending.outcome, list(self._running.values())
        self._node = transitions.action_finished(self._node, index, outcome, ending.retries, workflow.now(), beside)
        return index

    def _tell(self, index: int) -> None:
        """Say in the UI what runs now."""
        actions = self._node.actions
        if self._needs is None:
            text = temporal_ui.one_by_one("Action", index, len(actions), actions[index].name)
        else:
            text = temporal_ui.side_by_side("action", self._closed, len(actions), list(self._running.values()))
        workflow.set_current_details(text)

    def _finished(self) -> WorkflowExecutionStatus:
        cut = any(action.phase in (Phase.PENDING, Phase.CANCELED) for action in self._node.actions)
        canceled = self._cancellation.requested and cut
        return transitions.workflow_finished(
            self._node, self._operation, workflow.now(), canceled=canceled, policy=self._policy, needs=self._needs
        )
