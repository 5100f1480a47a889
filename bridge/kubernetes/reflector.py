"""Keep a sink in step with all objects of one kind: list, then watch, without end, whatever the server does.

Every list is paged; a watch resumes from the last version that it received, bookmarks included; a version
that is too old leads to a new list; silence, errors and streams that end at once lead to a growing pause.
Source: Kubernetes API concepts, "Efficient detection of changes"; docs/decisions, "A controller of our own".
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection
from enum import StrEnum
from typing import Protocol

import structlog

from api.metrics import WATCH_RESTARTS
from bridge.kubernetes.entry import Key, ObjectKind
from kube.client import OWN, Cluster, Object
from kube.errors import ApiError, ExpiredError
from process.backoff import Backoff
from process.health import Deadline
from process.metrics import Metrics

SILENT = 900.0
"""Seconds: a watch is silent for 90, and a server may ask for a pause of 300."""
SHORTEST_WATCH = 2.0
"""Seconds; a stream that the server ends sooner is a server in trouble, not the end of a watch."""

_log = structlog.get_logger(__name__)


class WatchEnd(StrEnum):
    """Why a list or a watch began again: values of a label."""

    CLOSED = "Closed"
    """By the server, as it does every few minutes."""
    CLOSED_AT_ONCE = "ClosedAtOnce"
    EXPIRED = "Expired"
    FAILED = "Failed"


class Sink(Protocol):
    """Where a reflector stores what it reads."""

    def put(self, kind: ObjectKind, item: Object) -> None:
        """Store an object that exists: new, changed, or listed again."""

    def drop(self, kind: ObjectKind, namespace: str, name: str) -> None:
        """Remove an object that was deleted."""

    def keep_only(self, kind: ObjectKind, names: Collection[tuple[str, str]]) -> None:
        """Remove every object that a complete list did not hold."""


class Reflector:
    """The loop for one kind. `synced` is set once the first list is complete."""

    def __init__(
        self,
        cluster: Cluster,
        kind: ObjectKind,
        sink: Sink,
        *,
        page_size: int,
        relist: float,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._cluster = cluster
        self._kind = kind
        self._target = Key(kind, "", "").target
        self._sink = sink
        self._page_size = page_size
        self._relist = relist
        self._clock = clock
        self._sleep = sleep
        self._backoff = Backoff()
        self._version: str | None = None
        self._listed_at = 0.0
        self._metrics = metrics or Metrics()
        self.synced = asyncio.Event()
        self.going_on = Deadline(SILENT)
        """Fails where neither an event nor an error has come for longer than any call or pause may take."""

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                if self._version is None or self._clock() - self._listed_at > self._relist:
                    self._version = await self._list()
                    self._listed_at = self._clock()
                    self.synced.set()
                await self._watch(self._version)
            except ExpiredError as error:
                self._version = None
                self._metrics.count(WATCH_RESTARTS, self._kind.value, WatchEnd.EXPIRED)
                await self._pause("watch expired, listing again", error)
            except ApiError as error:
                self._metrics.count(WATCH_RESTARTS, self._kind.value, WatchEnd.FAILED)
                await self._pause("list or watch failed", error)

    async def _pause(self, event: str, error: ApiError) -> None:
        self.going_on.reset()
        pause = max(self._backoff.pause(), error.retry_after or 0.0)
        _log.warning(event, kind=self._kind, error=str(error), retry_in=round(pause, 1))
        await self._sleep(pause)

    async def _list(self) -> str:
        names: set[tuple[str, str]] = set()
        version = ""
        async for page in self._cluster.pages(self._target, "", OWN, everywhere=True, limit=self._page_size):
            for item in page.items:
                names.add((item["metadata"].get("namespace", ""), item["metadata"]["name"]))
                self._sink.put(self._kind, item)
            version = page.version
            self.going_on.reset()
            await asyncio.sleep(0)
        self._sink.keep_only(self._kind, names)
        return version

    async def _watch(self, version: str) -> None:
        began = self._clock()
        seconds = random.randint(240, 300)  # noqa: S311 - spreads reconnects
        async for event in self._cluster.watch(self._target, version, seconds, OWN):
            self.going_on.reset()
            item = event["object"]
            self._version = str(item["metadata"]["resourceVersion"])
            if event["type"] == "DELETED":
                self._sink.drop(self._kind, item["metadata"].get("namespace", ""), item["metadata"]["name"])
            elif event["type"] in ("ADDED", "MODIFIED"):
                self._sink.put(self._kind, item)
            self._backoff.reset()
        at_once = self._clock() - began < SHORTEST_WATCH
        self._metrics.count(WATCH_RESTARTS, self._kind.value, WatchEnd.CLOSED_AT_ONCE if at_once else WatchEnd.CLOSED)
        if at_once:
            await self._pause("watch ended at once", ApiError("the server closed the stream"))
