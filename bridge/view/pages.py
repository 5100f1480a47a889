"""What each page of the view shows, read with the viewer's token.

Source: docs/view.md.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from api.execution import DRPlanExecution
from api.meta import Condition, ObjectMeta
from api.plan import DRPlan
from bridge.status.conditions import ConditionType, find
from bridge.view import tree
from kube.errors import ApiError
from kube.viewer import AnswerTooLargeError, Listed, Viewer

ModelT = TypeVar("ModelT", DRPlan, DRPlanExecution)

PLANS = 100
"""Plans on one page."""
EXECUTIONS = 20
"""Executions on one page: each may hold a megabyte."""
RUNNING = 20
"""Running executions that are read for a page of plans."""
READS = 4
"""Of them at a time."""
_POLL = ((64 << 10, 2), (256 << 10, 5))
"""How soon a page of a running execution is read again, in seconds, by the size of the object in bytes."""
_SLOWEST_POLL = 10
PLAN_POLL = 5
_OF_PLAN = (ConditionType.EXECUTED, ConditionType.CLEAN, ConditionType.EXECUTABLE, ConditionType.REVERTIBLE)


@dataclass(frozen=True)
class Links:
    """Addresses in Temporal's UI; none where its address is not set."""

    temporal_ui: str = ""
    temporal_namespace: str = "default"

    def run(self, execution: DRPlanExecution) -> str | None:
        """Return the address of an execution's run."""
        engine = execution.status.engine
        if not self.temporal_ui or engine is None:
            return None
        place = "/".join(quote(part, safe="") for part in (engine.workflow_id, engine.run_id))
        return f"{self._namespace}/workflows/{place}"

    def of_plan(self, meta: ObjectMeta) -> str | None:
        """Return the address of the list of a plan's runs."""
        if not self.temporal_ui:
            return None
        query = f'drplanPlan="{meta.name}" AND drplanNamespace="{meta.namespace}" AND drplanStage="none"'
        return f"{self._namespace}/workflows?query={quote(query, safe='')}"

    @property
    def _namespace(self) -> str:
        return f"{self.temporal_ui.rstrip('/')}/namespaces/{quote(self.temporal_namespace, safe='')}"


@dataclass(frozen=True)
class Unreadable:
    """An object that does not have the form of its kind."""

    namespace: str
    name: str


@dataclass(frozen=True)
class PlanRow:
    """A plan in a list, or on a page of its own."""

    plan: DRPlan
    conditions: dict[str, Condition]
    """Those that say what stands and what a rehearsal found."""
    running: DRPlanExecution | None = None


@dataclass(frozen=True)
class PlansPage:
    """A page of plans."""

    namespace: str | None
    rows: Sequence[PlanRow]
    unreadable: Sequence[Unreadable]
    more: str
    unread: int = 0
    """Running executions that are not shown, for there are too many or they may not be read."""
    poll: int = PLAN_POLL

    @property
    def running(self) -> list[DRPlanExecution]:
        """The executions that run."""
        return [row.running for row in self.rows if row.running is not None]


@dataclass(frozen=True)
class PlanPage:
    """One plan."""

    row: PlanRow
    poll: int = PLAN_POLL


@dataclass(frozen=True)
class ExecutionsPage:
    """A page of executions."""

    namespace: str | None
    executions: Sequence[DRPlanExecution]
    unreadable: Sequence[Unreadable]
    more: str
    poll: int = 0


@dataclass(frozen=True)
class ExecutionPage:
    """One execution, with its tree or one stage of it."""

    execution: DRPlanExecution
    rows: Sequence[tree.Row]
    stage: int | None
    skip: int
    poll: int
    """Seconds after which the page is to be read again; zero once nothing changes any more."""

    @property
    def next_skip(self) -> int | None:
        """From where the next page of the stage begins; None where this is the last one."""
        if self.stage is None:
            return None
        stage = self.execution.status.stages[self.stage]
        end = self.skip + tree.ROWS
        return end if end < len(stage.workflows) + len(stage.actions) else None


