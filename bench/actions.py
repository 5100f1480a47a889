"""`python -m bench.actions`: what an action costs, and how large the largest example is in Temporal.

Executes a plan of one DRWorkflow, and runs a bare workflow with as many activities that do nothing, in turn
on one stack. Read the ratio, not the seconds. The result is what docs/benchmarks.md shows.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from temporalio.client import Client

from bench import bare
from bench.objects import dr_workflow, execution, single_plan
from bench.runs import Bench
from bench.watched import Watched, watching
from dev.layout import REPOSITORY, default_layout
from dev.start import start_stack
from process.main import end

LARGEST = REPOSITORY / "examples" / "demo"
"""The example with the most actions."""


@dataclass(frozen=True)
class Pair:
    """Seconds for one action of a plan, and for one activity of a bare workflow."""

    action: float
    activity: float

    @property
    def ratio(self) -> float:
        """Action against activity."""
        return self.action / self.activity


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
        name = f"{plan}-{number}"
        seconds = await watched.succeeded(execution(name, plan))
        pairs.append(Pair(seconds / actions, await _bare(client, name, actions) / actions))
        await watched.succeeded(execution(f"{name}-back", plan, name))
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
    rows = [
        f"| {number} | {pair.action * 1000:.1f} | {pair.activity * 1000:.1f} | {pair.ratio:.2f} |"
        for number, pair in enumerate(pairs, 1)
    ]
    middle = statistics.median(pair.ratio for pair in pairs)
    lines = [
        f"{actions} actions in a row against as many activities that do nothing",
        "",
        "| round | ms an action | ms an activity | ratio |",
        "| --- | --- | --- | --- |",
        *rows,
        f"| median | | | **{middle:.2f}** |",
        "",
        "| largest example | runs | events | history bytes | largest event bytes |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {what} | {each.runs} | {each.events} | {each.history_bytes} | {each.largest_payload} |"
        for what, each in sizes.items()
    ]
    return "\n".join(lines)


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.actions", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs")
    parser.add_argument("--actions", type=int, default=100)
    given = parser.parse_args()
    bench = Bench(start_stack(default_layout()))
    client, plan = await bench.temporal(), f"bench-actions-{int(time.time())}"
    bench.apply(dr_workflow(plan, 0, given.actions), single_plan(plan))
    async with bare.serving(client), watching(bench.stack) as watched:
        pairs = await measure(watched, client, plan, given.actions, given.rounds)
    print(report(given.actions, pairs, await example_sizes(bench, client, LARGEST)))


if __name__ == "__main__":
    asyncio.run(main())
    end(0)
