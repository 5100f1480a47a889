"""What the door to the cluster makes of an API server's answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration

from bridge.keys import Kind
from bridge.kubernetes.api import Cluster, ClusterError, Conflict, Expired, NotFound, Refused, Unreachable


@asynccontextmanager
async def serving(
    answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
) -> AsyncIterator[tuple[Cluster, list[web.BaseRequest]]]:
    asked: list[web.BaseRequest] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request)
        return await answer(request)

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    configuration = Configuration(host=f"http://{host}:{port}", api_key={"BearerToken": "Bearer secret"})
    cluster = Cluster(ApiClient(configuration))
    yield cluster, asked
    await cluster.close()
    await runner.cleanup()


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (404, "NotFound", NotFound),
        (404, "ItsReason", Unreachable),
        (404, "", Unreachable),
        (409, "ItsReason", Conflict),
        (410, "ItsReason", Expired),
        (401, "ItsReason", Refused),
        (403, "ItsReason", Refused),
        (422, "ItsReason", Refused),
        (429, "ItsReason", Unreachable),
        (500, "ItsReason", Unreachable),
        (503, "ItsReason", Unreachable),
    ],
)
async def test_each_code_has_its_error_with_the_servers_words(
    code: int, reason: str, error: type[ClusterError]
) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        body = {"kind": "Status", "code": code, "message": "the server's words", "reason": reason}
        return web.json_response(body, status=code)

    async with serving(answer) as (cluster, _):
        with pytest.raises(error, match="the server's words") as raised:
            await cluster.get(Kind.PLAN, "default", "plan")
        assert type(raised.value) is error
        assert raised.value.reason == reason


async def test_a_404_that_is_no_statement_about_the_object_does_not_prove_that_it_is_gone() -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"message": "no route"}, status=404)

    async with serving(answer) as (cluster, _):
        with pytest.raises(Unreachable):
            await cluster.get(Kind.PLAN, "default", "plan")


@pytest.mark.parametrize(("code", "text"), [(200, "<html>"), (503, "<html>"), (200, "[]"), (403, "nonsense")])
async def test_an_answer_that_is_not_kubernetes_is_no_verdict(code: int, text: str) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=code, text=text)

    async with serving(answer) as (cluster, _):
        with pytest.raises(Unreachable):
            await cluster.get(Kind.PLAN, "default", "plan")


async def test_no_server_is_unreachable() -> None:
    cluster = Cluster(ApiClient(Configuration(host="http://127.0.0.1:1")))
    with pytest.raises(Unreachable):
        await cluster.get(Kind.PLAN, "default", "plan")
    await cluster.close()


async def test_a_call_ends_at_its_deadline() -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(3600)
        raise AssertionError

    async with serving(answer) as (cluster, _):
        with pytest.raises(Unreachable, match=r"within 0\.2 s"):
            await cluster.call("GET", "/x", seconds=0.2)


async def test_a_status_is_patched_by_merge_and_calls_carry_the_token() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"body": (await request.read()).decode(), "type": request.headers["Content-Type"]})

    async with serving(answer) as (cluster, asked):
        told = await cluster.patch(Kind.EXECUTION, "default", "a", {"status": {"message": None}}, status=True)
        assert told == {"body": '{"status": {"message": null}}', "type": "application/merge-patch+json"}
        assert asked[0].method == "PATCH"
        assert asked[0].path == "/apis/dr.bkbcs.tencent.com/v1alpha1/namespaces/default/drplanexecutions/a/status"
        assert asked[0].headers["Authorization"] == "Bearer secret"
