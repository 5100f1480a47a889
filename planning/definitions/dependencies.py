"""Dependency order and its reverse. Independent parts keep the order in which they are written.

Source: docs/spec/drplan.md, "Order"; docs/spec/drplanexecution.md, "Reverse order at every level".
"""

import heapq
from collections.abc import Collection, Sequence

from api.nodes import StageStatus
from api.plan import DRPlan

Needs = Sequence[Collection[int]]
"""For each place, the places that must come before it, each once."""


class Frontier:
    """The places that may start next, while others end; the lowest place first."""

    def __init__(self, needs: Needs) -> None:
        self._missing = [len(before) for before in needs]
        self._waiting: list[list[int]] = [[] for _ in needs]
        for place, before in enumerate(needs):
            for needed in before:
                self._waiting[needed].append(place)
        self._ready = [place for place, number in enumerate(self._missing) if not number]

    @property
    def more(self) -> bool:
        """Whether a place may start now."""
        return bool(self._ready)

    def take(self) -> int | None:
        """Return the next place, each once; None while all that are left wait for others."""
        return heapq.heappop(self._ready) if self._ready else None

    def ended(self, place: int) -> None:
        """Make those ready that waited for nothing but this place."""
        for waiting in self._waiting[place]:
            self._missing[waiting] -= 1
            if not self._missing[waiting]:
                heapq.heappush(self._ready, waiting)


def dependency_order(needs: Needs) -> list[int]:
    """Order places so that each comes after what it needs; the lowest place first among those ready.

    Places on a cycle, or behind one, are left out: where the result is shorter than `needs` there is a cycle.
    """
    frontier = Frontier(needs)
    ordered = []
    while (place := frontier.take()) is not None:
        ordered.append(place)
        frontier.ended(place)
    return ordered


def cycle(needs: Needs) -> list[int]:
    """Return the places of one cycle, each needed by the one before, from the lowest place on; there must be one."""
    free = frozenset(dependency_order(needs))
    place = next(place for place in range(len(needs)) if place not in free)
    trail: dict[int, None] = {}
    while place not in trail:
        trail[place] = None
        place = min(needed for needed in needs[place] if needed not in free)
    passed = list(trail)
    places = passed[passed.index(place) :]
    start = places.index(min(places))
    return places[start:] + places[:start]


def needs_of(parts: Sequence[tuple[str, Sequence[str]]]) -> list[frozenset[int]]:
    """Return the places that each part needs, from names with the names that they depend on.

    A name that does not exist is ignored, and of several parts with one name the first is meant; validation reports
    both.
    """
    places: dict[str, int] = {}
    for place, (name, _) in enumerate(parts):
        places.setdefault(name, place)
    return [frozenset(places[name] for name in depends_on if name in places) for _, depends_on in parts]


def execution_order(plan: DRPlan) -> list[int]:
    """Return the places of a plan's stages in the order in which they run; shorter where there is a cycle."""
    return dependency_order(needs_of([(stage.name, stage.depends_on or []) for stage in plan.spec.stages]))


def revert_order(stages: Sequence[StageStatus], plan: DRPlan | None) -> list[int]:
    """Return the places of an original's stages in the order in which they are rolled back.

    The exact reverse; where that would roll a stage back before one that depends on it, the nearest order that does
    not. Dependencies are those recorded, else those of today's plan; a cycle in them is ignored.
    """
    last = len(stages) - 1
    today = {stage.name: stage.depends_on for stage in reversed(plan.spec.stages)} if plan else {}
    recorded = [stage.depends_on if stage.depends_on is not None else today.get(stage.name) for stage in stages]
    needs = needs_of([(stage.name, names or []) for stage, names in zip(stages, recorded, strict=True)])
    dependents: list[set[int]] = [set() for _ in stages]
    for place, before in enumerate(needs):
        for needed in before:
            dependents[last - needed].add(last - place)
    mirrored = dependency_order([frozenset(places) for places in dependents])
    if len(mirrored) < len(stages):
        return list(range(last, -1, -1))
    return [last - place for place in mirrored]
