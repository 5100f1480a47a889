"""A person's pause of a run: no further action starts until it is resumed.

The root takes the request, as an update; each level stops starting children and passes the pause to those that run.
Source: docs/spec/drplanexecution.md, "Pause and repair".
"""

from contextlib import suppress
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from api.requests import Pause
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
