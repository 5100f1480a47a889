"""Everything that can fail: our processes, each behind links of its own, and the servers of a stack."""

import os
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from pathlib import Path

import yaml

from dev import servers
from dev.process import Service, answers, find
from dev.process import start as start_service
from dev.stack import Stack
from tests.chaos import stepped_clock
from tests.chaos.grpc_faults import GrpcFaults
from tests.chaos.http_faults import HttpFaults
from tests.chaos.links import Link, Loop
from tests.eventually import until
from tests.private_stack import free_port
from tests.programs import REPOSITORY, Program

_lives = count(1)


class Name(Enum):
    """What can fail."""

    WORKER = "worker"
    BRIDGE = "bridge"
    OTHER_BRIDGE = "other bridge"
    OTHER_WORKER = "other worker"
    API_SERVER = "API server"
    ETCD = "etcd"
    TEMPORAL = "Temporal"
    CONTROLLERS = "controller manager"


class Failing(ABC):
    """A process that can be ended, paused and started again."""

    name: Name

    @abstractmethod
    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens where it does not run."""

    @abstractmethod
    def wait_for_end(self) -> None:
        """Return once it has ended; killed where it takes longer than its grace."""

    @abstractmethod
    def start(self) -> None:
        """Start it unless it runs, and return at once."""

    @abstractmethod
    def supervise(self) -> None:
        """Start it again if it has ended by itself."""

    @abstractmethod
    def ready(self) -> bool:
        """Tell whether it serves."""

    def restart(self, number: signal.Signals) -> None:
        """End it with a signal and start it again."""
        self.send(number)
        self.wait_for_end()
        self.start()


class Server(Failing):
    """A server of the stack, started again when it ends by itself: its predecessor may hold a port for a moment."""

    def __init__(self, name: Name, stack: Stack, service: Callable[[], Service], ready: Callable[[], bool]) -> None:
        self.name = name
        self.service = service
        """Returns how it is started; to be replaced for another way."""
        self._stack = stack
        self._process = service().name
        self._ready = ready
        self._wanted = True
        self._lock = threading.RLock()

    def send(self, number: signal.Signals) -> None:
        with self._lock:
            running = find(self._stack.layout, self._process)
            if running is not None:
                if number in (signal.SIGKILL, signal.SIGTERM):
                    self._wanted = False
                os.kill(running.pid, number)

    def wait_for_end(self) -> None:
        deadline = time.monotonic() + 20
        while find(self._stack.layout, self._process) is not None:
            if time.monotonic() > deadline:
                self.send(signal.SIGKILL)
            time.sleep(0.02)

    def start(self) -> None:
        with self._lock:
            if find(self._stack.layout, self._process) is None:
                start_service(self._stack.layout, self.service())
            self._wanted = True

    def supervise(self) -> None:
        with self._lock:
            if self._wanted:
                self.start()

    def ready(self) -> bool:
        return find(self._stack.layout, self._process) is not None and self._ready()


def servers_of(stack: Stack) -> dict[Name, Server]:
    """Return the servers of a running stack, in the order in which they start."""
    layout, programs, ports = stack.layout, stack.programs, stack.ports
    certificate, token = layout.data / "apiserver" / "apiserver.crt", servers.tokens(layout)["admin"]

    def api(path: str) -> Callable[[], bool]:
        return lambda: answers(f"{stack.server}{path}", token, certificate)

    made = (
        Server(
            Name.ETCD,
            stack,
            lambda: servers.etcd(layout, programs.etcd, ports),
            lambda: answers(f"http://127.0.0.1:{ports['etcd']}/health"),
        ),
        Server(
            Name.API_SERVER,
            stack,
            lambda: servers.kube_apiserver(layout, programs.kube_apiserver, ports),
            api("/readyz"),
        ),
        Server(
            Name.TEMPORAL,
            stack,
            lambda: servers.temporal(layout, programs.temporal, ports),
            lambda: servers.temporal_is_ready(programs.temporal, stack.temporal_address),
        ),
        Server(
            Name.CONTROLLERS,
            stack,
            lambda: servers.kube_controller_manager(layout, programs.kube_controller_manager),
            api("/readyz"),
        ),
    )
    return {each.name: each for each in made}


@dataclass
class OwnProcess(Failing):
    """Worker or bridge, with the links over which it reaches the servers. A supervisor starts it again when it ends."""

    name: Name
    program: Program
    api: Link
    temporal: Link
    http: HttpFaults
    grpc: GrpcFaults
    clock: Path
    """The file that says by how much its clock is wrong."""
    wanted: bool = True
    ends: list[int] = field(default_factory=list)
    """Exit codes with which it ended though nobody had ended it."""
    other_host: bool = False
    """Whether each life has an identity that says nothing of its process, as on another host."""
    code: Path | None = None
    """The folder whose code it runs from its next start on; None for this checkout."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def send(self, number: signal.Signals) -> None:
        if self.program.running:
            if number in (signal.SIGKILL, signal.SIGTERM):
                self.wanted = False
            self.program.send_signal(number)

    def wait_for_end(self) -> None:
        try:
            self.program.wait_for_end(20)
        except subprocess.TimeoutExpired:
            self.program.kill()

    def start(self) -> None:
        with self._lock:
            if not self.program.running:
                identity = {"DRPLAN_IDENTITY": f"host-{next(_lives)}"} if self.other_host else {}
                kept = {key: value for key, value in self.program.env.items() if key != "DRPLAN_IDENTITY"}
                self.program.env = {**kept, **identity}
                user = self.program.module[-1]
                self.program.module = (user,) if self.code else ("tests.chaos.stepped_clock", user)
                self.program.code = self.code or REPOSITORY
                self.program.start()
            self.wanted = True

    def stop(self) -> None:
        """End it, and leave it so."""
        self.send(signal.SIGCONT)
        self.wanted = False
        self.program.stop()

    def supervise(self) -> None:
        """Start it again if it has ended by itself, as a kubelet would."""
        with self._lock:
            if self.wanted and not self.program.running:
                self.ends.append(self.program.wait_for_end(20))
                self.start()

    def ready(self) -> bool:
        return self.program.running and self.program.has_said("started")

    def heal(self) -> None:
        """Let links pass everything on, and the clock be right."""
        self.clock.write_text("0")
        for link in (self.api, self.temporal):
            link.heal()

    def close(self) -> None:
        """End it with its links."""
        self.stop()
        for each in (self.api, self.temporal, self.http, self.grpc):
            each.close()


