"""What an action costs: processor time by process, requests to the API server by caller, events in Temporal.

`python -m bench.cost` executes a plan and takes it back on a local stack, several times, and prints medians for each of
both; `--stages 50 --actions 4` changes the plan. Processor time is that of the stack's processes, their children
included, between the creation of the execution's object and its condition Completed: other work on the machine makes a
run longer, but is not counted.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from bench.objects import execution, plan_objects
from bench.runs import Bench
from dev.layout import default_layout
from dev.process import find
from dev.servers import USERS
from dev.start import start_stack
from process.main import end

PROCESSES = ("worker", "bridge", "temporal", "kube-apiserver", "etcd", "kube-controller-manager")
OTHERS = "others"
"""Callers of the API server beside worker and bridge, and the accounts as which the worker acts."""
ACCOUNT = "plan's account"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    """What one run took. The counters are for all of its actions."""

    seconds: float
    processor: Counter[str] = field(default_factory=Counter)
    """Milliseconds, by process."""
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By caller and kind of request."""
    events: Counter[str] = field(default_factory=Counter)


def processor(bench: Bench, names: Sequence[str] = PROCESSES) -> Counter[str]:
    """Return the milliseconds that each of these processes of the stack has used, its children included."""
    parents, used = dict[int, int](), dict[int, float]()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            # Children that have ended count to their parent: cutime and cstime.
            used[int(entry.name)] = sum(map(int, fields[11:15])) * 1000 / _TICKS
            parents[int(entry.name)] = int(fields[1])
    total = Counter[str]()
    for name in names:
        running = find(bench.stack.layout, name)
        if running is not None:
            total[name] = round(sum(used[pid] for pid in used if _descends(pid, running.pid, parents)))
    return total


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid not in (ancestor, 0):
        pid = parents.get(pid, 0)
    return pid == ancestor


def requests(lines: Iterator[str]) -> "Counter[tuple[str, str]]":
    """Count the requests in an audit log by caller and kind."""
    names = {user.name: name for name, user in USERS.items()}
    found = Counter[tuple[str, str]]()
    for line in lines:
        event = json.loads(line)
        if event["stage"] != "ResponseComplete":
            continue
        caller = names.get(event["user"]["username"], OTHERS)
        if "impersonatedUser" in event:
            caller = ACCOUNT
        what = event.get("objectRef", {})
        resource = "/".join(filter(None, (what.get("resource"), what.get("subresource"))))
        found[caller if caller in (ACCOUNT, "worker", "bridge") else OTHERS, f"{event['verb']} {resource}"] += 1
    return found


async def events(client: Client, run: str) -> "Counter[str]":
    """Count the events of a run and of its children, by type."""
    found = Counter[str]()
    async for event in client.get_workflow_handle(run).fetch_history_events():
        found[EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()] += 1
        if event.HasField("child_workflow_execution_started_event_attributes"):
            child = event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
            found += await events(client, child)
    return found


async def measured(bench: Bench, client: Client, body: dict[str, Any]) -> Cost:
    """Run an execution and return what it took. Raises RuntimeError if it did not succeed."""
    name, log = body["metadata"]["name"], bench.stack.layout.audit_log
    where, before, began = log.stat().st_size, processor(bench), time.perf_counter()
    bench.apply(body)
    bench.wait_completed(name, 1800)
    cost = Cost(time.perf_counter() - began, processor(bench))
    cost.processor.subtract(before)
    await asyncio.sleep(0.5)
    with log.open(encoding="utf-8") as lines:
        lines.seek(where)
        cost.requests = requests(lines)
    status = bench.get(name)["status"]
    if status["phase"] != "Succeeded":
        raise RuntimeError(f"{name} ended as {status['phase']}: {status.get('message')}")
    cost.events = await events(client, status["engine"]["workflowId"])
    return cost


def report(costs: list[Cost], actions: int) -> str:
    """Return the medians for each action as Markdown."""
    seconds = sorted(cost.seconds for cost in costs)
    used = [cost.processor for cost in costs]
    together = [sum(each.values()) / actions for each in used]
    medians = [f"{statistics.median(each[name] / actions for each in used):.1f}" for name in PROCESSES]
    spread = f"{min(together):.1f} to {max(together):.1f}"
    lines = [
        f"{len(costs)} runs, {seconds[0]:.1f} to {seconds[-1]:.1f} s; together {spread} ms an action",
        "",
        f"| ms an action | {' | '.join(PROCESSES)} | together |",
        "| --- " * (len(PROCESSES) + 2) + "|",
        f"| median | {' | '.join([*medians, f'{statistics.median(together):.1f}'])} |",
        "",
        "| API requests by | an action | most of them |",
        "| --- | --- | --- |",
    ]
    for caller in ("worker", ACCOUNT, "bridge", OTHERS):
        of_caller = Counter[str]()
        for cost in costs:
            of_caller.update({what: number for (by, what), number in cost.requests.items() if by == caller})
        most = ", ".join(f"{what} {number / len(costs):.0f}" for what, number in of_caller.most_common(6))
        lines.append(f"| {caller} | {of_caller.total() / len(costs) / actions:.2f} | {most} |")
    counted = costs[-1].events
    tasks = counted["workflow_task_completed"]
    of_history = f"events an action {counted.total() / actions:.2f}, workflow tasks an action {tasks / actions:.2f}"
    lines += ["", of_history, ""]
    return "\n".join(lines)


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stages", type=int, default=1)
    parser.add_argument("--actions", type=int, default=200, help="actions in each stage's workflow")
    options = parser.parse_args()
    bench = Bench(start_stack(default_layout()))
    client = await bench.temporal()
    plan, total = f"bench-cost-{int(time.time())}", options.stages * options.actions
    bench.apply(*plan_objects(plan, options.stages, options.actions))
    found: dict[str, list[Cost]] = {"Execute": [], "Revert": []}
    for number in range(options.rounds + 1):
        up = f"{plan}-{number}"
        for what, body in (("Execute", execution(up, plan)), ("Revert", execution(f"{up}-back", plan, up))):
            found[what].append(await measured(bench, client, body))
    for what, costs in found.items():
        print(f"{what} of {options.stages} x {options.actions}: {report(costs[1:], total)}")


if __name__ == "__main__":
    asyncio.run(main())
    end(0)
