"""Waiting for a condition, with a deadline that a busy machine meets as well."""

import asyncio
import inspect
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

DEADLINE = 120.0


def _pause(waited: float) -> float:
    """Return when to look again: soon at first, less often as it takes longer, for each look is work for a server."""
    return min(0.25, max(0.05, waited / 8))


def until(holds: Callable[[], T | None], what: str = "", seconds: float = DEADLINE) -> T:
    """Call until there is a true value, and return it. Raises AssertionError when the time is over."""
    start = time.monotonic()
    while not (value := holds()):
        waited = time.monotonic() - start
        assert waited < seconds, f"not within {seconds:g} s: {what or holds}"
        time.sleep(_pause(waited))
    return value


@overload
async def eventually(holds: Callable[[], Awaitable[T | None]], what: str = "", seconds: float = DEADLINE) -> T: ...


@overload
async def eventually(holds: Callable[[], T | None], what: str = "", seconds: float = DEADLINE) -> T: ...


async def eventually(holds: Callable[[], Any], what: str = "", seconds: float = DEADLINE) -> Any:
    """Call, or call and await, until there is a true value, and return it. Raises AssertionError when time is over."""
    start = time.monotonic()
    while True:
        value = holds()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        waited = time.monotonic() - start
        if waited >= seconds:
            _print_where_all_is()
        assert waited < seconds, f"not within {seconds:g} s: {what or holds}"
        await asyncio.sleep(_pause(waited))


def _print_where_all_is() -> None:
    """Print where each task and each thread of this process is, for what hangs shows itself rarely twice."""
    for task in asyncio.all_tasks():
        task.print_stack(limit=4, file=sys.stdout)
    for frame in sys._current_frames().values():
        traceback.print_stack(frame, limit=6, file=sys.stdout)
