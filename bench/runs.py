"""One measured Revert, through bridge and status or bare.

Both start from an Execute through the bridge, which is not measured. The bare run starts the very
workflow that the bridge would start, while the bridge is held still; the bridge adopts it afterwards.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Client

from api.meta import API_VERSION
from api.phases import OperationType, Phase
from bench.objects import execution
from dev import without_bridge
from dev.process import find
from dev.stack import Stack
from process.payload_encryption import PayloadEncryption
from process.settings import ProcessSettings

TASK_QUEUE = "drplan"


NAMESPACE = "default"


KIND = "drplanexecution"


@dataclass(frozen=True)
class Bench:
    """A stack with everything running."""

    stack: Stack

    def get(self, name: str) -> dict[str, Any]:
        """Read a DRPlanExecution."""
        answer: dict[str, Any] = json.loads(self._kubectl("get", KIND, name, "--output=json"))
        return answer

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or update objects in one call."""
        self._kubectl("apply", "--filename=-", body={"apiVersion": "v1", "kind": "List", "items": list(objects)})

    def wait_completed(self, name: str, seconds: int = 600) -> None:
        """Return when the execution is Completed."""
        self._kubectl("wait", "--for=condition=Completed", f"{KIND}/{name}", f"--timeout={seconds}s")

    def watch(self, name: str) -> "subprocess.Popen[str]":
        """Start a watch that prints each event about an execution as a line of JSON, as the API server sends it.

        Anything more would load the machine in the bridged runs only.
        """
        selected = f"watch=true&fieldSelector=metadata.name%3D{name}"
        path = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/{KIND}s?{selected}"
        return subprocess.Popen(self.stack.kubectl_command("get", "--raw", path), stdout=subprocess.PIPE, text=True)

    async def temporal(self) -> Client:
        """Connect to the stack's Temporal, with the keys that worker and bridge have from the same environment."""
        settings = ProcessSettings()
        encryption = PayloadEncryption.of(settings.payload_keys, settings.payload_key_id)
        return await Client.connect(self.stack.temporal_address, data_converter=encryption.data_converter())

    @contextmanager
    def bridge_stopped(self) -> Iterator[None]:
        """Hold the bridge still, so that it takes no part and no processor time."""
        bridge = find(self.stack.layout, "bridge")
        if bridge is None:
            raise LookupError("the stack has no bridge running: run `make stack` first")
        os.kill(bridge.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(bridge.pid, signal.SIGCONT)

    def _kubectl(self, *arguments: str, body: object = None) -> str:
        stdin = None if body is None else json.dumps(body)
        return self.stack.kubectl(*arguments, f"--namespace={NAMESPACE}", stdin=stdin).stdout


@dataclass(frozen=True)
class Sighting:
    """A status as a watcher saw it; `at` is the wall clock in seconds."""

    at: float
    status: dict[str, Any]


@dataclass
class Watcher:
    """Reads a watch in a thread and keeps every status with the moment of its arrival."""

    process: "subprocess.Popen[str]"
    seen: list[Sighting] = field(default_factory=list)
    completed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> list[Sighting]:
        """End the watch and give what was seen."""
        self.process.terminate()
        self._thread.join(timeout=10)
        return self.seen

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if not line.endswith("\n"):
                return  # cut off by the end of the watch
            status = json.loads(line)["object"].get("status") or {}
            self.seen.append(Sighting(time.time(), status))
            if any(each["type"] == "Completed" and each["status"] == "True" for each in status.get("conditions", [])):
                self.completed.set()


@dataclass(frozen=True)
class Bridged:
    """What a Revert through the bridge gave; `seconds` from creation to Completed."""

    name: str
    seconds: float
    workflow_id: str
    sightings: list[Sighting]


def execute(bench: Bench, plan: str, name: str) -> None:
    """Create the objects that a Revert then takes back. Raises RuntimeError if the Execute failed."""
    bench.apply(execution(name, plan))
    bench.wait_completed(name)
    status = bench.get(name)["status"]
    if status["phase"] != Phase.SUCCEEDED:
        raise RuntimeError(f"the Execute {name} ended as {status['phase']}: {status.get('message')}")


def bridged(bench: Bench, plan: str, name: str, reverts: str) -> Bridged:
    """Measure a Revert from the creation of its object to its Completed condition."""
    started = time.perf_counter()
    bench.apply(execution(name, plan, reverts))
    watcher = Watcher(bench.watch(name))
    if not watcher.completed.wait(timeout=600):
        raise RuntimeError(f"the Revert {name} was not Completed within 10 minutes")
    seconds = time.perf_counter() - started
    return Bridged(name, seconds, bench.get(name)["status"]["engine"]["workflowId"], watcher.close())


async def bare(bench: Bench, client: Client, plan: str, name: str, reverts: str) -> float:
    """Measure the same workflows with the bridge held still: seconds from start to result.

    What the bridge writes once, so that the worker may act, is written here.
    """
    with bench.bridge_stopped():
        started = time.perf_counter()
        bench.apply(execution(name, plan, reverts))
        key = without_bridge.accept(bench.stack, NAMESPACE, name)
        run = await without_bridge.start(client, key, plan, OperationType.REVERT, TASK_QUEUE)
        await without_bridge.record(bench.stack, key, run)
        result = await run.result()
        seconds = time.perf_counter() - started
    if result.phase is not Phase.SUCCEEDED:
        raise RuntimeError(f"the bare Revert {name} ended as {result.phase}: {result.message}")
    bench.wait_completed(name)
    return seconds
