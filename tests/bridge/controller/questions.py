"""Questions that misbehave, for the processes that validate: these import no more than this module."""

import time
from collections.abc import Sequence

from bridge.controller.validation import Findings, Stored


def endless(_: Sequence[Stored]) -> Findings:
    while True:
        pass


def hungry(_: Sequence[Stored]) -> Findings:
    return Findings([str(len(bytearray(1 << 40)))])


def broken(_: Sequence[Stored]) -> Findings:
    raise KeyError("hunter2")


def slow(_: Sequence[Stored]) -> Findings:
    time.sleep(1.0)
    return Findings(["slow"])
