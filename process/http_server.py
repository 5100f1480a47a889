"""An HTTP endpoint of a process, at an address of its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


class ListenError(Exception):
    """The address of an HTTP endpoint cannot be used."""


@asynccontextmanager
async def listening(
    application: web.Application, address: tuple[str, int], setting: str, **options: Any
) -> AsyncIterator[int]:
    """Serve at a host and port while the block runs, and yield the port; `options` are those of aiohttp's runner.

    Raises ListenError, which names the `setting`.
    """
    host, port = address
    runner = web.AppRunner(application, access_log=None, **options)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise ListenError(f"{setting}: cannot listen at {place}: {error.strerror}") from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
