"""The approvals that a stage needs before it begins: the run waits until as many persons have agreed.

Source: docs/spec/drplan.md, "Approval".
"""

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.requests import Approval, PersonRequest, StageApproval
    from planning.messages import requests as request_messages
from workflows.cancellation import Cancellation
from workflows.pause import refused


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
