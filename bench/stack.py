"""The running local stack as the benchmarks use it: objects, Temporal, and the bridge held still."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client

from api.meta import API_VERSION
from dev.process import find
from dev.stack import Stack
from workflows.converter import DATA_CONVERTER

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
        """Connect to the stack's Temporal."""
        return await Client.connect(self.stack.temporal_address, data_converter=DATA_CONVERTER)

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
