"""Dependency order and its reverse. Equals keep the order in which they were written.

Source: docs/spec/drplan.md, "Order"; docs/spec/drplanexecution.md, "Reverse order at every level".
"""

import heapq
from collections.abc import Collection, Sequence

from api.execution import StageStatus
from api.plan import DRPlan

Needs = Sequence[Collection[int]]
"""For each place, the places that come before it, each once."""


class Frontier:
    """Which places may come next, while others come to their end; the lowest place first."""

    def __init__(self, needs: Needs) -> None:
        self._missing = [len(before) for before in needs]
        self._waiting: list[list[int]] = [[] for _ in needs]
        for place, before in enumerate(needs):
            for needed in before:
                self._waiting[needed].append(place)
        self._ready = [place for place, number in enumerate(self._missing) if not number]

    def take(self) -> int | None:
        """Give the next place, which is not given again; None while all that is left waits for others."""
        return heapq.heappop(self._ready) if self._ready else None

    def ended(self, place: int) -> None:
        """Let those go on that waited for nothing but this place."""
        for waiting in self._waiting[place]:
            self._missing[waiting] -= 1
            if not self._missing[waiting]:
                heapq.heappush(self._ready, waiting)


def sorted_by_need(needs: Needs) -> list[int]:
    """Order places so that each comes after what it needs; the lowest place first among those ready.

    Places on a cycle, or behind one, are left out: a result shorter than `needs` tells of a cycle.
    """
    frontier = Frontier(needs)
    ordered = []
    while (place := frontier.take()) is not None:
        ordered.append(place)
        frontier.ended(place)
    return ordered


def circle(needs: Needs) -> list[int]:
    """Give the places of one circle, each needed by the one before, from its lowest place on; there must be one."""
    free = frozenset(sorted_by_need(needs))
    place = next(place for place in range(len(needs)) if place not in free)
    trail: list[int] = []
    while place not in trail:
        trail.append(place)
        place = min(needed for needed in needs[place] if needed not in free)
    found = trail[trail.index(place) :]
    start = found.index(min(found))
    return found[start:] + found[:start]


def stage_needs(names: Sequence[str], depends_on: Sequence[Sequence[str]]) -> list[frozenset[int]]:
    """Turn names into places; a name that nobody bears is passed over (validation reports it)."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(name, []).append(place)
    return [frozenset(place for name in needed for place in places.get(name, [])) for needed in depends_on]


def execution_order(plan: DRPlan) -> list[int]:
    """Give the places of a plan's stages in the order in which they run; shorter on a cycle."""
    stages = plan.spec.stages
    return sorted_by_need(stage_needs([stage.name for stage in stages], [stage.depends_on or [] for stage in stages]))


def revert_order(stages: Sequence[StageStatus], plan: DRPlan | None) -> list[int]:
    """Give the places of an original's stages in the order in which they are taken back.

    The exact reverse; where that would take a stage back before one that depends on it, the nearest
    order that does not. Dependencies are those recorded, else today's plan's; a cycle in them is passed over.
    """
    last = len(stages) - 1
    needs = stage_needs([stage.name for stage in stages], [_depends_on(stage, plan) for stage in stages])
    dependents: list[set[int]] = [set() for _ in stages]
    for place, before in enumerate(needs):
        for needed in before:
            dependents[last - needed].add(last - place)
    mirrored = sorted_by_need([frozenset(places) for places in dependents])
    if len(mirrored) < len(stages):
        return list(range(last, -1, -1))
    return [last - place for place in mirrored]


def _depends_on(stage: StageStatus, plan: DRPlan | None) -> Sequence[str]:
    """Give a stage's recorded dependencies, else those that the plan names today."""
    if stage.depends_on is not None or plan is None:
        return stage.depends_on or []
    return next((today.depends_on or [] for today in plan.spec.stages if today.name == stage.name), [])
