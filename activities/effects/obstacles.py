"""What keeps an object that is waited for: its pods from working, or other objects from going before it.

Whatever the actor may not read is only missing in a message.
Source: docs/spec/drworkflow.md, "waitReady" and "Job"; docs/operations.md, "An object does not go".
"""

import asyncio
from contextlib import suppress

from api.meta import GROUP
from api.objects import Actor, Target
from kube.client import Cluster, Object
from kube.errors import ApiError, ForbiddenError
from planning.effects import removal
from planning.effects.object_fields import at, group_and_kind, selector, text
from planning.effects.obstacles import last_warning, obstacle
from planning.messages import removal as removal_messages

_MOST = 200
"""Pods or events among which one is looked for."""
_INTERVAL = 3.0
"""Seconds between two reads of what is beside an object that is read more often."""


class ReadinessObstacles:
    """What keeps one object from being ready, apart from its own status. It is not read each time."""

    def __init__(self, cluster: Cluster, actor: Actor) -> None:
        self._cluster = cluster
        self._actor = actor
        self._last = ""
        self._next_read = 0.0
        self._refused: set[str] = set()
        """Kinds that the actor may not list, and is not made to try again."""

    async def of(self, found: Object) -> str:
        """Return what keeps a pod of the object from working, else the last warning about it; empty for nothing."""
        now = asyncio.get_running_loop().time()
        if now >= self._next_read:
            pods = await self.pods(found) if at(found, "spec", "template") else []
            # The events of our own objects repeat their status.
            own = group_and_kind(found)[0] == GROUP
            self._last = obstacle(pods) or last_warning([] if own else await self._warnings(found))
            self._next_read = now + _INTERVAL
        return self._last

    async def pods(self, found: Object) -> list[Object]:
        """Read the object's pods."""
        labels = selector(found)
        return await self._list(found, "Pod", labels=labels) if labels else []

    async def _warnings(self, found: Object) -> list[Object]:
        fields = f"involvedObject.uid={text(found, 'metadata', 'uid')},type=Warning"
        return await self._list(found, "Event", fields=fields)

    async def _list(self, found: Object, kind: str, labels: str = "", fields: str = "") -> list[Object]:
        """Read objects of a kind beside the one that was found; none where the actor may not."""
        namespace = text(found, "metadata", "namespace") or None
        target = Target(api_version="v1", kind=kind, name="", namespace=namespace)
        listed: list[Object] = []
        if kind in self._refused:
            return listed
        try:
            async for page in self._cluster.pages(target, labels, self._actor, fields=fields):
                listed += page.items
                if len(listed) >= _MOST:
                    break
        except ForbiddenError:
            self._refused.add(kind)
        except ApiError:
            pass
        return listed


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
