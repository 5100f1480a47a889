"""Keeps the server from which bridges fork their validations alive when one of them is killed while it asks.

A process that ends between its connection and its request ends that server too. In an installation it is the bridge's
own and has nobody left to serve; in the tests it serves the bridges that come after.
Source: `multiprocessing/forkserver.py`, whose loop goes on after ECONNABORTED and after no other error.
"""

import errno
import socket
from multiprocessing import reduction
from typing import Any

_received = reduction.recvfds


def _received_or_aborted(sock: socket.socket, size: int) -> list[Any]:
    try:
        return _received(sock, size)
    except EOFError as error:
        raise OSError(errno.ECONNABORTED, "the asking process has ended") from error


reduction.recvfds = _received_or_aborted
