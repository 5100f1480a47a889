"""The same work for many items at once, within a limit."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

CALLS_AT_ONCE = 20
"""Calls to the API server at once; its fairness queues serve other clients as well."""


async def parallel(
    items: Iterable[ItemT], work: Callable[[ItemT], Awaitable[ResultT]], limit: int = CALLS_AT_ONCE
) -> list[ResultT]:
    """Do the work for every item, at most `limit` at once, and return the results in the order of the items.

    The first error, or a cancellation, cancels all other work; it is raised once all of that has stopped.
    """
    slots = asyncio.Semaphore(limit)

    async def one(item: ItemT) -> ResultT:
        async with slots:
            return await work(item)

    tasks = [asyncio.create_task(one(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
