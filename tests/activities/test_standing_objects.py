"""What the check for objects of earlier executions costs: requests are counted, and bounded."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from activities.observe import MANY, observe
from activities.standing_objects import MOST_CREATIONS, MOST_MAKERS, makers_of, standing_objects
from api.execution import DRPlanExecution, DRPlanExecutionSpec
from api.meta import API_VERSION, CREATED_BY_ANNOTATION, ObjectMeta
from api.objects import Actor, Presence, Target
from api.phases import OperationType
from api.plan import DRPlan
from kube.client import Cluster, Object, Page
from kube.errors import ForbiddenError
from planning.execute.standing import Creation

EXECUTION = DRPlanExecution(
    metadata=ObjectMeta(name="again", namespace="shop", uid="again"),
    spec=DRPlanExecutionSpec(plan_ref="move", operation_type=OperationType.EXECUTE),
)
PLAN = DRPlan.model_validate(
    {
        "metadata": {"name": "move", "namespace": "shop"},
        "spec": {"stages": [{"name": "s", "workflows": [{"workflowRef": {"name": "w"}}]}]},
    }
)


class FullCluster:
    """A cluster in which every object exists, each made by an execution of its own; it counts requests."""

    def __init__(self, executions: int = 0) -> None:
        self.executions = executions
        self.gets: list[str] = []
        self.lists = 0

    async def metadata(self, target: Target, _: Actor) -> Object:
        self.gets.append(target.name)
        mark = {CREATED_BY_ANNOTATION: f"{target.name}/s/w/a"}
        return {"uid": target.name, "creationTimestamp": "2026-02-03T10:00:00Z", "annotations": mark}

    async def get(self, target: Target, _: Actor) -> Object:
        self.gets.append(target.name)
        spec = {"planRef": "move", "operationType": "Execute"}
        metadata = {"name": target.name, "namespace": "shop", "uid": target.name}
        return {"apiVersion": API_VERSION, "kind": "DRPlanExecution", "metadata": metadata, "spec": spec}

    async def pages(self, kind: Target, *_: Any, **__: Any) -> AsyncIterator[Page]:
        self.lists += 1
        if kind.kind == "ConfigMap":
            raise ForbiddenError("no list", 403)
        yield Page([{"metadata": {"name": f"o{n}", "uid": f"o{n}"}} for n in range(self.executions)], "")


def creations(count: int) -> list[Creation]:
    kind = {"api_version": "v1", "kind": "ConfigMap", "namespace": "shop"}
    return [Creation("a", Target(name=f"o{n}", **kind)) for n in range(count)]


class StrangeCluster(FullCluster):
    """A cluster whose objects come from an aggregated API that says of them what it likes."""

    def __init__(self, **metadata: Any) -> None:
        super().__init__()
        self._metadata = metadata

    async def metadata(self, target: Target, actor: Actor) -> Object:
        return {**await super().metadata(target, actor), **self._metadata}


@pytest.mark.parametrize(
    "time", [None, "", "yesterday", "2026-02-30T10:00:00Z", "99999-01-01T00:00:00Z", "2026-02-03", 7]
)
async def test_an_object_with_a_strange_time_of_creation_is_there_all_the_same(time: object) -> None:
    cluster = cast(Cluster, StrangeCluster(creationTimestamp=time))
    [found] = await standing_objects(cluster, EXECUTION, creations(1), Actor())
    assert found.created is None
    observed = await observe(cluster, [found.creation.target], Actor(), print)
    assert observed[found.creation.target].presence is Presence.PRESENT


async def test_an_object_without_a_uid_is_left_to_the_action_that_creates_it() -> None:
    cluster = cast(Cluster, StrangeCluster(uid=None))
    assert await standing_objects(cluster, EXECUTION, creations(1), Actor()) == []


class ListedCluster(FullCluster):
    """A cluster in which every other object exists, and may be listed."""

    def __init__(self, pages: int) -> None:
        super().__init__()
        self._page_count = pages

    async def pages(self, kind: Target, *_: Any, **__: Any) -> AsyncIterator[Page]:
        self.lists += 1
        for number in range(self._page_count):
            names = [f"o{n}" for n in range(number * 100, number * 100 + 100, 2)]
            targets = [kind.model_copy(update={"name": name}) for name in names]
            items = [
                {"metadata": {"name": each.name, **await FullCluster().metadata(each, Actor())}} for each in targets
            ]
            yield Page(items, "", more=number + 1 < self._page_count)


async def test_many_objects_of_a_kind_cost_one_list_and_those_that_it_does_not_show_nothing() -> None:
    cluster = ListedCluster(pages=1)
    found = await standing_objects(cast(Cluster, cluster), EXECUTION, creations(MANY), Actor())
    assert (cluster.lists, cluster.gets) == (1, [])
    assert [one.uid for one in found] == [f"o{n}" for n in range(0, MANY, 2)]


async def test_a_list_that_ends_early_leaves_the_others_to_a_request_each() -> None:
    cluster = ListedCluster(pages=9)
    found = await standing_objects(cast(Cluster, cluster), EXECUTION, creations(MANY), Actor())
    assert cluster.gets == [f"o{n}" for n in range(1, MANY, 2)]
    assert len(found) == MANY


async def test_without_the_right_to_list_each_object_costs_one_get_up_to_a_bound() -> None:
    for count, expected in ((3, 3), (MOST_CREATIONS + 5, MOST_CREATIONS)):
        cluster = FullCluster()
        found = await standing_objects(cast(Cluster, cluster), EXECUTION, creations(count), Actor())
        assert len(found) == len(cluster.gets) == expected


async def test_the_executions_that_made_them_cost_one_list_and_a_get_each_up_to_a_bound() -> None:
    for count, expected in ((3, 3), (MOST_MAKERS + 5, MOST_MAKERS)):
        cluster = FullCluster(executions=count)
        found = await standing_objects(cast(Cluster, cluster), EXECUTION, creations(count), Actor())
        cluster.gets.clear()
        cluster.lists = 0
        makers = await makers_of(cast(Cluster, cluster), PLAN, found)
        assert (cluster.lists, len(cluster.gets), len(makers)) == (1, expected, expected)
