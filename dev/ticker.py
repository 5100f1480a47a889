"""Shows one line of progress: rewritten in place on a terminal, now and then elsewhere."""

import sys
import time
from typing import Self

# How often a log that is no terminal gets a line, in seconds.
PAUSE = 15.0


class Ticker:
    """The line of progress of one long step."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._last = 0.0

    def show(self, text: str) -> None:
        """Show the present state; on anything but a terminal only if the last one is long past."""
        if self._terminal:
            print(f"\r\033[K  {text}", end="", flush=True)
        elif time.monotonic() - self._last >= PAUSE:
            self._last = time.monotonic()
            print(f"  {text}", flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave a clean line behind."""
        if self._terminal:
            print("\r\033[K", end="", flush=True)
