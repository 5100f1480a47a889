"""`python -m bench.actions`: what an action costs, and how large the largest example is in Temporal.

Executes a plan of one DRWorkflow, and runs a bare workflow with as many activities that do nothing, in turn
on one stack; and both with a single one, which shows what each further one costs. Read the ratios, not the seconds.
The result is what docs/benchmarks.md shows.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self

import yaml
from temporalio.client import Client

from bench import bare
from bench.objects import dr_workflow, execution, single_plan
from bench.runs import Bench
from bench.tables import markdown
from bench.watched import Watched, watching
from dev.layout import REPOSITORY, default_layout
from dev.start import start_stack
from process.main import end

LARGEST = REPOSITORY / "examples" / "demo"
"""The example with the most actions."""


@dataclass(frozen=True)
class Cost:
    """Seconds of runs: of one action, start and end of the run included; and of each further one, without them."""

    each: float
    further: float

    @classmethod
    def of(cls, many: float, one: float, actions: int) -> Self:
        """Return it from the seconds of a run of many actions, and of one of a single action."""
        return cls(many / actions, (many - one) / (actions - 1))


@dataclass(frozen=True)
class Pair:
    """An action of a plan, and an activity of a bare workflow."""

    action: Cost
    activity: Cost

    @property
    def ratio(self) -> float:
        """Action against activity."""
        return self.action.each / self.activity.each

    @property
    def further(self) -> float:
        """Each further action against each further activity."""
        return self.action.further / self.activity.further

    def columns(self) -> list[str]:
        """Return the columns of a table: both in milliseconds with their ratio, and the same of each further one."""
        each, further = (self.action.each, self.activity.each), (self.action.further, self.activity.further)
        return [
            *(f"{1000 * seconds:.1f}" for seconds in each),
            f"{self.ratio:.2f}",
            *(f"{1000 * seconds:.1f}" for seconds in further),
            f"{self.further:.2f}",
        ]


@dataclass(frozen=True)
class Sizes:
    """What a run left in Temporal, its children included."""

    runs: int
    events: int
    history_bytes: int
    largest_payload: int


async def measure(watched: Watched, client: Client, plan: str, actions: int, rounds: int) -> list[Pair]:
    """Measure pairs in turn after one that does not count, and take back what was made."""
    pairs = []
    for number in range(rounds + 1):
        runs = {of: f"{plan}-{of}-{number}" for of in (actions, 1)}
        many, one = [await watched.succeeded(execution(name, f"{plan}-{of}")) for of, name in runs.items()]
        bare_many, bare_one = [await _bare(client, name, of) for of, name in runs.items()]
        pairs.append(Pair(Cost.of(many, one, actions), Cost.of(bare_many, bare_one, actions)))
        for of, name in runs.items():
            await watched.succeeded(execution(f"{name}-back", f"{plan}-{of}", name))
    return pairs[1:]


async def _bare(client: Client, name: str, activities: int) -> float:
    began = time.perf_counter()
    await client.execute_workflow(bare.Bare.run, activities, id=f"bare-{name}", task_queue=bare.TASK_QUEUE)
    return time.perf_counter() - began


async def example_sizes(bench: Bench, client: Client, folder: Path) -> dict[str, Sizes]:
    """Run an example, take it back, and give the sizes of both."""
    definitions = [folder / "drworkflow.yaml", folder / "drplan.yaml"]
    bench.apply(*(each for file in definitions for each in yaml.safe_load_all(file.read_text())))
    name = f"bench-example-{int(time.time())}"
    found = {}
    for what, reverts in (("Execute", None), ("Revert", name)):
        run = name if reverts is None else f"{name}-back"
        bench.apply(execution(run, "demo", reverts))
        bench.wait_completed(run)
        found[what] = await _sizes(client, bench.get(run)["status"]["engine"]["workflowId"])
    return found


async def _sizes(client: Client, root: str) -> Sizes:
    runs = [root, *[each async for each in _children(client, root)]]
    infos = [(await client.get_workflow_handle(each).describe()).raw_description for each in runs]
    payloads = [size for each in runs async for size in _payloads(client, each)]
    return Sizes(
        runs=len(runs),
        events=sum(info.workflow_execution_info.history_length for info in infos),
        history_bytes=sum(info.workflow_execution_info.history_size_bytes for info in infos),
        largest_payload=max(payloads),
    )


async def _children(client: Client, run: str) -> AsyncIterator[str]:
    async for event in client.get_workflow_handle(run).fetch_history_events():
        if event.HasField("child_workflow_execution_started_event_attributes"):
            child = event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
            yield child
            async for below in _children(client, child):
                yield below


async def _payloads(client: Client, run: str) -> AsyncIterator[int]:
    """Give the sizes of the events: what is large in one is its payload."""
    async for event in client.get_workflow_handle(run).fetch_history_events():
        yield event.ByteSize()


def report(actions: int, pairs: list[Pair], sizes: dict[str, Sizes]) -> str:
    """Give both tables as Markdown."""
    rows = [[str(number), *pair.columns()] for number, pair in enumerate(pairs, 1)]
    middle = statistics.median(pair.ratio for pair in pairs)
    further = statistics.median(pair.further for pair in pairs)
    rows.append(["median", "", "", f"**{middle:.2f}**", "", "", f"**{further:.2f}**"])
    head = ("round", "ms an action", "ms an activity", "ratio", "ms each further action", "ms each further activity")
    runs = [[what, *map(str, astuple(each))] for what, each in sizes.items()]
    columns = ("largest example", "runs", "events", "history bytes", "largest event bytes")
    title = f"{actions} actions in a row against as many activities that do nothing"
    return f"{title}\n\n{markdown((*head, 'ratio'), rows)}\n\n{markdown(columns, runs)}"


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.actions", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs")
    parser.add_argument("--actions", type=int, default=100, help="2 or more")
    given = parser.parse_args()
    bench = Bench(start_stack(default_layout()))
    client, plan = await bench.temporal(), f"bench-actions-{int(time.time())}"
    for actions in (given.actions, 1):
        bench.apply(dr_workflow(f"{plan}-{actions}", 0, actions), single_plan(f"{plan}-{actions}"))
    async with bare.serving(client), watching(bench.stack) as watched:
        pairs = await measure(watched, client, plan, given.actions, given.rounds)
    print(report(given.actions, pairs, await example_sizes(bench, client, LARGEST)))


if __name__ == "__main__":
    asyncio.run(main())
    end(0)
