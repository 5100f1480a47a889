"""The look: what is there of every object concerned, before anything is deleted.

Source: docs/spec/drplanexecution.md, "The look".
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from activities.attempt.failures import action_error, may_pass
from api.steps import Actor, Look, Seen, Target
from kube.client import Cluster
from kube.errors import ApiError, ForbiddenError, UnknownKindError
from planning.messages import attempts as attempt_messages

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_AT_ONCE = 20
"""Calls to the API server at a time; its fairness queues serve other clients as well."""


async def each(items: Iterable[ItemT], work: Callable[[ItemT], Awaitable[ResultT]]) -> list[ResultT]:
    """Do the same for every item, some at a time; results in the items' order. The first error ends it."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(item: ItemT) -> ResultT:
        async with room:
            return await work(item)

    tasks = [asyncio.create_task(one(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def look_at(
    cluster: Cluster, targets: Sequence[Target], actor: Actor, told: Callable[[str], None]
) -> dict[Target, Look]:
    """Look at every target as the actor sees it; `told` hears how far it came. Raises ActionError."""
    done = 0

    async def look(target: Target) -> Look:
        nonlocal done
        seen = await _look(cluster, target, actor)
        done += 1
        if done % _AT_ONCE == 0:
            told(attempt_messages.looking(done, len(targets)))
        return seen

    return dict(zip(targets, await each(targets, look), strict=True))


async def _look(cluster: Cluster, target: Target, actor: Actor) -> Look:
    try:
        metadata = await cluster.metadata(target, actor)
    except ForbiddenError as error:
        return Look(seen=Seen.FORBIDDEN, reason=attempt_messages.naming(target, error.message))
    except ApiError as error:
        # Where the kind itself is gone so are its objects; any other answer that may change proves nothing.
        if may_pass(error) and not isinstance(error, UnknownKindError):
            raise action_error(
                error, attempt_messages.failed_to_read(target.kind, target.name, error.message)
            ) from error
        return Look(seen=Seen.ABSENT, reason=attempt_messages.naming(target, error.message))
    return Look(
        seen=Seen.PRESENT,
        uid=metadata["uid"],
        creation_timestamp=metadata["creationTimestamp"],
        finalizers=metadata.get("finalizers") or [],
    )
