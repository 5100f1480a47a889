"""What a person decides about actions of a DRWorkflow that failed, where the execution waits for that.

Source: docs/spec/drplanexecution.md, "Pause and repair".
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.phases import OnFailure, Phase
    from api.requests import NEED_REASON, PersonRequest, RequestType
    from api.steps import ActionOutcome
    from planning.messages import requests as request_messages
from workflows.attempts import ActionEnd
from workflows.cancellation import Cancellation
from workflows.pause import refused


class Decisions:
    """The actions that wait for a decision, by their place, and the decisions that came in."""

    def __init__(self, on_failure: OnFailure, cancellation: Cancellation) -> None:
        self._pauses = on_failure is OnFailure.PAUSE
        self._cancellation = cancellation
        self._waiting: dict[int, bool] = {}
        """Whether a retry can change anything, for each action that waits."""
        self._made: dict[int, PersonRequest] = {}

    def needed(self, end: ActionEnd) -> bool:
        """Return whether a person is to decide what follows from how an action ended."""
        return self._pauses and end.outcome.phase is Phase.FAILED and not self._cancellation.requested

    async def about(self, index: int, *, repeatable: bool) -> PersonRequest | None:
        """Wait for the decision about the action at `index`; None where it is to fail, or a cancel ends the wait."""
        self._waiting[index] = repeatable
        await workflow.wait_condition(lambda: index in self._made or self._cancellation.requested)
        del self._waiting[index]
        made = self._made.pop(index, None)
        return None if made is None or made.type is RequestType.ABORT else made

    def check(self, request: PersonRequest) -> None:
        """Refuse a decision that cannot be carried out. Raises ApplicationError."""
        if request.action not in self._waiting or request.action in self._made:
            raise refused(request_messages.WAITS_FOR_NOTHING)
        if not request.type.decides:
            raise refused(request_messages.unsupported(request.type.lower()))
        if request.type is RequestType.RETRY and not self._waiting[request.action]:
            raise refused(request_messages.RETRY_IN_VAIN)
        if request.type in NEED_REASON and not request.reason:
            raise refused(request_messages.needs_reason(request.type))

    def make(self, request: PersonRequest) -> None:
        """Take a decision that was checked."""
        assert request.action is not None, "the check refuses a decision about no action"
        self._made[request.action] = request


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
