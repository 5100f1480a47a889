"""The identity of a process, and what this host knows of the process that another identity names.

Written as `host_pid_namespace.start.random`: on one host the PID namespace, the process id and the time at which that
process started name one process, also where every container has the process id 1. Source: proc(5), "/proc/pid/stat".
"""

import os
import secrets
import socket
from enum import Enum
from pathlib import Path
from typing import NamedTuple

_DIGITS = 9
"""Of a process id, at most."""
_START = 19
"""Place of the start time behind the name of the program, in /proc/pid/stat."""


class ProcessState(Enum):
    """What this host knows of a process."""

    ENDED = "Ended"
    """It was one of this host, and is no more."""
    OTHER_CONTAINER = "OtherContainer"
    """It is of this host's name but of another container: an earlier one of this pod, or a neighbour on the network
    of the node."""
    UNKNOWN = "Unknown"
    """It runs, or is of another host."""


class _Process(NamedTuple):
    ended: bool
    started: str
    """In ticks since the host's start; empty where the system does not tell."""


def identity() -> str:
    """Return a name of this process that no other has or had."""
    process = _process(os.getpid())
    started = process.started if process else ""
    return f"{socket.gethostname()}_{os.getpid()}_{_namespace()}.{started}.{secrets.token_hex(3)}"


def state_of(name: str) -> ProcessState:
    """Return what this host knows of the process with an identity, which may be any text."""
    host, _, rest = name.partition("_")
    number, _, rest = rest.partition("_")
    if host != socket.gethostname() or not number.isdecimal() or len(number) > _DIGITS:
        return ProcessState.UNKNOWN
    namespace, _, rest = rest.partition(".")
    started = rest.partition(".")[0]
    if started and namespace != _namespace():
        return ProcessState.OTHER_CONTAINER
    process = _process(int(number))
    another = process is not None and started not in ("", process.started)
    return ProcessState.ENDED if process is None or process.ended or another else ProcessState.UNKNOWN


def _namespace() -> str:
    """Return the number of this process's PID namespace; empty where the system has none."""
    try:
        return os.readlink("/proc/self/ns/pid").removeprefix("pid:[").removesuffix("]")
    except OSError:
        return ""


def _process(pid: int) -> _Process | None:
    """Return a process of this PID namespace, None where there is none. A zombie has ended."""
    try:
        behind_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return _Process(behind_name[0] in "ZX", behind_name[_START])
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return _Process(False, "")
