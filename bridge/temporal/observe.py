"""Ask Temporal for everything that one pass needs to know of an open run.

The root first, then its running stages, then their running workflows and the attempts of their actions, concurrently at
every level. A part that does not answer is left out. Source: docs/architecture.md, "Bridge".
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from api.meta import Model
from api.nodes import StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.tree import RunState
from bridge.status import merge
from bridge.status.merge import Observation, ObservedStage, ObservedWorkflow, PendingActivity, RootRun
from bridge.temporal.calls import CALL_SECONDS, NoAnswer, TemporalUnreachable
from bridge.temporal.client import TemporalClient
from planning.definitions import identifiers

NodeT = TypeVar("NodeT", bound=Model)

CONCURRENT_CALLS = 32
"""Calls to Temporal at a time, over all passes."""
FIRST_ANSWER = 0.5
"""Seconds for the answer of a run whose execution has no status yet, and for those of all its parts together."""
CACHE_SECONDS = 5.0
"""How long an answer is used while the run's history does not grow, in case a long poll hangs unnoticed."""
CACHE_SIZE = 500
"""Answers in the cache; the oldest is dropped first."""


def _running_stages(root: str, stages: Sequence[StageStatus]) -> list[tuple[int, str, StageStatus]]:
    """Return place, workflow id and node of every running stage."""
    return [
        (index, identifiers.stage_id(root, index, stage.name), stage)
        for index, stage in enumerate(stages)
        if stage.phase is Phase.RUNNING
    ]


def _running_workflows(root: str, stages: Sequence[StageStatus]) -> list[tuple[int, int, str]]:
    """Return place of the stage, place in it, and workflow id of every running workflow of a running stage."""
    return [
        (place, index, identifiers.workflow_id(stage_id, index, workflow.workflow_ref.name))
        for place, stage_id, stage in _running_stages(root, stages)
        for index, workflow in enumerate(stage.workflows)
        if workflow.phase is Phase.RUNNING
    ]


def open_runs(root: str, stages: Sequence[StageStatus]) -> list[str]:
    """Return the ids of the root and of every running stage and workflow below it, the root first."""
    stage_ids = [stage_id for _, stage_id, _ in _running_stages(root, stages)]
    return [root, *stage_ids, *(workflow_id for _, _, workflow_id in _running_workflows(root, stages))]


@dataclass(frozen=True)
class _CachedNode:
    """A run's last answer, the version of its history then, and when it answered."""

    node: Model
    version: int
    at: float


class RunObserver:
    """Observes open runs within one bound of concurrent calls; does not repeat a query whose answer cannot differ."""

    def __init__(
        self, client: TemporalClient, version: Callable[[str], int | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`version` returns a number that grows with a run's history, None where no long poll watches it."""
        self._client = client
        self._version = version
        self._clock = clock
        self._semaphore = asyncio.Semaphore(CONCURRENT_CALLS)
        self._cache: dict[str, _CachedNode] = {}

    async def observe(
        self, run: RootRun, written: Sequence[StageStatus], *, young: bool = False, shown: bool = True
    ) -> Observation:
        """Observe an open run; `written` is the tree that is used to find its parts when no worker answers.

        Of a `young` run without a tree nothing more is asked: the tree is about to come. Before its execution is
        `shown` with a first status, a worker with much to do is not waited for, neither for the root nor for its parts.
        """
        root = run.workflow_id
        try:
            state = await self._query(root, RunState, CALL_SECONDS if shown else FIRST_ANSWER)
        except TemporalUnreachable as error:
            if not shown and isinstance(error, NoAnswer):
                return Observation()
            # Without a worker there is no tree, but Temporal still knows the attempts.
            places = _running_workflows(root, written)
            unanswered = await asyncio.gather(*(self._workflow(*place, query=False) for place in places))
            return Observation(workflows=unanswered, answered=False)
        if state is None or not state.stages:
            return Observation(state=state, deciding=await self._deciding(root) if shown and not young else None)
        try:
            async with asyncio.timeout(None if shown else FIRST_ANSWER):
                return await self._parts(root, state)
        except TimeoutError:
            return Observation(state=state)

    async def _parts(self, root: str, state: RunState) -> Observation:
        """Observe what runs below a root that has answered with its tree."""
        running = _running_stages(root, state.stages)
        nodes = await asyncio.gather(*(self._query_child(stage_id, StageStatus) for _, stage_id, _ in running))
        stages = [ObservedStage(index=index, node=node) for (index, _, _), node in zip(running, nodes, strict=True)]
        places = _running_workflows(root, merge.compose(state, stages, []).stages)
        workflows = await asyncio.gather(*(self._workflow(*place, query=True) for place in places))
        return Observation(state=state, stages=stages, workflows=workflows)

    async def _deciding(self, root: str) -> PendingActivity | None:
        async with self._semaphore:
            with suppress(TemporalUnreachable):
                return await self._client.deciding(root)
        return None

    async def _workflow(self, stage: int, index: int, workflow_id: str, *, query: bool) -> ObservedWorkflow:
        node = await self._query_child(workflow_id, WorkflowExecutionStatus) if query else None
        activities: list[PendingActivity] = []
        if node is None or any(action.phase is Phase.RUNNING for action in node.actions):
            async with self._semaphore:
                with suppress(TemporalUnreachable):
                    activities = await self._client.pending_activities(workflow_id)
        return ObservedWorkflow(stage=stage, index=index, node=node, activities=activities)

    async def _query_child(self, workflow_id: str, answer: type[NodeT]) -> NodeT | None:
        try:
            return await self._query(workflow_id, answer)
        except TemporalUnreachable:
            return None

    async def _query(self, workflow_id: str, answer: type[NodeT], seconds: float = CALL_SECONDS) -> NodeT | None:
        version = self._version(workflow_id)
        cached = self._cache.get(workflow_id)
        fresh = cached is not None and cached.version == version and self._clock() - cached.at < CACHE_SECONDS
        if cached is not None and fresh and isinstance(cached.node, answer):
            return cached.node
        async with self._semaphore:
            node = await self._client.query(workflow_id, answer, seconds)
        self._cache.pop(workflow_id, None)
        if version is not None and node is not None:
            self._cache[workflow_id] = _CachedNode(node, version, self._clock())
        if len(self._cache) > CACHE_SIZE:
            del self._cache[next(iter(self._cache))]
        return node
