"""Waiting for a condition, with a deadline that a busy machine meets as well."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

DEADLINE = 120.0
PAUSE = 0.05


def until(holds: Callable[[], T | None], what: str = "", seconds: float = DEADLINE) -> T:
    """Call until there is a true value, and return it. Raises AssertionError when the time is over."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or holds}"
        time.sleep(PAUSE)
    return value


@overload
async def eventually(holds: Callable[[], Awaitable[T | None]], what: str = "", seconds: float = DEADLINE) -> T: ...


@overload
async def eventually(holds: Callable[[], T | None], what: str = "", seconds: float = DEADLINE) -> T: ...


async def eventually(holds: Callable[[], Any], what: str = "", seconds: float = DEADLINE) -> Any:
    """Call, or call and await, until there is a true value, and return it. Raises AssertionError when time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = holds()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or holds}"
        await asyncio.sleep(PAUSE)
