"""An answer of any size and shape: bounded in time and memory, and never an error in Python's words."""

import asyncio
import gzip
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from api.steps import FailureType
from tests.activities.http_orders import ask, order, refusal

BOMB = gzip.compress(bytes(200_000_000), compresslevel=9)
HEAD = b"HTTP/1.1 200 OK\r\n"
Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(answering: Answering) -> AsyncIterator[str]:
    """A server that answers every request in this way."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answering(writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def sends(data: bytes) -> Answering:
    async def answering(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return answering


async def drips(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.2)


async def pours(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        await writer.drain()


async def test_a_compressed_body_is_never_unpacked() -> None:
    head = HEAD + f"Content-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n".encode()
    tracemalloc.start()
    try:
        async with served(sends(head + BOMB)) as url:
            outcome = await ask(order(url))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome.outputs is not None
    assert outcome.outputs.http_response is not None
    assert outcome.outputs.http_response.body is None
    assert peak < 16_000_000


@pytest.mark.parametrize("answering", [drips, pours])
async def test_a_body_without_an_end_is_cut(answering: Answering) -> None:
    began = time.monotonic()
    async with served(answering) as url:
        outcome = await ask(order(url))
    assert time.monotonic() - began < 15
    assert outcome.outputs is not None
    assert outcome.outputs.http_response is not None
    assert len(outcome.outputs.http_response.body or "") < 70_000


async def test_headers_without_an_end_are_a_broken_answer() -> None:
    async with served(sends(HEAD + b"X-Long: " + b"x" * 5_000_000)) as url:
        error = await refusal(order(url))
    assert "Python" not in error.message
    assert error.type in (FailureType.TRANSIENT, FailureType.OUTCOME_UNKNOWN)


async def test_headers_that_drip_end_with_the_action() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        while True:
            writer.write(b"X: 1\r\n")
            await writer.drain()
            await asyncio.sleep(0.1)

    async with served(drip) as url:
        error = await refusal(order(url, timeout="2s"))
    assert error.type == FailureType.TIMED_OUT


@pytest.mark.parametrize(
    "value",
    ["99999999999999999999", "9" * 5000, "-1", "soon", "1e999", "Fri, 31 Dec 99999 23:59:59 GMT", "Thu, 1 Jan 0 0:0:0"],
)
async def test_a_pause_of_any_length_that_a_service_asks_for_is_bounded(value: str) -> None:
    head = f"HTTP/1.1 503 Busy\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n".encode()
    async with served(sends(head)) as url:
        error = await refusal(order(url))
    assert error.type == FailureType.HTTP_STATUS
    assert not error.non_retryable
    assert error.next_retry_delay is None or error.next_retry_delay.total_seconds() <= 300
