"""The walk over a plan's stages: load and decide, then one stage after the other.

Source: docs/architecture.md, "The way of one Revert"; docs/spec/drplan.md, "When something fails".
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from api.execution import RunState, StageStatus
    from api.phases import OperationType, Phase, PlanFailurePolicy
    from api.steps import ExecuteDecision, RevertDecision
    from planning.messages import parents as parent_messages
    from planning.messages import temporal_ui
    from planning.status import rollup, transitions
    from planning.status.size_limit import shorten
from workflows.activity_stubs import TOO_LARGE
from workflows.cancellation import Cancellation
from workflows.child import ChildCall, NeverBegan, Unheard, run_child, unheard_stage
from workflows.contract import FINAL_STATE_MEMO
from workflows.results import closed, failure

DecisionT = TypeVar("DecisionT", RevertDecision, ExecuteDecision)
MakeChild = Callable[[DecisionT, int, StageStatus], ChildCall[StageStatus]]


class PlanWalk(Generic[DecisionT]):
    """State of one run: the tree as it stands. Before it is known the phase is Pending and there are no stages."""

    def __init__(self, operation: OperationType) -> None:
        self._operation = operation
        self._state = RunState(phase=Phase.PENDING)
        self._cancellation = Cancellation()

    def state(self) -> RunState:
        """Answer the query."""
        return shorten(transitions.with_counts(self._state) if self._state.stages else self._state)

    async def run(
        self,
        load: Callable[[], workflow.ActivityHandle[DecisionT]],
        policy: Callable[[DecisionT], PlanFailurePolicy],
        child: MakeChild[DecisionT],
    ) -> RunState:
        """Run the stages; `child` makes the call for one from the decision, its index and its started node.

        Raises ApplicationError with the tree where the plan ends as Failed, and CancelledError, with the
        tree in the memo, where a cancel cut it short.
        """
        await self._cancellation.guard(self._walk(load, policy, child))
        if self._state.phase is not Phase.CANCELED:
            return closed(self._state, self._operation)
        if not self._cancellation.requested:
            raise failure(self._state, self._operation) from None
        # Written in the same workflow task as the close: one never stands without the other.
        workflow.upsert_memo({FINAL_STATE_MEMO: self._state})
        raise asyncio.CancelledError

    async def _walk(
        self,
        load: Callable[[], workflow.ActivityHandle[DecisionT]],
        policy: Callable[[DecisionT], PlanFailurePolicy],
        child: MakeChild[DecisionT],
    ) -> None:
        workflow.set_current_details(temporal_ui.DECIDING)
        decision = await self._decided(load)
        if decision is not None:
            for index in range(len(self._state.stages)):
                await self._run(index, policy(decision), decision, child)
            self._finish()
        self._state = shorten(self._state)
        workflow.set_current_details(temporal_ui.ended(self._state.phase, self._state.message))

    async def _decided(self, load: Callable[[], workflow.ActivityHandle[DecisionT]]) -> DecisionT | None:
        """Give what is to be done; None, with the state at its end, where nothing is."""
        try:
            decision = await self._cancellation.settle(load())
        except ActivityError as error:
            self._state = self._undecided(error)
            return None
        if decision.rejection is not None:
            message = {"phase": Phase.FAILED, "message": decision.rejection}
            self._state = transitions.plan_rejected(decision.state.model_copy(update=message), workflow.now())
            return None
        self._state = transitions.plan_started(decision.state, workflow.now())
        return decision

    def _undecided(self, error: ActivityError) -> RunState:
        certain = isinstance(error.cause, ApplicationError) and error.cause.non_retryable
        if self._cancellation.requested and not certain:
            ended = RunState(phase=Phase.CANCELED, message=parent_messages.canceled_before_planning(self._operation))
        else:
            ended = RunState(phase=Phase.FAILED, message=self._reason(error))
        return transitions.plan_rejected(ended, workflow.now())

    def _reason(self, error: ActivityError) -> str:
        if not isinstance(error.cause, ApplicationError):
            return str(error.cause or error)
        return parent_messages.too_large(self._operation) if error.cause.type == TOO_LARGE else error.cause.message

    async def _run(
        self, index: int, policy: PlanFailurePolicy, decision: DecisionT, child: MakeChild[DecisionT]
    ) -> None:
        given = self._state.stages[index]
        if given.phase is Phase.PENDING and self._may_start(policy, index):
            stage = await self._ended(index, given, child, decision)
            self._state = transitions.plan_with(self._state, index, stage)

    async def _ended(
        self, index: int, given: StageStatus, child: MakeChild[DecisionT], decision: DecisionT
    ) -> StageStatus:
        running = transitions.stage_started(given, workflow.now())

        def started() -> None:
            self._state = transitions.plan_with(self._state, index, running)
            total = len(self._state.stages)
            workflow.set_current_details(temporal_ui.one_by_one("Stage", index, total, given.name))

        try:
            return await run_child(child(decision, index, running), self._cancellation, started)
        except NeverBegan:
            return given
        except Unheard as end:
            return unheard_stage(running, str(end), workflow.now())

    def _may_start(self, policy: PlanFailurePolicy, index: int) -> bool:
        return not self._cancellation.requested and rollup.may_start_stage(policy, self._state.stages, index)

    def _finish(self) -> None:
        cut = any(stage.phase in (Phase.PENDING, Phase.CANCELED) for stage in self._state.stages)
        canceled = self._cancellation.requested and cut
        self._state = transitions.plan_finished(self._state, self._operation, workflow.now(), canceled=canceled)