def own_process(
    name: Name, user: str, stack: Stack, loop: Loop, folder: Path, env: Mapping[str, str], *, other_host: bool = False
) -> OwnProcess:
    """Start worker or bridge behind links; with `other_host` no life of it has an identity of this host."""
    called = name.value.replace(" ", "-")
    api = Link(f"{called} to API server", stack.ports["kube-apiserver"], loop).open()
    temporal = Link(f"{called} to Temporal", stack.ports["temporal"], loop).open()
    http = HttpFaults(stack.server, stack.layout.data / "apiserver" / "apiserver.crt")
    http.start()
    grpc = GrpcFaults(stack.temporal_address, loop)
    grpc.start()
    config = yaml.safe_load(stack.layout.kubeconfig_of(user).read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{api.port}"
    kubeconfig, clock = folder / f"{called}.kubeconfig", folder / f"{called}.clock"
    kubeconfig.write_text(yaml.safe_dump(config))
    own = {
        **stack.env(user),
        "PYTHONUNBUFFERED": "1",
        "KUBECONFIG": str(kubeconfig),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{temporal.port}",
        "DRPLAN_METRICS_ADDRESS": f"127.0.0.1:{free_port()}",
        stepped_clock.FILE: str(clock),
        **env,
    }
    program = Program(("tests.chaos.stepped_clock", user), own, folder / f"{called}.log")
    process = OwnProcess(name, program, api, temporal, http, grpc, clock, other_host=other_host)
    process.start()
    return process


@dataclass
class System:
    """A stack with worker and bridges, all of which can fail."""

    stack: Stack
    loop: Loop
    folder: Path
    servers: dict[Name, Server]
    own: dict[Name, OwnProcess] = field(default_factory=dict)
    _closed: threading.Event = field(default_factory=threading.Event)
    _supervisor: threading.Thread = field(init=False)

    @classmethod
    def start(cls, stack: Stack, folder: Path) -> "System":
        """Start worker and bridge on a stack."""
        system = cls(stack, Loop(), folder, servers_of(stack))
        for name in (Name.WORKER, Name.BRIDGE):
            system.own[name] = own_process(name, name.value, stack, system.loop, folder, {})
        system._supervisor = threading.Thread(target=system._supervise, daemon=True)
        system._supervisor.start()
        system.wait_until_ready()
        return system

    def __getitem__(self, name: Name) -> Failing:
        return self.own[name] if name in self.own else self.servers[name]

    def set_bridges(self, number: int) -> None:
        """Let one bridge run, or two that are like those of two hosts."""
        bridge = self.own[Name.BRIDGE]
        if (number > 1) == (Name.OTHER_BRIDGE in self.own):
            return
        bridge.other_host = number > 1
        if number > 1:
            self.own[Name.OTHER_BRIDGE] = own_process(
                Name.OTHER_BRIDGE, "bridge", self.stack, self.loop, self.folder, {}, other_host=True
            )
        else:
            self.own.pop(Name.OTHER_BRIDGE).close()
        bridge.restart(signal.SIGTERM)
        self.wait_until_ready()

    def heal(self) -> None:
        """Let everything run, undisturbed, and return once all of it serves."""
        for server in self.servers.values():
            server.send(signal.SIGCONT)
            server.start()
            until(server.ready, f"{server.name.value} serves", 300)
        for process in list(self.own.values()):
            process.send(signal.SIGCONT)
            process.heal()
            process.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return once our processes serve."""
        until(lambda: all(each.ready() for each in list(self.own.values())), "worker and bridge serve", 300)

    def close(self) -> None:
        """End our processes and their links."""
        self._closed.set()
        self._supervisor.join()
        for process in self.own.values():
            process.close()
        self.loop.close()

    def _supervise(self) -> None:
        while not self._closed.wait(0.5):
            for failing in (*self.servers.values(), *list(self.own.values())):
                failing.supervise()
