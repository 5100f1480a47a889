"""Starts, recognises, waits for and ends the processes of a stack.

A process id alone proves nothing: ids are reused, and a crash leaves pid files behind. So every process carries a mark
in its environment (stack folder, name, digest of how it was started), and only a process with the right mark is ever
believed or signalled. The mark also finds a process whose pid file is lost.
"""

import contextlib
import hashlib
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from dev import StackError
from dev.layout import REPOSITORY, Layout

MARK = "DRPLAN_STACK_PROCESS"
# How long a process may take to end by itself before it is killed, in seconds.
GRACE = 15.0
# How long a process may take until it answers, in seconds: a cold start on a busy laptop takes ten.
TIMEOUT = 90.0
POLL = 0.05


@dataclass(frozen=True)
class Service:
    """A process to run. `inputs` is text that it reads at its start only: when it changes, a restart is due."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    inputs: str = ""

    def digest(self) -> str:
        """Tell apart the ways in which this service may have been started."""
        parts = [*self.argv, *(f"{key}={value}" for key, value in sorted(self.env.items())), self.inputs]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Running:
    """A living process of a stack."""

    pid: int
    digest: str


def mark_prefix(layout: Layout, name: str) -> str:
    """The part of the mark that stays the same however the service is started."""
    return f"{layout.root}|{name}|"


def read_mark(pid: int) -> str | None:
    """Read the mark of a living process; None if it has ended, has no mark or is not ours to look at."""
    try:
        if sys.platform == "linux":
            entries = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
        else:
            listing = subprocess.run(
                ["ps", "-E", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True
            )
            entries = listing.stdout.split()
    except OSError:
        return None
    return next((entry.removeprefix(f"{MARK}=") for entry in entries if entry.startswith(f"{MARK}=")), None)


def find(layout: Layout, name: str) -> Running | None:
    """Find the living process of that name: by its pid file, else by its mark. Changes nothing."""
    prefix = mark_prefix(layout, name)
    for pid in _candidates(layout.pid_file(name)):
        mark = read_mark(pid)
        if mark is not None and mark.startswith(prefix):
            return Running(pid, mark.removeprefix(prefix))
    return None


def _candidates(pid_file: Path) -> Iterator[int]:
    with contextlib.suppress(OSError, ValueError):
        yield int(pid_file.read_text())
    for entry in sorted(Path("/proc").glob("[0-9]*")):
        yield int(entry.name)


def _write_pid(pid_file: Path, pid: int) -> None:
    partial = pid_file.parent.parent / "data" / f"{pid_file.name}.pid.partial"
    partial.write_text(f"{pid}\n")
    partial.replace(pid_file)


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Make a child's environment: the person's, without what would lead it to another cluster or Temporal."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TEMPORAL_") and key != "KUBECONFIG"}
    direct = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1,localhost")))
    return {**kept, "NO_PROXY": direct, "no_proxy": direct, **extra}


def start(layout: Layout, service: Service) -> int:
    """Start the service in a session of its own, so that Ctrl-C in a terminal does not reach it; return its id."""
    mark = mark_prefix(layout, service.name) + service.digest()
    with layout.log(service.name).open("ab") as log:
        log.write(start_line(service.name))
        log.flush()
        child = subprocess.Popen(
            service.argv,
            cwd=REPOSITORY,
            env={**environment(service.env), MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _write_pid(layout.pid_file(service.name), child.pid)
    # For a moment after it was started, the kernel shows no environment yet: then it would pass for dead.
    while read_mark(child.pid) != mark and child.poll() is None:
        time.sleep(0.001)
    return child.pid


def start_line(name: str) -> bytes:
    """The line that separates the starts of a service in its log."""
    return f"--- {name} starts ---\n".encode()


def ensure(layout: Layout, service: Service) -> bool:
    """Start the service unless it runs as wanted; one that was started otherwise is replaced. True if started."""
    running = find(layout, service.name)
    if running is not None and running.digest == service.digest():
        _write_pid(layout.pid_file(service.name), running.pid)
        return False
    if running is not None:
        stop(layout, [service.name])
    start(layout, service)
    print(f"started {service.name}", flush=True)
    return True


def stop(layout: Layout, names: Sequence[str], grace: float = GRACE) -> list[str]:
    """End these processes side by side, and none that is not ours; return the names of those that were running.

    Each has `grace` seconds to end by itself before it is killed.
    """
    ended: set[str] = set()
    while living := {name: running for name in names if (running := find(layout, name)) is not None}:
        ended |= set(living)
        _end(layout, [running.pid for running in living.values()], grace)
    for name in names:
        layout.pid_file(name).unlink(missing_ok=True)
    return [name for name in names if name in ended]


def _end(layout: Layout, pids: Sequence[int], grace: float) -> None:
    for pid in pids:
        _signal(pid, signal.SIGTERM)
    if not _gone(layout, pids, grace):
        for pid in pids:
            _signal(pid, signal.SIGKILL)
        _gone(layout, pids, GRACE)


def _gone(layout: Layout, pids: Sequence[int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any((read_mark(pid) or "").startswith(f"{layout.root}|") for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def wait(layout: Layout, name: str, ready: Callable[[], bool]) -> None:
    """Poll until the process is ready. Raises StackError if it ends, or is not ready in time, with its last words."""
    deadline = time.monotonic() + TIMEOUT
    while not ready():
        if find(layout, name) is None:
            raise StackError(f"{name} ended while starting. {last_words(layout, name)}")
        if time.monotonic() > deadline:
            raise StackError(f"{name} does not answer after {TIMEOUT:.0f} s. {last_words(layout, name)}")
        time.sleep(POLL)


def last_words(layout: Layout, name: str, lines: int = 15) -> str:
    """Name the process's log and quote its end."""
    log = layout.log(name)
    end = log.read_text(errors="replace").splitlines()[-lines:]
    return f"The end of {log}:\n" + "\n".join(f"  {line}" for line in end)


def answers(url: str, token: str = "", authority: Path | None = None) -> bool:
    """Return whether a server on loopback answers with 200; an `authority` is the only certificate that is trusted."""
    try:
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if authority:
            verify.load_verify_locations(authority)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.get(url, headers=headers, verify=verify, timeout=5, trust_env=False).is_success
    except (OSError, httpx.HTTPError):  # the certificate may not be there yet, or be written at this very moment
        return False


def has_logged(layout: Layout, name: str, words: str) -> bool:
    """Say whether the process has written these words since its last start."""
    last = layout.log(name).read_bytes().rpartition(start_line(name))[2]
    return words.encode() in last
