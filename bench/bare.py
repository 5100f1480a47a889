"""A workflow that only runs activities that do nothing: what the engine itself costs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

TASK_QUEUE = "drplan-bench-bare"


@activity.defn
async def nothing() -> None:
    """Do nothing."""


@workflow.defn
class Bare:
    """Activities one after the other."""

    @workflow.run
    async def run(self, activities: int) -> None:
        """Run so many."""
        for _ in range(activities):
            await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=10))


@asynccontextmanager
async def serving(client: Client) -> AsyncIterator[None]:
    """Serve the workflow while the context lasts, with a worker that is set as ours is."""
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Bare], activities=[nothing]):
        yield
