"""A proxy in front of the API server that stops a request at a chosen point, where a process can then be killed.

A trap holds a request before it is forwarded, or its answer after the API server has acted on it. The process that is
killed closes its connection, and what was held for it is dropped: a held request is then never forwarded, a held answer
never seen. Everything else, watches included, passes through.
"""

import asyncio
import re
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

from tests.eventually import DEADLINE

T = TypeVar("T")

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "content-length"}


async def _client_has_gone(request: web.Request) -> bool:
    """Return whether who sent a request that was held has closed the connection; the kernel tells a moment later."""
    for _ in range(10):
        if request.transport is None or request.transport.is_closing():
            return True
        await asyncio.sleep(0.02)
    return False


class Moment(Enum):
    """Where a request is held."""

    BEFORE = auto()
    """The API server has not seen it."""
    ANSWER = auto()
    """The API server has acted on it; the answer is held back."""


@dataclass(frozen=True)
class Exchange:
    """A request, and the answer where there is one yet (status 0 before)."""

    method: str
    path: str
    body: str
    status: int = 0
    answer: str = ""


@dataclass
class Trap:
    """Holds what matches; `holding` and `caught` may be read from any thread."""

    moment: Moment
    matches: Callable[[Exchange], bool]
    name: str
    holds: bool = True
    """False only notes what matches, and lets it pass."""
    caught: list[Exchange] = field(default_factory=list)
    holding: int = 0
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, moment: Moment, exchange: Exchange) -> bool:
        """Tell whether this exchange is to be held now."""
        return moment is self.moment and not self._open.is_set() and self.matches(exchange)

    async def hold(self, exchange: Exchange) -> None:
        """Hold until the trap is opened, or for ever when the other side goes away."""
        self.caught.append(exchange)
        if not self.holds:
            return
        self.holding += 1
        try:
            await self._open.wait()
        finally:
            self.holding -= 1

    def open(self) -> None:
        """Let everything that is held go on, and hold nothing more. Only in the proxy's own loop."""
        self._open.set()

    def wait(self, timeout: float = DEADLINE) -> Exchange:
        """Return the latest exchange once one is held. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while not self.holding:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}: nothing was held within {timeout:g} s, {len(self.caught)} before")
            time.sleep(0.01)
        return self.caught[-1]


class FaultProxy:
    """Runs in a thread of its own, on a free loopback port. `url` is what a kubeconfig names as its server.

    It shows the API server's own certificate, so that no client has to trust anything else.
    """

    def __init__(self, upstream: str, certificate: Path) -> None:
        self._upstream = upstream.rstrip("/")
        self._trust = ssl.create_default_context(cafile=str(certificate))
        self._identity = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._identity.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self._traps: list[Trap] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.url = ""

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self._call(self._listen())

    def close(self) -> None:
        """Stop listening and end the thread."""
        self.open_all()
        self._call(self._runner.cleanup())
        self._call(self._session.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    def hold(self, moment: Moment, matches: Callable[[Exchange], bool], name: str = "", *, holds: bool = True) -> Trap:
        """Set a trap."""

        async def place() -> Trap:
            trap = Trap(moment, matches, name, holds)
            self._traps.append(trap)
            return trap

        return self._call(place())

    @contextmanager
    def holding(self, moment: Moment, matches: Callable[[Exchange], bool], name: str = "") -> Iterator[Trap]:
        """Set a trap for the length of a block."""
        trap = self.hold(moment, matches, name)
        try:
            yield trap
        finally:
            self.open(trap)

    def open(self, trap: Trap) -> None:
        """Take a trap away and let go on what it holds."""

        async def take_away() -> None:
            trap.open()
            if trap in self._traps:
                self._traps.remove(trap)

        self._call(take_away())

    def open_all(self) -> None:
        """Take every trap away."""
        for trap in list(self._traps):
            self.open(trap)

    def _call(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(timeout=30)

    async def _listen(self) -> None:
        connector = TCPConnector(ssl=self._trust, limit=0)
        self._session = ClientSession(connector=connector, auto_decompress=False, timeout=ClientTimeout(total=None))
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # Without cancellation a request of a killed process would go on, and be forwarded after its death.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
        await self._runner.setup()
        installation = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._identity)
        await installation.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"https://{host}:{port}"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        asked = Exchange(request.method, request.path_qs, body.decode(errors="replace"))
        if await self._pass(Moment.BEFORE, asked) and await _client_has_gone(request):
            # The API server has not seen it: whoever died before this write has not made it.
            return web.Response(status=503)
        async with self._forward(request, body) as answer:
            headers = [(key, value) for key, value in answer.headers.items() if key.lower() not in _HOP_BY_HOP]
            if "watch" in request.query:
                return await _stream(request, answer, headers)
            payload = await answer.read()
        answered = Exchange(asked.method, asked.path, asked.body, answer.status, payload.decode(errors="replace"))
        await self._pass(Moment.ANSWER, answered)
        return web.Response(status=answer.status, body=payload, headers=dict(headers))

    async def _pass(self, moment: Moment, exchange: Exchange) -> bool:
        """Hold what a trap takes, and return whether one did."""
        trap = next((each for each in self._traps if each.takes(moment, exchange)), None)
        if trap is not None:
            await trap.hold(exchange)
        return trap is not None

    @asynccontextmanager
    async def _forward(self, request: web.Request, body: bytes) -> AsyncIterator[Any]:
        # The answers are read here, so they must come uncompressed.
        skipped = _HOP_BY_HOP | {"accept-encoding"}
        headers = {key: value for key, value in request.headers.items() if key.lower() not in skipped}
        url = self._upstream + request.path_qs
        async with self._session.request(request.method, url, data=body or None, headers=headers) as answer:
            yield answer


async def _stream(request: web.Request, answer: Any, headers: list[tuple[str, str]]) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=dict(headers))
    with suppress(ConnectionResetError):  # a client that is gone ends its watch so
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    return response


def request(method: str, path: str, holds: str = "") -> Callable[[Exchange], bool]:
    """Match a method (`A|B` for either), the end of a path without its query, and a text in the body."""
    ending = re.compile(rf"{path}(\?|$)")
    return lambda each: each.method in method.split("|") and bool(ending.search(each.path)) and holds in each.body


def answered(status: int, method: str, path: str, answer: str = "", holds: str = "") -> Callable[[Exchange], bool]:
    """Match a request as `request` does, and the answer's status and a text in it."""
    asked = request(method, path, holds)
    return lambda each: asked(each) and each.status == status and answer in each.answer
