"""Long polls on the histories of open runs: they add no events, need no worker, and only wake the queue.

Their number is bounded; a timer serves the runs that are not polled. Source: docs/architecture.md, "Bridge".
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count

import structlog

from bridge.kubernetes.entry import Key
from bridge.kubernetes.work_queue import Urgency
from bridge.temporal.answers import HistoryPage
from bridge.temporal.calls import RunNotFound, TemporalUnreachable
from bridge.temporal.client import TemporalClient
from process.backoff import Backoff

_log = structlog.get_logger(__name__)

NOT_FOUND_SECONDS = 1.0
"""How long to wait before a run that was not found is polled again: a child may be about to start."""

UNDECIDED_SECONDS = 0.02
"""The pause after an answer of a root that has not decided yet: until then there are a few events, and each counts."""


class HistoryPoller:
    """The open long polls, by execution and run."""

    def __init__(self, client: TemporalClient, limit: int, pause: float, wake: Callable[[Key, Urgency], None]) -> None:
        """`limit` polls at a time; `pause` seconds after an answer, because passes are coalesced anyway."""
        self._client = client
        self._limit = limit
        self._pause = pause
        self._wake = wake
        self._polls: dict[Key, dict[str, asyncio.Task[None] | None]] = {}
        self._ends: dict[Key, asyncio.Task[None]] = {}
        """For the end of each root that is polled: the pause of the other poll would make it late."""
        self._versions: dict[str, int] = {}
        self._counter = count()
        self._open = 0
        self._changes: dict[Key, datetime] = {}

    def note_change(self, key: Key, at: datetime) -> None:
        """Note when a run of an execution changed, until a pass takes it; the oldest change counts."""
        self._changes[key] = min(at, self._changes.get(key, at))

    def take_change(self, key: Key) -> datetime | None:
        """Return the oldest change that no pass has taken yet, and forget it."""
        return self._changes.pop(key, None)

    def changes(self) -> list[datetime]:
        """Return the oldest change of each execution that no pass has taken yet."""
        return list(self._changes.values())

    def poll(self, key: Key, workflow_ids: Sequence[str]) -> bool:
        """Poll exactly these runs of an execution, the root first; return whether all of them are polled now.

        A child is polled from the second time on that it is listed: most have ended before.
        """
        polls = self._polls.setdefault(key, {})
        for workflow_id in [workflow_id for workflow_id in polls if workflow_id not in workflow_ids]:
            _cancel(polls.pop(workflow_id))
        polled = True
        for place, workflow_id in enumerate(workflow_ids):
            seen, task = workflow_id in polls, polls.get(workflow_id)
            if (task is None or task.done()) and (seen or place == 0) and self._open < self._limit:
                task = self._start(key, workflow_id, root=place == 0)
                if place == 0:
                    _cancel(self._ends.pop(key, None))
                    self._ends[key] = asyncio.create_task(self._wait_for_end(key, workflow_id))
            polls[workflow_id] = task
            polled = polled and task is not None and not task.done()
        return polled

    def stop(self, key: Key) -> None:
        """End all polls of an execution."""
        self._changes.pop(key, None)
        _cancel(self._ends.pop(key, None))
        for task in self._polls.pop(key, {}).values():
            _cancel(task)

    def version(self, workflow_id: str) -> int | None:
        """Return a number that grows with the run's history; None while it is not polled."""
        return self._versions.get(workflow_id)

    async def close(self) -> None:
        """End all polls and wait for their ends."""
        tasks = [task for polls in self._polls.values() for task in polls.values() if task is not None]
        tasks += self._ends.values()
        for key in list(self._polls):
            self.stop(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, key: Key, workflow_id: str, *, root: bool) -> asyncio.Task[None]:
        def ended(_: asyncio.Task[None]) -> None:
            self._open -= 1
            self._versions.pop(workflow_id, None)

        self._open += 1
        task = asyncio.create_task(self._poll(key, workflow_id, root=root))
        task.add_done_callback(ended)
        return task

    async def _wait_for_end(self, key: Key, root: str) -> None:
        try:
            ended_at = await self._client.wait_for_end(root)
        except (RunNotFound, TemporalUnreachable):
            return  # the other poll, which is repeated, sees the end as well
        self.note_change(key, ended_at)
        self._wake(key, Urgency.AT_ONCE)

    async def _poll(self, key: Key, workflow_id: str, *, root: bool) -> None:
        token: bytes | None = None
        backoff, undecided = Backoff(cap=10.0), root
        while True:
            try:
                page = await self._client.wait_for_events(workflow_id, token)
            except RunNotFound:
                await asyncio.sleep(NOT_FOUND_SECONDS)
                return
            except TemporalUnreachable as error:
                self._versions.pop(workflow_id, None)
                _log.debug("long poll failed", workflow=workflow_id, error=str(error))
                await asyncio.sleep(backoff.pause())
                continue
            backoff.reset()
            token = page.token
            if page.events:
                if page.changed_at is not None:
                    self.note_change(key, page.changed_at)
                self._versions[workflow_id] = next(self._counter)
                # The first action begins when the status shows the tree.
                tree = undecided and page.decided
                self._wake(key, Urgency.AT_ONCE if tree else _urgency(page, root=root))
                undecided = undecided and not tree
            if token is None:
                return
            await asyncio.sleep(min(self._pause, UNDECIDED_SECONDS) if undecided else self._pause)


def _urgency(page: HistoryPage, *, root: bool) -> Urgency:
    """Return how soon a change is to be shown: the end of the whole run at once, a failure anywhere soon."""
    if root and page.token is None:
        return Urgency.AT_ONCE
    return Urgency.SOON if page.failed else Urgency.PACED


def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
