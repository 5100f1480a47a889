"""Worker or bridge with a wall clock that can be stepped while it runs: `python -m tests.chaos.stepped_clock worker`.

The file named by STEPPED_CLOCK holds by how many seconds the clock is wrong. The system's clock is left alone: to set
it takes rights that tests should not have. What is stepped is every time of day that our code reads; the monotonic
clock does not move, as on a host whose clock is set. The core of Temporal's SDK and the servers keep the true time, as
the other hosts would.
"""

import importlib
import os
import runpy
import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

FILE = "STEPPED_CLOCK"
_PACKAGES = ("kube", "activities", "process", "worker", "bridge")
"""Whose modules read the time of day. Workflows take theirs from Temporal."""


class _AnyDatetime(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime)


class SteppedDatetime(datetime, metaclass=_AnyDatetime):
    """`datetime`, whose `now` is wrong by what the file says."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """Return the time of day by the wrong clock."""
        return super().now(tz) + timedelta(seconds=error())


def error() -> float:
    """Return by how many seconds the clock is wrong at the moment."""
    try:
        return float(Path(os.environ[FILE]).read_text())
    except (KeyError, OSError, ValueError):
        return 0.0


def step_clock(modules: dict[str, Any]) -> list[str]:
    """Have our modules read the wrong clock, and return their names."""
    read = [
        name
        for name, module in modules.items()
        if name.partition(".")[0] in _PACKAGES and getattr(module, "datetime", None) is datetime
    ]
    for name in read:
        modules[name].datetime = SteppedDatetime
    return read


if __name__ == "__main__":
    program = sys.argv[1]
    importlib.import_module(f"{program}.__main__")
    step_clock(dict(sys.modules))
    del sys.modules[f"{program}.__main__"]
    sys.argv = [program]
    runpy.run_module(program, run_name="__main__", alter_sys=True)
