"""`python -m bench.growth`: how index, work queue and passes of the bridge grow, without a server.

Two tables drive the real index: CPU time of this machine. The others are a simulation with its own clock, which depends
on the seed and on nothing else. `--page` writes all of them into docs/sizing.md.
"""

import argparse
import asyncio
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32

from bench.index_cost import INDEX, QUEUE, definition, index_row, queue_row
from bench.simulated_bridge import (
    CORES,
    WARM_UP,
    Measurements,
    SimulatedApiServer,
    SimulatedBridge,
    SimulatedExecution,
    SimulatedTime,
)
from bench.tables import markdown, median_and_p99
from bridge.kubernetes.entry import Key, ObjectKind
from dev.layout import REPOSITORY
from kube.client import Object

PAGE = REPOSITORY / "docs" / "sizing.md"
_SLOT = re.compile(r"(<!-- growth: (\w+) -->\n).*?(<!-- end of growth -->)", re.DOTALL)
TEAMS, REGIONS = 4, 10
"""Namespaces of each region, and regions."""
SEED = 11


class Divided(StrEnum):
    """What several bridges share out among them."""

    NAMESPACES = "namespaces of one cluster"
    REGIONS = "regions"


class Outage(StrEnum):
    """What does not answer where the first API server is."""

    NOTHING = "nothing"
    API_SERVER = "its API server"
    WORKER = "its worker"


@dataclass(frozen=True)
class Setup:
    """So many executions that run at a time, followed by so many bridges."""

    executions: int
    bridges: int = 1
    divided: Divided = Divided.NAMESPACES
    api_servers: int = 1
    """One for all regions, or one for each or for several of them."""
    outage: Outage = Outage.NOTHING

    def owner(self, namespace: str) -> int:
        """Return the number of the bridge that follows the objects of a namespace."""
        if self.divided is Divided.REGIONS:
            return region_of(namespace) % self.bridges
        return crc32(namespace.encode()) % self.bridges

    def server(self, namespace: str) -> int:
        """Return the number of the API server that has the objects of a namespace."""
        return region_of(namespace) % self.api_servers

    def fails(self, namespace: str) -> bool:
        """Return whether a namespace is where something does not answer."""
        return self.outage is not Outage.NOTHING and self.server(namespace) == 0


def namespaces() -> list[str]:
    """Return the namespaces, those of all regions in turn."""
    return [f"region-{region}-team-{team}" for team in range(TEAMS) for region in range(REGIONS)]


def region_of(namespace: str) -> int:
    """Return the region of a namespace."""
    return int(namespace.split("-")[1])


