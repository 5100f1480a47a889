"""`python -m bench.first_status`: how long executions that are created at once wait for their first status.

Creates executions of as many plans at once, or with `--queued` of one plan that another execution runs, and then one
of a plan that is free. Prints the seconds from the creation of each object to its first status, as a watcher sees
both; what the bridge asks of the API server for each; its CPU time; and of a queue, what it costs while it waits, and
how long it takes until it is worked off.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from api.requests import REQUEST_ANNOTATION, REQUEST_BY_ANNOTATION, REQUEST_ID_ANNOTATION
from bench.cost import processor
from bench.objects import Manifest, dr_workflow, execution, single_plan
from bench.runs import KIND, NAMESPACE, Bench
from bench.watched import Watched, execution_target, watching
from dev.layout import default_layout
from dev.start import start_stack
from kube.client import OWN

_LONG = 200
"""Actions of an execution that is to be paused before it ends."""


def cpu_seconds(bench: Bench) -> float:
    """Return the CPU time that the bridge has used, with the children that it validates in."""
    return processor(bench)["bridge"] / 1000


@dataclass
class Requests:
    """Counts what the bridge asks of the API server, from the end of the audit log on."""

    log: Path
    at: int = 0

    def __post_init__(self) -> None:
        self.at = self.log.stat().st_size

    def counts(self) -> Counter[str]:
        """Return the requests since the last call, by verb and resource."""
        with self.log.open(encoding="utf-8") as lines:
            lines.seek(self.at)
            events = [json.loads(line) for line in lines.read().splitlines()]
            self.at = lines.tell()
        return Counter(
            f"{event['verb']} {event['objectRef']['resource']}"
            for event in events
            if event["stage"] == "ResponseComplete" and event["user"]["username"].endswith("bridge")
        )


@dataclass(frozen=True)
class Crowd:
    """A stack, its API server, and what is counted on it."""

    bench: Bench
    watched: Watched
    requests: Requests

    async def measure(self, what: str, names: list[str], objects: list[Manifest]) -> None:
        """Create executions, wait for their first statuses, and print what that took."""
        self.requests.counts()
        cpu = cpu_seconds(self.bench)
        await self.watched.create(*objects)
        await self.watched.until(self.watched.status, names)
        waits = self.watched.waits(self.watched.status, names)
        span = max(self.watched.created[name] for name in names) - min(self.watched.created[name] for name in names)
        print(f"\n{what}: {len(names)} created within {span:.2f} s")
        print(
            f"first status after: median {statistics.median(waits):.2f} s, "
            f"99th of a hundred {waits[max(0, round(len(waits) * 0.99) - 1)]:.2f} s, last {waits[-1]:.2f} s"
        )
        used = cpu_seconds(self.bench) - cpu
        print(f"CPU time of the bridge until then: {used:.2f} s, {1000 * used / len(names):.0f} ms each")
        print("\n".join(_listed(self.requests.counts(), len(names))))

    async def wait_idle(self, seconds: float) -> None:
        """Print what the bridge does while nothing happens."""
        self.requests.counts()
        cpu = cpu_seconds(self.bench)
        await asyncio.sleep(seconds)
        used = cpu_seconds(self.bench) - cpu
        print(f"\nwhile they wait, in {seconds:.0f} s: CPU time {used:.2f} s, {100 * used / seconds:.1f} % of a core")
        print("\n".join(_listed(self.requests.counts(), seconds, "a second")))


def _listed(counts: Counter[str], by: float, unit: str = "each") -> Iterator[str]:
    for what, count in counts.most_common():
        yield f"  {what}: {count}, {count / by:.2f} {unit}"


async def at_once(crowd: Crowd, name: str, executions: int) -> None:
    """Measure executions of as many plans."""
    crowd.bench.apply(*(each for number in range(executions) for each in _plan(f"{name}-{number}")))
    crowd.bench.stack.kubectl("wait", "--for=condition=Valid", "drplan", "--all", "--timeout=300s")
    names = [f"{name}-{number}-run" for number in range(executions)]
    await crowd.measure("at once", names, [execution(each, each.removesuffix("-run")) for each in names])
    await crowd.watched.until(crowd.watched.end, names)
    runs = crowd.watched.waits(crowd.watched.run, names)
    print(f"first status with a tree after: median {statistics.median(runs):.2f} s, last {runs[-1]:.2f} s")


async def in_a_queue(crowd: Crowd, name: str, queued: int) -> None:
    """Measure executions of one plan, behind one that is paused; then another plan's; then let the queue go."""
    crowd.bench.apply(*_plan(name, _LONG), *_plan(f"{name}-free"))
    holder = f"{name}-holder"
    pause = {REQUEST_ANNOTATION: "pause", REQUEST_ID_ANNOTATION: "1", REQUEST_BY_ANNOTATION: "bench"}
    paused = execution(holder, name)
    paused["metadata"]["annotations"] = pause
    await crowd.watched.create(paused)
    crowd.bench.stack.kubectl("wait", "--for=condition=Paused", f"{KIND}/{holder}", f"--namespace={NAMESPACE}")
    crowd.bench.apply(*_plan(name))  # those in the queue have one action
    names = [f"{name}-{number:03}" for number in range(queued)]
    await crowd.measure("queued", names, [execution(each, name) for each in names])
    await crowd.measure("beside the queue", [f"{name}-beside"], [execution(f"{name}-beside", f"{name}-free")])
    await crowd.wait_idle(30)
    began = time.perf_counter()
    resume = {"metadata": {"annotations": pause | {REQUEST_ANNOTATION: "resume", REQUEST_ID_ANNOTATION: "2"}}}
    await crowd.watched.cluster.patch(execution_target(holder), resume, OWN)
    await crowd.watched.until(crowd.watched.end, [holder, *names], 1800)
    took = time.perf_counter() - began
    print(f"\nworked off in {took:.1f} s, {took / queued:.2f} s each")
    print("\n".join(_listed(crowd.requests.counts(), queued)))


def _plan(name: str, actions: int = 1) -> list[Manifest]:
    return [dr_workflow(name, 0, actions, "Apply"), single_plan(name)]


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.first_status", description=__doc__)
    parser.add_argument("--executions", type=int, default=40)
    parser.add_argument("--queued", action="store_true", help="of one plan, that another execution runs")
    options = parser.parse_args()
    stack = start_stack(default_layout())
    async with watching(stack) as watched:
        crowd = Crowd(Bench(stack), watched, Requests(stack.layout.audit_log))
        await (in_a_queue if options.queued else at_once)(crowd, f"crowd-{int(time.time())}", options.executions)


if __name__ == "__main__":
    asyncio.run(main())
