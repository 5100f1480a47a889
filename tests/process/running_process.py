"""A real process of ours, its log, and its end."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.eventually import DEADLINE
from tests.leftovers import MARK

_KEPT = ("PATH", "HOME", "VIRTUAL_ENV", "LANG", MARK)


@dataclass(frozen=True)
class RunningProcess:
    """`python -m worker` or `python -m bridge` with nothing in its environment but what the test sets."""

    running: "subprocess.Popen[bytes]"
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """Return the log's lines; each of them is one JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def wait_for(self, event: str, seconds: float = DEADLINE) -> dict[str, Any]:
        """Return the first line with this event, once it is there. Raises AssertionError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [line for line in self._complete_lines() if event in line["event"]]
            if found:
                return found[0]
            assert self.running.poll() is None, f"the process ended: {self.log.read_text()}"
            time.sleep(0.05)
        raise AssertionError(f"no line with {event!r} within {seconds:g} s: {self.log.read_text()}")

    def _complete_lines(self) -> list[dict[str, Any]]:
        text, _, _ = self.log.read_text().rpartition("\n")
        return [json.loads(line) for line in text.splitlines()]

    def terminate(self, seconds: float = DEADLINE) -> int:
        """Ask it to end, and return its exit code."""
        self.running.terminate()
        return self.running.wait(seconds)

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        self.running.kill()
        self.running.wait(10)


@contextmanager
def running_process(name: str, log: Path, environment: Mapping[str, str]) -> Iterator[RunningProcess]:
    """Start the worker or the bridge; it ends with the block at the latest."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with log.open("ab") as stream:
        command = [sys.executable, "-m", name]
        running = subprocess.Popen(command, stderr=stream, stdout=stream, env=kept | dict(environment))
    process = RunningProcess(running, log)
    try:
        yield process
    finally:
        process.kill()


worker = partial(running_process, "worker")
believing_worker = partial(running_process, "tests.worker.believing_worker")
"""Of tests that start the workflows of single actions by hand, which the real one refuses."""
