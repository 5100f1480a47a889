"""The settings of the stack's Temporal work. A misspelt key is accepted silently, so only the effect is proof."""

import asyncio
import uuid

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from dev.servers import SEARCH_ATTRIBUTES
from dev.stack import Stack


@workflow.defn
class Empty:
    @workflow.run
    async def run(self) -> None:
        """Do nothing."""


@workflow.defn
class ManyChildren:
    @workflow.run
    async def run(self, number: int) -> None:
        for _ in range(number):
            await workflow.execute_child_workflow(Empty.run)


@workflow.defn
class ManyTimers:
    @workflow.run
    async def run(self, number: int) -> None:
        for _ in range(number):
            await asyncio.sleep(0.01)


async def _duration(stack: Stack, run: str, number: int) -> float:
    client = await Client.connect(stack.temporal_address)
    queue = f"settings-{uuid.uuid4()}"
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue=queue, workflows=[Empty, ManyChildren, ManyTimers], workflow_runner=runner):
        handle = await client.start_workflow(run, number, id=queue, task_queue=queue)
        await handle.result()
        described = await handle.describe()
    assert described.close_time is not None
    return (described.close_time - described.start_time).total_seconds()


async def _shortest(stack: Stack, run: str, number: int, seconds: float) -> bool:
    """Tell whether it takes less than so many seconds: once in a few times, for the machine may be busy meanwhile."""
    for _ in range(4):
        if await _duration(stack, run, number) < seconds:
            return True
    return False


async def test_short_timers_are_short(stack: Stack) -> None:
    # With the default shift each of them would take a second.
    assert await _shortest(stack, "ManyTimers", 5, 4)


async def test_a_tree_of_workflows_is_not_held_to_twenty_tasks_a_second(stack: Stack) -> None:
    # 40 children are 160 tasks. After a burst of 20, the default rate would need another seven seconds.
    assert await _shortest(stack, "ManyChildren", 40, 7)


async def test_the_search_attributes_are_registered(stack: Stack) -> None:
    client = await Client.connect(stack.temporal_address)
    pairs = [SearchAttributePair(SearchAttributeKey.for_keyword(name), "x") for name in SEARCH_ATTRIBUTES]

    handle = await client.start_workflow(
        "Nobody", id=f"settings-{uuid.uuid4()}", task_queue="nobody", search_attributes=TypedSearchAttributes(pairs)
    )

    assert len((await handle.describe()).typed_search_attributes) == len(SEARCH_ATTRIBUTES)
    await handle.terminate()
