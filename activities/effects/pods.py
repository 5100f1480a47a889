"""The pods of an object that is waited for: what keeps them from working.

Source: docs/spec/drworkflow.md, "waitReady" and "Job".
"""

import asyncio
from contextlib import suppress

from api.steps import Actor, Target
from kube.client import Cluster, Object
from kube.errors import ApiError
from planning.effects.object_fields import at, selector, text
from planning.effects.pods import obstacle

_MOST_PODS = 200
"""Pods among which one is looked for."""
_INTERVAL = 3.0
"""Seconds between two reads of the pods of an object that is read more often."""


async def pods_of(cluster: Cluster, found: Object, actor: Actor) -> list[Object]:
    """Read an object's pods; none if the actor may not, for then only a reason is missing."""
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


class PodObstacles:
    """What keeps the pods of one object from working. They are not read each time."""

    def __init__(self, cluster: Cluster, actor: Actor) -> None:
        self._cluster = cluster
        self._actor = actor
        self._last = ""
        self._next_read = 0.0

    async def of(self, found: Object) -> str:
        """Return what keeps a pod of the object from working; empty if that is not known, or it has no pods."""
        if not at(found, "spec", "template"):
            return ""
        now = asyncio.get_running_loop().time()
        if now >= self._next_read:
            self._last = obstacle(await pods_of(self._cluster, found, self._actor))
            self._next_read = now + _INTERVAL
        return self._last
