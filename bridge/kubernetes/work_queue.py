"""A keyed work queue: one pass per key at a time, delays, coalescing, ranks and backoff.

`Schedule` decides and reads no clock; `WorkQueue` waits. A key that is added while its pass runs is due again
after that pass. Source: docs/architecture.md, "Bridge".
"""

import asyncio
import heapq
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Generic, Self, TypeVar

from bridge.settings import BridgeSettings
from process.backoff import Backoff

K = TypeVar("K", bound=Hashable)


class Rank(IntEnum):
    """Which of the keys that are due comes first."""

    FIRST = 0
    """A person waits for the first sign of it."""
    TREE = 1
    """A person waits to see what it is going to do."""
    NORMAL = 2
    LATER = 3
    """No execution waits for it."""
    LAST = 4
    """Nothing has changed; it is only to be looked at again."""


def lowest_ranks(passes: int) -> Iterator[Rank]:
    """Yield for each of so many workers the lowest rank that it takes: most are kept free of plans and DRWorkflows.

    Some are kept free of everything that has a status, for a pass may wait some seconds for a busy worker.
    """
    for number in range(passes):
        yield (Rank.LAST, Rank.NORMAL, Rank.NORMAL, Rank.FIRST)[number % 4]


class Urgency(Enum):
    """How soon after the last pass over its key the next one may begin."""

    AT_ONCE = "AtOnce"
    """A failure or an end, or the pass itself wants to go on."""
    SOON = "Soon"
    """After the shortest distance: somebody has changed the object, and may do so many times."""
    PACED = "Paced"
    """After the distance that the last write asks for."""


@dataclass(frozen=True)
class WriteCost:
    """What the last write of a status cost: the seconds until its answer, and the bytes of the status."""

    seconds: float
    size: int


@dataclass(frozen=True)
class Pace:
    """How far apart two passes over one key start: so far that its writes take SHARE of the time. Seconds.

    What a person may have to wait for a change bounds that: `longest`, or `longest_large` for a large status.
    """

    shortest: float
    longest: float
    longest_large: float
    share: float = 0.02
    large: int = 64 << 10
    """Bytes above which a status is a large one."""
    rest: float = 10.0
    """A pass loads Temporal and the worker, too: it takes one part of so many, within the same bounds."""

    @classmethod
    def of(cls, settings: BridgeSettings) -> Self:
        """Return the pace that the settings ask for."""
        return cls(
            shortest=settings.shortest_interval.total_seconds(),
            longest=settings.longest_interval.total_seconds(),
            longest_large=settings.longest_large_interval.total_seconds(),
        )

    def after(self, took: float, write: WriteCost | None = None) -> float:
        """Return the distance after a pass of `took` seconds; at least half of the time is left to others."""
        large = write is not None and write.size > self.large
        wanted = max(took * self.rest, write.seconds / self.share if write else 0.0, self.shortest)
        return max(min(wanted, self.longest_large if large else self.longest), 2 * took)


class Schedule(Generic[K]):
    """When each key is due, in seconds of any one clock. Of several requests for a key the earliest counts."""

    def __init__(self, pace: Pace, rank: Callable[[K], Rank] = lambda _: Rank.NORMAL) -> None:
        self._pace = pace
        self._rank = rank
        self._due: dict[K, float] = {}
        self._later: list[tuple[float, int, K]] = []
        self._ready: dict[Rank, list[tuple[float, int, K]]] = {each: [] for each in Rank}
        self._ranks: dict[K, Rank] = {}
        """Of the keys that are ready."""
        self._ticket = 0
        self._running: dict[K, float] = {}
        self._last: dict[K, float] = {}
        """When the last pass over a key began."""
        self._distance: dict[K, float] = {}
        """From there to the next one that is not urgent."""
        self._urgencies: dict[K, Urgency] = {}

    def __len__(self) -> int:
        return len(self._due)

    def add(self, key: K, now: float, delay: float = 0.0, urgency: Urgency = Urgency.PACED) -> None:
        """Request a pass over `key` after `delay`, but not too soon after its last one."""
        due = max(now + delay, self._earliest(key, urgency))
        if due >= self._due.get(key, float("inf")):
            if self._rank(key) < self._ranks.get(key, Rank.FIRST):
                self._push(key, self._due[key])
            return
        self._due[key], self._urgencies[key] = due, urgency
        if key not in self._running:
            self._push(key, due)

    def take(self, now: float, lowest: Rank = Rank.LAST) -> K | None:
        """Return a key that is due, of `lowest` rank or above, and mark it as running; None when there is none.

        Of two keys the one of the higher rank comes first, of one rank the one that is due first. A key has the rank
        of the moment when it becomes due, or of a later request for it.
        """
        self._sort_out(now)
        for rank in Rank:
            if rank <= lowest and self._drop_outdated(self._ready[rank]):
                key = heapq.heappop(self._ready[rank])[2]
                del self._due[key], self._ranks[key], self._urgencies[key]
                self._running[key] = self._last[key] = now
                self._distance[key] = self._pace.shortest
                return key
        return None

    def done(self, key: K, now: float, write: WriteCost | None = None) -> None:
        """Remove the mark; a key that was added meanwhile is scheduled now. `write` is what its last write cost."""
        began = self._running.pop(key)
        self._distance[key] = self._pace.after(now - began, write)
        if key in self._due:
            self._due[key] = max(self._due[key], self._earliest(key, self._urgencies[key]))
            self._push(key, self._due[key])

    def overdue(self, now: float) -> tuple[int, float]:
        """Return how many keys are due and wait for a pass, and for how many seconds the first of them."""
        waiting = [due for key, due in self._due.items() if due <= now and key not in self._running]
        return len(waiting), now - min(waiting, default=now)

    def forget(self, key: K) -> None:
        """Forget when a key that needs no further pass was last taken."""
        for known in (self._last, self._distance):
            known.pop(key, None)

    def next_due(self, lowest: Rank = Rank.LAST) -> float | None:
        """Return when the next key of `lowest` rank or above is due, at the earliest; None when none waits."""
        heaps = [self._later, *(self._ready[rank] for rank in Rank if rank <= lowest)]
        heads = [heap[0][0] for heap in heaps if self._drop_outdated(heap)]
        return min(heads, default=None)

    def _earliest(self, key: K, urgency: Urgency) -> float:
        """Return when the next pass over a key may begin."""
        if urgency is Urgency.AT_ONCE or key not in self._last:
            return float("-inf")
        return self._last[key] + (self._pace.shortest if urgency is Urgency.SOON else self._distance[key])

    def _push(self, key: K, due: float) -> None:
        self._ticket += 1
        heapq.heappush(self._later, (due, self._ticket, key))

    def _sort_out(self, now: float) -> None:
        """Move what is due to the others of its rank."""
        while self._later and self._later[0][0] <= now:
            entry = heapq.heappop(self._later)
            if self._is_current(entry[2], entry[0]):
                self._ranks[entry[2]] = self._rank(entry[2])
                heapq.heappush(self._ready[self._ranks[entry[2]]], entry)

    def _drop_outdated(self, heap: list[tuple[float, int, K]]) -> bool:
        """Remove the heads that no longer count, and return whether one is left."""
        while heap and not self._is_current(heap[0][2], heap[0][0]):
            heapq.heappop(heap)
        return bool(heap)

    def _is_current(self, key: K, due: float) -> bool:
        """Return whether an entry is the last request for its key, which no pass has taken."""
        return key not in self._running and self._due.get(key) == due


