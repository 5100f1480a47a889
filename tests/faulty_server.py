"""A proxy in front of the real API server for what a healthy one cannot be made to do."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Self

import yaml
from aiohttp import ClientSession, TCPConnector, web

from dev.stack import Stack

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "content-length"}


class Cut(Enum):
    """Where the connection breaks."""

    BEFORE = auto()
    """The API server never sees the request."""
    AFTER = auto()
    """The API server has acted on it; its answer is lost."""
    HANG = auto()
    """The API server has acted on it; its answer does not come."""


@dataclass(frozen=True)
class Answer:
    """An answer in place of the API server's."""

    status: int
    body: str = "{}"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """What happens to requests of one kind, for as often as `times`."""

    method: str
    path: str
    what: Cut | Answer | Callable[[], object]
    """A callable is run after the API server has acted and before its answer goes on."""
    times: int = 1
    dry_runs: bool = False
    """Whether it happens to dry runs of a change as well."""
    taken: int = 0
    """Requests that it has come upon."""
    met: int = 0
    """Of these, the ones to which it has happened: an answer that hangs has been given by then."""


class FaultyServer:
    """Plain HTTP on loopback; faults are taken in the order in which they were ordered."""

    def __init__(self, stack: Stack, session: ClientSession) -> None:
        self._stack = stack
        self._session = session
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.dry_runs: list[tuple[str, str]] = []
        """Dry runs of a PATCH; those of a POST are among the requests."""
        self.url = ""

    @classmethod
    @asynccontextmanager
    async def before(cls, stack: Stack) -> AsyncIterator[Self]:
        async with ClientSession(connector=TCPConnector(ssl=False), auto_decompress=False) as session:
            server = cls(stack, session)
            app = web.Application(client_max_size=2**24)
            app.router.add_route("*", "/{path:.*}", server._handle)
            runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield server
            await runner.cleanup()

    def kubeconfig(self, folder: Path) -> Path:
        """Write the worker's kubeconfig with this server in the API server's place."""
        config = yaml.safe_load(self._stack.layout.kubeconfig_of("worker").read_text())
        config["clusters"][0]["cluster"] = {"server": self.url}
        file = folder / "kubeconfig"
        file.write_text(yaml.safe_dump(config))
        return file

    def fault(
        self,
        method: str,
        path: str,
        what: Cut | Answer | Callable[[], object],
        times: int = 1,
        *,
        dry_runs: bool = False,
    ) -> Fault:
        """Order a fault for requests whose path ends so; dry runs of a PATCH only where that is said."""
        ordered = Fault(method, path, what, times, dry_runs)
        self.faults.append(ordered)
        return ordered

    def count(self, method: str, path: str, *, dry_runs: bool = False) -> int:
        """Tell how many requests came, except dry runs of a PATCH, or only those."""
        requests = self.dry_runs if dry_runs else self.requests
        return sum(each[0] == method and _ends(each[1], path) for each in requests)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        (self.dry_runs if _is_dry(request) else self.requests).append((request.method, request.path))
        fault = self._due(request)
        if fault is not None and isinstance(fault.what, Answer):
            return web.Response(status=fault.what.status, text=fault.what.body, headers=fault.what.headers)
        if fault is not None and fault.what is Cut.BEFORE:
            return _broken(request)
        answer = await self._forward(request)
        if fault is not None and callable(fault.what):
            fault.what()
        if fault is not None and fault.what is Cut.HANG:
            fault.met += 1
            await asyncio.Event().wait()
        return _broken(request) if fault is not None and fault.what is Cut.AFTER else answer

    def _due(self, request: web.Request) -> Fault | None:
        for fault in self.faults:
            fits = fault.method == request.method and (fault.dry_runs or not _is_dry(request))
            if fits and fault.taken < fault.times and _ends(request.path, fault.path):
                fault.taken += 1
                fault.met += fault.what is not Cut.HANG
                return fault
        return None

    async def _forward(self, request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        url, body = self._stack.server + request.path_qs, await request.read()
        async with self._session.request(request.method, url, data=body or None, headers=headers) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


def _is_dry(request: web.Request) -> bool:
    return request.method == "PATCH" and "dryRun" in request.query


def _ends(path: str, ending: str) -> bool:
    return re.search(f"{ending}$", path) is not None


def _broken(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
