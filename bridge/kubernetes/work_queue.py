"""A keyed work queue: one pass per key at a time, delays, coalescing and backoff.

`Schedule` decides and knows no clock; `WorkQueue` waits. A key that is added while its pass runs is
due again after it. Source: docs/architecture.md, "Bridge".
"""

import asyncio
import heapq
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bridge.kubernetes.backoff import Backoff

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Pace:
    """How far apart two passes over one key begin: `rest` times what a pass took, within bounds. Seconds."""

    shortest: float
    longest: float
    rest: float = 10.0
    """A pass over a large status loads API server, engine and worker as well; so much of the time is left to others."""

    def after(self, took: float) -> float:
        """Give the distance after a pass that took so long; at least half of the time is left to others."""
        return max(min(max(took * self.rest, self.shortest), self.longest), 2 * took)


class Schedule(Generic[K]):
    """When each key is due, in seconds of any one clock. The earliest wish for a key counts."""

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
        """Wish for a pass over `key` after `delay`, but not too soon after its last one unless it is urgent."""
        due = now + delay
        if not urgent:
            due = max(due, self._not_before.get(key, due))
        if due >= self._due.get(key, float("inf")):
            return
        self._due[key] = due
        if key not in self._running:
            self._push(key, due)

    def take(self, now: float) -> K | None:
        """Give a key that is due and mark it as running; None when there is none."""
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if key not in self._running and self._due.get(key) == due:
                del self._due[key]
                self._running[key] = now
                self._not_before[key] = now + self._pace.shortest
                return key
        return None

    def done(self, key: K, now: float) -> None:
        """Take the mark off; what was added meanwhile is scheduled now."""
        began = self._running.pop(key)
        self._not_before[key] = began + self._pace.after(now - began)
        if key in self._due:
            self._push(key, self._due[key])

    def forget(self, key: K) -> None:
        """Drop what is remembered of a key that needs no further pass."""
        self._not_before.pop(key, None)

    def next_due(self) -> float | None:
        """Tell when the next key is due; None when nothing waits."""
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
    """The schedule, with waiting. Times in seconds."""

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        self._schedule: Schedule[K] = Schedule(pace)
        self._clock = clock
        self._changed = asyncio.Event()
        self._backoffs: dict[K, Backoff] = {}

    def __len__(self) -> int:
        return len(self._schedule)

    def add(self, key: K, delay: float = 0.0, *, urgent: bool = False) -> None:
        """Wish for a pass over `key`."""
        self._schedule.add(key, self._clock(), delay, urgent=urgent)
        self._changed.set()

    async def get(self) -> K:
        """Wait for a key that is due; the caller owes a `done` or `failed` for it."""
        while True:
            key = self._schedule.take(self._clock())
            if key is not None:
                self._changed.set()
                return key
            await self._wait()

    def done(self, key: K, again: float | None) -> None:
        """End a pass that went well; `again` in seconds, or None when only an event brings the key back."""
        self._backoffs.pop(key, None)
        self._finish(key, again)
        if again is None:
            self._schedule.forget(key)

    def failed(self, key: K, at_least: float = 0.0) -> float:
        """End a pass that failed and return the pause until the next; a server may ask for `at_least` so many."""
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
