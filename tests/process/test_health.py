"""Liveness is about the process, readiness about its service; a loop that hangs answers neither."""

import asyncio
import json
import socket
import threading
import time
import urllib.error
import urllib.request

import pytest
from aiohttp import web

from api.metrics import LOOP_LAG
from process.health import LOOP_SAMPLES, Deadline, Finding, Health, LoopWatch, no_problem, serving
from process.http_server import ListenError, listening
from process.settings import host_and_port
from tests.private_stack import free_port
from tests.process.recorded_metrics import RecordedMetrics


def free_address() -> str:
    return f"127.0.0.1:{free_port()}"


def ask(address: str, path: str, wait: float = 30.0, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(f"http://{address}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=wait) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def health() -> Health:
    made = Health()
    made.add("passes", lambda: Finding(True, "go on"), of_process=True)
    made.add("temporal", lambda: no_problem("no answer for 9 s"))
    return made


async def test_a_problem_of_the_service_is_none_of_the_process(health: Health) -> None:
    address = free_address()
    async with serving(health, address):
        live = await asyncio.to_thread(ask, address, "/healthz")
        ready = await asyncio.to_thread(ask, address, "/readyz")
    assert live == (200, "[+] event-loop\n[+] passes\nok\n")
    assert ready == (503, "[+] event-loop\n[+] passes\n[-] temporal: no answer for 9 s\nnot ok\n")


async def test_the_checks_are_listed_with_their_facts_or_as_json(health: Health) -> None:
    health.add("temporal", lambda: no_problem("", "answers"))
    address = free_address()
    async with serving(health, address):
        verbose = await asyncio.to_thread(ask, address, "/readyz?verbose")
        as_json = await asyncio.to_thread(ask, address, "/readyz?format=json")
        accepted = await asyncio.to_thread(ask, address, "/healthz", Accept="application/json")
        missing = await asyncio.to_thread(ask, address, "/secrets")
    assert verbose == (200, "[+] event-loop: answers\n[+] passes: go on\n[+] temporal: answers\nok\n")
    assert (as_json[0], json.loads(as_json[1])["checks"][-1]) == (
        200,
        {"name": "temporal", "ok": True, "text": "answers"},
    )
    assert json.loads(accepted[1])["ok"]
    assert missing[0] == 404


async def test_an_address_in_use_is_named(health: Health) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ListenError, match=rf"DRPLAN_HEALTH_ADDRESS: cannot listen at {address}: "):
            async with serving(health, address):
                pass


async def test_an_endpoint_that_cannot_listen_names_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host, port = taken.getsockname()
        with pytest.raises(ListenError, match=rf"DRPLAN_VIEW_ADDRESS: cannot listen at {host}:{port}: "):
            async with listening(web.Application(), (host, port), "DRPLAN_VIEW_ADDRESS"):
                pass


async def test_without_an_address_nothing_listens(health: Health) -> None:
    async with serving(health, None):
        pass


def test_a_loop_that_hangs_does_not_answer(health: Health) -> None:
    address, hanging, go_on = free_address(), threading.Event(), threading.Event()

    async def serve() -> None:
        async with serving(health, address):
            await asyncio.to_thread(ask, address, "/healthz")
            hanging.set()
            go_on.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert hanging.wait(30)
    with pytest.raises(TimeoutError):
        ask(address, "/healthz", wait=0.3)
    go_on.set()
    thread.join()


async def test_how_late_the_loop_was_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    now, lates = [0.0], [0.0, 0.25, *[0.0] * LOOP_SAMPLES]
    metrics, ended = RecordedMetrics(), asyncio.Event()
    seen: list[float] = []

    async def sleep(seconds: float) -> None:
        if now[0]:
            seen.append(metrics.of(LOOP_LAG))
        if not lates:
            ended.set()
            await asyncio.Event().wait()
        now[0] += seconds + lates.pop(0)

    monkeypatch.setattr("process.health.asyncio.sleep", sleep)
    watch = LoopWatch(metrics, lambda: now[0])
    task = asyncio.create_task(watch.run())
    await ended.wait()
    task.cancel()
    assert seen == [0.0, *[0.25] * LOOP_SAMPLES, 0.0]
    assert watch.finding() == (True, "answers; was late by 0 ms")


def test_a_loop_that_does_not_report_fails_and_recovers() -> None:
    now = [0.0]
    deadline = Deadline(10, lambda: now[0])
    now[0] = 10.0
    assert deadline.finding() == (True, "goes on")
    now[0] = 11.0
    assert deadline.finding() == (False, "did not go on for 11 s")
    deadline.reset()
    assert deadline.finding().ok
    assert not Deadline(10, time.monotonic, begun=False).finding().ok


@pytest.mark.parametrize("text", ["8081", "0.0.0.0", "localhost:8081", "0.0.0.0:0", "0.0.0.0:8081/x"])
def test_an_address_needs_a_number_and_a_port(text: str) -> None:
    with pytest.raises(ValueError, match=r"address"):
        host_and_port(text)


def test_an_address_may_be_one_of_ipv6() -> None:
    assert host_and_port("[::]:8081") == ("::", 8081)
