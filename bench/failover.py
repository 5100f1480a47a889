"""`python -m bench.failover`: how long no status is written after a bridge was killed.

Kills the bridge of a local stack during an Execute, in turn alone, so that it is started again at once, and with a
second bridge beside it, which has to wait until the lease expires. Prints the seconds from the kill to the next
status; alone also those from the start of the process, and from the moment at which it has the lease.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from api.meta import API_VERSION
from bench.objects import dr_workflow, execution, single_plan
from bench.runs import KIND, NAMESPACE, Bench, Watcher
from dev.layout import REPOSITORY, default_layout
from dev.process import environment, find
from dev.start import own_service, start_services, start_stack

_ON_THE_WAY = 0.2
"""Seconds after the kill within which a status is seen that was written before."""


@contextmanager
def second_bridge(bench: Bench) -> Iterator[None]:
    """Run another bridge meanwhile, as on another host."""
    env = environment({**bench.stack.env("bridge"), "DRPLAN_IDENTITY": "another-host", "PYTHONUNBUFFERED": "1"})
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "bridge"], cwd=REPOSITORY, env=env, stdout=file, stderr=file
            )
        try:
            while "bridge started" not in log.read_text():
                time.sleep(0.1)
            yield
        finally:
            process.kill()
            process.wait()


def _kill(bench: Bench) -> None:
    bridge = find(bench.stack.layout, "bridge")
    assert bridge is not None
    os.kill(bridge.pid, signal.SIGKILL)
    while find(bench.stack.layout, "bridge") is not None:  # or it would be taken for one that runs
        time.sleep(0.01)


def _start_bridge(bench: Bench) -> None:
    start_services(bench.stack.layout, [own_service(bench.stack, "bridge")])


def _leading_since(bench: Bench) -> float:
    """Return when the stack's bridge got the lease last, by its log; 0 where it never did."""
    lines = bench.stack.layout.log("bridge").read_text().splitlines()
    moments = [json.loads(line)["timestamp"] for line in lines if '"bridge leading"' in line]
    return datetime.fromisoformat(moments[-1]).timestamp() if moments else 0.0


def measure(bench: Bench, plan: str, actions: int, *, alone: bool) -> tuple[float, float, float]:
    """Return the seconds to the next status: from the kill, the start of the stack's bridge, and since it leads."""
    bench.apply(dr_workflow(plan, 0, actions), single_plan(plan), execution(f"{plan}-run", plan))
    bench.stack.kubectl(
        "wait", "--for=jsonpath={.status.phase}=Running", f"{KIND}/{plan}-run", f"--namespace={NAMESPACE}"
    )
    watcher = Watcher(bench.watch(f"{plan}-run"))
    time.sleep(1)
    killed = time.time()
    _kill(bench)
    started = time.time()
    if alone:
        _start_bridge(bench)
    while not watcher.seen or watcher.seen[-1].at < killed + _ON_THE_WAY:
        time.sleep(0.01)
    at = next(each.at for each in watcher.seen if each.at >= killed + _ON_THE_WAY)
    leading = _leading_since(bench)
    if not alone:
        _start_bridge(bench)
    bench.wait_completed(f"{plan}-run")
    watcher.close()
    return at - killed, at - started, at - leading


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.failover", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--actions", type=int, default=600, help="of the Execute: it must not end before")
    options = parser.parse_args()
    bench, name = Bench(start_stack(default_layout())), f"failover-{int(time.time())}"
    print(f"{API_VERSION}: seconds without a status after a SIGKILL of the bridge")
    print("| round | alone, from the kill | from the start of the process | since it leads | taken over by another |")
    print("| --- | --- | --- | --- | --- |")
    for number in range(options.rounds):
        alone = measure(bench, f"{name}-{number}-alone", options.actions, alone=True)
        with second_bridge(bench):
            beside = measure(bench, f"{name}-{number}-beside", options.actions, alone=False)
        print(f"| {number + 1} | {alone[0]:.1f} | {alone[1]:.1f} | {alone[2]:.1f} | {beside[0]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
