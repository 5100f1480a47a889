"""Finds the processes that tests have started, and ends those that have outlived them.

Each process of a run puts a mark with its own id into its environment, which everything that it starts inherits.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import fork_server
from tests.fork_server import MARK

GRACE = 5.0
"""Seconds within which what a test has ended must be gone when the run ends."""


@dataclass(frozen=True)
class MarkedProcess:
    """A living process that tests have started."""

    pid: int
    starter: int
    command: str


def marked_processes() -> Iterator[MarkedProcess]:
    """Yield every living process that carries a mark, of this run or of another."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            variables = (folder / "environ").read_bytes().split(b"\0")
            marks = [each for each in variables if each.startswith(MARK.encode() + b"=")]
            if marks:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                yield MarkedProcess(int(folder.name), int(marks[0].partition(b"=")[2]), command)


def started_by(pid: int) -> list[MarkedProcess]:
    """Return what a process has started and what is still alive, with all that was started by that in turn."""
    everything = list(marked_processes())
    found, starters = [], {pid}
    while starters:
        step = [each for each in everything if each.starter in starters and each.command and each not in found]
        found += step
        starters = {each.pid for each in step}
    return found


def kill(processes: list[MarkedProcess]) -> list[str]:
    """Kill processes, wait until they are gone, and return their command lines."""
    for each in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each.pid, signal.SIGKILL)
    deadline = time.monotonic() + GRACE
    while any(_lives(each) for each in processes) and time.monotonic() < deadline:
        time.sleep(0.01)
    return [each.command[:200] for each in processes]


def _lives(process: MarkedProcess) -> bool:
    """Tell whether a process has not ended: of one that has, and is not waited for yet, there is no command line."""
    try:
        return bool(Path(f"/proc/{process.pid}/cmdline").read_bytes())
    except OSError:
        return False


def kill_abandoned() -> list[str]:
    """Kill what was started by test processes that are no longer alive."""
    return kill([each for each in marked_processes() if not Path(f"/proc/{each.starter}").exists()])


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Mark everything that this process starts; clear what runs before this one could not."""
    os.environ[MARK] = str(os.getpid())
    if not hasattr(config, "workerinput"):
        kill_abandoned()
    config.pluginmanager.register(Leftovers(), "leftovers-of-this-process")


class Leftovers:
    """Fails a run that leaves processes behind, and names them."""

    def __init__(self) -> None:
        self._commands: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Kill what is left when all fixtures have been torn down."""
        fork_server.close()
        workeroutput = getattr(session.config, "workeroutput", None)
        if workeroutput is not None:
            workeroutput["leftovers"] = kill(_left_by_this_process())
            return
        if not session.config.getoption("numprocesses", None):
            self._commands += kill(_left_by_this_process())
        if self._commands:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take over what one of several processes has found; end what one that crashed has started."""
        self._commands += getattr(node, "workeroutput", {}).get("leftovers", [])
        kill_abandoned()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was left behind."""
        for command in self._commands:
            terminalreporter.write_line(f"LEFT BEHIND and killed: {command}", red=True)


def _left_by_this_process() -> list[MarkedProcess]:
    """Find what should have ended; the servers of multiprocessing end with the process that uses them."""
    deadline = time.monotonic() + GRACE
    while True:
        found = [each for each in started_by(os.getpid()) if "-c from multiprocessing." not in each.command]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)
