"""Follow an execution: on a terminal one screen, drawn again every second; in a pipe one line for each change."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from cli.executions import Executions, Seen
from cli.run import Object, Run, age, read_run
from cli.screen import changes, screen
from cli.terminal import Line, Terminal, neutral, show

TICK_SECONDS = 1.0
"""How often the times on the screen move on."""


HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


def follow(executions: Executions, name: str, no_color: bool = False) -> Run:
    """Show an execution until it ends, and return its end."""
    latest = _Latest()
    reader = threading.Thread(target=latest.read, args=(executions.follow(name),), daemon=True)
    with view(no_color) as shows:
        reader.start()
        while reader.is_alive():
            latest.changed.wait(TICK_SECONDS)
            latest.changed.clear()
            if latest.seen is not None:
                shows(latest.seen.body, _away(latest.seen))
        if latest.error is not None:
            raise latest.error
        assert latest.seen is not None
        shows(latest.seen.body)
    return read_run(latest.seen.body)


@dataclass
class _Latest:
    """What a thread has read last; the screen goes on while a read takes its time."""

    def __post_init__(self) -> None:
        self.seen: Seen | None = None
        self.error: Exception | None = None
        self.changed = threading.Event()

    def read(self, states: Iterator[Seen]) -> None:
        """Read to the end."""
        try:
            for seen in states:
                self.seen = seen
                self.changed.set()
        except Exception as error:  # raised again by who draws
            self.error = error
        self.changed.set()


def _away(seen: Seen) -> str:
    """Return since when the API server does not answer; empty where it does."""
    if not seen.away:
        return ""
    return f"status is {age(time.monotonic() - seen.read_at)} old: {seen.away}" if seen.body else seen.away


class Draw:
    """Draws an execution over what it has drawn before."""

    def __init__(self, no_color: bool) -> None:
        self._no_color = no_color
        self._rows = 0

    def __call__(self, body: Object, away: str = "") -> None:
        """Draw one state; the terminal's size is asked each time, because people change it."""
        terminal = Terminal.of(no_color=self._no_color)
        lines: list[Line] = screen(read_run(body), datetime.now(UTC), terminal, away=neutral(away)) if body else []
        rows = terminal.rows(lines)
        height = terminal.height_of(lines)
        back = f"\x1b[{self._rows}F\x1b[J" if self._rows else ""
        sys.stdout.write(back + "".join(f"{row}\n" for row in rows))
        sys.stdout.flush()
        # Rows that have left the screen at its top cannot be reached again.
        self._rows = min(height, (terminal.height or height + 1) - 1)


class Log:
    """Prints a line for each change."""

    def __init__(self) -> None:
        self.last: Run | None = None
        self._away = ""

    def __call__(self, body: Object, away: str = "") -> None:
        """Print what is new in one state."""
        if away and not self._away:
            self._print(f"status: Stale  {away}")
        self._away = away
        if body and not away:
            run = read_run(body)
            for change in changes(self.last, run):
                self._print(change)
            self.last = run

    def _print(self, text: str) -> None:
        print(f"{datetime.now().astimezone():%H:%M:%S}  {neutral(text)}", flush=True)


@contextmanager
def view(no_color: bool = False) -> Iterator[Draw | Log]:
    """Yield what shows the newest state of one execution; the last screen remains."""
    terminal = Terminal.of(no_color=no_color)
    if terminal.width is None:
        log = Log()
        yield log
        if log.last is not None:
            show(screen(log.last, datetime.now(UTC), terminal), terminal)
        return
    sys.stdout.write(HIDE_CURSOR)
    try:
        yield Draw(no_color)
    finally:
        sys.stdout.write(SHOW_CURSOR)
        sys.stdout.flush()
