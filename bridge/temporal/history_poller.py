"""Long polls on the histories of open runs: they cost no history, need no worker, and only wake the queue.

Their number is bounded; what is not followed is looked at by a timer. Source: docs/architecture.md, "Bridge".
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count

import structlog

from bridge.keys import Key
from bridge.kubernetes.backoff import Backoff
from bridge.temporal.client import Engine, EngineUnreachable, RunNotFound

_log = structlog.get_logger(__name__)

CLOSING_SECONDS = 1.0
"""How long to wait before a run that was not there is polled again: a child may be about to start."""


class Follower:
    """The open long polls, by execution and run."""

    def __init__(self, engine: Engine, bound: int, rest: float, wake: Callable[[Key, bool], None]) -> None:
        """`bound` polls at a time; `rest` seconds after an answer, for passes are coalesced anyway."""
        self._engine = engine
        self._bound = bound
        self._rest = rest
        self._wake = wake
        self._polls: dict[Key, dict[str, asyncio.Task[None] | None]] = {}
        self._versions: dict[str, int] = {}
        self._counter = count()
        self._open = 0

    def follow(self, key: Key, workflow_ids: Sequence[str]) -> bool:
        """Follow exactly these runs of an execution, the root first; False where one is not followed yet.

        A child is followed from the second time on that it is found open: most are over before.
        """
        polls = self._polls.setdefault(key, {})
        for workflow_id in [workflow_id for workflow_id in polls if workflow_id not in workflow_ids]:
            _end(polls.pop(workflow_id))
        for place, workflow_id in enumerate(workflow_ids):
            known, task = workflow_id in polls, polls.get(workflow_id)
            wanted = task is None or task.done()
            if wanted and (known or place == 0) and self._open < self._bound:
                polls[workflow_id] = self._started(key, workflow_id)
            elif not known:
                polls[workflow_id] = None
        return all((task := polls[workflow_id]) is not None and not task.done() for workflow_id in workflow_ids)

    def stop(self, key: Key) -> None:
        """Follow nothing of this execution any more."""
        for task in self._polls.pop(key, {}).values():
            _end(task)

    def version(self, workflow_id: str) -> int | None:
        """Give a number that grows with the run's history; None when it is not followed."""
        return self._versions.get(workflow_id)

    async def close(self) -> None:
        """End all polls."""
        tasks = [task for polls in self._polls.values() for task in polls.values() if task is not None]
        for key in list(self._polls):
            self.stop(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _started(self, key: Key, workflow_id: str) -> asyncio.Task[None]:
        def ended(_: asyncio.Task[None]) -> None:
            self._open -= 1
            self._versions.pop(workflow_id, None)

        self._open += 1
        task = asyncio.create_task(self._poll(key, workflow_id))
        task.add_done_callback(ended)
        return task

    async def _poll(self, key: Key, workflow_id: str) -> None:
        token: bytes | None = None
        backoff = Backoff(cap=10.0)
        while True:
            try:
                page = await self._engine.changes(workflow_id, token)
            except RunNotFound:
                await asyncio.sleep(CLOSING_SECONDS)
                return
            except EngineUnreachable as error:
                self._versions.pop(workflow_id, None)
                _log.debug("long poll failed", workflow=workflow_id, error=str(error))
                await asyncio.sleep(backoff.pause())
                continue
            backoff.reset()
            token = page.token
            if page.events:
                self._versions[workflow_id] = next(self._counter)
                self._wake(key, token is None)
            if token is None:
                return
            await asyncio.sleep(self._rest)


def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
