"""Questions that misbehave, for the processes that validate: these import no more than this module."""

import time
from collections.abc import Sequence
from pathlib import Path

from bridge.controller.validation import Findings, Stored


def endless(_: Sequence[Stored]) -> Findings:
    while True:
        pass


def hungry(_: Sequence[Stored]) -> Findings:
    return Findings([str(len(bytearray(1 << 40)))])


def broken(_: Sequence[Stored]) -> Findings:
    raise KeyError("hunter2")


def slow(objects: Sequence[Stored]) -> Findings:
    """Take until the file exists that the object names."""
    while not Path(objects[0]["spec"]["until"]).exists():
        time.sleep(0.01)
    return Findings(["slow"])
