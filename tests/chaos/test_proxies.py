"""The campaign's faults do what they are called: a fault that does nothing would let everything hold."""

import asyncio
import random
import shutil
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from tests.chaos.grpc_faults import GrpcFaults
from tests.chaos.http_faults import Answer, HttpFaults
from tests.chaos.links import Link, Loop, Traffic
from tests.eventually import eventually
from tests.http_service import CERTIFICATE, Reply, Service

METHOD = "/temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution"


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service.running() as service:
        service.replies_to("/", Reply())
        yield service


@pytest.fixture
def link(service: Service, loop: Loop) -> Iterator[Link]:
    link = Link("test", service.port, loop).open()
    yield link
    link.close()


async def ask(port: int, seconds: float = 60) -> str:
    async with httpx.AsyncClient(timeout=httpx.Timeout(60, read=seconds), trust_env=False) as client:
        return (await client.get(f"http://127.0.0.1:{port}/")).text


async def test_a_link_passes_on_what_comes_and_can_be_cut(link: Link, service: Service) -> None:
    assert await ask(link.port) == "fine"
    link.disturb(Traffic.CUT)
    with pytest.raises(httpx.TransportError):
        await ask(link.port)
    link.heal()
    assert await ask(link.port) == "fine"
    assert service.connections == 2


async def test_a_half_open_link_accepts_and_says_nothing_and_what_lost_bytes_is_ended(
    link: Link, service: Service
) -> None:
    link.disturb(Traffic.HALF_OPEN)
    with pytest.raises(httpx.ReadTimeout):
        await ask(link.port, 0.2)
    waiting = asyncio.create_task(ask(link.port))
    await eventually(lambda: service.connections == 2, "the connection")
    await asyncio.sleep(0.05)
    link.heal()
    with pytest.raises(httpx.TransportError):
        await waiting
    assert await ask(link.port) == "fine"


async def test_a_slow_link_is_slow_and_a_detour_leads_elsewhere_until_it_is_healed(link: Link) -> None:
    link.disturb(Traffic.SLOW, 0.3)
    with pytest.raises(httpx.ReadTimeout):
        await ask(link.port, 0.25)
    assert await ask(link.port) == "fine"
    async with Service.running() as other:
        other.replies_to("/", Reply(body="elsewhere"))
        link.heal()
        link.detour(other.port)
        assert await ask(link.port) == "elsewhere"
        link.heal()
        assert await ask(link.port) == "fine"


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    for suffix in ("crt", "key"):
        shutil.copy(CERTIFICATE, tmp_path / f"api.{suffix}")
    return tmp_path / "api.crt"


@pytest.mark.parametrize(
    ("answer", "status", "carried_out"),
    [
        (Answer.TOO_MANY, 429, False),
        (Answer.INTERNAL, 500, False),
        (Answer.UNAVAILABLE, 503, False),
        (Answer.JUNK, 200, False),
        (Answer.DROPPED, None, True),
    ],
)
async def test_a_request_gets_another_answer(
    trust: Path, answer: Answer, status: int | None, carried_out: bool
) -> None:
    async with Service.running(tls=True) as service:
        service.replies_to("/api", Reply(201, "{}"))
        proxy = HttpFaults(f"https://127.0.0.1:{service.port}", trust)
        proxy.start()
        try:
            proxy.answer = answer
            verify = ssl.create_default_context(cafile=str(trust))
            async with httpx.AsyncClient(verify=verify, trust_env=False) as client:
                if status is None:
                    with pytest.raises(httpx.TransportError):
                        await client.post(f"{proxy.url}/api", content="{}")
                else:
                    assert (await client.post(f"{proxy.url}/api", content="{}")).status_code == status
                assert service.count("POST") == carried_out
                assert (proxy.take_dropped(), proxy.take_dropped()) == (carried_out, 0)
                proxy.share = 0
                proxy.random = random.Random(1)
                assert (await client.post(f"{proxy.url}/api", content="{}")).status_code == 201
        finally:
            proxy.close()


class Temporal:
    """A server that notes what it was called with, and knows one error with details."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(self.answer)

    async def answer(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        self.calls.append(request)
        if request == b"again":
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "it runs", (("grpc-status-details-bin", b"run-1"),))
        return b"answer to " + request


@pytest.mark.parametrize(
    ("answer", "code", "carried_out"),
    [
        (Answer.TOO_MANY, grpc.StatusCode.RESOURCE_EXHAUSTED, False),
        (Answer.INTERNAL, grpc.StatusCode.INTERNAL, False),
        (Answer.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, False),
        (Answer.DROPPED, grpc.StatusCode.UNAVAILABLE, True),
        (Answer.JUNK, None, True),
    ],
)
async def test_a_call_gets_another_answer(
    loop: Loop, answer: Answer, code: grpc.StatusCode | None, carried_out: bool
) -> None:
    server, temporal = grpc.aio.server(), Temporal()
    server.add_generic_rpc_handlers((temporal,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    proxy = GrpcFaults(f"127.0.0.1:{port}", loop)
    proxy.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{proxy.port}")
    try:
        proxy.answer = answer
        if code is None:
            assert await channel.unary_unary(METHOD)(b"start") != b"answer to start"
        else:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await channel.unary_unary(METHOD)(b"start")
            assert error.value.code() is code
        assert temporal.calls == [b"start"] * carried_out
        proxy.share = -1
        assert await channel.unary_unary(METHOD)(b"start") == b"answer to start"
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await channel.unary_unary(METHOD)(b"again")
        assert ("grpc-status-details-bin", b"run-1") in tuple(error.value.trailing_metadata())
    finally:
        await channel.close()
        proxy.close()
        await server.stop(grace=None)
