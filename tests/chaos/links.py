"""The connections between our processes and the servers: a TCP proxy for each, which can be cut, slowed and deafened.

A link passes bytes on as they are, TLS included, so it costs little and a process notices nothing. For faults that need
the requests themselves the link takes a detour through another proxy (`http_faults`, `grpc_faults`) for as long.
"""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from enum import Enum, auto
from typing import Any, TypeVar

T = TypeVar("T")

_CHUNK = 1 << 16


class Traffic(Enum):
    """What a link does with what it should pass on."""

    PASS = auto()
    CUT = auto()
    """Open connections are reset, new ones as well."""
    SLOW = auto()
    """Every chunk of either direction waits."""
    HALF_OPEN = auto()
    """Connections stay open and new ones are accepted, but nothing arrives any more, in neither direction."""


class Loop:
    """An event loop in a thread of its own, for proxies."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, what: Coroutine[Any, Any, T]) -> T:
        """Run something in the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(timeout=60)

    def close(self) -> None:
        """End the loop and its thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=10)


class Link:
    """A TCP proxy on a free port of loopback. Its methods may be called from any thread but the loop's."""

    def __init__(self, name: str, upstream: int, loop: Loop) -> None:
        self.name = name
        self.port = 0
        self._upstream = self._usual = upstream
        self._loop = loop
        self._traffic = Traffic.PASS
        self._pause = 0.0
        self._connections: set[asyncio.StreamWriter] = set()

    def open(self) -> "Link":
        """Listen."""
        self._server = self._loop.call(asyncio.start_server(self._connect, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def disturb(self, traffic: Traffic, pause: float = 0.0) -> None:
        """Treat all connections so from now on; `pause` is for how many seconds SLOW holds a chunk."""

        async def change() -> None:
            self._traffic, self._pause = traffic, pause
            if traffic is Traffic.CUT:
                self._abort()

        self._loop.call(change())

    def detour(self, port: int) -> None:
        """Send new connections to another port, and end those that are open."""

        async def change() -> None:
            self._upstream = port
            self._abort()

        self._loop.call(change())

    def heal(self) -> None:
        """Pass everything on again. Connections that have lost bytes, or that took a detour, are ended."""

        async def change() -> None:
            broken = self._traffic is Traffic.HALF_OPEN or self._upstream != self._usual
            self._traffic, self._upstream = Traffic.PASS, self._usual
            if broken:
                self._abort()

        self._loop.call(change())

    def close(self) -> None:
        """Stop listening and end all connections."""

        async def end() -> None:
            self._server.close()
            self._abort()

        self._loop.call(end())

    def _abort(self) -> None:
        for writer in list(self._connections):
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._traffic is Traffic.CUT:
            writer.transport.abort()
            return
        try:
            their_reader, their_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, their_writer}
        self._connections |= pair
        try:
            await asyncio.gather(self._pump(reader, their_writer), self._pump(their_reader, writer))
        except OSError:
            pass
        finally:
            self._connections -= pair
            for each in pair:
                each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK):
            if self._traffic is Traffic.HALF_OPEN:
                continue
            if self._traffic is Traffic.SLOW:
                await asyncio.sleep(self._pause)
            writer.write(chunk)
            await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.write_eof()
