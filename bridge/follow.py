"""Long polls on the histories of open runs: they cost no history, need no worker, and only wake the queue.

Their number is bounded; what is not followed is looked at by a timer. Source: docs/architecture.md, "Bridge".
"""

import asyncio
from collections.abc import Callable, Collection
from itertools import count

import structlog

from bridge.backoff import Backoff
from bridge.engine import Engine, EngineUnreachable, RunNotFound
from bridge.index import Key

_log = structlog.get_logger(__name__)

CLOSING_SECONDS = 1.0
"""How long to wait before a run that was not there is polled again: a child may be about to start."""


class Follower:
    """The open long polls, by execution and run."""

    def __init__(self, engine: Engine, bound: int, wake: Callable[[Key, bool], None]) -> None:
        self._engine = engine
        self._bound = bound
        self._wake = wake
        self._polls: dict[Key, dict[str, asyncio.Task[None]]] = {}
        self._versions: dict[str, int] = {}
        self._counter = count()
        self._open = 0

    def follow(self, key: Key, workflow_ids: Collection[str]) -> bool:
        """Follow exactly these runs of an execution; False when there was no room for all of them."""
        polls = self._polls.setdefault(key, {})
        for workflow_id in [workflow_id for workflow_id in polls if workflow_id not in workflow_ids]:
            polls.pop(workflow_id).cancel()
        for workflow_id in workflow_ids:
            task = polls.get(workflow_id)
            if (task is None or task.done()) and self._open < self._bound:
                self._open += 1
                polls[workflow_id] = asyncio.create_task(self._poll(key, workflow_id))
        return all(workflow_id in polls for workflow_id in workflow_ids)

    def stop(self, key: Key) -> None:
        """Follow nothing of this execution any more."""
        for task in self._polls.pop(key, {}).values():
            task.cancel()

    def version(self, workflow_id: str) -> int | None:
        """Give a number that grows with the run's history; None when it is not followed."""
        return self._versions.get(workflow_id)

    async def close(self) -> None:
        """End all polls."""
        tasks = [task for polls in self._polls.values() for task in polls.values()]
        for key in list(self._polls):
            self.stop(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _poll(self, key: Key, workflow_id: str) -> None:
        try:
            await self._poll_until_closed(key, workflow_id)
        finally:
            self._open -= 1
            self._versions.pop(workflow_id, None)

    async def _poll_until_closed(self, key: Key, workflow_id: str) -> None:
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
