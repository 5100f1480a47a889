"""What the bridge's index costs: lists of a hundred thousand executions, one event then, long queues.

The real reflectors list into the real index, from a stand-in for the API server. CPU time of this machine.
"""

import asyncio
import gc
import json
import time
import tracemalloc
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import cast

from api.meta import ACCEPTED_ANNOTATION, FINALIZER, PLAN_LABEL
from api.objects import Target
from bench.idle import ended_status
from bridge.kubernetes.entry import ObjectKind
from bridge.kubernetes.index import Index
from bridge.kubernetes.reflector import Reflector
from bridge.settings import BridgeSettings
from kube.client import Cluster, Object, Page

INDEX = ["ended", "open", "plans", "kept", "listed in s of CPU", "memory MiB", "at most MiB", "one event then, µs"]
QUEUE = [
    "waiting",
    "all created",
    "each of them",
    "plan changes",
    "all ask for their position",
    "one starts",
]
"""Columns of the two tables; those of a queue in milliseconds."""


def ended_execution(name: str, plan: str) -> Object:
    """Return an execution of ten actions that has ended, as the bridge leaves it."""
    meta = {"name": name, "namespace": "default", "uid": name, "resourceVersion": "7"}
    meta |= {"creationTimestamp": "2026-02-03T10:00:00Z"}
    marks = {"annotations": {ACCEPTED_ANNOTATION: name}, "labels": {PLAN_LABEL: plan}}
    return {
        "metadata": {**meta, **marks},
        "spec": {"planRef": plan, "operationType": "Execute"},
        "status": {**ended_status(10), "engine": {"workflowId": f"execute/{name}"}},
    }


def open_execution(name: str, plan: str, *, runs: bool, version: int = 1) -> Object:
    """Return an execution that runs, or that waits for its plan."""
    item = ended_execution(name, plan)
    item["metadata"] |= {"finalizers": [FINALIZER], "resourceVersion": str(version)}
    return {**item, "status": {**item["status"], "phase": "Running"} if runs else {"phase": "Pending"}}


def definition(kind: ObjectKind, name: str, generation: int = 1, namespace: str = "default") -> Object:
    """Return a plan with one DRWorkflow of the same name, or that DRWorkflow."""
    meta = {"name": name, "namespace": namespace, "resourceVersion": str(generation), "generation": generation}
    stage = {"name": "only", "workflows": [{"workflowRef": {"name": name}}]}
    return {"metadata": meta, "spec": {"stages": [stage]} if kind is ObjectKind.PLAN else {"actions": []}}


class StoredPages:
    """Stands for an API server: lists its objects in pages, parsed from JSON as a client parses them."""

    def __init__(self, ended: int, still_open: int, plans: int) -> None:
        self._open, self._plans = still_open, plans
        self._numbers = {ObjectKind.EXECUTION: ended + still_open}
        self._ended = json.dumps(ended_execution("NAME", "PLAN"))

    async def pages(self, kind: Target, *_: object, limit: int, **__: object) -> AsyncGenerator[Page, None]:
        """List one kind."""
        of = ObjectKind(kind.kind)
        numbers = range(self._numbers.get(of, self._plans))
        for first in range(0, len(numbers), limit):
            yield Page([self._item(of, number) for number in numbers[first : first + limit]], "1")

    async def watch(self, *_: object) -> AsyncGenerator[Object, None]:
        """Wait: nothing changes."""
        await asyncio.Event().wait()
        yield {}

    def _item(self, kind: ObjectKind, number: int) -> Object:
        plan = f"plan-{number % self._plans:05}"
        if kind is not ObjectKind.EXECUTION:
            return definition(kind, plan)
        if number < self._open:
            return open_execution(f"open-{number:06}", plan, runs=number % 2 == 0)
        item: Object = json.loads(self._ended.replace("NAME", f"ended-{number:06}").replace("PLAN", plan))
        return item


async def listed(ended: int, still_open: int, plans: int) -> Index:
    """Return an index into which reflectors have listed so many executions and plans."""
    index = Index(lambda key: None)
    cluster = cast(Cluster, StoredPages(ended, still_open, plans))
    page_size = BridgeSettings.model_construct().page_size
    reflectors = [Reflector(cluster, kind, index, page_size=page_size, relist=1800) for kind in ObjectKind]
    tasks = [asyncio.create_task(each.run()) for each in reflectors]
    for each in reflectors:
        await each.synced.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return index


def index_row(ended: int, still_open: int, plans: int) -> list[str]:
    """Return what the index costs for so many executions and plans."""
    began = time.process_time()
    index = asyncio.run(listed(ended, still_open, plans))
    seconds = time.process_time() - began
    changes = [open_execution("open-000000", "plan-00000", runs=True, version=number) for number in range(2, 1002)]
    event = seconds_of(lambda item: index.put(ObjectKind.EXECUTION, item), changes) / len(changes)
    del index
    tracemalloc.start()
    index = asyncio.run(listed(ended, still_open, plans))
    gc.collect()
    memory, most = (size / 2**20 for size in tracemalloc.get_traced_memory())
    tracemalloc.stop()
    numbers = [f"{number:,}" for number in (ended, still_open, plans, len(index.begin()))]
    return [*numbers, f"{seconds:.1f}", f"{memory:.1f}", f"{most:.1f}", f"{1e6 * event:.0f}"]


def queue_row(waiting: int) -> list[str]:
    """Return what a long queue of one plan costs, in milliseconds."""
    index, plan = Index(lambda key: None), "plan"
    for kind in (ObjectKind.PLAN, ObjectKind.DR_WORKFLOW):
        index.put(kind, definition(kind, plan))
    items = [open_execution(f"open-{number:06}", plan, runs=False) for number in range(waiting)]
    created = seconds_of(lambda item: index.put(ObjectKind.EXECUTION, item), items)
    woken = seconds_of(lambda item: index.put(ObjectKind.PLAN, item), [definition(ObjectKind.PLAN, plan, 2)])
    asked = seconds_of(index.ahead_of, items)
    runs = open_execution("open-000000", plan, runs=True, version=2)
    started = seconds_of(lambda item: index.put(ObjectKind.EXECUTION, item), [runs])
    return [f"{waiting:,}", *(f"{1000 * each:.1f}" for each in (created, created / waiting, woken, asked, started))]


def seconds_of(call: Callable[[Object], object], items: Iterable[Object]) -> float:
    """Return the CPU seconds of a call for each of some objects."""
    began = time.process_time()
    for item in items:
        call(item)
    return time.process_time() - began
