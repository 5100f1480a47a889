"""What the Reverts that this worker has decided rest on, kept for the proof at their end.

The proof needs the same records again: those of an execution that has ended, which never change. A worker that did not
decide the Revert, or has no room for it, reads them. Source: docs/decisions/0027-a-revert-proves-what-it-did.md.
"""

import asyncio
from dataclasses import dataclass

from activities.bounded_cache import BoundedCache
from api.execution import DRPlanExecution
from api.meta import ObjectKey
from api.plan import DRPlan

_BOUND = 3_000_000
"""Bytes of JSON of all together; as objects in memory they take some ten times as much."""
_Key = tuple[str, str]
"""Uid of the Revert, and the name of its part."""


@dataclass(frozen=True)
class Basis:
    """What a Revert, or a part of one, was decided on."""

    original: DRPlanExecution
    """With its ledger in place of its status."""
    plan: DRPlan | None

    def size(self) -> int:
        """Return the bytes of it as JSON."""
        return sum(len(one.model_dump_json()) for one in (self.original, self.plan) if one is not None)


class DecidedReverts:
    """Keeps what Reverts were decided on, the last ones where there is not room for all."""

    def __init__(self, bound: int = _BOUND) -> None:
        self._kept: BoundedCache[_Key, Basis] = BoundedCache(bound)

    async def keep(self, revert: ObjectKey, part: str, basis: Basis) -> None:
        """Keep what a part of a Revert was decided on."""
        # In a thread: thousands of actions take longer than the event loop may be kept busy.
        size = await asyncio.to_thread(basis.size)
        self._kept.add((revert.uid, part), basis, size)

    def take(self, revert: ObjectKey, part: str) -> Basis | None:
        """Return what a part of a Revert was decided on, once; None where this worker does not know."""
        basis, _ = self._kept.pop((revert.uid, part)) or (None, 0)
        return basis
