"""What may never happen from one status of an execution to the next."""

import itertools
from collections.abc import Iterator

from tests.kubectl import Object

_RANK = {"": 0, "Pending": 0, "Running": 1, "Succeeded": 2, "Failed": 2, "Skipped": 2, "Canceled": 2}


def flat(status: Object) -> Iterator[tuple[str, Object]]:
    """Give every node of a tree with its place, the plan's first."""
    yield "", status
    for i, stage in enumerate(status.get("stageStatuses") or []):
        yield f"{i}-{stage['name']}", stage
        for j, workflow in enumerate(stage.get("workflowExecutions") or []):
            yield f"{i}-{stage['name']}/{j}-{workflow['workflowRef']['name']}", workflow
            for k, action in enumerate(workflow.get("actionStatuses") or []):
                yield f"{i}/{j}/{k}-{action['name']}", action


def places(status: Object) -> list[str]:
    """Give the places of all nodes, in order."""
    return [place for place, _ in flat(status)]


def steps_back(statuses: list[Object]) -> list[str]:
    """Name everything that went backwards in a row of statuses, oldest first."""
    assert statuses, "no status was seen"
    return [each for pair in itertools.pairwise(statuses) for each in _backwards(*pair)]


def _backwards(earlier: Object, later: Object) -> list[str]:
    """Name everything in which `later` is behind `earlier`, or has lost or changed what was final."""
    new = dict(flat(later))
    wrong = []
    for place, old in flat(earlier):
        if place not in new:
            wrong.append(f"{place} is gone")
        else:
            wrong += [f"{place}: {each}" for each in _behind(old, new[place])]
    return wrong + _fewer_completed(earlier, later)


def _behind(old: Object, new: Object) -> Iterator[str]:
    before, now = old.get("phase", ""), new.get("phase", "")
    if _RANK[now] < _RANK[before] or (_RANK[before] == 2 and now != before):
        yield f"{before} became {now}"
    for field in ("startTime", "completionTime"):
        if field in old and new.get(field) != old[field]:
            yield f"{field} {old[field]} became {new.get(field)}"
    if new.get("retries", 0) < old.get("retries", 0):
        yield f"retries {old['retries']} became {new.get('retries')}"


def _fewer_completed(earlier: Object, later: Object) -> list[str]:
    wrong = []
    for name, count in earlier.get("summary", {}).items():
        now = later.get("summary", {}).get(name, 0)
        if name.startswith(("completed", "succeeded", "failed", "skipped", "canceled")) and now < count:
            wrong.append(f"{name} {count} became {now}")
    return wrong
