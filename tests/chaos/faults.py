"""The faults of the campaign, and how a round's faults are drawn from its seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tests.chaos.http_faults import Answer
from tests.chaos.processes import Name


class Kind(Enum):
    """What happens."""

    KILL = "SIGKILL"
    """The process is killed, and started again after the fault's seconds."""
    TERMINATE = "SIGTERM"
    """The process is asked to end, and started again when it has."""
    PAUSE = "SIGSTOP"
    """The process is held still for so long."""
    CUT = "cut"
    """The connections of one of our processes to one server are reset, and new ones too, for so long."""
    SLOW = "slow"
    """Each chunk of data waits `detail` seconds."""
    HALF_OPEN = "half-open"
    """Nothing arrives any more on connections that stay open."""
    ANSWER = "answer"
    """Some of the requests get `detail` in place of their answer."""
    DISK_FULL = "disk full"
    """etcd accepts no more writes, for so long."""
    ROLLING_RESTART = "rolling restart"
    """Every server and process is asked to end and started again, one after the other."""
    CLOCK_STEP = "clock step"
    """The wall clock of one of our processes is wrong by `detail` seconds, for so long."""
    UPGRADE = "upgrade"
    """The worker is replaced by one with other code."""


@dataclass(frozen=True)
class Fault:
    """One fault: after `pause` seconds `kind` happens to `target`, for `seconds`."""

    kind: Kind
    target: Name
    server: Name | None = None
    """Of faults of a connection: its other end."""
    seconds: float = 0.0
    pause: float = 0.0
    detail: Any = None
    share: float = 1.0
    """Part of the requests that get another answer."""

    def __str__(self) -> str:
        where = self.target.value if self.server is None else f"{self.target.value} to {self.server.value}"
        if self.kind is Kind.ROLLING_RESTART:
            where = "everything"
        detail = self.detail.value if isinstance(self.detail, Answer) else self.detail
        words = [self.kind.value, *([f"{detail}"] if detail is not None else []), where, f"{self.seconds:.1f} s"]
        return ", ".join(words)


_SERVERS = (Name.API_SERVER, Name.TEMPORAL)
_STEPS = (-7200.0, -90.0, -5.0, 5.0, 90.0, 7200.0, 86400.0 * 400)
_WEIGHTS = {
    Kind.KILL: 6,
    Kind.TERMINATE: 3,
    Kind.PAUSE: 4,
    Kind.CUT: 3,
    Kind.SLOW: 2,
    Kind.HALF_OPEN: 3,
    Kind.ANSWER: 8,
    Kind.DISK_FULL: 1,
    Kind.ROLLING_RESTART: 0.5,
    Kind.CLOCK_STEP: 2,
}


def draw_faults(
    chance: random.Random, number: int, own: tuple[Name, ...], *, upgrade: bool = False, first: Sequence[Kind] = ()
) -> list[Fault]:
    """Draw one fault of each kind in `first`, and so many others; `own` are our processes that run.

    With `upgrade` one of them replaces the worker.
    """
    kinds = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=number)
    if upgrade and Kind.UPGRADE not in first:
        kinds[chance.randrange(number)] = Kind.UPGRADE
    return [_drawn(chance, kind, own) for kind in (*first, *kinds)]


def _drawn(chance: random.Random, kind: Kind, own: tuple[Name, ...]) -> Fault:
    pause, process = round(chance.uniform(0.1, 2.5), 2), chance.choice(own)
    match kind:
        case Kind.KILL | Kind.TERMINATE | Kind.PAUSE:
            target = chance.choice((*own, *own, *_SERVERS, Name.ETCD))
            longest = 12 if kind is Kind.PAUSE else 4
            return Fault(kind, target, seconds=round(chance.uniform(0.1, longest), 1), pause=pause)
        case Kind.CUT | Kind.SLOW | Kind.HALF_OPEN | Kind.ANSWER:
            fault = Fault(kind, process, chance.choice(_SERVERS), round(chance.uniform(0.5, 8), 1), pause)
            return _with_detail(chance, fault)
        case Kind.CLOCK_STEP:
            return Fault(
                kind, process, seconds=round(chance.uniform(1, 8), 1), pause=pause, detail=chance.choice(_STEPS)
            )
        case Kind.DISK_FULL:
            return Fault(kind, Name.ETCD, seconds=round(chance.uniform(1, 6), 1), pause=pause)
        case Kind.ROLLING_RESTART | Kind.UPGRADE:
            return Fault(kind, Name.WORKER, pause=pause)


def _with_detail(chance: random.Random, fault: Fault) -> Fault:
    if fault.kind is Kind.SLOW:
        return Fault(
            fault.kind, fault.target, fault.server, fault.seconds, fault.pause, round(chance.uniform(0.02, 0.6), 2)
        )
    if fault.kind is not Kind.ANSWER:
        return fault
    answer = chance.choice((*Answer, Answer.DROPPED, Answer.DROPPED))
    share = chance.choice((0.2, 0.5, 1.0))
    return Fault(fault.kind, fault.target, fault.server, fault.seconds, fault.pause, answer, share)
