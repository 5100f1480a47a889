"""A door between a client and a server that a test can shut: refused connections, or silence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Forwards TCP on a port of its own while open."""

    def __init__(self, upstream: str) -> None:
        self._host, _, port = upstream.rpartition(":")
        self._port = int(port)
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()
        self._flow = asyncio.Event()
        self._flow.set()
        self.address = ""

    async def open(self) -> None:
        """Accept connections, on the same port as before."""
        port = int(self.address.rpartition(":")[2] or 0)
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"

    async def shut(self) -> None:
        """Refuse connections and break those that are there."""
        assert self._server is not None
        self._server.close()
        for pipe in list(self._pipes):
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    def silence(self) -> None:
        """Keep connections, and let nothing through any more."""
        self._flow.clear()

    def resume(self) -> None:
        """Let everything through again."""
        self._flow.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes.add(task)
        try:
            up_reader, up_writer = await asyncio.open_connection(self._host, self._port)
            async with asyncio.TaskGroup() as pipes:
                pipes.create_task(self._pump(reader, up_writer))
                pipes.create_task(self._pump(up_reader, writer))
        except (OSError, ExceptionGroup):
            pass
        finally:
            self._pipes.discard(task)
            writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._flow.wait()
                sink.write(data)
                await sink.drain()
        finally:
            sink.close()


@asynccontextmanager
async def gate(upstream: str) -> AsyncIterator[Gate]:
    """An open gate."""
    made = Gate(upstream)
    await made.open()
    try:
        yield made
    finally:
        await made.shut()
