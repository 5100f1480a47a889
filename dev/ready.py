"""Waiting until the parts of a stack answer, and saying clearly which one does not."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from dev.layout import Layout
from dev.process import find, start_line

# Generous: a cold start on a busy laptop takes ten seconds at most.
TIMEOUT = 90.0
POLL = 0.05


class StackError(Exception):
    """The stack cannot do what was asked; the message says what a person can do about it."""


def wait(layout: Layout, name: str, answers: Callable[[], bool]) -> None:
    """Poll until the process answers. Raises StackError if it ends, or does not answer in time, with its last words."""
    deadline = time.monotonic() + TIMEOUT
    while not answers():
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


def answers_http(port: int, path: str) -> bool:
    """Say whether a plain HTTP server on loopback answers this path with 200."""
    return _answers(http.client.HTTPConnection("127.0.0.1", port, timeout=5), path, {})


def answers_https(port: int, path: str, authority: Path, token: str) -> bool:
    """Say whether the API server answers this path with 200; trusts only the given certificate file."""
    if not authority.exists():
        return False
    try:
        context = ssl.create_default_context(cafile=str(authority))
    except ssl.SSLError:  # written at this very moment
        return False
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
    return _answers(connection, path, {"Authorization": f"Bearer {token}"})


def _answers(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> bool:
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def listens(port: int) -> bool:
    """Say whether anything accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def has_logged(layout: Layout, name: str, words: str) -> bool:
    """Say whether the process has written these words since its last start."""
    last = layout.log(name).read_bytes().rpartition(start_line(name))[2]
    return words.encode() in last
