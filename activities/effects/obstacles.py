"""What keeps an object that is waited for: its pods from working, or other objects from going before it.

Whatever the actor may not read is only missing in a message.
Source: docs/spec/drworkflow.md, "waitReady" and "Job"; docs/operations.md, "An object does not go".
"""

import asyncio
from contextlib import suppress

from api.steps import Actor, Target
from kube.client import Cluster, Object
from kube.errors import ApiError
from planning.effects import removal
from planning.effects.object_fields import at, selector, text
from planning.effects.obstacles import last_warning, obstacle
from planning.messages import removal as removal_messages

_MOST_PODS = 200
"""Pods among which one is looked for."""
_INTERVAL = 3.0
"""Seconds between two reads of the pods of an object that is read more often."""


async def pods_of(cluster: Cluster, found: Object, actor: Actor) -> list[Object]:
    """Read an object's pods; none if the actor may not."""
    pods: list[Object] = []
    if not (query := selector(found)):
        return pods
    kind = Target(api_version="v1", kind="Pod", name="", namespace=text(found, "metadata", "namespace") or None)
    with suppress(ApiError):
        async for page in cluster.pages(kind, query, actor):
            pods += page.items
            if len(pods) >= _MOST_PODS:
                break
    return pods


async def events_of(cluster: Cluster, found: Object, actor: Actor) -> list[Object]:
    """Read the newest warnings about an object; none if the actor may not."""
    kind = Target(api_version="v1", kind="Event", name="", namespace=text(found, "metadata", "namespace") or None)
    fields = f"involvedObject.uid={text(found, 'metadata', 'uid')},type=Warning"
    with suppress(ApiError):
        async for page in cluster.pages(kind, "", actor, fields=fields):
            return page.items
    return []


class ReadinessObstacles:
    """What keeps one object from being ready, apart from its own status. It is not read each time."""

    def __init__(self, cluster: Cluster, actor: Actor) -> None:
        self._cluster = cluster
        self._actor = actor
        self._last = ""
        self._next_read = 0.0

    async def of(self, found: Object) -> str:
        """Return what keeps a pod of the object from working, else the last warning about it; empty for nothing."""
        now = asyncio.get_running_loop().time()
        if now >= self._next_read:
            pods = await pods_of(self._cluster, found, self._actor) if at(found, "spec", "template") else []
            self._last = obstacle(pods) or last_warning(await events_of(self._cluster, found, self._actor))
            self._next_read = now + _INTERVAL
        return self._last


class RemovalObstacles:
    """What keeps a namespace or a definition from going. It is not read each time."""

    def __init__(self, cluster: Cluster, target: Target, actor: Actor) -> None:
        self._cluster = cluster
        self._target = target
        self._actor = actor
        self._last = ""
        self._next_read = 0.0

    async def now(self) -> str:
        """Return what is known of it; empty for objects that go by themselves."""
        now = asyncio.get_running_loop().time()
        if not removal.is_emptied(self._target) or now < self._next_read:
            return self._last
        self._next_read = now + _INTERVAL
        with suppress(ApiError):
            found = await self._cluster.get(self._target, self._actor)
            reasons = removal.obstacles(found)
            if (kind := removal.defined_kind(found)) is not None:
                reasons.append(await self._left(kind))
            self._last = "; ".join(filter(None, reasons))
        return self._last

    async def _left(self, kind: Target) -> str:
        """Return how many objects of a kind are left, and with which finalizers. Raises ApiError."""
        left: list[Object] = []
        async for page in self._cluster.pages(kind, "", self._actor, everywhere=True, metadata_only=True):
            left += (each["metadata"] for each in page.items)
        finalizers = {name for metadata in left for name in metadata.get("finalizers") or ()}
        return removal_messages.objects_left(len(left), sorted(finalizers)) if left else ""
