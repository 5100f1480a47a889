"""`make bench`: a Revert through bridge and status against the same workflows without a bridge.

Runs alternate on one stack, so that a slow moment of the machine meets both; read the ratio, not
the seconds. The result is what docs/benchmarks.md shows.
"""

import argparse
import asyncio
import json
import time

from temporalio.client import Client

from bench.lag import lags, percentile, read_histories
from bench.objects import plan_objects
from bench.report import Round, table
from bench.runs import Bridged, bare, bridged, execute
from bench.stack import Bench
from dev.layout import default_layout
from dev.start import start_stack


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs")
    parser.add_argument("--stages", type=int, default=50)
    parser.add_argument("--actions", type=int, default=4, help="actions in each stage's workflow")
    return parser.parse_args()


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
    result = await _round(client, bare_seconds, run)
    print(f"round {number}: ratio {result.ratio:.3f}", flush=True)
    return result


async def _round(client: Client, bare_seconds: float, run: Bridged) -> Round:
    last = run.sightings[-1].status
    histories = await read_histories(client, run.workflow_id, last["stageStatuses"])
    behind = lags(histories.ended, run.sightings)
    return Round(
        bare=bare_seconds,
        bridged=run.seconds,
        status_bytes=len(json.dumps(last, separators=(",", ":"))),
        writes=len({json.dumps(each.status, sort_keys=True) for each in run.sightings if each.status}),
        lag_p50=percentile(behind, 50),
        lag_p99=percentile(behind, 99),
        events=histories.events,
    )


def main() -> None:
    """Measure and print the table."""
    given = arguments()
    rounds = asyncio.run(measure(Bench(start_stack(default_layout())), given.stages, given.actions, given.rounds))
    print(f"\nRevert of {given.stages} stages x {given.actions} actions, {given.rounds} alternating pairs\n")
    print(table(rounds))


if __name__ == "__main__":
    main()
