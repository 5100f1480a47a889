"""A service that HTTP actions talk to: it answers, redirects, stalls and breaks off as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

CERTIFICATE = Path(__file__).parent / "shop.pem"
"""For shop.test, *.shop.test and 127.0.0.1, signed by itself, good for a hundred years; made by
`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=shop.test
-addext subjectAltName=DNS:shop.test,DNS:*.shop.test,IP:127.0.0.1`."""


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    """By name in lower case."""
    body: str


@dataclass(frozen=True)
class Reply:
    """What the service does when it is asked."""

    status: int = 200
    body: str | bytes = "fine"
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None
    """Content-Length, where it is not the body's: the connection ends before."""
    cut: bool = False
    """Break the connection off in place of an answer."""
    stall: bool = False
    """Answer never; with `announced`, send head and body and then nothing more."""
    wait: Callable[[], Awaitable[object]] | None = None
    """Waited for after the request has come and before it is answered."""
    echo: bool = False
    """Answer with all that came."""


@dataclass
class Service:
    """A server on loopback with one reply after the other for each path; the last one stays."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    connections: int = 0
    names: list[str | None] = field(default_factory=list)
    """Server names that clients asked for by TLS."""

    @property
    def address(self) -> str:
        """Where it is asked in plain HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    @asynccontextmanager
    async def running(cls, *, tls: bool = False) -> AsyncIterator[Self]:
        service = cls()
        context = service._context() if tls else None
        server = await asyncio.start_server(service._serve, "127.0.0.1", 0, ssl=context)
        service.port = server.sockets[0].getsockname()[1]
        async with server:
            yield service

    def replies_to(self, path: str, *replies: Reply) -> None:
        self.replies[path] = list(replies)

    def count(self, method: str) -> int:
        return sum(each.method == method for each in self.received)

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        context.sni_callback = lambda _, name, __: self.names.append(name)
        return context

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            request = await _read(reader)
            self.received.append(request)
            await self._reply(request, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _reply(self, request: Received, writer: asyncio.StreamWriter) -> None:
        waiting = self.replies.get(request.path.partition("?")[0], [Reply(404, "nothing here")])
        reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if reply.wait is not None:
            await reply.wait()
        if reply.cut:
            writer.transport.abort()
            return
        if reply.stall and reply.announced is None:
            await asyncio.Event().wait()
        writer.write(_written(reply, request))
        await writer.drain()
        if reply.stall:
            await asyncio.Event().wait()


async def _read(reader: asyncio.StreamReader) -> Received:
    begin = await reader.readexactly(1)
    if begin == b"\x16":
        raise ConnectionError("that is TLS")
    head = (begin + await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body.decode())


def _written(reply: Reply, request: Received) -> bytes:
    body = f"{request.method} {request.path} {request.headers} {request.body}" if reply.echo else reply.body
    raw = body if isinstance(body, bytes) else body.encode()
    length = len(raw) if reply.announced is None else reply.announced
    lines = [f"HTTP/1.1 {reply.status} Status", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if request.method == "HEAD" else raw)
