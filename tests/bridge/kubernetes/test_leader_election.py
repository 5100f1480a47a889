"""The lease, against a lease object in memory and a clock of the tests'."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from api.objects import Actor, Target
from bridge.kubernetes import leader_election
from bridge.kubernetes.leader_election import LEASE_SILENT, LOOP_SILENT, LeaderElection
from bridge.settings import BridgeSettings
from kube.client import Cluster, Object
from kube.errors import AlreadyExistsError, ConflictError, NotFoundError, UnreachableError
from kube.request import PLAIN, WriteOptions
from process.identity import ProcessState, identity, state_of
from tests.eventually import DEADLINE


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


NOW = datetime(2026, 2, 3, 10, tzinfo=UTC)


class Stopped(datetime):
    """The time that containers of a host share, at one moment."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Stopped":
        return cls.fromtimestamp(NOW.timestamp(), tz)


class OneLease(Cluster):
    """An API server that holds one lease."""

    def __init__(self) -> None:
        self.lease: Object | None = None
        self.writes = 0
        self.away = False
        self.hangs = False
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        """What somebody else does between the next reading and the write that follows it."""

    async def get(self, target: Target, actor: Actor) -> Object:
        await self._reach()
        seen, meanwhile = self._read(), self.meanwhile
        if meanwhile is not None:
            self.meanwhile = None
            await meanwhile()
        return seen

    async def create(self, target: Target, body: Object, actor: Actor, options: WriteOptions = PLAIN) -> Object:
        await self._reach()
        if self.lease is not None:
            raise AlreadyExistsError("exists", 409)
        return self._write(body)

    async def replace(self, target: Target, body: Object, actor: Actor, *, subresource: str = "") -> Object:
        await self._reach()
        if body["metadata"]["resourceVersion"] != self._read()["metadata"]["resourceVersion"]:
            raise ConflictError("changed", 409)
        return self._write(body)

    async def _reach(self) -> None:
        if self.hangs:
            await asyncio.sleep(3600)
        if self.away:
            raise UnreachableError("away")

    def _write(self, body: Object) -> Object:
        self.writes += 1
        self.lease = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.writes)}}
        return self.lease

    def _read(self) -> Object:
        if self.lease is None:
            raise NotFoundError("none", 404)
        return self.lease

    @property
    def holder(self) -> str:
        return str(self._read()["spec"]["holderIdentity"])


def lease(server: Cluster, identity: str, clock: Clock) -> LeaderElection:
    return LeaderElection(server, BridgeSettings(identity=identity, lease_duration=timedelta(seconds=8)), clock)


async def turn(one: LeaderElection) -> bool:
    """Let it try once, as its loop does."""
    await one.round()
    return one.held


async def test_the_first_takes_it_and_the_second_waits() -> None:
    server, clock = OneLease(), Clock()
    first, second = lease(server, "first", clock), lease(server, "second", clock)
    assert await turn(first)
    assert not await turn(second)
    assert server.holder == "first"


async def test_to_lead_and_to_stand_by_are_ready_and_not_to_know_is_not() -> None:
    server, clock = OneLease(), Clock()
    first, second = lease(server, "first", clock), lease(server, "second", clock)
    assert first.finding() == (False, "cannot read its lease")
    for one in (first, second):
        task = asyncio.create_task(one.run())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (first.finding(), second.finding()) == ((True, "leads"), (True, "stands by"))
    clock.now += LEASE_SILENT + 1
    assert not second.finding().ok
    assert first.going_on.finding().ok
    clock.now += LOOP_SILENT
    assert not first.going_on.finding().ok


async def test_it_is_taken_over_once_its_holder_was_not_heard_of_for_its_duration() -> None:
    server, clock = OneLease(), Clock()
    first, second = lease(server, "first", clock), lease(server, "second", clock)
    await turn(first)
    await turn(second)
    clock.now += 7
    assert not await turn(second)
    await turn(first)
    assert not await turn(second)
    clock.now += 8.1
    assert await turn(second)
    assert server._read()["spec"]["leaseTransitions"] == 2
    assert not await turn(first)


async def test_what_counts_is_the_own_clock_not_the_time_that_was_written() -> None:
    server, clock = OneLease(), Clock()
    first, second = lease(server, "first", clock), lease(server, "second", clock)
    await turn(first)
    server._read()["spec"]["renewTime"] = "2000-01-01T00:00:00.000000Z"
    assert not await turn(second)
    clock.now += 7
    server._read()["spec"]["renewTime"] = "2000-01-01T00:00:01.000000Z"
    assert not await turn(second)
    clock.now += 7
    assert not await turn(second)


async def test_a_leader_that_cannot_renew_stops_leading_before_another_begins() -> None:
    server, clock = OneLease(), Clock()
    first, second = lease(server, "first", clock), lease(server, "second", clock)
    await turn(first)
    await turn(second)
    clock.now += 8.05
    assert not first.held
    assert await turn(second)


async def test_a_leader_whose_calls_hang_stops_leading_in_time() -> None:
    server, clock = OneLease(), Clock()
    first = lease(server, "first", clock)
    await turn(first)
    server.away = True
    with pytest.raises(UnreachableError):
        await first.round()
    assert first.held
    clock.now += 8
    assert not first.held


