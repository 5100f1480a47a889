"""The command line's client: credentials of every kind, and what it makes of answers."""

import asyncio
import base64
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from kube.blocking import ApiServer
from kube.errors import ApiError, ConfigurationError, NotFoundError, NotServedError, UnreachableError
from tests.kube.scripted_server import kubeconfig, serving

PLUGIN = (
    'import json,os,sys; i=json.loads(os.environ["KUBERNETES_EXEC_INFO"]); print(json.dumps({"status":{"token":%s}}))'
)


async def sent(folder: Path, user: dict[str, Any], *answers: int) -> list[str | None]:
    """Make a call with these credentials and return the Authorization headers that came."""
    came: list[str | None] = []
    statuses = list(answers)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        came.append(request.headers.get("Authorization"))
        return web.json_response({"kind": "Status"}, status=statuses.pop(0) if statuses else 200)

    async with serving(answer) as url:
        file = folder / "config"
        file.write_text(yaml.safe_dump(kubeconfig(url, user=user)))
        await asyncio.to_thread(lambda: ApiServer.connect(str(file)).call("GET", "/version"))
    return came


async def test_a_token_a_password_and_a_file(tmp_path: Path) -> None:
    assert await sent(tmp_path, {"token": "t"}) == ["Bearer t"]
    pair = base64.b64encode(b"u:p").decode()
    assert await sent(tmp_path, {"username": "u", "password": "p"}) == [f"Basic {pair}"]
    (tmp_path / "token").write_text("of-a-file\n")
    assert await sent(tmp_path, {"tokenFile": str(tmp_path / "token")}) == ["Bearer of-a-file"]


async def test_a_credential_plugin_is_told_what_kubectl_tells_it(tmp_path: Path) -> None:
    words = 'os.environ["SITE"]+"-"+i["apiVersion"]+"-"+sys.argv[1]+"-"+str("cluster" in i["spec"])'
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", PLUGIN % words, "arg"],
        "env": [{"name": "SITE", "value": "east"}],
        "provideClusterInfo": True,
    }
    assert await sent(tmp_path, {"exec": plugin}) == ["Bearer east-client.authentication.k8s.io/v1-arg-True"]


async def test_credentials_are_asked_for_again_once_the_server_refuses_them(tmp_path: Path) -> None:
    count = tmp_path / "count"
    words = f'open({str(count)!r},"a").write("x") and str(len(open({str(count)!r}).read()))'
    plugin = {"apiVersion": "v1", "command": sys.executable, "args": ["-c", PLUGIN % words]}
    assert await sent(tmp_path, {"exec": plugin}, 401, 200) == ["Bearer 1", "Bearer 2"]


@pytest.mark.parametrize("user", [{"exec": {"command": "/nowhere"}}, {"auth-provider": {"name": "gcp"}}])
async def test_credentials_that_cannot_be_had_name_the_file(tmp_path: Path, user: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=str(tmp_path / "config")):
        await sent(tmp_path, user)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, {"kind": "Status", "reason": "NotFound", "details": {"name": "x"}}, NotFoundError),
        (404, {"kind": "Status", "reason": "NotFound", "details": {"name": "other"}}, NotServedError),
        (404, "<html>", NotServedError),
        (503, "busy", ApiError),
    ],
)
async def test_only_the_api_server_says_that_an_object_is_absent(
    tmp_path: Path, status: int, body: Any, error: type[ApiError]
) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        if isinstance(body, str):
            return web.Response(status=status, text=body)
        return web.json_response(body, status=status)

    async with serving(answer) as url:
        file = tmp_path / "config"
        file.write_text(yaml.safe_dump(kubeconfig(url)))
        server = ApiServer.connect(str(file))
        with pytest.raises(ApiError) as caught:
            await asyncio.to_thread(lambda: server.call("GET", "/x", about="x"))
    assert type(caught.value) is error


async def test_a_server_that_is_silent_is_not_waited_for_longer_than_said(tmp_path: Path) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    async with serving(answer) as url:
        file = tmp_path / "config"
        file.write_text(yaml.safe_dump(kubeconfig(url)))
        server = ApiServer.connect(str(file), seconds=0.2)
        with pytest.raises(UnreachableError, match=r"within 0\.2 s"):
            await asyncio.to_thread(lambda: server.call("GET", "/x"))
