"""What the store asks the API server, where the names come from what a person wrote."""

import pytest
from aiohttp import web

from bridge.kubernetes.index import Index
from bridge.kubernetes.store import Store
from kube.errors import NotFoundError
from tests.kube.scripted_server import scripted


@pytest.mark.parametrize("name", ["../../team-b/drplans/victim", "..", "victim/status", "", "%2e%2e"])
async def test_a_reference_that_is_no_name_leads_nowhere(name: str) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"metadata": {"name": "victim", "namespace": "team-b", "uid": "uid"}})

    async with scripted(answer) as (cluster, asked):
        store = Store(cluster, Index(lambda _: None))
        with pytest.raises(NotFoundError, match="is not a name that an object can have"):
            await store.plan("team-a", name)
        with pytest.raises(NotFoundError):
            await store.execution("team-a", name)
        with pytest.raises(NotFoundError):
            await store.dr_workflow(name or "..", "work")
        assert asked == []
