"""Free loopback ports, chosen once and remembered, so that a stack comes back on the addresses that people know."""

import json
import random
import socket
from pathlib import Path

from pydantic import TypeAdapter

# Below the range from which Linux (32768) and macOS (49152) take the ports of outgoing connections: a port from
# that range could be taken by chance while the stack is down.
RANGE = (20000, 30000)

PORTS = TypeAdapter(dict[str, int])


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
