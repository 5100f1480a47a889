"""How much code a reader meets who follows one Revert of one Localization: modules and functions entered.

The worker runs in this process, everything else of a stack beside it, while every call is noted; with
`--process bridge` it is the bridge. Counted are functions of the shipped packages that are entered between the creation
of the Revert and its end; lambdas and comprehensions count as part of the function in which they are written.
`python -m bench.walk` prints the counts for each package, `--list` the functions as well.
"""

import argparse
import asyncio
import inspect
import json
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import bridge.__main__ as bridge_process
import worker.__main__ as worker_process
from api.meta import API_VERSION
from bridge.settings import BridgeSettings
from dev.layout import REPOSITORY, Layout
from dev.programs import find_programs
from dev.stack import Stack, locked, stop_all
from dev.start import own_service, start_servers, start_services
from worker.settings import Settings as WorkerSettings

SHIPPED = ("api", "planning", "kube", "workflows", "activities", "process", "worker", "bridge", "cli")
LOCALIZATION = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Localization", "name": "walk"}


class Calls:
    """Functions entered while it is switched on, in every thread."""

    def __init__(self) -> None:
        self.on = False
        self._codes: set[CodeType] = set()

    def note(self, frame: FrameType, event: str, _: object) -> None:
        """Take one event of the interpreter's profiler."""
        if self.on and event == "call":
            self._codes.add(frame.f_code)

    def functions(self) -> list[tuple[str, str]]:
        """Return module file and name of each function, sorted."""
        found = set()
        for code in self._codes:
            path = Path(code.co_filename)
            if (
                not path.is_relative_to(REPOSITORY)
                or code.co_name.startswith("<")
                or not code.co_flags & inspect.CO_OPTIMIZED
            ):
                continue
            file = path.relative_to(REPOSITORY)
            if file.parts[0] in SHIPPED:
                found.add((str(file), code.co_qualname))
        return sorted(found)


@contextmanager
def servers() -> Iterator[Stack]:
    """Start the servers of a stack of their own, without worker and bridge; end them at the end."""
    with tempfile.TemporaryDirectory(prefix="drplan-walk-") as folder:
        layout = Layout(Path(folder))
        with locked(layout):
            stack = start_servers(layout, find_programs())
        try:
            yield stack
        finally:
            stop_all(layout)


def objects() -> list[dict[str, Any]]:
    """Return a DRWorkflow with one Localization, and its plan."""
    spec = {"overridePolicy": "ApplyNow", "overrides": []}
    action = {
        "name": "create",
        "type": "Localization",
        "localization": {"name": "walk", "namespace": "default", "operation": "Create", "spec": spec},
    }
    stage = {"name": "only", "workflows": [{"workflowRef": {"name": "walk", "namespace": "default"}}]}
    return [_object("DRWorkflow", "walk", {"actions": [action]}), _object("DRPlan", "walk", {"stages": [stage]})]


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


async def run(stack: Stack, execution: str, spec: dict[str, Any]) -> None:
    """Create an execution of the plan and wait for its success. Raises RuntimeError for another end."""
    body = {"planRef": "walk", **spec}
    await asyncio.to_thread(apply, stack, [_object("DRPlanExecution", execution, body)])
    waiting = ("wait", "--for=condition=Completed", f"drplanexecution/{execution}", "--timeout=60s")
    await asyncio.to_thread(stack.kubectl, *waiting)
    phase = stack.kubectl("get", "drplanexecution", execution, "--output=jsonpath={.status.phase}").stdout
    if phase != "Succeeded":
        raise RuntimeError(f"{execution} ended as {phase}")


def apply(stack: Stack, items: list[dict[str, Any]]) -> None:
    """Apply objects with kubectl."""
    stack.kubectl("apply", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


async def follow(stack: Stack, calls: Calls, process: str) -> None:
    """Execute and revert one Localization with one of our processes in this one; note the calls of the Revert."""
    other = "bridge" if process == "worker" else "worker"
    start_services(stack.layout, [own_service(stack, other)])
    os.environ.update(stack.env(process))
    stop = asyncio.Event()
    if process == "worker":
        served = asyncio.create_task(worker_process.serve(WorkerSettings(), stop))
    else:
        served = asyncio.create_task(bridge_process.serve(BridgeSettings(), stop))
    apply(stack, objects())
    await run(stack, "walk-execute", {"operationType": "Execute"})
    calls.on = True
    await run(stack, "walk-revert", {"operationType": "Revert", "revertExecutionRef": "walk-execute"})
    calls.on = False
    stop.set()
    await served


def report(functions: list[tuple[str, str]], *, listing: bool) -> None:
    """Print the counts for each package and together."""
    modules, entered = Counter[str](), Counter[str]()
    for file in {file for file, _ in functions}:
        modules[file.split("/")[0]] += 1
    for file, _ in functions:
        entered[file.split("/")[0]] += 1
    for package in SHIPPED:
        if modules[package]:
            print(f"{package:12} {modules[package]:4} modules {entered[package]:5} functions")
    print(f"{'together':12} {sum(modules.values()):4} modules {len(functions):5} functions")
    if listing:
        print("\n".join(f"{file}: {name}" for file, name in functions))


def main() -> None:
    """Follow one Revert and print what was entered."""
    parser = argparse.ArgumentParser(prog="bench.walk", description=__doc__)
    parser.add_argument("--process", choices=("worker", "bridge"), default="worker", help="whose code is followed")
    parser.add_argument("--list", action="store_true", help="print the functions as well")
    arguments = parser.parse_args()
    calls = Calls()
    threading.setprofile(calls.note)
    sys.setprofile(calls.note)
    with servers() as stack:
        asyncio.run(follow(stack, calls, arguments.process))
    sys.setprofile(None)
    report(calls.functions(), listing=arguments.list)


if __name__ == "__main__":
    main()
