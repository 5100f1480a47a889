"""At most a number of calls to the API server at once, for one activity."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

AT_ONCE = 20
"""Calls to the API server at a time; its fairness queues serve other clients as well."""


async def each(items: Iterable[ItemT], work: Callable[[ItemT], Awaitable[ResultT]]) -> list[ResultT]:
    """Do the same for every item, some at a time; results in the items' order. The first error ends it."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(item: ItemT) -> ResultT:
        async with room:
            return await work(item)

    tasks = [asyncio.create_task(one(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
