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
from typing import TextIO

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
"""Seconds after which the interpreter is ended by a native thread, should Python code no longer run at all."""


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
        faulthandler.register(signal.SIGUSR1, file=self._stderr, all_threads=True)
        if not self._is_worker:
            self._start_watch("the run", float(os.environ.get("TEST_RUN_LIMIT", RUN_LIMIT)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Limit the setup of a test with its fixtures."""
        with self._limited(item, "setup", LIMITS["setup"]):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Limit the test itself."""
        mark = item.get_closest_marker("time_limit")
        with self._limited(item, "call", mark.args[0] if mark else LIMITS["call"]):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Limit the teardown, which for the last test includes that of the fixtures which all tests share."""
        with self._limited(item, "teardown", LIMITS["teardown"]):
            return (yield)

    @contextlib.contextmanager
    def _limited(self, item: pytest.Item, part: str, seconds: float) -> Iterator[None]:
        seconds = self._part_limit or seconds
        timer = self._start_watch(f"{part} of {item.nodeid}", seconds, f"Its fixtures: {_fixtures(item)}.")
        faulthandler.dump_traceback_later(seconds + MARGIN, exit=True, file=self._stderr)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            timer.cancel()

    def _start_watch(self, what: str, seconds: float, more: str = "") -> threading.Timer:
        timer = threading.Timer(seconds, self._end, (what, seconds, more))
        timer.daemon = True
        timer.start()
        return timer

    def _end(self, what: str, seconds: float, more: str) -> None:
        print(f"\nTIME LIMIT: {what} did not end within {seconds:g} s. {more} Stacks follow.", file=self._stderr)
        try:
            faulthandler.dump_traceback(self._stderr, all_threads=True)
            _print_tasks(self._stderr)
            started = leftovers.started_by(os.getpid())
            _ask_for_stacks([each for each in started if XDIST_WORKER in each.command])
            killed = leftovers.kill(started)
            print("Killed:", *killed or ["nothing else was running"], sep="\n  ", file=self._stderr)
        finally:
            os._exit(1)


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
