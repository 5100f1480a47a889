"""How far a status is behind: from an action's end in Temporal's history to the status that shows it."""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from bench.runs import Sighting
from planning.definitions.identifiers import stage_id, workflow_id

Place = tuple[int, int, int]
"""Stage, workflow and action, as indices in the tree."""


@dataclass(frozen=True)
class Histories:
    """When each action ended (seconds), and how many events all histories of a run hold."""

    ended: dict[Place, float]
    events: int


async def read_histories(client: Client, root: str, stages: list[dict[str, Any]]) -> Histories:
    """Read the histories of a closed run and of all its children."""
    events = await _count(client, root)
    ended: dict[Place, float] = {}
    for i, stage in enumerate(stages):
        stage_run = stage_id(root, i, stage["name"])
        events += await _count(client, stage_run)
        for j, workflow in enumerate(stage["workflowExecutions"]):
            times = await _action_ends(client, workflow_id(stage_run, j, workflow["workflowRef"]["name"]))
            events += times.events
            ended |= {(i, j, k): at for k, at in enumerate(times.ends)}
    return Histories(ended, events)


@dataclass(frozen=True)
class _Ends:
    ends: list[float]
    events: int


async def _action_ends(client: Client, run: str) -> _Ends:
    ends, count = [], 0
    async for event in client.get_workflow_handle(run).fetch_history_events():
        count += 1
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            ends.append(event.event_time.ToMicroseconds() / 1e6)
    return _Ends(ends, count)


async def _count(client: Client, run: str) -> int:
    return (await client.get_workflow_handle(run).describe()).history_length


def lags(ended: dict[Place, float], sightings: Iterable[Sighting]) -> list[float]:
    """Give, for every action, the seconds from its end to the first status that shows it."""
    shown: dict[Place, float] = {}
    for sighting in sightings:
        for place in _succeeded(sighting.status):
            shown.setdefault(place, sighting.at)
    return sorted(shown[place] - at for place, at in ended.items() if place in shown)


def _succeeded(status: dict[str, Any]) -> Iterator[Place]:
    for i, stage in enumerate(status.get("stageStatuses", [])):
        for j, workflow in enumerate(stage.get("workflowExecutions", [])):
            for k, action in enumerate(workflow.get("actionStatuses", [])):
                if action["phase"] == "Succeeded":
                    yield i, j, k


def percentile(values: list[float], percent: int) -> float:
    """Give a percentile of at least two values."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
