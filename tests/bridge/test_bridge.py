"""What the bridge makes of a pass that fails."""

import asyncio
import time
from typing import cast

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bridge.bridge import Bridge
from bridge.kubernetes.index import Key, ObjectKind
from bridge.settings import BridgeSettings
from bridge.temporal.client import TemporalClient
from kube.client import Cluster
from tests.kube.scripted_server import scripted


async def test_a_pass_that_a_busy_api_server_turns_away_is_repeated_no_sooner_than_it_asks() -> None:
    answered = asyncio.Event()

    async def busy(_: web.BaseRequest) -> web.StreamResponse:
        answered.set()
        return web.Response(status=429, text="Too many requests", headers={"Retry-After": "30"})

    async with scripted(busy) as (cluster, asked), asyncio.timeout(20):
        bridge = Bridge(BridgeSettings(), cluster, cast(TemporalClient, None), time.monotonic)
        bridge._queue.add(Key(ObjectKind.PLAN, "default", "plan"))
        with capture_logs() as log:
            work = asyncio.create_task(bridge._work())
            await answered.wait()
            while not log:
                await asyncio.sleep(0.01)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert [(line["event"], line["retry_in"]) for line in log] == [("pass failed", 30)]
    assert len(asked) == 1


async def test_the_log_of_a_pass_that_breaks_says_where_and_quotes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(*_: object) -> None:
        raise KeyError("hunter2")

    monkeypatch.setattr("bridge.bridge.reconcile", breaks)
    async with asyncio.timeout(20):
        bridge = Bridge(BridgeSettings(), cast(Cluster, None), cast(TemporalClient, None), time.monotonic)
        bridge._queue.add(Key(ObjectKind.PLAN, "default", "plan"))
        with capture_logs() as log:
            work = asyncio.create_task(bridge._work())
            while len(log) < 2:
                await asyncio.sleep(0.01)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert [line["event"] for line in log[:2]] == ["pass broke", "pass failed"]
    assert "KeyError at " in log[0]["where"]
    assert log[0]["where"].endswith(" breaks")
    assert "hunter2" not in str(log)
