"""An API server that answers from a script, over plain HTTP, and clients that reach it through a kubeconfig."""

import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from api.meta import API_VERSION
from kube.client import Cluster, Limits

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

PLURALS = {"DRPlanExecution": "drplanexecutions", "DRPlan": "drplans", "DRWorkflow": "drworkflows"}
DISCOVERY = {
    "kind": "APIResourceList",
    "resources": [{"kind": kind, "name": plural, "namespaced": True} for kind, plural in PLURALS.items()],
}


@asynccontextmanager
async def serving(answer: Answer, ready: int = 200, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve on loopback and yield the URL; where our kinds are served and whether it is ready is not in the script."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/readyz":
            return web.Response(status=ready, text="ok")
        return web.json_response(DISCOVERY) if request.path == f"/apis/{API_VERSION}" else await answer(request)

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"{'https' if tls else 'http'}://{host}:{port}"
    finally:
        await runner.cleanup()


def kubeconfig(url: str, name: str = "test", user: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a kubeconfig of one context, which is the current one."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": user or {"token": "secret"}}],
    }


@asynccontextmanager
async def connected(url: str, limits: Limits | None = None) -> AsyncIterator[Cluster]:
    """Yield a client of the server at `url`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config")
        file.write_text(yaml.safe_dump(kubeconfig(url)))
        cluster = await Cluster.connect(str(file), limits=limits)
    try:
        yield cluster
    finally:
        await cluster.close()


@asynccontextmanager
async def scripted(
    answer: Answer, limits: Limits | None = None, ready: int = 200
) -> AsyncIterator[tuple[Cluster, list[web.BaseRequest]]]:
    """Yield a client, and the requests that came to its server apart from discovery and readiness."""
    asked: list[web.BaseRequest] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request)
        return await answer(request)

    async with serving(handle, ready) as url, connected(url, limits) as cluster:
        yield cluster, asked