def _read(kind: type[ModelT], items: Sequence[dict[str, Any]]) -> tuple[list[ModelT], list[Unreadable]]:
    """Return the objects of a list, and the names of those that cannot be read."""
    readable: list[ModelT] = []
    unreadable: list[Unreadable] = []
    for item in items:
        try:
            readable.append(kind.model_validate(item))
        except ValidationError:
            meta = item.get("metadata", {})
            unreadable.append(Unreadable(str(meta.get("namespace", "")), str(meta.get("name", ""))))
    return readable, unreadable


async def _model(kind: type[ModelT], item: dict[str, Any]) -> ModelT:
    """Read one object in a thread: a megabyte takes a tenth of a second. Raises ApiError."""
    try:
        return await asyncio.to_thread(kind.model_validate, item)
    except ValidationError as error:
        raise ApiError(f"the object does not have the form of a {kind.__name__}", 0) from error


async def _list(kind: type[ModelT], listed: Listed) -> tuple[list[ModelT], list[Unreadable]]:
    return await asyncio.to_thread(_read, kind, listed.items)


async def plans(viewer: Viewer, token: str, namespace: str | None, more: str) -> PlansPage:
    """Read a page of plans with the executions that run them."""
    listed = await viewer.listed(token, "drplans", namespace, PLANS, more)
    found, unreadable = await _list(DRPlan, listed)
    locked = [plan for plan in found if plan.status.current_execution is not None]
    slots = asyncio.Semaphore(READS)

    async def running(plan: DRPlan) -> DRPlanExecution | None:
        async with slots:
            return await _running(viewer, token, plan)

    executions = dict(
        zip((plan.metadata.uid for plan in locked), await asyncio.gather(*map(running, locked[:RUNNING])), strict=False)
    )
    rows = [PlanRow(plan, _conditions(plan), executions.get(plan.metadata.uid)) for plan in found]
    unread = len(locked) - sum(each is not None for each in executions.values())
    return PlansPage(namespace, rows, unreadable, listed.more, unread)


async def _running(viewer: Viewer, token: str, plan: DRPlan) -> DRPlanExecution | None:
    lock = plan.status.current_execution
    if lock is None:
        return None
    try:
        item = await viewer.get(token, "drplanexecutions", lock.namespace or plan.metadata.namespace, lock.name)
        return await _model(DRPlanExecution, item)
    except (ApiError, AnswerTooLargeError):
        return None


def _conditions(plan: DRPlan) -> dict[str, Condition]:
    found = {kind.value: find(plan.status.conditions, kind) for kind in _OF_PLAN}
    return {kind: condition for kind, condition in found.items() if condition is not None}


async def plan(viewer: Viewer, token: str, namespace: str, name: str) -> PlanPage:
    """Read one plan with the execution that runs it."""
    found = await _model(DRPlan, await viewer.get(token, "drplans", namespace, name))
    return PlanPage(PlanRow(found, _conditions(found), await _running(viewer, token, found)))


async def executions(viewer: Viewer, token: str, namespace: str | None, more: str) -> ExecutionsPage:
    """Read a page of executions, in the order of the API server."""
    listed = await viewer.listed(token, "drplanexecutions", namespace, EXECUTIONS, more)
    found, unreadable = await _list(DRPlanExecution, listed)
    return ExecutionsPage(namespace, found, unreadable, listed.more)


async def execution(
    viewer: Viewer, token: str, namespace: str, name: str, now: datetime, stage: int | None, skip: int
) -> ExecutionPage:
    """Read one execution."""
    item = await viewer.get(token, "drplanexecutions", namespace, name)
    found = await _model(DRPlanExecution, item)
    if stage is not None and stage >= len(found.status.stages):
        stage = None
    rows = await asyncio.to_thread(tree.rows, found, now, stage, skip)
    return ExecutionPage(found, rows, stage, skip, _poll(found, len(str(item))))


def _poll(found: DRPlanExecution, size: int) -> int:
    phase = found.status.phase
    if phase is not None and phase.terminal:
        return 0
    return next((seconds for most, seconds in _POLL if size <= most), _SLOWEST_POLL)
