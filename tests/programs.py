"""Worker, bridge and other modules as processes of the tests, which start, stop, kill and restart them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.eventually import DEADLINE
from tests.fork_server import MARK, MODULES, ForkedProcess, ForkServer, fork_server

REPOSITORY = Path(__file__).resolve().parents[1]
_INHERITED = ("PATH", "HOME", "VIRTUAL_ENV", "LANG", "TMPDIR", MARK)
"""What a process gets of the environment: nothing that leads it to another cluster, Temporal or task queue."""


@dataclass
class Program:
    """A Python module, with its arguments, that is run as a process; `log` collects what all its lives print."""

    module: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    real: bool = False
    """Whether it is started by an interpreter of its own, though the fork server could do it."""
    code: Path = REPOSITORY
    """The folder whose code it runs."""
    _life: int = 0
    """Where in the log the present life begins."""
    _said: dict[str, str] = field(default_factory=dict, repr=False)
    """The lines of the present life that were waited for, by the words in them."""
    _process: "subprocess.Popen[bytes] | ForkedProcess | None" = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Tell whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the process that was started last."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it unless it runs."""
        if self.running:
            return
        self._said.clear()
        with self.log.open("ab") as log:
            self._life = log.tell()
            if self.module[0] in MODULES and not self.real and self.code == REPOSITORY:
                self._process = load_programs().start(self.module, {**_inherited(), **self.env}, self.log)
                return
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self.module],
                cwd=self.code,
                env={**_inherited(), **self.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it with SIGKILL: it gets no chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it as an operator would, with SIGTERM, and return its exit code; killed if it takes longer than 20 s."""
        return self._end(signal.SIGTERM)

    def wait_for_end(self, timeout: float = DEADLINE) -> int:
        """Return the exit code of a process that ends by itself; negative for a signal."""
        assert self._process is not None
        return self._process.wait(timeout)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, and do not wait for what comes of it."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait_until_it_says(self, words: str, timeout: float = DEADLINE) -> str:
        """Return the first line of this life with these words, once it is complete.

        Raises TimeoutError, or RuntimeError when the process ended instead.
        """
        deadline = time.monotonic() + timeout
        read = self._life
        while words not in self._said:
            running = self.running
            with self.log.open("rb") as log:
                log.seek(read)
                new = log.read()
            complete = new[: new.rfind(b"\n") + 1]
            read += len(complete)
            for line in complete.decode().splitlines():
                if words in line:
                    self._said[words] = line
                    break
            else:
                if not running:
                    raise RuntimeError(f"{self.module} ended:\n{self._last_words()}")
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{self.module} did not say {words!r}:\n{self._last_words()}")
                time.sleep(0.02)
        return self._said[words]

    def has_said(self, words: str) -> bool:
        """Tell whether this life has printed these words."""
        with self.log.open("rb") as log:
            log.seek(self._life)
            return words.encode() in log.read()

    def wait_for(self, event: str, timeout: float = DEADLINE) -> dict[str, Any]:
        """Return the first line of this life with these words as one object. Raises as `wait_until_it_says`."""
        line: dict[str, Any] = json.loads(self.wait_until_it_says(event, timeout))
        return line

    def lines(self) -> list[dict[str, Any]]:
        """Return the log of all lives; each of its lines is one JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def _last_words(self) -> str:
        return self.log.read_bytes()[self._life :][-2000:].decode(errors="replace")

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
        self.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        try:
            return self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(timeout=20)


def load_programs() -> ForkServer:
    """Have the fork server of this process load worker and bridge, and do not wait for it."""
    return fork_server(REPOSITORY, _inherited())


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


@contextmanager
def running(
    module: str, log: Path, environment: Mapping[str, str], *arguments: str, real: bool = False
) -> Iterator[Program]:
    """Run a module as a process, which is killed at the end of the block if it still runs."""
    program = Program((module, *arguments), environment, log, real)
    program.start()
    try:
        yield program
    finally:
        program.kill()


worker = partial(running, "worker")
believing_worker = partial(running, "tests.worker.believing_worker")
"""Of tests that start the workflows of single actions by hand, which the real one refuses."""
