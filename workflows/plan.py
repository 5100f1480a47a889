"""RevertPlan and ExecutePlan, the root workflows: load and decide, then run one stage after the other.

Source: docs/architecture.md, "The way of one Revert"; docs/spec/drplan.md, "When something fails".
"""

import asyncio
from abc import ABC, abstractmethod
from typing import ClassVar, Generic

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from api.attempts import AttemptFailure
    from api.decisions import ExecuteDecision, RevertDecision
    from api.nodes import StageStatus
    from api.phases import OperationType, Phase
    from api.requests import Pause, PersonRequest, RequestType
    from api.runs import ExecuteStageInput, RehearsalInput, RevertStageInput, RunInput
    from api.steps import Origin
    from api.timing import Wait
    from api.tree import Rejection, RunState
    from planning.definitions import identifiers
    from planning.messages import proof as proof_messages
    from planning.messages import requests as request_messages
    from planning.messages import running as running_messages
    from planning.messages import temporal_ui
    from planning.messages import tree as tree_messages
    from planning.revert import unwind
    from planning.status import rollup, transitions
    from planning.status.size_limit import RenderedTree, TreeWriter
    from planning.status.stage_table import StageTable
from workflows import activity_stubs, proof
from workflows.activity_stubs import TOO_LARGE, ActivityName, DecisionT
from workflows.cancellation import Cancellation
from workflows.child import (
    ChildCall,
    ChildLost,
    ChildNotStarted,
    failure,
    final_node,
    lost_stage,
    result,
    start_child,
    written_end,
)
from workflows.contract import APPROVE_UPDATE, FINAL_STATE_MEMO, PAUSE_UPDATE, STATE_QUERY, WorkflowType
from workflows.requests import Approvals, Paused, refused


class Root:
    """What every root workflow does. Before the decision the phase is Pending and there are no stages."""

    def __init__(self) -> None:
        self._state = RunState(phase=Phase.PENDING)
        self._tree = TreeWriter()
        self._cancellation = Cancellation()
        self._paused = Paused(self._cancellation)
        self._approvals = Approvals(self._cancellation)
        self._table = StageTable(workflow.info().workflow_id)

    @workflow.query(name=STATE_QUERY)
    def state(self) -> RenderedTree:
        """Return the current tree."""
        state = self._state.model_copy(update={"paused": self._paused.pause})
        return self._tree.rendered(transitions.with_counts(state) if state.stages else state)

    @workflow.update(name=PAUSE_UPDATE)
    async def pause(self, request: PersonRequest) -> None:
        """Pause or resume the run; what runs is waited for."""
        pause, now = None, workflow.now()
        if request.type is RequestType.PAUSE:
            pause = Pause(by=request.by, reason=request.reason or None, since=now)
        elif self._paused.pause is not None:
            over = Wait(since=self._paused.pause.since, until=now)
            self._state = self._state.model_copy(update={"pauses": [*(self._state.pauses or []), over]})
        await self._paused.change(pause)

    @pause.validator
    def check_pause(self, request: PersonRequest) -> None:
        """Refuse what changes nothing. Raises ApplicationError."""
        if (request.type is RequestType.PAUSE) is (self._paused.pause is not None):
            paused = self._paused.pause is not None
            raise refused(request_messages.PAUSED_ALREADY if paused else request_messages.NOT_PAUSED)

    @workflow.update(name=APPROVE_UPDATE)
    def approve(self, request: PersonRequest) -> None:
        """Take a person's agreement to the start of a stage."""
        self._approvals.add(request)

    @approve.validator
    def check_approval(self, request: PersonRequest) -> None:
        """Refuse an approval that does not count. Raises ApplicationError."""
        self._approvals.check(request)

    def _close(self, operation: OperationType) -> RunState:
        """Return the final tree.

        Raises ApplicationError with the tree where the run ends as Failed, and CancelledError, with the tree in the
        memo, where a cancel cut it short.
        """
        if self._state.phase is not Phase.CANCELED:
            return result(self._state, operation, self._tree, self._table)
        end = written_end(self._state, self._tree, self._table)
        if not self._cancellation.requested:
            raise failure(end, operation)
        # Written in the workflow task that closes the run, so that neither is visible without the other.
        workflow.upsert_memo({FINAL_STATE_MEMO: end})
        raise asyncio.CancelledError

    def _undecided(self, error: ActivityError, operation: OperationType) -> RunState:
        """Return the state of a run whose decision failed or was cancelled."""
        cause = error.cause
        if self._cancellation.requested and not (isinstance(cause, ApplicationError) and cause.non_retryable):
            return RunState(phase=Phase.CANCELED, message=tree_messages.canceled_before_planning(operation))
        if not isinstance(cause, ApplicationError):
            return RunState(phase=Phase.FAILED, message=str(cause or error))
        message = tree_messages.too_large(operation) if cause.type == TOO_LARGE else cause.message
        return RunState(phase=Phase.FAILED, message=message, rejection=_rejection(cause))


