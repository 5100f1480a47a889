"""Ends what hangs, and says what it was: each part of a test (setup, call, teardown) and the whole run have a limit.

A part that exceeds its limit ends its process, because nothing less is certain to work: an exception does not reach
code that waits in a native library or in another thread. Before that the stacks of all threads and tasks are printed
and all that the process has started is killed. With several processes, pytest-xdist then reports the test as failed
and starts another process for the remaining ones. pytest-timeout is not used because it stops its clock as soon as
a test has failed, so that the teardown after a failure may hang for as long as it likes.
"""

import asyncio
import contextlib
import faulthandler
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator
from typing import NamedTuple, TextIO

import pytest

from tests import leftovers

LIMITS = {"setup": 700.0, "call": 300.0, "teardown": 120.0}
"""Seconds for each part of a test. They are generous: a busy machine is several times slower than an idle one."""
PART_LIMIT = "TEST_PART_LIMIT"
RUN_LIMIT = 40 * 60.0
"""Seconds for the whole run."""
XDIST_WORKER = "exec(eval(sys.stdin.readline()))"
"""Tells a process of pytest-xdist from the others, by its command line."""
MARGIN = 15.0
"""Seconds beyond the limits of a test after which a native thread ends the interpreter, as Python code may not run."""
LOOK = 0.25
"""Seconds between two looks whether a limit is exceeded: a timer for each part would be a thread for each."""


class Part(NamedTuple):
    """What is running, and how long it may."""

    what: str
    seconds: float
    deadline: float
    more: str


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch this process, unless a debugger is to wait for a person."""
    config.addinivalue_line("markers", "time_limit(seconds): how long the call of this test may take")
    if not config.getoption("usepdb"):
        config.pluginmanager.register(TimeLimits(config), "time-limits-of-this-process")


class TimeLimits:
    """The watch over one process of the run; environment variables replace the limits for one run."""

    def __init__(self, config: pytest.Config) -> None:
        # Output of tests is captured at this descriptor later; a copy still leads to the terminal.
        self._stderr = os.fdopen(os.dup(sys.__stderr__.fileno() if sys.__stderr__ else 2), "w", buffering=1)
        self._part_limit = float(os.environ.get(PART_LIMIT, 0))
        self._is_worker = hasattr(config, "workerinput")
        self._part: Part | None = None
        faulthandler.register(signal.SIGUSR1, file=self._stderr, all_threads=True)
        run = float(os.environ.get("TEST_RUN_LIMIT", RUN_LIMIT))
        self._run = None if self._is_worker else Part("the run", run, time.monotonic() + run, "")
        threading.Thread(target=self._watch, name="time limits", daemon=True).start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Limit a test by a native thread as well."""
        limits = {**LIMITS, "call": _call_limit(item)}
        seconds = sum(self._part_limit or each for each in limits.values())
        faulthandler.dump_traceback_later(seconds + MARGIN, exit=True, file=self._stderr)
        try:
            return (yield)
        finally:
            faulthandler.cancel_dump_traceback_later()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Limit the setup of a test with its fixtures."""
        with self._limited(item, "setup", LIMITS["setup"]):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Limit the test itself."""
        with self._limited(item, "call", _call_limit(item)):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Limit the teardown, which for the last test includes that of the fixtures which all tests share."""
        with self._limited(item, "teardown", LIMITS["teardown"]):
            return (yield)

    @contextlib.contextmanager
    def _limited(self, item: pytest.Item, part: str, seconds: float) -> Iterator[None]:
        seconds = self._part_limit or seconds
        more = f"Its fixtures: {_fixtures(item)}."
        self._part = Part(f"{part} of {item.nodeid}", seconds, time.monotonic() + seconds, more)
        try:
            yield
        finally:
            self._part = None

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK)
            for each in (self._part, self._run):
                if each and time.monotonic() > each.deadline:
                    self._end(each.what, each.seconds, each.more)

    def _end(self, what: str, seconds: float, more: str) -> None:
        print(f"\nTIME LIMIT: {what} did not end within {seconds:g} s. {more} Stacks follow.", file=self._stderr)
        try:
            faulthandler.dump_traceback(self._stderr, all_threads=True)
            _print_tasks(self._stderr)
            started = leftovers.started_by(os.getpid())
            _ask_for_stacks([each for each in started if XDIST_WORKER in each.command])
            killed = leftovers.kill(started)
            time.sleep(0.2)  # until they are gone: what they were about to start is not in the list
            killed += leftovers.kill_abandoned()
            print("Killed:", *killed or ["nothing else was running"], sep="\n  ", file=self._stderr)
        finally:
            os._exit(1)


def _call_limit(item: pytest.Item) -> float:
    mark = item.get_closest_marker("time_limit")
    return float(mark.args[0]) if mark else LIMITS["call"]


def _fixtures(item: pytest.Item) -> str:
    return ", ".join(item.fixturenames) if isinstance(item, pytest.Function) else ""


def _ask_for_stacks(processes: list[leftovers.MarkedProcess]) -> None:
    for each in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each.pid, signal.SIGUSR1)
    time.sleep(1 if processes else 0)


def _print_tasks(file: TextIO) -> None:
    for task in gc.get_objects():
        if isinstance(task, asyncio.Task) and not task.done():
            task.print_stack(file=file)
