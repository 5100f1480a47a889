"""What is read beside an object that is waited for."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from activities.effects.obstacles import ReadinessObstacles
from api.meta import API_VERSION
from api.objects import Actor
from kube.client import Cluster, Page


class EventsOnly:
    """A cluster in which every object has the same warning."""

    async def pages(self, *_: Any, **__: Any) -> AsyncIterator[Page]:
        yield Page([{"type": "Warning", "reason": "Held", "message": "it broke"}], "")


@pytest.mark.parametrize(
    ("api_version", "kind", "obstacle"),
    [("v1", "PersistentVolumeClaim", "last warning: Held: it broke"), (API_VERSION, "DRPlanExecution", "")],
)
async def test_the_events_of_an_execution_only_repeat_its_message(api_version: str, kind: str, obstacle: str) -> None:
    obstacles = ReadinessObstacles(cast(Cluster, EventsOnly()), Actor())
    metadata = {"name": "child", "namespace": "shop", "uid": "1"}
    assert await obstacles.of({"apiVersion": api_version, "kind": kind, "metadata": metadata}) == obstacle
