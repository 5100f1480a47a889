"""Lets faults happen to a system, and takes each of them back."""

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import assert_never

import httpx

from dev.process import Service
from tests.chaos.faults import Fault, Kind
from tests.chaos.links import Link, Traffic
from tests.chaos.processes import Name, OwnProcess, System
from tests.eventually import until

_TRAFFIC = {Kind.CUT: Traffic.CUT, Kind.SLOW: Traffic.SLOW, Kind.HALF_OPEN: Traffic.HALF_OPEN}
_SMALLEST_QUOTA = 1
"""Bytes: any database is larger, so that the next write finds no room."""


@dataclass
class Injector:
    """Lets the faults of one half of a round happen, one after the other, until they or the executions end."""

    system: System
    seed: int
    upgrade: Callable[[], None]
    happened: list[str] = field(default_factory=list)
    """The faults that began while an execution ran."""
    errors: list[str] = field(default_factory=list)
    """What the campaign itself could not do."""
    dropped: int = 0
    """Answers that were dropped after the request was carried out."""

    @contextmanager
    def injecting(self, faults: list[Fault]) -> Iterator[threading.Event]:
        """Let faults happen beside a block; the event says that all have. At its end all is whole again."""
        stop, done = threading.Event(), threading.Event()
        thread = threading.Thread(target=self._run, args=(faults, stop, done), daemon=True)
        thread.start()
        try:
            yield done
        finally:
            stop.set()
            thread.join()
            self.system.heal()

    def _run(self, faults: list[Fault], stop: threading.Event, done: threading.Event) -> None:
        for number, fault in enumerate(faults):
            if stop.wait(fault.pause):
                break
            self.happened.append(str(fault))
            try:
                self.let_happen(fault, random.Random(self.seed * 100 + number))
            except Exception as error:  # the round goes on, and reports it
                self.errors.append(f"{fault}: {type(error).__name__}: {error}")
        done.set()

    def let_happen(self, fault: Fault, chance: random.Random) -> None:
        """Let one fault happen, and take it back."""
        match fault.kind:
            case Kind.KILL | Kind.TERMINATE:
                self._end(fault, signal.SIGKILL if fault.kind is Kind.KILL else signal.SIGTERM)
            case Kind.PAUSE:
                self.system[fault.target].send(signal.SIGSTOP)
                time.sleep(fault.seconds)
                self.system[fault.target].send(signal.SIGCONT)
            case Kind.CUT | Kind.SLOW | Kind.HALF_OPEN:
                link = self._link(fault)
                link.disturb(_TRAFFIC[fault.kind], fault.detail or 0.0)
                time.sleep(fault.seconds)
                link.heal()
            case Kind.ANSWER:
                self._answer(fault, chance)
            case Kind.CLOCK_STEP:
                clock = self._process(fault).clock
                clock.write_text(str(fault.detail))
                time.sleep(fault.seconds)
                clock.write_text("0")
            case Kind.DISK_FULL:
                self._fill_disk(fault)
            case Kind.ROLLING_RESTART:
                self._restart_everything()
            case Kind.UPGRADE:
                self.upgrade()
            case _:
                assert_never(fault.kind)

    def _process(self, fault: Fault) -> OwnProcess:
        return self.system.own[fault.target]

    def _link(self, fault: Fault) -> Link:
        process = self._process(fault)
        return process.api if fault.server is Name.API_SERVER else process.temporal

    def _end(self, fault: Fault, number: signal.Signals) -> None:
        failing = self.system[fault.target]
        failing.send(number)
        failing.wait_for_end()
        time.sleep(fault.seconds)
        failing.start()

    def _answer(self, fault: Fault, chance: random.Random) -> None:
        process, link = self._process(fault), self._link(fault)
        proxy = process.http if fault.server is Name.API_SERVER else process.grpc
        proxy.answer, proxy.share, proxy.random = fault.detail, fault.share, chance
        link.detour(proxy.port)
        time.sleep(fault.seconds)
        link.heal()
        self.dropped += proxy.take_dropped()

    def _fill_disk(self, fault: Fault) -> None:
        """Give etcd a quota below the size of its database; then the usual one, and take back its alarm.

        Source: https://etcd.io/docs/v3.6/op-guide/maintenance/#space-quota
        """
        etcd = self.system.servers[Name.ETCD]
        usual = etcd.service
        wanted = usual()
        argv = (*wanted.argv, f"--quota-backend-bytes={_SMALLEST_QUOTA}")
        etcd.service = lambda: Service(wanted.name, argv, wanted.env, wanted.inputs)
        try:
            etcd.restart(signal.SIGTERM)
            time.sleep(fault.seconds)
        finally:
            etcd.service = usual
            etcd.restart(signal.SIGTERM)
            until(self._disarm, "etcd takes its alarm back", 60)

    def _disarm(self) -> bool:
        """Take back every alarm; return whether etcd answered."""
        url = f"http://127.0.0.1:{self.system.stack.ports['etcd']}/v3/maintenance/alarm"
        with suppress(httpx.HTTPError), httpx.Client(trust_env=False) as client:
            for alarm in client.post(url, json={}).raise_for_status().json().get("alarms", []):
                client.post(url, json={"action": "DEACTIVATE", **alarm}).raise_for_status()
            return True
        return False

    def _restart_everything(self) -> None:
        for failing in (*self.system.servers.values(), *self.system.own.values()):
            failing.restart(signal.SIGTERM)
            until(failing.ready, f"{failing.name.value} serves", 120)
