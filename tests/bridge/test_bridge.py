"""What the bridge makes of a pass that fails."""

import asyncio
import time
from typing import cast

from aiohttp import web
from structlog.testing import capture_logs

from bridge.bridge import Bridge
from bridge.kubernetes.index import Key, ObjectKind
from bridge.settings import BridgeSettings
from bridge.temporal.client import TemporalClient
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
