"""What following an execution makes of an API server that is away, busy or sure of what it says."""

import asyncio

import pytest
from aiohttp import web

from api.meta import API_VERSION
from api.phases import Phase
from cli.executions import Executions
from kube.errors import ApiError, ForbiddenError, NotFoundError
from tests.kube.scripted_server import scripted

ENDED = {
    "apiVersion": API_VERSION,
    "kind": "DRPlanExecution",
    "metadata": {"name": "run", "namespace": "default"},
    "spec": {"planRef": "shop", "operationType": "Execute"},
    "status": {"phase": "Succeeded"},
}


async def test_an_api_server_that_is_away_or_busy_is_waited_for() -> None:
    troubles = [(503, ""), (404, "<html>"), (429, "Too many requests"), (200, "<html>")]

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        if troubles:
            status, text = troubles.pop(0)
            return web.Response(status=status, text=text)
        return web.json_response(ENDED)

    async with scripted(answer) as (cluster, _):
        seen = [each.status.phase async for each in Executions(cluster, "default").follow("run")]
    assert (seen, troubles) == ([Phase.SUCCEEDED], [])


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [(404, "NotFound", NotFoundError), (403, "Forbidden", ForbiddenError), (401, "Unauthorized", ApiError)],
)
async def test_an_answer_about_the_execution_ends_it(status: int, reason: str, error: type[ApiError]) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        said = {"kind": "Status", "reason": reason, "message": "the server's words", "details": {"name": "run"}}
        return web.json_response(said, status=status)

    async with scripted(answer) as (cluster, _), asyncio.timeout(10):
        with pytest.raises(error, match="the server's words"):
            await anext(Executions(cluster, "default").follow("run"))
