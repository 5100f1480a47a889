"""What a person asks of a run: a pause, an approval of a stage, a decision about an action that failed.

The root takes a pause as an update; each level stops starting children and passes the pause to those that run.
Source: docs/spec/drplanexecution.md, "Pause and repair"; docs/spec/drplan.md, "Approval".
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from api.attempts import ActionOutcome, ActionRecord
    from api.decisions import Redecision
    from api.nodes import RetriedWith
    from api.phases import OnFailure, Phase
    from api.requests import NEED_REASON, Approval, Pause, PersonRequest, RequestType, StageApproval
    from api.steps import Origin, ParametersRef
    from planning.messages import requests as request_messages
from workflows import action_calls, activity_stubs
from workflows.action_calls import ActionCall, RetryOptions
from workflows.attempts import ActionEnd
from workflows.cancellation import Cancellation
from workflows.contract import PAUSE_SIGNAL

Child = workflow.ChildWorkflowHandle[Any, Any]

REFUSED = "RequestRefused"
"""Type of the failure with which a validator refuses a request."""


def refused(message: str) -> ApplicationError:
    """Return the error with which a request is refused; nothing of it enters the history."""
    return ApplicationError(message, type=REFUSED, non_retryable=True)


class Paused:
    """Whether a run is paused, and the running children that must know."""

    def __init__(self, cancellation: Cancellation) -> None:
        self.pause: Pause | None = None
        self._cancellation = cancellation
        self._children: dict[str, Child] = {}

    async def change(self, pause: Pause | None) -> None:
        """Pause, or resume with None, here and in the running children."""
        self.pause = pause
        for child in list(self._children.values()):
            await self._tell(child)

    async def entered(self, child: Child) -> None:
        """Take note of a child that has started."""
        self._children[child.id] = child
        if self.pause is not None:
            await self._tell(child)

    def left(self, workflow_id: str) -> None:
        """Forget a child that has ended."""
        self._children.pop(workflow_id, None)

    async def over(self) -> None:
        """Return once the run is not paused, or is cancelled."""
        # Without the check every start of a child would wait for one more turn of the event loop.
        if self.pause is not None:
            await workflow.wait_condition(lambda: self.pause is None or self._cancellation.requested)

    async def _tell(self, child: Child) -> None:
        with suppress(FailureError):  # it has ended meanwhile
            await child.signal(PAUSE_SIGNAL, self.pause)


class Approvals:
    """The stage that waits for approval, if any, and who has approved it."""

    def __init__(self, cancellation: Cancellation) -> None:
        self._cancellation = cancellation
        self._stage: int | None = None
        self._needed = Approval()
        self._requested_by = ""
        self.given: list[StageApproval] = []
        """Of the stage that waits, in the order in which they came in."""

    async def next(self, stage: int, needed: Approval, requested_by: str, before: int) -> Sequence[StageApproval]:
        """Wait for more approvals of a stage than the `before` that there are; a cancel ends the wait."""
        self._stage, self._needed, self._requested_by = stage, needed, requested_by
        await workflow.wait_condition(lambda: len(self.given) > before or self._cancellation.requested)
        return self.given

    def close(self) -> list[StageApproval]:
        """End the wait, and return who has approved."""
        given, self.given, self._stage = self.given, [], None
        return given

    def check(self, request: PersonRequest) -> None:
        """Refuse an approval that does not count. Raises ApplicationError."""
        if self._stage is None or request.stage != self._stage:
            raise refused(request_messages.NO_STAGE_WAITS)
        if not request.by:
            raise refused(request_messages.without_by())
        if self._needed.group and request.group != self._needed.group:
            raise refused(request_messages.needs_group(self._needed.group))
        if request.by == self._requested_by and not self._needed.allow_requester:
            raise refused(request_messages.own_request(request.by))
        if any(each.by == request.by for each in self.given):
            raise refused(request_messages.approved_already(request.by))

    def add(self, request: PersonRequest) -> None:
        """Take an approval that was checked."""
        group, reason = request.group or None, request.reason or None
        self.given = [*self.given, StageApproval(by=request.by, group=group, reason=reason, at=workflow.now())]


@dataclass(frozen=True)
class WaitingAction:
    """An action that failed and waits for a decision."""

    call: ActionCall
    options: RetryOptions
    """What it was tried with."""
    end: ActionEnd


@dataclass(frozen=True)
class MadeDecision:
    """What a person decided."""

    request: PersonRequest
    parameters: RetriedWith | None = None
    """Of a retry with parameters: where their values are stored."""
    redecision: Redecision | None = None
    """Of a retry of what was refused: what was decided again."""


class Decisions:
    """The actions that wait for a decision, by their place, and the decisions that came in."""

    def __init__(self, on_failure: OnFailure, cancellation: Cancellation) -> None:
        self._pauses = on_failure is OnFailure.PAUSE
        self._cancellation = cancellation
        self._waiting: dict[int, WaitingAction] = {}
        self._made: dict[int, MadeDecision] = {}

    def needed(self, end: ActionEnd) -> bool:
        """Return whether a person is to decide what follows from how an action ended."""
        return self._pauses and end.outcome.phase is Phase.FAILED and not self._cancellation.requested

    async def about(self, index: int, waiting: WaitingAction) -> MadeDecision | None:
        """Wait for the decision about the action at `index`; None where it is to fail, or a cancel ends the wait."""
        self._waiting[index] = waiting
        await workflow.wait_condition(lambda: index in self._made or self._cancellation.requested)
        del self._waiting[index]
        made = self._made.pop(index, None)
        return None if made is None or made.request.type is RequestType.ABORT else made

    def check(self, request: PersonRequest) -> None:
        """Refuse a decision that cannot be carried out. Raises ApplicationError."""
        if request.action not in self._waiting or request.action in self._made:
            raise refused(request_messages.WAITS_FOR_NOTHING)
        if not request.type.decides:
            raise refused(request_messages.unsupported(request.type.lower()))
        call = self._waiting[request.action].call
        if request.type is RequestType.RETRY and call.refused and call.decide_again is None:
            raise refused(request_messages.RETRY_IN_VAIN)
        if request.type in NEED_REASON and not request.reason:
            raise refused(request_messages.needs_reason(request.type))

    async def make(self, request: PersonRequest) -> None:
        """Take a decision that was checked. Raises ApplicationError where a retry is refused after all."""
        assert request.action is not None, "the check refuses a decision about no action"
        waiting, parameters, redecision = self._waiting[request.action], None, None
        try:
            if request.parameters:
                record = ActionRecord(**waiting.end.outcome.record_fields())
                parameters_input = waiting.call.parameters_input(waiting.options, request, record)
                parameters = await action_calls.store_parameters(request.action, waiting.call.action, parameters_input)
            elif request.type is RequestType.RETRY and waiting.call.refused and waiting.call.decide_again is not None:
                redecision = await waiting.call.decide_again()
        except ActivityError as error:
            raise refused(activity_stubs.reason_of(error)) from None
        if parameters is not None or redecision is not None:
            self.check(request)  # another decision may have come in meanwhile
        self._made[request.action] = MadeDecision(request, parameters, redecision)


def options_of(decision: MadeDecision, before: RetryOptions, origin: Origin | None) -> RetryOptions:
    """Return what a retry is tried with: its own timeout, and the parameters that hold from now on."""
    stored = decision.parameters
    if stored is None or origin is None:
        return RetryOptions(decision.request.timeout, before.parameters)
    ref = ParametersRef(execution=origin.execution, record=stored.record, names=stored.parameters)
    return RetryOptions(decision.request.timeout, ref)


def skipped_by(redecision: Redecision, end: ActionEnd) -> ActionEnd:
    """Return how an action ended of which nothing is to be done any more, by what was decided again."""
    node = redecision.node
    update = {"phase": node.phase, "reason": node.reason, "message": node.message or ""}
    return ActionEnd(end.outcome.model_copy(update=update), end.retries)


def ended_by(request: PersonRequest, end: ActionEnd) -> ActionEnd:
    """Return how an action ended that a person skipped, or says is done; what it recorded before is kept."""
    error = end.outcome.message
    if request.type is RequestType.SKIP:
        phase, cause = Phase.SKIPPED, request_messages.skipped(request, error)
    else:
        phase, cause = Phase.SUCCEEDED, request_messages.done_by_hand(request, error)
    update = {"phase": phase, "reason": cause.reason, "message": cause.message}
    return ActionEnd(end.outcome.model_copy(update=update), end.retries)


def tried_again(before: ActionEnd, after: ActionEnd) -> ActionEnd:
    """Return how an action ended after further attempts: what the earlier ones recorded holds where these say nothing.

    An object that an earlier attempt created is there because of this action.
    """
    earlier = {name: value for name, value in before.outcome.record_fields().items() if value is not None}
    later = {name: value for name, value in after.outcome.record_fields().items() if value is not None}
    created = {"created": True} if before.outcome.created else {}
    outcome: ActionOutcome = after.outcome.model_copy(update={**earlier, **later, **created})
    return ActionEnd(outcome, before.retries + 1 + after.retries)