async def test_two_that_take_it_at_once_are_told_apart_by_the_version() -> None:
    server, clock = OneLease(), Clock()
    first, second = lease(server, "first", clock), lease(server, "second", clock)
    await turn(first)
    await first.release()
    assert server.holder == ""
    server.meanwhile = second.round
    assert not await turn(first)
    assert second.held
    assert server.holder == "second"


async def test_a_lease_that_was_given_up_is_taken_at_once() -> None:
    server, clock = OneLease(), Clock()
    first, second = lease(server, "first", clock), lease(server, "second", clock)
    await turn(first)
    await first.release()
    assert not first.held
    assert await turn(second)


async def test_one_that_does_not_hold_it_gives_nothing_up() -> None:
    server, clock = OneLease(), Clock()
    first, second = lease(server, "first", clock), lease(server, "second", clock)
    await turn(first)
    await second.release()
    assert server.holder == "first"


async def test_leading_is_told_and_its_loss_too() -> None:
    server = OneLease()
    settings = BridgeSettings(identity="first", lease_duration=timedelta(milliseconds=400))
    one = LeaderElection(server, settings, asyncio.get_running_loop().time)
    loop = asyncio.create_task(one.run())
    await asyncio.wait_for(one.leading.wait(), DEADLINE)
    server.hangs = True
    await asyncio.wait_for(one.lost.wait(), DEADLINE)
    assert not one.leading.is_set()
    server.hangs = False
    await asyncio.wait_for(one.leading.wait(), DEADLINE)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


def test_a_process_of_this_host_that_is_gone_holds_nothing() -> None:
    host = socket.gethostname()
    child = os.fork()
    if child == 0:
        os._exit(0)
    stat = Path(f"/proc/{child}/stat")
    while stat.exists() and " Z " not in stat.read_text():
        pass
    assert state_of(f"{host}_{child}_abc") is ProcessState.ENDED, "nobody has waited for it yet"
    os.waitpid(child, 0)
    assert state_of(f"{host}_{child}_abc") is ProcessState.ENDED
    assert state_of(f"{host}_{os.getpid()}_abc") is ProcessState.UNKNOWN
    assert state_of(f"another_{child}_abc") is ProcessState.UNKNOWN
    assert state_of("bridge-1") is ProcessState.UNKNOWN


def earlier(name: str, namespace: str = "") -> str:
    """Return the identity of a process that had this process id before, in this PID namespace or in another."""
    host, pid, rest = name.split("_")
    own, started, random = rest.split(".")
    return f"{host}_{pid}_{namespace or own}.{int(started) - 1}.{random}"


def test_an_identity_names_one_process_also_where_its_id_is_given_again() -> None:
    name = identity()
    assert name != identity()
    assert state_of(name) is ProcessState.UNKNOWN
    assert state_of(earlier(name)) is ProcessState.ENDED
    assert state_of(earlier(name, "1")) is ProcessState.OTHER_CONTAINER


async def test_a_lone_bridge_that_comes_back_takes_its_own_lease_at_once() -> None:
    server, clock, name = OneLease(), Clock(), identity()
    assert await turn(lease(server, earlier(name), clock))
    assert await turn(lease(server, name, clock))


async def test_the_lease_of_an_earlier_container_is_free_once_it_has_missed_a_renewal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leader_election, "datetime", Stopped)
    server, clock, name = OneLease(), Clock(), identity()
    other, one = lease(server, earlier(name, "1"), clock), lease(server, name, clock)
    await turn(other)
    assert not await turn(one), "it may be a neighbour on the network of the node, which renews"
    assert one._next_round == 2
    renewed = NOW - timedelta(seconds=2.9)
    server._read()["spec"]["renewTime"] = renewed.isoformat()
    assert not await turn(one)
    assert one._next_round == pytest.approx(0.15)
    server._read()["spec"]["renewTime"] = (renewed - timedelta(seconds=0.2)).isoformat()
    assert await turn(one)


async def test_a_lease_is_looked_at_again_as_soon_as_it_may_be_free() -> None:
    server, clock = OneLease(), Clock()
    first, second = lease(server, "first", clock), lease(server, "second", clock)
    await turn(first)
    await turn(second)
    assert second._next_round == 2
    clock.now += 7.5
    await turn(second)
    assert second._next_round == pytest.approx(0.55)


STRANGE_SPECS = [
    None,
    {},
    {"holderIdentity": "gone", "leaseDurationSeconds": 2**31 - 1, "leaseTransitions": 2**31 - 1},
    {"holderIdentity": "gone", "renewTime": "0001-01-01T00:00:00.000000Z", "acquireTime": "9999-12-31T23:59:59Z"},
    {"holderIdentity": f"{socket.gethostname()}_{'9' * 5000}_x", "leaseDurationSeconds": -1},
    {"holderIdentity": f"{socket.gethostname()}_²_x", "leaseTransitions": -5},
]


@pytest.mark.parametrize("spec", STRANGE_SPECS, ids=range(len(STRANGE_SPECS)))
async def test_whatever_a_lease_says_it_can_be_taken(spec: Object | None) -> None:
    server, clock = OneLease(), Clock()
    server.lease = {"metadata": {"name": "lease", "resourceVersion": "0"}, **({} if spec is None else {"spec": spec})}
    one = lease(server, "one", clock)
    await turn(one)
    clock.now += 3601
    assert await turn(one)
    assert 1 <= server._read()["spec"]["leaseTransitions"] < 2**31
    await one.release()
    assert server.holder == ""
