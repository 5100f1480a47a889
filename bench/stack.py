"""The running local stack as the benchmarks use it: kubectl, Temporal, and the bridge's process."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import Client

from workflows.converter import DATA_CONVERTER


@dataclass(frozen=True)
class Stack:
    """A stack that `make stack` started; `folder` is its state folder."""

    folder: Path
    namespace: str = "default"

    def kubectl(self, *arguments: str, body: object = None) -> str:
        """Run kubectl and give what it printed. Raises CalledProcessError."""
        done = subprocess.run(
            self._command(*arguments),
            input=None if body is None else json.dumps(body),
            text=True,
            check=True,
            stdout=subprocess.PIPE,
        )
        return done.stdout

    def get(self, name: str) -> dict[str, Any]:
        """Read a DRPlanExecution."""
        answer: dict[str, Any] = json.loads(self.kubectl("get", "drplanexecution", name, "-o", "json"))
        return answer

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or update objects in one call."""
        self.kubectl("apply", "-f", "-", body={"apiVersion": "v1", "kind": "List", "items": list(objects)})

    def wait_completed(self, name: str, seconds: int = 600) -> None:
        """Return when the execution is Completed."""
        self.kubectl("wait", "--for=condition=Completed", f"drplanexecution/{name}", f"--timeout={seconds}s")

    def watch(self, name: str) -> "subprocess.Popen[str]":
        """Start a watch that prints one JSON document for each change of an execution."""
        command = self._command("get", "drplanexecution", name, "--watch", "--output=json")
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    async def temporal(self) -> Client:
        """Connect to the stack's Temporal."""
        return await Client.connect(self._env("TEMPORAL_ADDRESS"), data_converter=DATA_CONVERTER)

    @contextmanager
    def bridge_stopped(self) -> Iterator[None]:
        """Hold the bridge still, so that it takes no part and no processor time."""
        pid = int((self.folder / "pids" / "bridge").read_text().split()[0])
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def _command(self, *arguments: str) -> list[str]:
        program = self.folder / "bin" / "kubectl"
        return [str(program), f"--kubeconfig={self.folder / 'kubeconfig'}", f"--namespace={self.namespace}", *arguments]

    def _env(self, name: str) -> str:
        for line in (self.folder / "env").read_text().splitlines():
            key, _, value = line.removeprefix("export ").partition("=")
            if key == name:
                return value.strip("'\"")
        raise LookupError(f"{self.folder / 'env'} does not set {name}: run `make stack` first")
