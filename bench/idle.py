"""`python -m bench.idle`: what finished executions and plans cost a bridge that has nothing to do.

Fills the API server of a local stack, with the statuses written as the bridge would have written them, and starts the
bridge anew. Prints how long it takes until it leads and until it has passed over everything, its CPU time and memory,
and both again while nothing happens. The objects stay: a second call only adds what is missing.
"""

import argparse
import asyncio
import time
from pathlib import Path
from unittest import mock

from api.meta import API_VERSION
from api.objects import Target
from bench.first_status import Requests, cpu_seconds
from bench.objects import Manifest, dr_workflow, execution, single_plan
from bench.runs import KIND, NAMESPACE, Bench
from dev.layout import default_layout
from dev.process import find, stop
from dev.stack import Stack
from dev.start import NAMES, own_service, start_services, start_stack
from kube.client import OWN, Cluster, Object
from kube.concurrency import parallel
from kube.errors import AlreadyExistsError

CLIENTS = 16
QUIET = 0.05
"""CPU seconds within two seconds below which a bridge has nothing more to do."""


def ended_status(actions: int) -> Object:
    """Return the status of an Execute that succeeded."""
    moment = "2026-02-03T10:00:00Z"
    times = {"startTime": moment, "completionTime": moment}
    nodes = [
        {"name": f"create-{number}", "type": "KubernetesResource", "phase": "Succeeded", "reason": "Executed", **times}
        for number in range(actions)
    ]
    workflow = {"workflowRef": {"name": "work"}, "phase": "Succeeded", "actionStatuses": nodes, **times}
    stage = {"name": "only", "phase": "Succeeded", "workflowExecutions": [workflow], **times}
    progress = {"stages": "1/1", "actions": f"{actions}/{actions}"}
    return {"phase": "Succeeded", "message": "done", "stageStatuses": [stage], "progress": progress, **times}


def _target(kind: str, name: str) -> Target:
    return Target(api_version=API_VERSION, kind=kind, name=name, namespace=NAMESPACE)


async def _create(cluster: Cluster, body: Manifest) -> None:
    target = _target(body["kind"], body["metadata"]["name"])
    try:
        made = await cluster.create(target, body, OWN)
    except AlreadyExistsError:
        return
    if body["kind"] == "DRPlanExecution":
        await cluster.replace(target, {**made, "status": ended_status(4)}, OWN, subresource="status")


async def fill(cluster: Cluster, executions: int, plans: int) -> None:
    """Create finished executions and plans, each with a DRWorkflow of its own, where they are missing."""
    bodies = [each for n in range(plans) for each in (dr_workflow(f"idle-{n}", 0, 4), single_plan(f"idle-{n}"))]
    bodies += [execution(f"idle-{number:05}", f"idle-{number % plans}") for number in range(executions)]
    began, batch = time.perf_counter(), 500
    for first in range(0, len(bodies), batch):
        await parallel(bodies[first : first + batch], lambda body: _create(cluster, body), CLIENTS)
        print(f"{first + batch} of {len(bodies)} objects after {time.perf_counter() - began:.0f} s", flush=True)


def memory(stack: Stack) -> str:
    """Return the resident memory of the bridge now and at its highest."""
    running = find(stack.layout, "bridge")
    assert running is not None
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{running.pid}/status").read_text().splitlines())
    now, most = (int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return f"memory {now:.0f} MiB, at most {most:.0f} MiB"


def measure(stack: Stack, seconds: float) -> None:
    """Start the bridge, wait until it is idle, and print what that and a time of rest took."""
    bench = Bench(stack)
    requests = Requests(stack.layout.audit_log)
    began = time.perf_counter()
    start_services(stack.layout, [own_service(stack, "bridge")])
    print(f"\nstarted, everything listed: after {time.perf_counter() - began:.1f} s")
    print(f"CPU time until then: {cpu_seconds(bench):.1f} s; {memory(stack)}")
    while True:
        cpu = cpu_seconds(bench)
        time.sleep(2)
        if cpu_seconds(bench) - cpu < QUIET:
            break
    print(f"everything passed over: after {time.perf_counter() - began:.1f} s")
    print(f"CPU time until then: {cpu_seconds(bench):.1f} s; {memory(stack)}")
    print(f"requests until then: {dict(requests.counts().most_common())}")
    cpu = cpu_seconds(bench)
    time.sleep(seconds)
    used = cpu_seconds(bench) - cpu
    print(f"idle for {seconds:.0f} s: CPU time {used:.2f} s, {100 * used / seconds:.2f} % of a core; {memory(stack)}")
    print(f"requests meanwhile: {dict(requests.counts().most_common())}")
    began = time.perf_counter()
    stack.kubectl("get", KIND, f"--namespace={NAMESPACE}")
    print(f"kubectl get {KIND}: {time.perf_counter() - began:.2f} s")


async def _fill(stack: Stack, executions: int, plans: int) -> None:
    with mock.patch.dict("os.environ", stack.env()):
        cluster = await Cluster.connect()
    try:
        await fill(cluster, executions, plans)
    finally:
        await cluster.close()


def main() -> None:
    """Fill and measure."""
    parser = argparse.ArgumentParser(prog="bench.idle", description=__doc__)
    parser.add_argument("--executions", type=int, default=10_000)
    parser.add_argument("--plans", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0, help="of rest")
    options = parser.parse_args()
    stack = start_stack(default_layout())
    stop(stack.layout, NAMES)
    if options.executions:
        asyncio.run(_fill(stack, options.executions, options.plans))
    measure(stack, options.seconds)


if __name__ == "__main__":
    main()
