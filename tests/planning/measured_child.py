"""Calls a function in a child process, with limits, and measures it: nothing that it does ends the test without a word.

A child that hangs in native code, takes all memory or crashes is reported by its exit code, together with what it was
asked, which a signal or a limit in the test's own process could not do. A new child for each call begins with the same
memory. Linux only: it reads /proc.
"""

import gc
import multiprocessing
import resource
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from process.main import collect_garbage_seldom

CPU_SECONDS = 10
"""The child is ended after so much processor time."""
ADDRESS_SPACE = 1 << 30
"""Bytes that it may have above those with which it begins."""
ATTEMPTS = 3
"""On a busy machine the thread that measures may not get the processor; the best of so many counts."""
_PAGE = resource.getpagesize()
_TICK = 0.001
_processes = multiprocessing.get_context("forkserver")

Reader = Callable[..., object]


@dataclass(frozen=True)
class Measured:
    """How a call went. Seconds are of the processor, bytes are above those of the beginning."""

    seconds: float = 0.0
    stretch: float = 0.0
    """The longest time for which no other thread could run: so long an event loop would have stood still."""
    growth: int = 0
    error: str = ""
    """Type and text of the error that was raised; empty without one."""
    expected: bool = True
    """Whether it was one of the expected ones."""
    ended_by: str = ""
    """What ended the child before it answered; empty where it did answer."""

    def faults(self, seconds: float, stretch: float, growth: int, longest_error: int) -> list[str]:
        """Return which bounds are exceeded."""
        checks = [
            (bool(self.ended_by), f"the reader was ended by {self.ended_by}"),
            (not self.expected, f"it raised {self.error[:300]}"),
            (len(self.error) > longest_error, f"its error has {len(self.error)} characters"),
            (self.seconds > seconds, f"it took {self.seconds:.2f} s of the processor"),
            (self.stretch > stretch, f"no other thread could run for {self.stretch:.3f} s"),
            (self.growth > growth, f"it took {self.growth >> 20} MiB"),
        ]
        return [text for exceeded, text in checks if exceeded]


def measured(read: Reader, *arguments: Any, expected: tuple[type[Exception], ...] = ()) -> Measured:
    """Call a function, which the child imports by its name."""
    ours, theirs = _processes.Pipe()
    child = _processes.Process(target=_answer, args=(theirs, read, arguments, expected), daemon=True)
    child.start()
    theirs.close()
    try:
        answer: Measured = ours.recv()
    except (EOFError, OSError):
        child.join()
        answer = Measured(ended_by=_name_of(child.exitcode))
    finally:
        child.kill()
        child.join()
        child.close()
        ours.close()
    return answer


def _name_of(exit_code: int | None) -> str:
    if exit_code == -signal.SIGXCPU:
        return f"its limit of {CPU_SECONDS} s of processor time"
    return signal.Signals(-exit_code).name if exit_code is not None and exit_code < 0 else f"exit code {exit_code}"


def _answer(sender: Any, read: Reader, arguments: tuple[Any, ...], expected: tuple[type[Exception], ...]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    size = int(Path("/proc/self/statm").read_text().split()[0]) * _PAGE
    resource.setrlimit(resource.RLIMIT_AS, (size + ADDRESS_SPACE, size + ADDRESS_SPACE))
    gc.collect()
    collect_garbage_seldom()  # like worker and bridge at their start
    sender.send(_measure(read, arguments, expected))


def _measure(read: Reader, arguments: tuple[Any, ...], expected: tuple[type[Exception], ...]) -> Measured:
    gaps, ended = [0.0], threading.Event()

    def tick() -> None:
        while not ended.is_set():
            before = time.process_time()
            time.sleep(_TICK)
            gaps.append(time.process_time() - before)

    ticker = threading.Thread(target=tick)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from now on
    base, began, error, is_expected = _memory("VmRSS"), time.process_time(), "", True
    ticker.start()
    try:
        read(*arguments)
    except Exception as raised:
        error, is_expected = f"{type(raised).__name__}: {raised}", isinstance(raised, expected)
    seconds = time.process_time() - began
    ended.set()
    ticker.join()
    return Measured(seconds, max(gaps), _memory("VmHWM") - base, error, is_expected)


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:"))
