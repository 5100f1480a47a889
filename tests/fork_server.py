"""Starts worker and bridge for tests in a few milliseconds: `python -m tests.fork_server SOCKET`.

Each process of a test run has one. It loads all modules once and forks itself for each program, which then runs as
`python -m` would run it; a start of the interpreter with all imports takes more than a second of the processor. The
processes in which the bridge validates are forked from one server of multiprocessing for the same reason.
Source: `multiprocessing/forkserver.py`, whose children cannot be other programs.
"""

import gc
import importlib
import json
import multiprocessing
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, NoReturn

MODULES = (
    "worker",
    "bridge",
    "tests.bridge.self_killing_bridge",
    "tests.worker.believing_worker",
    "tests.workflows.killable_worker",
    "tests.chaos.stepped_clock",
)
"""What can be started."""
ASKED = (
    "bridge.controller.validation",
    "tests.bridge.controller.questions",
    "tests.planning.fuzzed_readers",
    "tests.planning.measured_child",
)
"""What the children of a test process itself import to answer; without a preload each takes half a second for it."""
MARK = "STARTED_BY_TEST_PROCESS"
"""The variable by which tests.leftovers finds what a test process has started; its value is the id of that."""
_MESSAGE = 1 << 20


class ForkedProcess:
    """A process that the server has forked, with what tests use of subprocess.Popen."""

    def __init__(self, server: "ForkServer", pid: int) -> None:
        self.pid = pid
        self._server = server

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._server.exit_code(self.pid)

    def wait(self, timeout: float) -> int:
        """Return the exit code once it has ended. Raises subprocess.TimeoutExpired."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"forked process {self.pid}", timeout)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The server of this process. It ends when its socket is closed."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())]
        env = {**env, "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
        )
        theirs.close()
        self._socket = ours
        self._lock = threading.Lock()
        self._codes: dict[int, int] = {}

    def start(self, module: tuple[str, ...], env: Mapping[str, str], log: Path) -> ForkedProcess:
        """Run a module with its arguments as a process that writes to this file."""
        with self._lock:
            self._socket.send(json.dumps({"argv": module, "env": dict(env), "log": str(log)}).encode())
            while "started" not in (answer := self._receive()):
                self._codes[answer["ended"]] = answer["code"]
            self._codes.pop(answer["started"], None)
            return ForkedProcess(self, answer["started"])

    def exit_code(self, pid: int) -> int | None:
        """Return how a process has ended; None while it runs."""
        if self._socket.fileno() < 0:  # at an interrupted end of the run, when what is left has been killed
            return self._codes.get(pid, -signal.SIGKILL)
        with self._lock:
            while select.select([self._socket], [], [], 0)[0]:
                answer = self._receive()
                self._codes[answer["ended"]] = answer["code"]
            return self._codes.get(pid)

    def _receive(self) -> dict[str, Any]:
        message = self._socket.recv(_MESSAGE)
        if not message:
            raise RuntimeError("the fork server has ended")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def close(self) -> None:
        """End it; what it has forked is not its business."""
        self._socket.close()
        self._process.wait(20)


_servers: list[ForkServer] = []


def fork_server(folder: Path, env: Mapping[str, str]) -> ForkServer:
    """Return the server of this test process; it is started when it is first needed."""
    if not _servers:
        _servers.append(ForkServer(folder, env))
    return _servers[0]


def close() -> None:
    """End the server of this test process, if it has one."""
    while _servers:
        _servers.pop().close()


def preload_children() -> None:
    """Let the server of multiprocessing in this process have all that its children need, whichever test starts it.

    It has one list of modules, which each `Validator` would replace by its own.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(ASKED))
    forkserver.set_forkserver_preload = lambda _: None  # type: ignore[assignment]


def serve(channel: socket.socket) -> None:
    """Fork at each request and tell of each end, until the other side closes."""
    woken, wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(wakes)
    while True:
        ready, _, _ = select.select([channel.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _tell_of_ends(channel)
        if channel.fileno() in ready:
            if not (message := channel.recv(_MESSAGE)):
                return
            request = json.loads(message)
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                channel.close()
                _become(request)
            channel.send(json.dumps({"started": pid}).encode())


def _tell_of_ends(channel: socket.socket) -> None:
    with suppress(ChildProcessError, BrokenPipeError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            code = os.waitstatus_to_exitcode(ended[1])
            channel.send(json.dumps({"ended": ended[0], "code": code}).encode())


def _become(request: dict[str, Any]) -> NoReturn:
    """Be the program from here on."""
    code: object = 1
    try:
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.default_int_handler)
        log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.clear()
        os.environ.update(request["env"])
        module, *arguments = request["argv"]
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(int(code))  # type: ignore[call-overload]


def _load() -> None:
    """Import everything, and have it imported by the server from which the bridge forks its validations."""
    for name in MODULES:
        importlib.import_module(f"{name}.__main__" if Path(name).is_dir() else name)
    multiprocessing.get_context("forkserver").set_forkserver_preload(
        ["tests.aborted_requests", "bridge.controller.validation", "bridge.bridge"]
    )
    forkserver.ensure_running()
    forkserver._forkserver.ensure_running = lambda: None  # type: ignore[method-assign]  # it is not a child of ours
    for name in [name for name in sys.modules if name in MODULES[2:] or name.endswith(".__main__")]:
        del sys.modules[name]  # they are run again, as `__main__`
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    channel = socket.socket(fileno=int(sys.argv[1]))
    _load()
    serve(channel)
