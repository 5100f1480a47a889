"""Lists are read in pages, which hold fewer objects where these are large."""

import json

from aiohttp import web

from api.meta import API_VERSION
from api.steps import Target
from kube.client import OWN
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
    assert max(len(json.dumps(page.items)) for page in pages) < 4 << 20
    assert limits[:3] == [50, 12, 3]
    assert limits[-1] == 50
    assert len(limits) < 40
