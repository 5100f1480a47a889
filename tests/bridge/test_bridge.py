"""What the bridge makes of a pass that fails."""

import asyncio
import time
from collections import Counter
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web
from structlog.testing import capture_logs
from temporalio.client import Client

from bridge.bridge import Bridge
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.work_queue import Rank, lowest_ranks
from bridge.settings import BridgeSettings
from bridge.temporal.client import TemporalClient
from kube.client import Cluster, Object
from tests.kube.scripted_server import scripted


def new_bridge(cluster: Cluster, passes: int = 16) -> Bridge:
    return Bridge(BridgeSettings(passes=passes), cluster, TemporalClient(cast(Client, None), "queue"), time.monotonic)


async def test_a_pass_that_a_busy_api_server_turns_away_is_repeated_no_sooner_than_it_asks() -> None:
    answered = asyncio.Event()

    async def busy(_: web.BaseRequest) -> web.StreamResponse:
        answered.set()
        return web.Response(status=429, text="Too many requests", headers={"Retry-After": "30"})

    async with scripted(busy) as (cluster, asked), asyncio.timeout(20):
        bridge = new_bridge(cluster)
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
        bridge = new_bridge(cast(Cluster, SimpleNamespace()))
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


def plan() -> Object:
    return {"metadata": {"namespace": "default", "name": "plan", "resourceVersion": "1"}}


def running() -> Object:
    meta = {"namespace": "default", "name": "run", "uid": "u", "resourceVersion": "2"}
    engine = {"workflowId": "execute/default/run/u", "runId": "r"}
    return {"metadata": meta, "spec": {"planRef": "plan"}, "status": {"phase": "Running", "engine": engine}}


async def test_a_bridge_that_makes_one_pass_at_a_time_does_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = list[str]()

    async def recorded(_: object, key: Key) -> None:
        passes.append(key.name)

    monkeypatch.setattr("bridge.bridge.reconcile", recorded)
    bridge = new_bridge(cast(Cluster, SimpleNamespace()), passes=1)
    bridge._context.index.put(ObjectKind.PLAN, plan())
    bridge._context.index.put(ObjectKind.EXECUTION, running())
    bridge._begin()
    async with asyncio.timeout(20):
        work = asyncio.create_task(bridge._work(*lowest_ranks(1)))
        while len(passes) < 2:
            await asyncio.sleep(0.01)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert passes == ["run", "plan"]


async def test_a_leader_that_had_lost_the_lease_waits_for_nothing_that_has_ended_meanwhile() -> None:
    bridge = new_bridge(cast(Cluster, SimpleNamespace()))
    index = bridge._context.index
    index.put(ObjectKind.EXECUTION, running())
    bridge._begin()
    assert not bridge._caught_up.is_set()
    index.drop(ObjectKind.EXECUTION, "default", "run")
    bridge._begin()
    assert bridge._caught_up.is_set()


async def test_a_new_leader_looks_at_what_runs_before_it_validates(monkeypatch: pytest.MonkeyPatch) -> None:
    passes, written = list[str](), asyncio.Event()

    async def recorded(_: object, key: Key) -> None:
        passes.append(key.name)
        if key.kind is ObjectKind.EXECUTION:
            await written.wait()

    async def swept(_: object) -> None:
        passes.append("sweep")

    monkeypatch.setattr("bridge.bridge.reconcile", recorded)
    monkeypatch.setattr("bridge.bridge.sweep", swept)
    async with asyncio.timeout(20):
        bridge = new_bridge(cast(Cluster, SimpleNamespace()))
        index = bridge._context.index
        index.put(ObjectKind.PLAN, plan())
        index.put(ObjectKind.EXECUTION, running())
        bridge._begin()
        work = [asyncio.create_task(bridge._work(lowest)) for lowest in lowest_ranks(16)]
        work.append(asyncio.create_task(bridge._sweep()))
        await asyncio.sleep(0.1)
        assert passes == ["run"]
        written.set()
        while len(passes) < 3:
            await asyncio.sleep(0.01)
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    assert sorted(passes) == ["plan", "run", "sweep"]


def test_some_workers_are_kept_for_the_first_status_of_executions() -> None:
    ranks = Counter(lowest_ranks(16))
    assert ranks == {Rank.LAST: 4, Rank.NORMAL: 8, Rank.FIRST: 4}
