"""`python -m bench.together`: plans that are executed at once, beside one plan alone and another controller.

Creates Executes of as many plans at once, then their Reverts, in rounds, and prints the seconds from the first creation
to the last end, the processor time of an action in all processes, and the lag of the status. With `--other COMMAND`
each round is repeated with another controller of the same objects: the command is started with the stack's KUBECONFIG,
and the bridge is held still meanwhile.
"""

import argparse
import asyncio
import shlex
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from temporalio.client import Client

from bench.__main__ import lags, read_histories
from bench.cost import PROCESSES, processor
from bench.objects import dr_workflow, execution, single_plan
from bench.runs import Bench
from bench.tables import markdown, median_and_p99
from bench.watched import Watched, watching
from dev.layout import default_layout
from dev.process import Service, start, stop
from dev.start import start_stack
from kube.client import Object
from process.main import end

OURS = "drplan"
OTHER = "other"
"""The name of the other controller's process in the stack."""
_Column = tuple[str, int, str]
"""Who, how many plans at once, and what."""


@dataclass(frozen=True)
class Sample:
    """What one run took."""

    seconds: float
    """From the first creation to the last end, as a watcher sees both."""
    processor: float
    """Milliseconds an action, of all processes of the stack."""
    lags: list[float]
    """Seconds from the end of each action to the first status that shows it; of ours only."""


@dataclass(frozen=True)
class Together:
    """A stack with plans on it, and what is watched there."""

    bench: Bench
    temporal: Client
    watched: Watched
    name: str
    actions: int

    def plan(self, number: int) -> str:
        """Return the name of a plan."""
        return f"{self.name}-{number}"

    def prepare(self, plans: int) -> None:
        """Create the plans, and one more of one action for warming up."""
        for number in range(plans):
            self.bench.apply(dr_workflow(self.plan(number), 0, self.actions), single_plan(self.plan(number)))
        warm = f"{self.name}-warm"
        self.bench.apply(dr_workflow(warm, 0, 1, "Apply"), single_plan(warm))
        self.bench.stack.kubectl("wait", "--for=condition=Valid", "drplan", "--all", "--timeout=300s")

    async def warm_up(self, who: str) -> None:
        """Return when a controller that was just started or continued has ended an execution, and is idle."""
        name = f"{self.name}-warm-{who}-{time.time_ns()}"
        await self.watched.succeeded(execution(name, f"{self.name}-warm"))
        await asyncio.sleep(3)

    async def both(self, who: str, plans: int, number: int) -> dict[_Column, Sample]:
        """Execute plans at once and take them back at once."""
        ups = {f"{self.plan(each)}-{who}-{plans}-{number}": self.plan(each) for each in range(plans)}
        execute = await self._measured(who, [execution(name, plan) for name, plan in ups.items()])
        reverts = [execution(f"{name}-back", plan, name) for name, plan in ups.items()]
        return {(who, plans, "Execute"): execute, (who, plans, "Revert"): await self._measured(who, reverts)}

    async def _measured(self, who: str, objects: list[Object]) -> Sample:
        names, before = [each["metadata"]["name"] for each in objects], self._processor()
        took = await self.watched.succeeded(*objects)
        used = (self._processor() - before) / (len(names) * self.actions)
        found = [lag for name in names for lag in await self._lags(name)] if who == OURS else []
        await asyncio.sleep(1)  # what follows an end: locks and finalizers
        return Sample(took, used, found)

    async def _lags(self, name: str) -> list[float]:
        sightings = self.watched.seen[name]
        last = sightings[-1].status
        ended, _ = await read_histories(self.temporal, last["engine"]["workflowId"], last["stageStatuses"])
        return [lag for lag, _ in lags(ended, sightings)]

    def _processor(self) -> float:
        return sum(processor(self.bench, (*PROCESSES, OTHER)).values())


@contextmanager
def other_controller(bench: Bench, command: str) -> Iterator[None]:
    """Run another controller of the same objects, with the bridge held still."""
    with bench.bridge_stopped():
        start(bench.stack.layout, Service(OTHER, tuple(shlex.split(command)), bench.stack.env()))
        try:
            yield
        finally:
            stop(bench.stack.layout, [OTHER])


async def rounds(together: Together, sizes: list[int], number: int, other: str) -> dict[_Column, list[Sample]]:
    """Measure every size with each controller, `number` times in alternating order, after one that does not count."""
    found: dict[_Column, list[Sample]] = defaultdict(list)
    for turn in range(number + 1):
        for who in (OURS, OTHER)[:: 1 if turn % 2 else -1]:
            if who == OTHER and not other:
                continue
            with other_controller(together.bench, other) if who == OTHER else nullcontext():
                await together.warm_up(who)
                for size in sizes:
                    samples = await together.both(who, size, turn)
                    print(f"round {turn}: {who}, {size} at once", flush=True)
                    for column, sample in samples.items():
                        found[column] += [sample] if turn else []
    return found


def table(found: Mapping[_Column, list[Sample]], actions: int) -> str:
    """Return the medians and the spread as a Markdown table."""
    head = ("who", "at once", "what", "s", "from to", "actions a second", "CPU ms an action", "lag p50 s", "lag p99 s")
    rows = []
    for (who, plans, what), samples in sorted(found.items(), key=lambda each: (each[0][1], each[0][2], each[0][0])):
        seconds = sorted(sample.seconds for sample in samples)
        median, all_lags = statistics.median(seconds), [lag for sample in samples for lag in sample.lags]
        lag = [f"{each:.2f}" for each in median_and_p99(all_lags)] if len(all_lags) > 1 else ["", ""]
        used = f"{statistics.median(sample.processor for sample in samples):.0f}"
        spread = f"{seconds[0]:.1f} to {seconds[-1]:.1f}"
        throughput = f"{plans * actions / median:.0f}"
        rows.append([who, str(plans), what, f"{median:.1f}", spread, throughput, used, *lag])
    return markdown(head, rows)


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.together", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plans", type=int, nargs="+", default=[1, 8], help="how many at once")
    parser.add_argument("--actions", type=int, default=20, help="of each plan")
    parser.add_argument("--other", default="", help="command of another controller")
    options = parser.parse_args()
    bench = Bench(start_stack(default_layout()))
    async with watching(bench.stack) as watched:
        name = f"together-{int(time.time())}"
        together = Together(bench, await bench.temporal(), watched, name, options.actions)
        together.prepare(max(options.plans))
        print(table(await rounds(together, options.plans, options.rounds, options.other), options.actions))


if __name__ == "__main__":
    asyncio.run(main())
    end(0)
