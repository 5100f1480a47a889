"""`make bench`: a Revert through bridge and status against the same workflows without a bridge.

Runs alternate on one stack, so that a slow moment of the machine meets both; read the ratio, not
the seconds. The result is what docs/benchmarks.md shows.
"""

import argparse
import asyncio
import json
import math
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from bench.objects import plan_objects
from bench.runs import Bench, Bridged, Sighting, bare, bridged, execute
from bench.tables import markdown, median_and_p99
from bridge.kubernetes.work_queue import Pace
from dev.layout import default_layout
from dev.start import start_stack
from planning.definitions.identifiers import stage_id, workflow_id
from process.main import end

Place = tuple[int, int, int]
"""Stage, workflow and action, as indices in the tree."""


@dataclass(frozen=True)
class Round:
    """One pair of runs and what was seen of the bridged one. Times in seconds; `ratio` is bridged against bare.

    The lag of a status is the time from an action's end in Temporal's history to the first status that shows it, and
    `large` is about statuses over 64 KiB, which may be further behind. `writing` is the part of the bridged time in
    which the API server worked on a write of the status.
    """

    bare: float
    bridged: float
    ratio: float
    status_bytes: float
    writes: float
    writing: float
    lag_p50: float
    small_lag_p99: float
    large_lag_p99: float
    events: float


def table(rounds: list[Round]) -> str:
    """Return the rounds and their medians as a Markdown table."""
    columns = [asdict(each) for each in rounds]
    medians = Round(**{name: statistics.median(row[name] for row in columns) for name in columns[0]})
    head = ["round", "bare s", "bridged s", "ratio", "status bytes", "writes", "writing"]
    head += ["lag p50 s", "p99 small s", "p99 large s", "events"]
    rows = [_row(str(number), each) for number, each in enumerate(rounds, 1)]
    return markdown(head, [*rows, _row("median", medians)])


def _row(name: str, each: Round) -> list[str]:
    seconds, counts = [f"{each.bare:.2f}", f"{each.bridged:.2f}"], [f"{each.status_bytes:.0f}", f"{each.writes:.0f}"]
    lags = [f"{lag:.2f}" for lag in (each.lag_p50, each.small_lag_p99, each.large_lag_p99)]
    return [name, *seconds, f"{each.ratio:.3f}", *counts, f"{each.writing:.1%}", *lags, f"{each.events:.0f}"]


async def measure(bench: Bench, stages: int, actions: int, rounds: int) -> list[Round]:
    """Run one warm-up pair and then `rounds` measured pairs, each in the other order than the last."""
    plan = f"bench-{int(time.time())}"
    bench.apply(*plan_objects(plan, stages, actions))
    client = await bench.temporal()
    measured = [await one_round(bench, client, plan, number) for number in range(rounds + 1)]
    return measured[1:]


async def one_round(bench: Bench, client: Client, plan: str, number: int) -> Round:
    """Measure one pair; even rounds run bare first."""
    bare_seconds, run = 0.0, None
    for kind in ("bare", "bridged") if number % 2 == 0 else ("bridged", "bare"):
        original, name = f"{plan}-{number}-{kind}-execute", f"{plan}-{number}-{kind}-revert"
        execute(bench, plan, original)
        if kind == "bare":
            bare_seconds = await bare(bench, client, plan, name, original)
        else:
            run = bridged(bench, plan, name, original)
    assert run is not None
    result = await _round(bench, client, bare_seconds, run)
    print(f"round {number}: ratio {result.ratio:.3f}", flush=True)
    return result


async def _round(bench: Bench, client: Client, bare_seconds: float, run: Bridged) -> Round:
    last = run.sightings[-1].status
    ended, events = await read_histories(client, run.workflow_id, last["stageStatuses"])
    behind = lags(ended, run.sightings)
    return Round(
        bare=bare_seconds,
        bridged=run.seconds,
        ratio=run.seconds / bare_seconds,
        status_bytes=_size(last),
        writing=sum(write_seconds(bench, run.name)) / run.seconds,
        writes=len({json.dumps(each.status, sort_keys=True) for each in run.sightings if each.status}),
        lag_p50=statistics.median(lag for lag, _ in behind),
        small_lag_p99=_p99(lag for lag, large in behind if not large),
        large_lag_p99=_p99(lag for lag, large in behind if large),
        events=events,
    )


def write_seconds(bench: Bench, name: str) -> Iterator[float]:
    """Yield how long the API server worked on each write of an execution's status, from its audit log."""
    with bench.stack.layout.audit_log.open(encoding="utf-8") as lines:
        for event in (json.loads(line) for line in lines if f'"name":"{name}"' in line):
            about = event["objectRef"]
            written = event["verb"] in ("update", "patch") and about.get("subresource") == "status"
            if written and about["resource"] == "drplanexecutions" and event["stage"] == "ResponseComplete":
                began, ended = (
                    datetime.fromisoformat(event[moment]) for moment in ("requestReceivedTimestamp", "stageTimestamp")
                )
                yield (ended - began).total_seconds()


async def read_histories(client: Client, root: str, stages: list[dict[str, Any]]) -> tuple[dict[Place, float], int]:
    """Return when each action of a closed run ended (seconds), and how many events all its histories hold."""
    ended: dict[Place, float] = {}
    events = len(await _history(client, root))
    for i, stage in enumerate(stages):
        stage_run = stage_id(root, i, stage["name"])
        events += len(await _history(client, stage_run))
        for j, workflow in enumerate(stage["workflowExecutions"]):
            history = await _history(client, workflow_id(stage_run, j, workflow["workflowRef"]["name"]))
            events += len(history)
            completed = [one for one in history if one.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED]
            ended |= {(i, j, k): one.event_time.ToMicroseconds() / 1e6 for k, one in enumerate(completed)}
    return ended, events


async def _history(client: Client, run: str) -> list[Any]:
    return [event async for event in client.get_workflow_handle(run).fetch_history_events()]


def lags(ended: dict[Place, float], sightings: Iterable[Sighting]) -> list[tuple[float, bool]]:
    """Return for every action the seconds from its end to the first status that shows it, and whether that is large."""
    shown: dict[Place, tuple[float, bool]] = {}
    for sighting in sightings:
        seen = sighting.at, _size(sighting.status) > Pace.large
        for place in _succeeded(sighting.status):
            shown.setdefault(place, seen)
    return [(shown[place][0] - at, shown[place][1]) for place, at in ended.items() if place in shown]


def _size(status: dict[str, Any]) -> int:
    return len(json.dumps(status, separators=(",", ":")))


def _p99(lags: Iterable[float]) -> float:
    found = list(lags)
    return median_and_p99(found)[1] if len(found) > 1 else math.nan


def _succeeded(status: dict[str, Any]) -> Iterator[Place]:
    for i, stage in enumerate(status.get("stageStatuses", [])):
        for j, workflow in enumerate(stage.get("workflowExecutions", [])):
            for k, action in enumerate(workflow.get("actionStatuses", [])):
                if action["phase"] == "Succeeded":
                    yield i, j, k


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs")
    parser.add_argument("--stages", type=int, default=50)
    parser.add_argument("--actions", type=int, default=4, help="actions in each stage's workflow")
    options = parser.parse_args()
    bench = Bench(start_stack(default_layout()))
    rounds = asyncio.run(measure(bench, options.stages, options.actions, options.rounds))
    print(f"\nRevert of {options.stages} stages x {options.actions} actions, {options.rounds} alternating pairs\n")
    print(table(rounds))


if __name__ == "__main__":
    main()
    end(0)