class PlanWalk(Root, ABC, Generic[DecisionT]):
    """What both root workflows that run stages do."""

    operation: ClassVar[OperationType]
    stage_type: ClassVar[WorkflowType]

    @abstractmethod
    def stage_input(
        self, decision: DecisionT, index: int, stage: StageStatus, origin: Origin | None
    ) -> RevertStageInput | ExecuteStageInput:
        """Return the input of the workflow that runs the stage at `index`; `stage` is its started node."""

    def not_deleted(self, decision: DecisionT) -> list[str] | None:
        """Name the objects that were to be deleted and were not."""
        return None

    async def decision_at(self, decision: DecisionT, index: int) -> DecisionT:
        """Return what is decided on the stage at `index`, which may be decided only now."""
        return decision

    async def proved(self, decision: DecisionT, finished: RunState) -> RunState:
        """Return the final tree with the proof that all is as it was, where one is to be had."""
        return finished

    async def walk(self, load: workflow.ActivityHandle[DecisionT]) -> RunState:
        """Run the stages that the activity `load` decides on, and return the final tree. Raises what `_close` does."""
        await self._cancellation.guard(self._walk(load))
        return self._close(self.operation)

    async def _walk(self, load: workflow.ActivityHandle[DecisionT]) -> None:
        workflow.set_current_details(running_messages.DECIDING)
        decision = await self._decide(load)
        if decision is not None:
            index = -1
            while (index := index + 1) < len(self._state.stages):
                await self._paused.over()
                decision = await self.decision_at(decision, index)
                if self._may_start(decision, index):
                    await self._approved(decision, index)
                    await self._paused.over()
                if self._may_start(decision, index):
                    await self._run_stage(decision, index)
            canceled = self._cancellation.cut_short(stage.phase for stage in self._state.stages)
            finished = transitions.plan_finished(self._state, self.operation, workflow.now(), canceled=canceled)
            update = {"not_deleted": self.not_deleted(decision), "paused": self._paused.pause}
            finished = finished.model_copy(update=update)
            self._state = await self.proved(decision, finished)

    def _may_start(self, decision: DecisionT, index: int) -> bool:
        startable = self._state.stages[index].phase is Phase.PENDING and not self._cancellation.requested
        return startable and rollup.may_start_stage(decision.plan_policy, self._state.stages, index)

    async def _approved(self, decision: DecisionT, index: int) -> None:
        """Wait until as many persons have approved a stage as the plan asks for, or a cancel ends the wait."""
        needed = decision.approvals[index] if decision.approvals else None
        if needed is None:
            return
        stage = self._state.stages[index]
        while len(given := self._approvals.given) < needed.required and not self._cancellation.requested:
            stage = transitions.stage_awaiting(stage, needed, given, workflow.now())
            self._state = transitions.with_child(self._state, index, stage)
            workflow.set_current_details(
                self._table.text(self._state, temporal_ui.awaiting_details(stage.message or ""))
            )
            await self._approvals.next(index, needed, decision.requested_by, len(given))
        approved = transitions.stage_approved(stage, self._approvals.close(), workflow.now())
        self._state = transitions.with_child(self._state, index, approved)

    async def _decide(self, load: workflow.ActivityHandle[DecisionT]) -> DecisionT | None:
        """Return what is to be done; None, with the final state set, where that is nothing."""
        try:
            decision = await self._cancellation.settle(load)
        except ActivityError as error:
            self._state = transitions.plan_rejected(self._undecided(error, self.operation), workflow.now())
            return None
        if decision.rejection is not None:
            rejection = {"phase": Phase.FAILED, "message": decision.rejection}
            self._state = transitions.plan_rejected(decision.state.model_copy(update=rejection), workflow.now())
            return None
        # Since its start, not since the decision: the status names that time while the decision is made.
        start = workflow.info().workflow_start_time
        self._state = transitions.with_counts(transitions.started(decision.state, start))
        return decision

    async def _run_stage(self, decision: DecisionT, index: int) -> None:
        pending = self._state.stages[index]
        running = transitions.started(pending, workflow.now())
        origin = decision.origin and decision.origin.model_copy(update={"stage": running.name})
        call = ChildCall(
            workflow_type=self.stage_type,
            id=identifiers.stage_id(workflow.info().workflow_id, index, running.name),
            input=self.stage_input(decision, index, running, origin),
            result_type=StageStatus,
            parts=len(running.workflows),
            summary=temporal_ui.stage_summary(running),
            details=temporal_ui.stage_details(running),
            stage=running.name,
        )
        try:
            child = await start_child(call, self._cancellation)
            await self._paused.entered(child)
            self._state = transitions.with_child(self._state, index, running)
            ended = sum(stage.phase.terminal for stage in self._state.stages)
            progress = temporal_ui.progress_details(ended, len(self._state.stages))
            workflow.set_current_details(self._table.text(self._state, progress))
            stage = await final_node(child, call, self._cancellation)
        except ChildNotStarted:
            stage = pending
        except ChildLost as lost:
            stage = lost_stage(running, self.operation, str(lost), workflow.now())
        self._paused.left(call.id)
        self._state = transitions.with_child(self._state, index, stage)
        self._tree.update(self._state)


