"""RevertWorkflow and ExecuteWorkflow: run the actions of one DRWorkflow.

The complete node comes in; only Pending actions are run. An action must cost the same whether there are ten or
thousands, for a replay processes all of them at once.
Source: docs/architecture.md, "The way of one Revert"; docs/spec/drworkflow.md, "dependsOn".
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from api.metrics import ATTEMPTS_LOST
    from api.nodes import ActionStatus, WorkflowExecutionStatus
    from api.phases import OnFailure, OperationType, Phase, WorkflowFailurePolicy
    from api.reasons import Reason
    from api.requests import Pause, PersonRequest, RequestType
    from api.runs import ExecuteWorkflowInput, RevertWorkflowInput
    from api.steps import Origin
    from planning.definitions.dependencies import Frontier, Needs
    from planning.definitions.retry import told_time
    from planning.messages import running as running_messages
    from planning.messages import temporal_ui
    from planning.messages import tree as tree_messages
    from planning.messages.text import bounded
    from planning.snapshot.ledger import Recorder
    from planning.status import rollup, transitions
    from planning.status.size_limit import RenderedTree, TreeWriter
from workflows import action_calls, activity_stubs
from workflows.action_calls import NO_OPTIONS, ActionCall
from workflows.attempts import ActionEnd, run_action
from workflows.cancellation import Cancellation
from workflows.child import result
from workflows.contract import DECIDE_UPDATE, PAUSE_SIGNAL, STATE_QUERY, WorkflowType
from workflows.requests import (
    Decisions,
    MadeDecision,
    Paused,
    WaitingAction,
    ended_by,
    options_of,
    skipped_by,
    tried_again,
)

WRITTEN_AFTER = 100
"""Actions that end, until the tree is written as far as it has changed: the end of thousands leaves little to write."""
PARALLEL_ACTIONS = 50
"""Actions of one DRWorkflow that run at once. Each is a call to the cluster, and one command of a batch of 4 MB."""


class WorkflowWalk(ABC):
    """What both workflows of a DRWorkflow do."""

    operation: ClassVar[OperationType]

    def __init__(
        self,
        node: WorkflowExecutionStatus,
        policy: WorkflowFailurePolicy,
        needs: Needs | None = None,
        origin: Origin | None = None,
        on_failure: OnFailure = OnFailure.STOP,
    ) -> None:
        """Take the node to walk over; without `needs` its actions run one after the other.

        `origin` says where to store the record of what they did, if the run keeps one.
        """
        self._origin = origin
        self._node = node
        self._tree = TreeWriter()
        self._recorder = Recorder()
        self._policy = policy
        self._needs = needs
        self.cancellation = Cancellation()
        self._paused = Paused(self.cancellation)
        self._decisions = Decisions(on_failure, self.cancellation)
        self._running: dict[int, str] = {}
        self._ended = sum(action.phase.terminal for action in node.actions)
        self._succeeded = sum(action.phase is Phase.SUCCEEDED for action in node.actions)

    @workflow.query(name=STATE_QUERY)
    def state(self) -> RenderedTree:
        """Return the current node."""
        return self._tree.rendered(self._node)

    @workflow.signal(name=PAUSE_SIGNAL)
    async def pause(self, pause: Pause | None) -> None:
        """Start no further action until the next signal without a pause."""
        await self._paused.change(pause)

    @workflow.update(name=DECIDE_UPDATE)
    async def decide(self, request: PersonRequest) -> None:
        """Take a person's decision about an action that failed. Raises ApplicationError."""
        await self._decisions.make(request)

    @decide.validator
    def check_decision(self, request: PersonRequest) -> None:
        """Refuse a decision that cannot be carried out. Raises ApplicationError."""
        self._decisions.check(request)

    def actions_named(self, names: Sequence[str]) -> list[ActionStatus]:
        """Return the current nodes of these actions."""
        return [action for action in self._node.actions if action.name in names] if names else []

    @abstractmethod
    def call(self, index: int) -> ActionCall | None:
        """Return the call of the action at `index`, which is about to start; None where there is nothing to do."""

    async def walk(self, number: int) -> WorkflowExecutionStatus:
        """Run the actions, of which there are so many, and return the final node.

        Raises ApplicationError with the node where that is Failed.
        """
        if self._node.phase is Phase.PENDING:
            self._node = transitions.started(self._node, workflow.now())
        await self._run_actions(number)
        if not workflow.all_handlers_finished():
            # A request whose parameters are being checked gets its answer: the action no longer waits.
            await workflow.wait_condition(workflow.all_handlers_finished)
        canceled = self.cancellation.cut_short(action.phase for action in self._node.actions)
        finished = transitions.workflow_finished(
            self._node, self.operation, workflow.now(), canceled=canceled, policy=self._policy, needs=self._needs
        )
        self._node = await self._recorded(finished)
        return result(self._node, self.operation, self._tree)

    async def _recorded(self, finished: WorkflowExecutionStatus) -> WorkflowExecutionStatus:
        """Store the ledger's record of the final node, and return the node with its name; after a cancel as well."""
        if self._origin is None or not self._origin.ledger:
            return finished
        records = self._recorder.records(finished)
        try:
            return finished.model_copy(update={"ledger": await activity_stubs.store_records(self._origin, records)})
        except ActivityError as error:
            said = [finished.message] if finished.message else []
            message = "; ".join([*said, tree_messages.not_recorded(activity_stubs.reason_of(error))])
            return finished.model_copy(update={"message": bounded(message)})

    async def _run_actions(self, number: int) -> None:
        """Run each action once those that it needs have ended well; when nothing further may start, wait for the rest.

        Without needs one action runs at a time, in the node's order.
        """
        frontier = Frontier([()] * number if self._needs is None else self._needs)
        limit = 1 if self._needs is None else PARALLEL_ACTIONS
        running: list[asyncio.Task[int]] = []
        stopped = False
        while True:
            if self._paused.pause is not None and not stopped and frontier.more:
                await self._resumed_or_done(running)
            while not (stopped or self.cancellation.requested or self._paused.pause) and len(running) < limit:
                started = self._start_next(frontier)
                if started is None:
                    break
                running.append(started)
            if not running:
                return
            done, running = await workflow.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for index in [task.result() for task in done]:
                phase = self._node.actions[index].phase
                stopped |= not rollup.may_start_next(self._policy, [phase])
                if phase is Phase.SUCCEEDED or self._node.actions[index].reason is Reason.SKIPPED_ON_REQUEST:
                    frontier.ended(index)

    async def _resumed_or_done(self, running: Sequence["asyncio.Task[int]"]) -> None:
        """Return once the run is resumed or cancelled, or one of the actions that run has ended."""
        await workflow.wait_condition(
            lambda: (
                self._paused.pause is None or self.cancellation.requested or any(action.done() for action in running)
            )
        )

    def _start_next(self, frontier: Frontier) -> "asyncio.Task[int] | None":
        """Start the next action that has something to do; one that was skipped counts as done."""
        while (index := frontier.take()) is not None:
            pending = self._node.actions[index].phase is Phase.PENDING
            if pending and (call := self.call(index)) is not None:
                return asyncio.create_task(self._run_action(index, call))
            frontier.ended(index)
        return None

    async def _run_action(self, index: int, call: ActionCall) -> int:
        """Run one action to its end, and return its index."""
        beside = list(self._running.values())
        self._running[index] = self._node.actions[index].name
        self._node = transitions.action_started(self._node, index, workflow.now(), beside)
        actions = self._node.actions
        if self._needs is None:
            details = temporal_ui.turn_details("Action", index, len(actions), actions[index].name)
        else:
            details = temporal_ui.parallel_details("action", self._ended, len(actions), list(self._running.values()))
        workflow.set_current_details(details)

        def retrying(retry: int, limit: int, error: str) -> None:
            now = workflow.now()
            at = told_time(now, now + call.pause)
            waiting = transitions.action_retrying(self._node.actions[index], retry, limit, error, at)
            self._node = transitions.with_child(self._node, index, waiting)

        def losing(losses: int, retries: int, pause: timedelta) -> None:
            ref, name = self._node.workflow_ref, self._node.actions[index].name
            place = dict(zip(ATTEMPTS_LOST.labels, (ref.in_namespace, ref.name, name), strict=True))
            workflow.metric_meter().create_counter(ATTEMPTS_LOST.name, ATTEMPTS_LOST.help).add(1, place)
            if pause:
                waiting = transitions.action_lost(self._node.actions[index], losses, retries, pause)
                self._node = transitions.with_child(self._node, index, waiting)

        options = NO_OPTIONS
        end = await run_action(call, options, self.cancellation, retrying, losing)
        while self._decisions.needed(end):
            decision = await self._decision_about(index, WaitingAction(call, options, end))
            if decision is None:
                break
            if decision.request.type is not RequestType.RETRY:
                end = ended_by(decision.request, end)
                break
            if (again := decision.redecision) is not None:
                if again.step is None or call.decided is None:
                    end = skipped_by(again, end)
                    break
                call = call.decided(again)
            options = options_of(decision, options, self._origin)
            end = tried_again(end, await run_action(call, options, self.cancellation, retrying, losing))
        self._action_ended(index, end)
        return index

    def _action_ended(self, index: int, end: ActionEnd) -> None:
        """Record how the action at `index` ended."""
        del self._running[index]
        self._ended += 1
        self._succeeded += end.outcome.phase is Phase.SUCCEEDED
        progress = running_messages.progress(self.operation, self._succeeded, len(self._node.actions))
        beside = list(self._running.values())
        self._node = transitions.action_finished(
            self._node, index, end.outcome, end.retries, workflow.now(), beside, progress
        )
        if self._origin is not None and self._origin.ledger:
            self._recorder.take(index, self._node.actions[index])
        if self._ended % WRITTEN_AFTER == 0:
            self._tree.update(self._node)

    async def _decision_about(self, index: int, waiting: WaitingAction) -> MadeDecision | None:
        """Wait for a person's decision about an action that failed; None where it is to fail."""
        end, now = waiting.end, workflow.now()
        node = transitions.action_awaiting(self._node.actions[index], end.outcome, end.retries, now)
        self._node = transitions.with_child(self._node, index, node)
        decision = await self._decisions.about(index, waiting)
        request, parameters = (decision.request, decision.parameters) if decision else (None, None)
        node = transitions.action_decided(self._node.actions[index], request, workflow.now(), parameters)
        if decision is not None and (again := decision.redecision) is not None:
            node = node.model_copy(update={"rolled_back_by": again.node.rolled_back_by})
        self._node = transitions.with_child(self._node, index, node)
        return decision


