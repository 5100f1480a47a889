"""A keyed work queue: one pass per key at a time, delays, coalescing and backoff.

`Schedule` decides and reads no clock; `WorkQueue` waits. A key that is added while its pass runs is due again
after that pass. Source: docs/architecture.md, "Bridge".
"""

import asyncio
import heapq
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from process.backoff import Backoff

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Pace:
    """How far apart two passes over one key start: `rest` times the duration of a pass, within bounds. Seconds."""

    shortest: float
    longest: float
    rest: float = 10.0
    """A pass over a large status loads API server, Temporal and worker too; so much of the time is left to others."""

    def after(self, took: float) -> float:
        """Return the distance after a pass of `took` seconds; at least half of the time is left to others."""
        return max(min(max(took * self.rest, self.shortest), self.longest), 2 * took)


class Schedule(Generic[K]):
    """When each key is due, in seconds of any one clock. Of several requests for a key the earliest counts."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._ticket = 0
        self._running: dict[K, float] = {}
        self._not_before: dict[K, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def add(self, key: K, now: float, delay: float = 0.0, *, urgent: bool = False) -> None:
        """Request a pass over `key` after `delay`, but not too soon after its last one unless it is urgent."""
        due = now + delay
        if not urgent:
            due = max(due, self._not_before.get(key, due))
        if due >= self._due.get(key, float("inf")):
            return
        self._due[key] = due
        if key not in self._running:
            self._push(key, due)

    def take(self, now: float) -> K | None:
        """Return a key that is due, and mark it as running; None when no key is due."""
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if key not in self._running and self._due.get(key) == due:
                del self._due[key]
                self._running[key] = now
                self._not_before[key] = now + self._pace.shortest
                return key
        return None

    def done(self, key: K, now: float) -> None:
        """Remove the mark; a key that was added meanwhile is scheduled now."""
        began = self._running.pop(key)
        self._not_before[key] = began + self._pace.after(now - began)
        if key in self._due:
            self._push(key, self._due[key])

    def forget(self, key: K) -> None:
        """Forget when a key that needs no further pass was last taken."""
        self._not_before.pop(key, None)

    def next_due(self) -> float | None:
        """Return when the next key is due; None when no key waits."""
        while self._heap:
            due, _, key = self._heap[0]
            if key not in self._running and self._due.get(key) == due:
                return due
            heapq.heappop(self._heap)
        return None

    def _push(self, key: K, due: float) -> None:
        self._ticket += 1
        heapq.heappush(self._heap, (due, self._ticket, key))


class WorkQueue(Generic[K]):
    """A schedule that callers can wait for. Times in seconds."""

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        self._schedule: Schedule[K] = Schedule(pace)
        self._clock = clock
        self._changed = asyncio.Event()
        self._backoffs: dict[K, Backoff] = {}

    def __len__(self) -> int:
        return len(self._schedule)

    def add(self, key: K, delay: float = 0.0, *, urgent: bool = False) -> None:
        """Request a pass over `key`."""
        self._schedule.add(key, self._clock(), delay, urgent=urgent)
        self._changed.set()

    async def get(self) -> K:
        """Wait for a key that is due; the caller must call `done` or `failed` for it."""
        while True:
            key = self._schedule.take(self._clock())
            if key is not None:
                self._changed.set()
                return key
            await self._wait()

    def done(self, key: K, again: float | None) -> None:
        """End a pass that succeeded; `again` in seconds, None when only an event requires another pass."""
        self._backoffs.pop(key, None)
        self._finish(key, again)
        if again is None:
            self._schedule.forget(key)

    def failed(self, key: K, at_least: float = 0.0) -> float:
        """End a pass that failed and return the growing pause until the next; `at_least` is what a server asks for."""
        pause = max(self._backoffs.setdefault(key, Backoff(first=0.2)).pause(), at_least)
        self._finish(key, pause)
        return pause

    def _finish(self, key: K, again: float | None) -> None:
        self._schedule.done(key, self._clock())
        if again is not None:
            self._schedule.add(key, self._clock(), again, urgent=True)
        self._changed.set()

    async def _wait(self) -> None:
        self._changed.clear()
        due = self._schedule.next_due()
        pause = None if due is None else max(0.0, due - self._clock())
        try:
            async with asyncio.timeout(pause):
                await self._changed.wait()
        except TimeoutError:
            return
