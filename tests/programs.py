"""Worker and bridge as processes of the tests, which start, stop, kill and restart them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.eventually import DEADLINE

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass
class Program:
    """A Python module, with its arguments, that is run as a process; `log` collects what all its lives print."""

    module: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    _life: int = 0
    """Where in the log the present life begins."""
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Tell whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it unless it runs."""
        if self.running:
            return
        with self.log.open("ab") as log:
            self._life = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self.module],
                cwd=REPOSITORY,
                env={**_inherited(), **self.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it with SIGKILL: it gets no chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator would, with SIGTERM; killed if that takes longer than 20 s."""
        self._end(signal.SIGTERM)

    def wait_for_end(self, timeout: float = DEADLINE) -> int:
        """Return the exit code of a process that ends by itself; negative for a signal."""
        assert self._process is not None
        return self._process.wait(timeout)

    def wait_until_it_says(self, words: str, timeout: float = DEADLINE) -> None:
        """Return once this life has logged these words. Raises TimeoutError, or RuntimeError when it ended instead."""
        deadline = time.monotonic() + timeout
        while words.encode() not in self._said():
            if not self.running:
                raise RuntimeError(f"{self.module} ended:\n{self._said().decode()[-2000:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.module} did not say {words!r}:\n{self._said().decode()[-2000:]}")
            time.sleep(0.02)

    def _said(self) -> bytes:
        return self.log.read_bytes()[self._life :]

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hold it still with SIGSTOP for the length of a block."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def pause(self) -> None:
        """Hold it still with SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=20)


def _inherited() -> dict[str, str]:
    """The environment without what would lead a process to another cluster, Temporal or queue."""
    foreign = ("TEMPORAL_", "DRPLAN_", "KUBECONFIG")
    return {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