class Simulation:
    """Executions that follow each other, and the bridges that follow them."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self.measured = Measurements()
        self.executions: dict[Key, SimulatedExecution] = {}
        self.servers = [SimulatedApiServer(asyncio.Semaphore(CORES)) for _ in range(setup.api_servers)]
        self.bridges = [self._bridge(number) for number in range(setup.bridges)]
        self._goes_on = True

    def _bridge(self, number: int) -> SimulatedBridge:
        def owns(namespace: str) -> bool:
            return self._setup.owner(namespace) == number

        return SimulatedBridge(number, owns, self._worker_answers, self.executions, self.measured)

    def _worker_answers(self, namespace: str) -> bool:
        without = self._setup.outage is Outage.WORKER and self._setup.fails(namespace)
        return not without or asyncio.get_running_loop().time() < WARM_UP

    async def run(self, seconds: float, *, to_the_end: bool = False) -> None:
        """Measure so many seconds after the warm-up; `to_the_end` says to wait then until nothing runs."""
        tasks = [task for bridge in self.bridges for task in bridge.workers()]
        places = namespaces()
        for number in range(self._setup.executions):
            tasks.append(asyncio.create_task(self._one_after_the_other(number, places[number % len(places)])))
        await asyncio.sleep(WARM_UP)
        self.measured.begin()
        for server in self.servers:
            server.cpu = 0.0
        self.servers[0].down = self._setup.outage is Outage.API_SERVER
        await asyncio.sleep(seconds)
        self.measured.end(asyncio.get_running_loop().time(), self.executions.values())
        self.measured.api_cpu = sum(server.cpu for server in self.servers)
        if to_the_end:
            self._goes_on = False
            await asyncio.gather(*tasks[-self._setup.executions :])
            await asyncio.sleep(60)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _one_after_the_other(self, number: int, namespace: str) -> None:
        """Create a plan, and execute it again and again."""
        plan, counts = f"plan-{number:04}", not self._setup.fails(namespace)
        server = self.servers[self._setup.server(namespace)]
        await asyncio.sleep(random.uniform(0, WARM_UP / 2))
        self._put(ObjectKind.PLAN, definition(ObjectKind.PLAN, plan, namespace=namespace))
        generation = 0
        while self._goes_on:
            generation += 1
            key = Key(ObjectKind.EXECUTION, namespace, f"{plan}-{generation:03}")
            execution = SimulatedExecution(key, plan, server, asyncio.get_running_loop().time(), counts)
            self.executions[key] = execution
            self._put(ObjectKind.EXECUTION, execution.item())
            await execution.run()
            await execution.finished.wait()
            del self.executions[key]

    def _put(self, kind: ObjectKind, item: Object) -> None:
        """Show an object to the bridges: each takes what it owns."""
        for bridge in self.bridges:
            if bridge.owns(item["metadata"]["namespace"]):
                bridge.index.put(kind, item)


def simulated(setup: Setup, seconds: float, seed: int = SEED) -> Measurements:
    """Return what happened in so many simulated seconds."""
    random.seed(seed)
    with asyncio.Runner(loop_factory=SimulatedTime) as runner:

        async def run() -> Measurements:
            simulation = Simulation(setup)
            await simulation.run(seconds)
            return simulation.measured

        return runner.run(run())


ONE_BRIDGE = [Setup(number) for number in (10, 25, 50, 75, 100, 200, 400)]
SHARDS = [
    *(Setup(400, bridges) for bridges in (2, 4, 10)),
    Setup(400, REGIONS, Divided.REGIONS, api_servers=1),
    Setup(400, REGIONS, Divided.REGIONS, api_servers=REGIONS),
    Setup(700, REGIONS, Divided.REGIONS, api_servers=REGIONS),
]
OUTAGES = [
    Setup(50, bridges, Divided.REGIONS, api_servers, outage)
    for api_servers in (REGIONS, 2)
    for bridges, outages in ((1, Outage), (api_servers, [Outage.API_SERVER, Outage.WORKER]))
    for outage in outages
]


def row(setup: Setup, seconds: float) -> list[str]:
    """Return what happened in a setup."""
    out = simulated(setup, seconds)
    divided = setup.divided.value if setup.bridges > 1 else ""
    return [
        str(setup.bridges),
        divided,
        str(setup.api_servers),
        str(setup.executions),
        *([setup.outage.value] if setup in OUTAGES else []),
        *(f"{each:.2f}" for each in median_and_p99(out.lags)),
        *(f"{each:.2f}" for each in median_and_p99(out.firsts)),
        f"{out.passes / seconds:.0f}",
        f"{max(out.cpu.values()) / seconds:.0%}",
        f"{out.api_cpu / seconds:.1f}",
    ]


def tables(seconds: float) -> dict[str, str]:
    """Return all tables by name."""
    sizes = ((10_000, 100, 500), (100_000, 1_000, 5_000))
    where = ["bridges", "divided by", "API servers", "executions at once"]
    what = ["status behind: median s", "99th of 100", "first status: median s", "99th of 100"]
    what += ["passes a second", "core of the fullest bridge", "cores of API servers"]
    return {
        "index": markdown(INDEX, [index_row(*size) for size in sizes]),
        "queue": markdown(QUEUE, [queue_row(waiting) for waiting in (200, 1_000, 2_000)]),
        "bridge": markdown([*where, *what], [row(each, seconds) for each in (*ONE_BRIDGE, *SHARDS)]),
        "outage": markdown([*where, "does not answer", *what], [row(each, seconds) for each in OUTAGES]),
    }


def with_tables(page: str, result: Mapping[str, str]) -> str:
    """Return a page with the tables between their markers."""
    return _SLOT.sub(lambda slot: f"{slot[1]}\n{result[slot[2]]}\n\n{slot[3]}", page)


def main() -> None:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(prog="bench.growth", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="simulated, for each row")
    parser.add_argument("--page", action="store_true", help="write the tables into docs/sizing.md")
    options = parser.parse_args()
    result = tables(options.seconds)
    for name, text in result.items():
        print(f"\n{name}\n\n{text}")
    if options.page:
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), result), encoding="utf-8")


if __name__ == "__main__":
    main()
