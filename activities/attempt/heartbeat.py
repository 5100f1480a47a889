"""Signs of life of a running attempt, and what they carry to the next attempt and to the bridge.

Measured with server 1.32: details recorded right before an attempt fails reach the next one, and those of
a lost attempt stay until newer ones come, so errors can be counted here.
Source: docs/architecture.md, "Errors and attempts"; Temporal, "Activity Heartbeat".
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from pydantic import ValidationError
from temporalio import activity

from activities.attempt.failures import ActionError
from api.steps import ActionOutcome, Heartbeat
from planning.messages.actions import bounded
from planning.values.redaction import scrubbed, secret_forms

INTERVAL = 3.0
"""Seconds between two beats. Source: docs/architecture.md, "Temporal"."""


class Pulse:
    """What an attempt tells while it runs: errors so far, what it waits for, and how it would fail by timeout."""

    def __init__(self, late: ActionError, errors: int = 0, found: Heartbeat | None = None) -> None:
        """Take up what earlier attempts left, or `found`; `errors` were counted under earlier schedules."""
        found = found or _left_by_earlier_attempt()
        self.said = found.model_copy(update={"errors": max(found.errors, errors), "waiting_for": ""})
        self.late = late
        self.last_look: Callable[[], Awaitable[ActionOutcome | None]] | None = None
        """Asked once when the time ran out; an outcome means that it was done in spite of that."""
        self._secrets: tuple[str, ...] = ()
        self.after_failure: list[Callable[[ActionError], Awaitable[ActionError]]] = []
        """Done, one after the other, when the last attempt has failed; each gives the failure with what it adds."""

    def wait_for(self, what: str, late: ActionError) -> None:
        """Say what is waited for now, and what to raise if the time runs out meanwhile."""
        self.late = late
        self.say(waiting_for=bounded(self.hidden(what)))

    def hide(self, secrets: Iterable[str]) -> None:
        """Take note of texts that this attempt works with and that nobody may read in what it says."""
        self._secrets = secret_forms(secrets)

    def hidden(self, text: str) -> str:
        """Give a text as people may read it."""
        return scrubbed(text, self._secrets)

    def say(self, **change: str | int) -> None:
        """Change what the beats say; said at once where it is new."""
        new = self.said.model_copy(update=change)
        if new != self.said:
            self.said = new
            self.beat()

    def beat(self) -> None:
        """Give a sign of life."""
        activity.heartbeat(self.said)

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat at once and then regularly while the block runs."""
        task = asyncio.create_task(self._go_on())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _go_on(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(INTERVAL)


def _left_by_earlier_attempt() -> Heartbeat:
    try:
        return Heartbeat.model_validate(activity.info().heartbeat_details[0])
    except (IndexError, ValidationError):
        return Heartbeat()
