"""An answer of any size and shape: bounded in time and memory, and never an error in Python's words."""

import asyncio
import gc
import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace

import pytest

from activities.effects.http_client import HttpClient
from api.actions import Action
from api.failures import FailureType
from planning.effects.allowed_hosts import allowed_hosts
from planning.effects.http_request import request_of
from tests.activities.http_orders import LOOPBACK, MARK, ask, effect, order, refusal
from tests.http_service import CERTIFICATE

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
    bomb = gzip.compress(bytes(200_000_000), compresslevel=9)
    head = HEAD + f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    tracemalloc.start()
    try:
        async with served(sends(head + bomb)) as url:
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
    [
        "99999999999999999999",
        "9" * 5000,
        "-1",
        "soon",
        "1e999",
        "Fri, 31 Dec 99999 23:59:59 GMT",
        "Thu, 1 Jan 0 0:0:0",
        "Mon, 01 Jan 0000 99:99:99 +9999999999999",
    ],
)
async def test_a_pause_of_any_length_that_a_service_asks_for_is_bounded(value: str) -> None:
    head = f"HTTP/1.1 503 Busy\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n".encode()
    async with served(sends(head)) as url:
        error = await refusal(order(url))
    assert error.type == FailureType.HTTP_STATUS
    assert not error.non_retryable
    assert error.next_retry_delay is None or error.next_retry_delay.total_seconds() <= 300


# What costs the worker's loop processor time. The server has a thread, so that the loop's own time is measured.

LONGEST_STRETCH = 0.05
"""Seconds of processor time of the loop's thread between two turns of its other tasks."""
ONE_BYTE_CHUNK = b"1\r\na\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@contextmanager
def floods(first: bytes, then: bytes, *, tls: bool = False, tickets: int = 0) -> Iterator[int]:
    """A server, at the port, that answers every request with bytes that it then repeats without end.

    With `tickets` it sends so many tickets of its TLS session first.
    """

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(20)
            connection.recv(65536)
            connection.sendall(first)
            while then:
                connection.sendall(then)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    listening = socket.create_server(("127.0.0.1", 0))
    if tls or tickets:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        context.num_tickets = tickets or 2
        listening = context.wrap_socket(listening, server_side=True)
    with listening:
        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


