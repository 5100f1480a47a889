"""Where a stack keeps its files, all under one folder, so that removing it forgets the stack; and its ports.

Ports are chosen once and remembered, so that a stack comes back on the addresses that people know.
"""

import json
import os
import random
import socket
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

REPOSITORY = Path(__file__).resolve().parent.parent

# Below the range from which Linux (32768) and macOS (49152) take the ports of outgoing connections: a port from
# that range could be taken by chance while the stack is down.
RANGE = (20000, 30000)

PORTS = TypeAdapter(dict[str, int])


@dataclass(frozen=True)
class Layout:
    """The files of one stack. Source: docs/local-stack.md, 'Files'."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; the others carry the process's name."""
        return self.root / "kubeconfig"

    @property
    def env_file(self) -> Path:
        """Shell `export` lines for a person's terminal."""
        return self.root / "env"

    @property
    def bin(self) -> Path:
        """Links to `kubectl` and `temporal`."""
        return self.root / "bin"

    @property
    def data(self) -> Path:
        """What outlives a restart: etcd's and Temporal's databases, certificates, tokens."""
        return self.root / "data"

    @property
    def ports_file(self) -> Path:
        """The ports that were chosen at the first start."""
        return self.data / "ports.json"

    @property
    def audit_log(self) -> Path:
        """One JSON document a line, written by the API server before it answers."""
        return self.root / "logs" / "audit.log"

    def kubeconfig_of(self, process: str) -> Path:
        """The kubeconfig with which `worker` or `bridge` connects."""
        return self.root / f"{process}.kubeconfig"

    def log(self, process: str) -> Path:
        """What the process writes to its standard output and error."""
        return self.root / "logs" / f"{process}.log"

    def pid_file(self, process: str) -> Path:
        """Holds the id of the process itself and nothing else."""
        return self.root / "pids" / process

    def create(self) -> None:
        """Make the folders. The data holds tokens and keys, so it is closed to other users."""
        for name in ("bin", "logs", "pids"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.data.mkdir(mode=0o700, exist_ok=True)


def default_layout() -> Layout:
    """The stack in `STACK_DIR`, by default `.stack` in the checkout."""
    return Layout((REPOSITORY / os.environ.get("STACK_DIR", ".stack")).resolve())


def is_free(port: int) -> bool:
    """Say whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(taken: set[int]) -> int:
    """Choose a free port outside `taken`."""
    while True:
        port = random.randrange(*RANGE)  # noqa: S311 - two stacks must differ, nothing is secret about it
        if port not in taken and is_free(port):
            return port


def load(file: Path) -> dict[str, int]:
    """Read the remembered ports; none if the file is missing or was cut off by a crash."""
    try:
        return PORTS.validate_json(file.read_bytes())
    except (OSError, ValueError):
        return {}


def settle(file: Path, names: list[str], in_use: set[str]) -> dict[str, int]:
    """Return a port for every name and remember it.

    A remembered port is kept if its own process holds it (`in_use`) or if it is free; a port that someone else has
    taken meanwhile is replaced.
    """
    ports = load(file)
    for name in names:
        if name not in ports or (name not in in_use and not is_free(ports[name])):
            ports[name] = choose(set(ports.values()))
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(ports, indent=1) + "\n")
    partial.replace(file)
    return ports
