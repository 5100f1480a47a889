"""What a Revert observes of many objects: how many requests that takes, and that a list decides nothing by itself."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from activities.observe import MANY, observe
from api.objects import Actor, ObservedObject, Presence, Target
from kube.client import Cluster, Object, Page
from kube.errors import ForbiddenError, NotFoundError, UnreachableError

CONFIG_MAP = {"api_version": "v1", "kind": "ConfigMap"}
LOCALIZATION = {"api_version": "apps.clusternet.io/v1alpha1", "kind": "Localization"}
PAGE = 500


class CountingCluster:
    """A namespace with these objects; it counts requests."""

    def __init__(self, names: list[str], list_error: Exception | None = None) -> None:
        self.names = names
        self.list_error = list_error
        self.gets: list[str] = []
        self.pages_read = 0
        self.metadata_only = True

    async def metadata(self, target: Target, _: Actor) -> Object:
        return dict((await self.get(target, _))["metadata"])

    async def get(self, target: Target, _: Actor) -> Object:
        self.gets.append(target.name)
        if target.name not in self.names:
            raise NotFoundError(f'configmaps "{target.name}" not found', 404, object_name=target.name)
        return body(target.name)

    async def pages(self, *_: Any, metadata_only: bool) -> AsyncIterator[Page]:
        self.metadata_only = metadata_only
        for start in range(0, max(len(self.names), 1), PAGE):
            if self.list_error is not None:
                raise self.list_error
            self.pages_read += 1
            items = [body(name) for name in self.names[start : start + PAGE]]
            yield Page([{"metadata": each["metadata"]} for each in items] if metadata_only else items, "7")


def body(name: str) -> Object:
    metadata: Object = {
        "name": name,
        "uid": f"uid-of-{name}",
        "resourceVersion": "7",
        "finalizers": ["a.example.com/b"],
    }
    if name.startswith("ends"):
        metadata["deletionTimestamp"] = "2026-02-03T10:00:00Z"
    return {"metadata": metadata, "spec": {"overridePolicy": "ApplyLater"}}


async def seen(cluster: CountingCluster, *names: str, kind: dict[str, str] = CONFIG_MAP) -> dict[str, ObservedObject]:
    targets = [Target(name=name, namespace="shop", **kind) for name in names]
    found = await observe(cast(Cluster, cluster), targets, Actor(), lambda _: None)
    assert list(found) == targets
    return {target.name: one for target, one in found.items()}


async def test_many_objects_of_a_kind_are_read_by_one_list() -> None:
    names = [f"app-{number}" for number in range(300)]
    cluster = CountingCluster(names)
    found = await seen(cluster, *names)
    assert (cluster.pages_read, cluster.gets, cluster.metadata_only) == (1, [], True)
    single = await seen(CountingCluster(names), "app-7")
    assert found["app-7"] == single["app-7"]
    assert (single["app-7"].version, single["app-7"].uid) == ("7", "uid-of-app-7")


async def test_few_objects_are_read_one_by_one() -> None:
    cluster = CountingCluster([f"app-{number}" for number in range(300)])
    await seen(cluster, *cluster.names[: MANY - 1])
    assert (cluster.pages_read, len(cluster.gets)) == (0, MANY - 1)


async def test_what_a_list_does_not_show_is_asked_for_by_its_name() -> None:
    names = [f"app-{number}" for number in range(MANY)]
    cluster = CountingCluster(names[1:])
    found = await seen(cluster, *names)
    assert cluster.gets == ["app-0"]
    assert (found["app-0"].presence, found["app-0"].reason) == (Presence.ABSENT, 'configmaps "app-0" not found')


@pytest.mark.parametrize("error", [ForbiddenError("no", 403), UnreachableError("no answer")])
async def test_where_the_account_may_not_list_each_object_has_its_request(error: Exception) -> None:
    names = [f"app-{number}" for number in range(MANY)]
    cluster = CountingCluster(names, error)
    found = await seen(cluster, *names)
    assert cluster.gets == names
    assert {one.presence for one in found.values()} == {Presence.PRESENT}


async def test_a_list_with_many_other_objects_ends_early() -> None:
    others = [f"aa-{number}" for number in range(100 * PAGE)]
    names = [f"app-{number}" for number in range(2 * MANY)]
    cluster = CountingCluster(others + names)
    await seen(cluster, *names)
    assert (cluster.pages_read, cluster.gets) == (3, names)


async def test_overrides_are_listed_whole_for_their_policy() -> None:
    names = [f"app-{number}" for number in range(MANY)]
    cluster = CountingCluster(names)
    found = await seen(cluster, *names, kind=LOCALIZATION)
    assert (cluster.pages_read, cluster.gets, cluster.metadata_only) == (1, [], False)
    assert all(one.applies_later for one in found.values())
    assert not any(one.applies_later for one in (await seen(CountingCluster(names), *names)).values())


async def test_an_object_that_is_being_deleted_has_no_version_to_delete_it_under() -> None:
    names = [f"ends-{number}" for number in range(MANY)]
    assert (await seen(CountingCluster(names), "ends-1"))["ends-1"].version is None
    assert {one.version for one in (await seen(CountingCluster(names), *names)).values()} == {None}
