"""How far a build has come, as numbers and as a line of text that is rewritten in place."""

import sys
import time
from dataclasses import dataclass, replace
from typing import Self

# A rate measured over fewer seconds than this says nothing.
SETTLED = 15.0
# Linking a program takes about as long as compiling this many packages. Measured: docs/decisions/0001.
LINKING = 60
# How often a log that is no terminal gets a line, in seconds.
PAUSE = 15.0


@dataclass(frozen=True)
class Progress:
    """Packages, of which `done` have had their turn, and programs still to be linked.

    Their number predicts the time no worse than the size of their source: measured, docs/decisions/0001.
    """

    packages: int
    unlinked: int
    done: int = 0
    elapsed: float = 0.0

    def compiled(self, elapsed: float) -> "Progress":
        """Count one more package, `elapsed` seconds after the begin."""
        return replace(self, done=self.done + 1, elapsed=elapsed)

    def remaining(self) -> float | None:
        """Estimate the seconds still to go, from the rate so far; None while the rate is not known."""
        if self.elapsed < SETTLED or self.done == 0:
            return None
        return self.elapsed * (self.packages - self.done + LINKING * self.unlinked) / self.done

    def line(self) -> str:
        """Return the line for a person."""
        return f"{self.done} of {self.packages} packages, {in_words(self.remaining())}"


def in_words(seconds: float | None) -> str:
    """Say how long something will take, no more exactly than an estimate can be."""
    if seconds is None:
        return "estimating the time"
    if seconds < 50:
        return "less than a minute to go"
    minutes = round(seconds / 60)
    return f"about {minutes} minute{'' if minutes == 1 else 's'} to go"


class Ticker:
    """The line of progress of one long step."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._last = 0.0

    def show(self, text: str) -> None:
        """Show the present state; on anything but a terminal only after a pause."""
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
