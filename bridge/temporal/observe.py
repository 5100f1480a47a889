"""Ask the engine for everything that one pass needs to know of an open run.

The root first, then its running stages, then their running workflows and the attempts of those, side by
side at every level. What cannot be had is left out, and said. Source: docs/architecture.md, "Bridge".
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from api.execution import RunState, StageStatus, WorkflowExecutionStatus
from api.meta import Model
from api.phases import Phase
from bridge.status import merge
from bridge.status.observation import Attempt, Observation, Place, Run, StageView, WorkflowView
from bridge.temporal.client import Engine, EngineUnreachable
from planning.definitions import identifiers

NodeT = TypeVar("NodeT", bound=Model)

AT_ONCE = 32
"""Questions to the engine at a time, over all passes."""
BELIEVED = 5.0
"""Seconds for which an answer counts while the run's history does not grow, should a long poll hang unnoticed."""
REMEMBERED = 500
"""Answers that are remembered; the oldest goes first."""


def open_runs(root: str, stages: Sequence[StageStatus]) -> list[str]:
    """Give the ids of the root and of every running stage and workflow below it."""
    open_stages = [(identifiers.stage_id(root, index, stage.name), stage) for index, stage in _running(stages)]
    return [root, *(name for stage_id, stage in open_stages for name in _open_below(stage_id, stage))]


def _open_below(stage_id: str, stage: StageStatus) -> list[str]:
    running = [(index, node) for index, node in enumerate(stage.workflows) if node.phase is Phase.RUNNING]
    return [stage_id, *(identifiers.workflow_id(stage_id, index, node.workflow_ref.name) for index, node in running)]


def _running(stages: Sequence[StageStatus]) -> list[tuple[int, StageStatus]]:
    return [(index, stage) for index, stage in enumerate(stages) if stage.phase is Phase.RUNNING]


@dataclass(frozen=True)
class _Answer:
    """What a run said of itself, at which version of its history, and when."""

    version: int
    node: Model | None
    at: float


class Observer:
    """Asks within one bound of questions at a time, and not again what cannot have changed."""

    def __init__(
        self, engine: Engine, version: Callable[[str], int | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`version` gives a number that grows with a run's history, None where that is not followed."""
        self._engine = engine
        self._version = version
        self._clock = clock
        self._room = asyncio.Semaphore(AT_ONCE)
        self._answers: dict[str, _Answer] = {}

    async def observe(self, run: Run, written: Sequence[StageStatus]) -> Observation:
        """Look at an open run; `written` is the tree as it last stood, for when no worker answers."""
        try:
            state = await self._ask(run.workflow_id, RunState)
        except EngineUnreachable as error:
            return await self._from_afar(run, written, str(error))
        if state is None or not state.stages:
            return Observation(state=state)
        stages = await self._stages(run.workflow_id, state.stages)
        seen = Observation(state=state, stages=stages)
        whole = merge.composed(seen) or state
        return seen.model_copy(update={"workflows": await self._workflows(run.workflow_id, whole.stages, ask=True)})

    async def _from_afar(self, run: Run, written: Sequence[StageStatus], trouble: str) -> Observation:
        """Without a worker there is no tree, but the engine still knows of attempts."""
        workflows = await self._workflows(run.workflow_id, written, ask=False)
        return Observation(workflows=workflows, trouble=trouble)

    async def _stages(self, root: str, stages: Sequence[StageStatus]) -> list[StageView]:
        return await asyncio.gather(*(self._stage(root, index, stage) for index, stage in _running(stages)))

    async def _stage(self, root: str, index: int, stage: StageStatus) -> StageView:
        return StageView(
            index=index, node=await self._ask_or_none(identifiers.stage_id(root, index, stage.name), StageStatus)
        )

    async def _workflows(self, root: str, stages: Sequence[StageStatus], *, ask: bool) -> list[WorkflowView]:
        places = [
            (Place(stage=at, workflow=index), identifiers.stage_id(root, at, stage.name), node.workflow_ref.name)
            for at, stage in _running(stages)
            for index, node in enumerate(stage.workflows)
            if node.phase is Phase.RUNNING
        ]
        views = (
            self._workflow(at, identifiers.workflow_id(stage, at.workflow, name), ask) for at, stage, name in places
        )
        return await asyncio.gather(*views)

    async def _workflow(self, place: Place, workflow_id: str, ask: bool) -> WorkflowView:
        node = await self._ask_or_none(workflow_id, WorkflowExecutionStatus) if ask else None
        busy = node is None or any(action.phase is Phase.RUNNING for action in node.actions)
        return WorkflowView(place=place, node=node, attempts=await self._attempts(workflow_id) if busy else [])

    async def _attempts(self, workflow_id: str) -> list[Attempt]:
        async with self._room:
            try:
                return await self._engine.attempts(workflow_id)
            except EngineUnreachable:
                return []

    async def _ask(self, workflow_id: str, answer: type[NodeT]) -> NodeT | None:
        version = self._version(workflow_id)
        known = self._answers.get(workflow_id)
        fresh = known is not None and known.version == version and self._clock() - known.at < BELIEVED
        if known is not None and fresh and isinstance(known.node, answer):
            return known.node
        async with self._room:
            node = await self._engine.query(workflow_id, answer)
        self._remember(workflow_id, version, node)
        return node

    def _remember(self, workflow_id: str, version: int | None, node: Model | None) -> None:
        self._answers.pop(workflow_id, None)
        if version is not None and node is not None:
            self._answers[workflow_id] = _Answer(version, node, self._clock())
        if len(self._answers) > REMEMBERED:
            del self._answers[next(iter(self._answers))]

    async def _ask_or_none(self, workflow_id: str, answer: type[NodeT]) -> NodeT | None:
        try:
            return await self._ask(workflow_id, answer)
        except EngineUnreachable:
            return None