class LoopTime:
    """The processor time of the thread of the running loop: in all, and the longest stretch without a turn."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._began = self._turn = time.thread_time()

    @property
    def total(self) -> float:
        return time.thread_time() - self._began

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            self.longest, self._turn = max(self.longest, now - self._turn), now

    @classmethod
    @asynccontextmanager
    async def measured(cls) -> AsyncIterator["LoopTime"]:
        gc.freeze()  # a collection that looks at all objects of the test run takes longer than what is measured
        measured = cls()
        watching = asyncio.create_task(measured._watch())
        try:
            yield measured
        finally:
            watching.cancel()
            gc.unfreeze()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b"HTTP/1.1 103 Early Hints\r\n" + b"a:b\r\n" * 10_000 + b"\r\n"),
        (HEAD, b"a:b\r\n" * 10_000),
        (HEAD + b"a: ", b"b" * 60_000),
    ],
)
async def test_a_head_without_an_end_fails_soon_and_says_what_the_server_did(
    first: bytes, then: bytes, tls: bool
) -> None:
    with floods(first, then, tls=tls) as port:
        url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
        by = effect()
        async with LoopTime.measured() as time_of_loop:
            error = await refusal(order(url, timeout="20s"), by)
    sent = "the server sent more than 64 KB of headers or informational answers and no end of them"
    assert error.message == f"HTTP GET {url} failed: {sent}"
    assert error.type == FailureType.TRANSIENT
    assert time_of_loop.longest < LONGEST_STRETCH
    assert time_of_loop.total < 1


@pytest.mark.parametrize("tls", [False, True])
async def test_informational_answers_without_end_are_counted(tls: bool) -> None:
    with floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 4000, tls=tls) as port:
        url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
        by = effect()
        async with LoopTime.measured() as time_of_loop:
            error = await refusal(order(url, timeout="20s"), by)
    assert error.message == (
        f"HTTP GET {url} failed: the server sent more than 100 informational answers and no other one"
    )
    assert time_of_loop.longest < LONGEST_STRETCH
    assert time_of_loop.total < 0.5


async def test_tls_without_data_is_counted() -> None:
    with floods(b"", b"", tickets=20_000) as port:
        url = f"https://127.0.0.1:{port}/"
        by = effect()
        async with LoopTime.measured() as time_of_loop:
            error = await refusal(order(url, timeout="20s"), by)
    assert "the server sent more than 512 KB of TLS records and no end of its headers" in error.message
    assert time_of_loop.longest < LONGEST_STRETCH
    assert time_of_loop.total < 1


async def test_a_post_that_is_answered_by_a_head_without_an_end_may_have_had_its_effect() -> None:
    with floods(HEAD, b"a:b\r\n" * 10_000) as port:
        error = await refusal(order(f"http://127.0.0.1:{port}/", method="POST"))
    assert error.type == FailureType.OUTCOME_UNKNOWN
    assert "the server sent more than 64 KB of headers" in error.message


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    ("first", "then", "body"),
    [
        (CHUNKED, ONE_BYTE_CHUNK * 10_000, "a" * 1000),
        (CHUNKED, b"1;" + b"x" * 60_000 + b"\r\na\r\n", "a"),
        (CHUNKED + b"2\r\nok\r\n0\r\n", b"a:b\r\n" * 1000, "ok"),
        (HEAD + b"\r\n", b"a" * 60_000, "a" * 1000),
    ],
)
async def test_a_body_is_bounded_as_it_is_received(first: bytes, then: bytes, body: str, tls: bool) -> None:
    with floods(first, then, tls=tls) as port:
        by = effect()
        async with LoopTime.measured() as time_of_loop:
            outcome = await ask(order(f"{'https' if tls else 'http'}://127.0.0.1:{port}/"), by)
    assert outcome.outputs is not None
    assert outcome.outputs.http_response is not None
    assert (outcome.outputs.http_response.body or "").startswith(body)
    assert time_of_loop.longest < LONGEST_STRETCH
    assert time_of_loop.total < 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + HEAD + b"Content-Length: 2\r\n\r\nok", id="informational"),
        pytest.param(HEAD + b"X-Long: " + b"x" * 60_000 + b"\r\nContent-Length: 2\r\n\r\nok", id="a long header"),
        pytest.param(HEAD + b"a:b\r\n" * 12_000 + b"Content-Length: 2\r\n\r\nok", id="many headers"),
        pytest.param(CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n", id="chunks"),
    ],
)
async def test_an_unusual_answer_within_the_bounds_is_read_whole(answer: bytes) -> None:
    with floods(answer, b"") as port:
        by = effect()
        async with LoopTime.measured() as time_of_loop:
            outcome = await ask(order(f"http://127.0.0.1:{port}/"), by)
    assert outcome.outputs is not None
    assert outcome.outputs.http_response is not None
    assert outcome.outputs.http_response.body == "ok"
    assert time_of_loop.longest < 0.1


class Unobserved:
    """Nobody wants to know how far the request is."""

    def sending(self) -> None: ...

    def answered(self, status: int) -> None: ...


@pytest.mark.parametrize(("size", "whole"), [(64, True), (1, False)])
async def test_a_body_in_chunks_of_usual_size_is_read_whole_and_one_in_small_ones_is_cut(
    size: int, whole: bool
) -> None:
    chunk = f"{size:x}\r\n{'x' * size}\r\n".encode()
    action = Action.model_validate({"name": "ask", "type": "HTTP", "http": {"url": "http://127.0.0.1"}})
    with floods(CHUNKED + chunk * (64_000 // size) + b"0\r\n\r\n", b"") as port:
        request = request_of(action, MARK)
        request = replace(request, url=request.url.copy_with(port=port))
        answer = await HttpClient(allowed_hosts(LOOPBACK)).send(request, Unobserved())
    assert answer.whole == whole
    assert (len(answer.body) == 64_000) == whole
    assert len(answer.body) > 10_000
