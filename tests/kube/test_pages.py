"""Lists are read in pages, which hold fewer objects where these are large."""

import json
from typing import Any

import pytest
from aiohttp import web

from api.meta import API_VERSION
from api.objects import Target
from kube.client import OWN
from kube.errors import TooDeepError
from tests.kube.scripted_server import scripted

PLANS = Target(api_version=API_VERSION, kind="DRPlan", name="", namespace="default")
LARGE = 1_000_000


async def test_pages_of_large_objects_are_smaller_and_grow_again() -> None:
    sizes = [LARGE] * 20 + [10] * 200
    limits: list[int] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        first, limit = int(request.query.get("continue", 0)), int(request.query["limit"])
        limits.append(limit)
        items = [{"metadata": {"name": f"{first + place}"}, "spec": "x" * size}
                 for place, size in enumerate(sizes[first : first + limit])]  # fmt: skip
        end = first + len(items)
        metadata = {"resourceVersion": "7"} | ({"continue": str(end)} if end < len(sizes) else {})
        return web.Response(text=json.dumps({"items": items, "metadata": metadata}), content_type="application/json")

    async with scripted(answer) as (cluster, _):
        pages = [page async for page in cluster.pages(PLANS, "", OWN, limit=50)]
    assert [item["metadata"]["name"] for page in pages for item in page.items] == [f"{n}" for n in range(220)]
    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]
    assert max(len(json.dumps(page.items)) for page in pages) < 4 << 20
    assert limits[:3] == [50, 12, 3]
    assert limits[-1] == 50
    assert len(limits) < 40


DEEP = '{"a":' * 5000 + "1" + "}" * 5000


def named(name: str, spec: str) -> str:
    return f'{{"metadata": {{"name": "{name}"}}, "spec": {spec}}}'


async def test_of_an_object_that_is_nested_too_deeply_a_list_has_the_metadata() -> None:
    specs = ["1", "2", DEEP, "4"]

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        first, limit = int(request.query.get("continue", 0)), int(request.query["limit"])
        whole = "PartialObjectMetadataList" not in request.headers["Accept"]
        end = min(first + limit, len(specs))
        items = ", ".join(named(f"{place}", specs[place] if whole else "null") for place in range(first, end))
        metadata = {"resourceVersion": "7"} | ({"continue": str(end)} if end < len(specs) else {})
        text = f'{{"items": [{items}], "metadata": {json.dumps(metadata)}}}'
        return web.Response(text=text, content_type="application/json")

    async with scripted(answer) as (cluster, _):
        items = [item async for page in cluster.pages(PLANS, "", OWN) for item in page.items]
    assert [item["metadata"]["name"] for item in items] == ["0", "1", "2", "3"]
    assert [item["spec"] for item in items] == [1, 2, None, 4]


async def test_an_object_that_is_nested_too_deeply_is_no_answer_and_no_event() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if "watch" in request.query:
            lines = [f'{{"type": "ADDED", "object": {named(name, spec)}}}' for name, spec in (("a", DEEP), ("b", "1"))]
            return web.Response(text="\n".join(lines) + "\n")
        return web.Response(text=named("a", DEEP), content_type="application/json")

    async with scripted(answer) as (cluster, _):
        with pytest.raises(TooDeepError, match="it is nested too deeply") as caught:
            await cluster.get(PLANS.model_copy(update={"name": "a"}), OWN)
        events: list[Any] = [event async for event in cluster.watch(PLANS, "7", 10, OWN)]
    assert not caught.value.repeatable
    assert [event["object"]["metadata"]["name"] for event in events] == ["b"]
