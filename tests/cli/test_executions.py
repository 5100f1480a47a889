"""What following an execution makes of an API server that is away, busy or sure of what it says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from api.meta import API_VERSION
from api.phases import OperationType, Phase
from cli.executions import Executions
from kube.blocking import ApiServer
from kube.errors import ApiError, ForbiddenError, NotFoundError
from tests.kube.scripted_server import Answer, kubeconfig, serving

ENDED = {
    "apiVersion": API_VERSION,
    "kind": "DRPlanExecution",
    "metadata": {"name": "run", "namespace": "default"},
    "spec": {"planRef": "shop", "operationType": "Execute"},
    "status": {"phase": "Succeeded"},
}


@asynccontextmanager
async def executions(answer: Answer, folder: Path) -> AsyncIterator[Executions]:
    """Yield the executions of a server that answers from a script."""
    async with serving(answer) as url:
        file = folder / "config"
        file.write_text(yaml.safe_dump(kubeconfig(url)))
        yield Executions(ApiServer.connect(str(file)), "default")


async def test_an_api_server_that_is_away_or_busy_is_waited_for(tmp_path: Path) -> None:
    troubles = [(503, ""), (404, "<html>"), (429, "Too many requests"), (200, "<html>")]

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        if troubles:
            status, text = troubles.pop(0)
            return web.Response(status=status, text=text)
        return web.json_response(ENDED)

    async with executions(answer, tmp_path) as shop:
        seen = await asyncio.to_thread(lambda: list(shop.follow("run")))
    assert ([each.body["status"]["phase"] for each in seen if each.body], troubles) == ([Phase.SUCCEEDED], [])
    assert all(each.away for each in seen[:-1])


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [(404, "NotFound", NotFoundError), (403, "Forbidden", ForbiddenError), (401, "Unauthorized", ApiError)],
)
async def test_an_answer_about_the_execution_ends_it(
    status: int, reason: str, error: type[ApiError], tmp_path: Path
) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        said = {"kind": "Status", "reason": reason, "message": "the server's words", "details": {"name": "run"}}
        return web.json_response(said, status=status)

    async with executions(answer, tmp_path) as shop, asyncio.timeout(10):
        with pytest.raises(error, match="the server's words"):
            await asyncio.to_thread(lambda: next(shop.follow("run")))


async def test_the_latest_of_an_operation_is_no_preview(tmp_path: Path) -> None:
    def body(name: str, second: int, **spec: object) -> dict[str, object]:
        metadata = {"name": name, "namespace": "default", "creationTimestamp": f"2026-02-03T10:00:0{second}Z"}
        return {**ENDED, "metadata": metadata, "spec": {"planRef": "shop", "operationType": "Execute", **spec}}

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        items = [body("done", 1), body("seen", 2, dryRun=True)]
        return web.json_response({"kind": "DRPlanExecutionList", "metadata": {"resourceVersion": "1"}, "items": items})

    async with executions(answer, tmp_path) as found:
        assert await asyncio.to_thread(found.resolve, "@latest", OperationType.EXECUTE) == "done"
        assert await asyncio.to_thread(found.resolve, "@latest") == "seen"