def _rejection(failure: ApplicationError) -> Rejection | None:
    """Return why a decision failed; None where the worker of an earlier release does not say it."""
    try:
        return AttemptFailure.model_validate(failure.details[0]).rejection
    except (IndexError, ValidationError):
        return None


@workflow.defn(name=WorkflowType.REVERT_PLAN)
class RevertPlan(PlanWalk[RevertDecision]):
    """Revert one execution, or all that came after one, stage by stage."""

    operation = OperationType.REVERT
    stage_type = WorkflowType.REVERT_STAGE

    @workflow.run
    async def run(self, run_input: RunInput) -> RunState:
        """Return the final tree, or raise what PlanWalk.walk raises."""
        self._run_input = run_input
        return await self.walk(activity_stubs.load(ActivityName.LOAD_REVERT, run_input, RevertDecision))

    async def decision_at(self, decision: RevertDecision, index: int) -> RevertDecision:
        """Decide on the next execution of a Revert with `revertTo`, once those that came later are taken back."""
        if not decision.parts or index < len(decision.steps) or not self._may_start(decision, index):
            return decision
        part = decision.parts[0]
        run_input = self._run_input.model_copy(update={"part": part.execution})
        try:
            load = activity_stubs.load(ActivityName.LOAD_REVERT, run_input, RevertDecision)
            decided = await self._cancellation.settle(load)
        except ActivityError as error:
            undecided = self._undecided(error, self.operation).message or ""
            decided = RevertDecision(state=self._state, rejection=undecided)
        if decided.rejection is None:
            self._state = unwind.with_part(self._state, index, part, decided.state)
            return unwind.joined(decision, decided)
        if not self._cancellation.requested:
            running = transitions.started(self._state.stages[index], workflow.now())
            lost = lost_stage(running, self.operation, decided.rejection, workflow.now())
            self._state = transitions.with_child(self._state, index, lost)
        return decision.model_copy(update={"parts": []})

    async def proved(self, decision: RevertDecision, finished: RunState) -> RunState:
        """Return the final tree with the proof that all is as it was before the Execute."""
        self._state = self._state.model_copy(update={"message": proof_messages.CHECKING})
        return await proof.proved(finished, self._run_input, decision.soak, self._cancellation)

    def not_deleted(self, decision: RevertDecision) -> list[str] | None:
        """Name the objects that were to be deleted and were not."""
        return rollup.not_deleted(self._state.stages, decision.steps)

    def stage_input(
        self, decision: RevertDecision, index: int, stage: StageStatus, origin: Origin | None
    ) -> RevertStageInput:
        """Return the input of RevertStage."""
        return RevertStageInput(
            root=workflow.info().workflow_id,
            index=index,
            stage=stage,
            steps=decision.steps[index],
            actor=decision.actor,
            origin=origin,
            on_failure=decision.on_failure,
        )


