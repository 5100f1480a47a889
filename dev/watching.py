"""Follows objects with `kubectl get --watch`, as a person would, and gives each state as a document."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from dev.stack import Stack

Document = dict[str, Any]


@contextmanager
def watch(stack: Stack, *what: str) -> Iterator[Iterator[Document]]:
    """Yield the states of these objects, present and coming, until the context ends."""
    process = subprocess.Popen(
        stack.kubectl_command("get", *what, "--watch", "--output=json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Ctrl-C is ours to handle; kubectl ends with the context.
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield documents(process.stdout)
    finally:
        process.terminate()
        process.wait()


def documents(stream: IO[str]) -> Iterator[Document]:
    """Split what kubectl prints into documents: each ends with a brace in the first column."""
    lines: list[str] = []
    for line in stream:
        lines.append(line)
        if line.rstrip() == "}":
            yield json.loads("".join(lines))
            lines.clear()