@workflow.defn(name=WorkflowType.REVERT_WORKFLOW)
class RevertWorkflow(WorkflowWalk):
    """Roll the actions back, in the node's order, until one fails."""

    operation = OperationType.REVERT

    @workflow.init
    def __init__(self, workflow_input: RevertWorkflowInput) -> None:
        policy, on_failure = WorkflowFailurePolicy.FAIL_FAST, workflow_input.on_failure
        super().__init__(workflow_input.workflow, policy, origin=workflow_input.origin, on_failure=on_failure)
        self._input = workflow_input

    @workflow.run
    async def run(self, workflow_input: RevertWorkflowInput) -> WorkflowExecutionStatus:
        """Return the final node, or raise what WorkflowWalk.walk raises."""
        return await self.cancellation.guard(self.walk(len(workflow_input.steps)))

    def call(self, index: int) -> ActionCall | None:
        """Return the call that rolls back the action at `index`; None where there is nothing to roll back."""
        step = self._input.steps[index]
        return None if step is None else action_calls.rollback(index, self._input, step)


@workflow.defn(name=WorkflowType.EXECUTE_WORKFLOW)
class ExecuteWorkflow(WorkflowWalk):
    """Run the actions, in order or as they depend on each other, as the DRWorkflow's failure policy says."""

    operation = OperationType.EXECUTE

    @workflow.init
    def __init__(self, workflow_input: ExecuteWorkflowInput) -> None:
        after = [step.after for step in workflow_input.steps]
        needs = None if None in after else [places or [] for places in after]
        node, policy, origin = workflow_input.workflow, workflow_input.policy, workflow_input.origin
        super().__init__(node, policy, needs, origin, workflow_input.on_failure)
        self._input = workflow_input

    @workflow.run
    async def run(self, workflow_input: ExecuteWorkflowInput) -> WorkflowExecutionStatus:
        """Return the final node, or raise what WorkflowWalk.walk raises."""
        return await self.cancellation.guard(self.walk(len(workflow_input.steps)))

    def call(self, index: int) -> ActionCall:
        """Return the call that executes the action at `index`."""
        return action_calls.execute(index, self._input, self.actions_named)
