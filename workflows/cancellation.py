"""A cancel as a fact that a workflow checks, instead of an exception at any await.

Temporal delivers a cancel once, as asyncio.CancelledError in the main task. Here the main task only waits: the work
runs in another task that is never cancelled, so that what has started is waited for and the tree is always completed.
Source: docs/spec/drplanexecution.md, "Cancel".
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from api.phases import Phase

T = TypeVar("T")


class Cancellation:
    """Whether a cancel of this run was requested."""

    def __init__(self) -> None:
        self.requested = False

    async def guard(self, work: Coroutine[None, None, T]) -> T:
        """Run `work` to its end, however often a cancel is requested meanwhile."""
        task = asyncio.create_task(work)
        while True:
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                # A task that is done here was torn down together with the cached workflow.
                if task.done():
                    raise
                self.requested = True

    async def settle(self, running: "asyncio.Task[T]", unwanted: Callable[[], bool] = lambda: False) -> T:
        """Wait for an activity or a child; pass a cancel on to it, and wait for its answer to that.

        It is cancelled as well once `unwanted` returns true. Raises what the activity or child raises.
        """
        # A condition is evaluated after all jobs of the activation: a result that arrived with the cancel is kept.
        await workflow.wait_condition(lambda: running.done() or self.requested or unwanted())
        if not running.done():
            running.cancel()
        return await running

    async def pause(self, span: timedelta) -> None:
        """Wait for a span of time, or until a cancel is requested."""
        if span <= timedelta(0):
            return
        try:
            await workflow.wait_condition(lambda: self.requested, timeout=span)
        except TimeoutError:
            return

    def cut_short(self, children: Iterable[Phase]) -> bool:
        """Tell whether the cancel kept any of the children from its normal end."""
        return self.requested and any(phase in (Phase.PENDING, Phase.CANCELED) for phase in children)