@workflow.defn(name=WorkflowType.EXECUTE_PLAN)
class ExecutePlan(PlanWalk[ExecuteDecision]):
    """Execute one plan, stage by stage."""

    operation = OperationType.EXECUTE
    stage_type = WorkflowType.EXECUTE_STAGE

    @workflow.run
    async def run(self, run_input: RunInput) -> RunState:
        """Return the final tree, or raise what PlanWalk.walk raises."""
        return await self.walk(activity_stubs.load(ActivityName.LOAD_EXECUTE, run_input, ExecuteDecision))

    def stage_input(
        self, decision: ExecuteDecision, index: int, stage: StageStatus, origin: Origin | None
    ) -> ExecuteStageInput:
        """Return the input of ExecuteStage."""
        return ExecuteStageInput(
            root=workflow.info().workflow_id,
            index=index,
            stage=stage,
            steps=decision.steps[index],
            actor=decision.actor,
            policy=decision.stage_policies[index],
            workflow_policies=decision.workflow_policies[index],
            origin=origin,
            on_failure=decision.on_failure,
        )


@workflow.defn(name=WorkflowType.PREVIEW_PLAN)
class PreviewPlan(Root):
    """Ask what an Execute or a Revert would do; one activity does that, and changes nothing."""

    @workflow.run
    async def run(self, run_input: RunInput) -> RunState:
        """Return the tree of what would happen, or raise what Root._close raises."""
        await self._cancellation.guard(self._preview(run_input))
        return self._close(run_input.operation)

    async def _preview(self, run_input: RunInput) -> None:
        workflow.set_current_details(running_messages.DECIDING)
        try:
            state = await self._cancellation.settle(activity_stubs.load(ActivityName.PREVIEW, run_input, RunState))
        except ActivityError as error:
            state = self._undecided(error, run_input.operation)
        start = workflow.info().workflow_start_time.replace(microsecond=0)
        self._state = transitions.plan_rejected(state.model_copy(update={"start_time": start}), workflow.now())


@workflow.defn(name=WorkflowType.REHEARSE_PLAN)
class RehearsePlan:
    """Ask what an execution of a plan would do, for the plan's conditions; there is no execution, and no tree."""

    @workflow.run
    async def run(self, rehearsal: RehearsalInput) -> RunState:
        """Return what was found. Raises ApplicationError with the reason where it could not be asked."""
        try:
            return await activity_stubs.rehearse(rehearsal)
        except ActivityError as error:
            message = activity_stubs.reason_of(error)
        raise ApplicationError(message, non_retryable=True)