class WorkQueue(Generic[K]):
    """A schedule that callers can wait for. Times in seconds."""

    def __init__(
        self, pace: Pace, clock: Callable[[], float], rank: Callable[[K], Rank] = lambda _: Rank.NORMAL
    ) -> None:
        self._schedule: Schedule[K] = Schedule(pace, rank)
        self._clock = clock
        self._waiting: list[tuple[Rank, asyncio.Future[K]]] = []
        """Those that take the fewest ranks first, so that the others are left for the rest."""
        self._timer: asyncio.TimerHandle | None = None
        self._backoffs: dict[K, Backoff] = {}

    def __len__(self) -> int:
        return len(self._schedule)

    def add(self, key: K, delay: float = 0.0, urgency: Urgency = Urgency.PACED) -> None:
        """Request a pass over `key`."""
        self._schedule.add(key, self._clock(), delay, urgency)
        self._hand_out()

    async def get(self, lowest: Rank = Rank.LAST) -> K:
        """Wait for a key of `lowest` rank or above that is due; the caller must call `done` or `failed` for it."""
        key = self._schedule.take(self._clock(), lowest)
        if key is not None:
            return key
        future: asyncio.Future[K] = asyncio.get_running_loop().create_future()
        self._waiting.append((lowest, future))
        self._waiting.sort(key=lambda waiter: waiter[0])
        self._hand_out()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # it was handed out to a caller that is gone
                self._finish(future.result(), 0.0, None)
            raise

    def overdue(self) -> tuple[int, float]:
        """Return how many keys are due and wait for a pass, and for how many seconds the first of them."""
        return self._schedule.overdue(self._clock())

    def done(self, key: K, again: float | None, write: WriteCost | None = None) -> None:
        """End a pass that succeeded; `again` in seconds, None when only an event requires another pass.

        `write` is what the last write of a status cost that more writes may follow: then `again` keeps its pace, too.
        """
        self._backoffs.pop(key, None)
        self._finish(key, again, write)
        if again is None:
            self._schedule.forget(key)

    def failed(self, key: K, at_least: float = 0.0) -> float:
        """End a pass that failed and return the growing pause until the next; `at_least` is what a server asks for."""
        pause = max(self._backoffs.setdefault(key, Backoff(first=0.2)).pause(), at_least)
        self._finish(key, pause, None)
        return pause

    def _finish(self, key: K, again: float | None, write: WriteCost | None) -> None:
        self._schedule.done(key, self._clock(), write)
        if again is not None:
            self._schedule.add(key, self._clock(), again, Urgency.AT_ONCE if write is None else Urgency.PACED)
        self._hand_out()

    def _hand_out(self) -> None:
        """Hand what is due to those that wait, one key to one of them, and come again when the next key is due."""
        now, waiting = self._clock(), list[tuple[Rank, asyncio.Future[K]]]()
        for lowest, future in self._waiting:
            if future.done():
                continue
            if (key := self._schedule.take(now, lowest)) is not None:
                future.set_result(key)
            else:
                waiting.append((lowest, future))
        self._waiting = waiting
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if waiting and (due := self._schedule.next_due(waiting[-1][0])) is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - now), self._hand_out)
