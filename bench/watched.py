"""Executions that are created at once, and what a watcher sees of them."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from unittest import mock

from api.meta import API_VERSION
from api.objects import Target
from api.phases import TERMINAL, Phase
from bench.runs import NAMESPACE, Sighting
from dev.stack import Stack
from kube.client import OWN, Cluster, Object
from kube.concurrency import parallel


def execution_target(name: str = "") -> Target:
    """Return an execution, or all of them, as calls to the API server name it."""
    return Target(api_version=API_VERSION, kind="DRPlanExecution", name=name, namespace=NAMESPACE)


@dataclass
class Watched:
    """When a watcher saw each execution first, with its first status, with a tree, and at its end. Wall clock, s."""

    cluster: Cluster
    created: dict[str, float] = field(default_factory=dict)
    status: dict[str, float] = field(default_factory=dict)
    run: dict[str, float] = field(default_factory=dict)
    end: dict[str, float] = field(default_factory=dict)
    seen: dict[str, list[Sighting]] = field(default_factory=lambda: defaultdict(list))
    """Every status."""

    async def watch(self, version: str) -> None:
        """Note what comes, until cancelled."""
        async for event in self.cluster.watch(execution_target(), version, 3600, OWN):
            item, now = event["object"], time.time()
            name, status = item["metadata"].get("name", ""), item.get("status") or {}
            self.seen[name].append(Sighting(now, status))
            shows = {"created": True, "status": status.get("phase"), "run": status.get("stageStatuses")}
            shows["end"] = status.get("phase") in TERMINAL
            for what, holds in shows.items():
                if holds:
                    getattr(self, what).setdefault(name, now)

    async def create(self, *objects: Object) -> None:
        """Create executions as fast as eight clients can."""

        async def one(body: Object) -> Object:
            return await self.cluster.create(execution_target(), body, OWN)

        await parallel(objects, one, limit=8)

    async def until(self, moments: dict[str, float], names: list[str], seconds: float = 600) -> None:
        """Wait until the watcher has seen something of all. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not set(names) <= set(moments):
                await asyncio.sleep(0.02)

    async def succeeded(self, *objects: Object) -> float:
        """Create executions, wait for their ends, and return the seconds from the first creation to the last end.

        Raises RuntimeError if one did not succeed.
        """
        names = [each["metadata"]["name"] for each in objects]
        await self.create(*objects)
        await self.until(self.end, names, 1800)
        for name in names:
            status = next(each.status for each in self.seen[name] if each.at == self.end[name])
            if status["phase"] != Phase.SUCCEEDED:
                raise RuntimeError(f"{name} ended as {status['phase']}: {status.get('message')}")
        return max(self.end[name] for name in names) - min(self.created[name] for name in names)

    def waits(self, moments: dict[str, float], names: list[str]) -> list[float]:
        """Return the seconds from the creation of each to something that was seen of it, sorted."""
        return sorted(moments[name] - self.created[name] for name in names)


@asynccontextmanager
async def watching(stack: Stack) -> AsyncIterator[Watched]:
    """Watch the executions of a stack."""
    with mock.patch.dict("os.environ", stack.env()):
        cluster = await Cluster.connect()
    watched = Watched(cluster)
    pages = [page async for page in cluster.pages(execution_target(), "", OWN, limit=500)]
    task = asyncio.create_task(watched.watch(pages[0].version))
    try:
        yield watched
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await cluster.close()
