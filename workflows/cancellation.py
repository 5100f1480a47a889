"""A person's cancel as a fact that the walk looks at, instead of an exception at any await.

Temporal delivers a cancel once, as asyncio.CancelledError in the main task. Here the main task only
guards: the walk runs in a task of its own that is never cancelled, so that what was begun is waited
for and the tree is always finished. Source: docs/spec/drplanexecution.md, "Cancel".
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow

T = TypeVar("T")


class Cancellation:
    """Whether this run was asked to end early."""

    def __init__(self) -> None:
        self.requested = False

    async def guard(self, walk: Coroutine[None, None, T]) -> T:
        """Run a walk to its end whatever is requested meanwhile, once or again."""
        task = asyncio.create_task(walk)
        while True:
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                # A task that is done here was torn down with the workflow's cache entry.
                if task.done():
                    raise
                self.requested = True

    async def settle(self, running: "asyncio.Task[T]", unwanted: Callable[[], bool] | None = None) -> T:
        """Wait for an activity or child; pass the cancel on to it, and wait for what it makes of it.

        `unwanted` names another reason to cancel it. Conditions are looked at only after everything that
        arrived with the cancel was taken in, so that a result which came with it is not lost.
        Raises what the activity or child raises.
        """

        def stop() -> bool:
            return self.requested or (unwanted is not None and unwanted())

        await workflow.wait_condition(lambda: running.done() or stop())
        if not running.done():
            running.cancel()
        return await running

    async def pause(self, span: timedelta) -> None:
        """Wait for a span of time, or until a cancel arrives."""
        if span <= timedelta(0):
            return
        try:
            await workflow.wait_condition(lambda: self.requested, timeout=span)
        except TimeoutError:
            return
