"""What the bridge counts and measures: executions that end, what open ones do, plans, passes, its queue.

Nothing here is on the way of an action: an execution is counted once, when its end has been written, and what is the
case now is published every few seconds. Source: docs/monitoring.md, "Metrics".
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum

from api import metrics as table
from api.execution import DRPlanExecution
from api.meta import Condition, ConditionStatus, ObjectKey
from api.metrics import OperationLabel
from api.phases import TERMINAL, ActionType, OperationType, Phase
from api.plan import DRPlan
from api.tree import RunState
from bridge.controller.context import Context
from bridge.controller.open_executions import operation_of
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.reflector import WatchEnd
from bridge.status import conditions
from bridge.status.conditions import ConditionType
from bridge.status.rehearsal import READINESS
from bridge.temporal.calls import TemporalError
from process.health import Finding, no_problem
from process.metrics import Metrics

SAMPLE = 5.0
"""Seconds between two samples of what is the case."""
ASK_QUEUE = 10.0
"""Seconds between two questions to Temporal about the task queue."""
LONGEST_PASS = 600.0
"""Seconds after which a pass hangs: every call in it has a deadline far below."""
ENDS = (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELED)
PLAN_CONDITIONS = (ConditionType.VALID, ConditionType.EXECUTABLE, ConditionType.REVERTIBLE, ConditionType.CLEAN)


class PassEnd(StrEnum):
    """How a pass ended: values of the label `result`."""

    SUCCEEDED = "Succeeded"
    CONFLICT = "Conflict"
    """Something changed meanwhile, or it is another object's turn: it is repeated at once."""
    KUBERNETES_ERROR = "KubernetesError"
    NO_ANSWER = "NoAnswer"
    """Of Temporal."""
    TEMPORAL_ERROR = "TemporalError"
    BROKEN = "Broken"
    """A bug."""


def count_end(metrics: Metrics, execution: DRPlanExecution, state: RunState | None) -> None:
    """Count an execution whose end was written; `state` is the final tree of its run, if it had one."""
    status, operation = execution.status, operation_of(execution)
    phase = (status.phase or Phase.FAILED).value
    metrics.count(table.EXECUTIONS, operation, phase)
    if status.start_time is not None and status.completion_time is not None:
        seconds = (status.completion_time - status.start_time).total_seconds()
        metrics.observe(table.EXECUTION_SECONDS, max(0.0, seconds), operation, phase)
    if operation is OperationLabel.PREVIEW:
        return
    actions = [action for stage in status.stages for action in stage.actions]
    types = [action.type.value if action.type else "Unknown" for action in actions]
    ended = Counter((kind, action.phase.value) for kind, action in zip(types, actions, strict=True))
    for (kind, end), number in ended.items():
        metrics.count(table.ACTIONS, operation, kind, end, by=number)
    for kind in set(types):
        retries = sum(action.retries or 0 for of, action in zip(types, actions, strict=True) if of == kind)
        metrics.count(table.ACTION_RETRIES, operation, kind, by=retries)
    if operation is OperationLabel.REVERT and state is not None:
        metrics.count(table.LEFT_STANDING, by=len(state.left_standing) + len(state.not_deleted or ()))


def count_readiness(metrics: Metrics, plan: ObjectKey, condition: Condition) -> None:
    """Count that a condition of a plan, which says what a rehearsal found, has changed."""
    labels = metrics.of_plan(plan.namespace, plan.name) or (table.OTHER, table.OTHER)
    for status in ConditionStatus:
        # The others with zero: a series that begins with 1 has not grown, for Prometheus.
        metrics.count(
            table.READINESS_CHANGES, *labels, condition.type, status.value, by=int(status is condition.status)
        )


def publish_plan(metrics: Metrics, plan: DRPlan) -> None:
    """Publish what a plan's status says of its last executions and of its rehearsals."""
    labels = metrics.of_plan(plan.metadata.namespace, plan.metadata.name)
    if labels is None:
        return
    for operation in OperationType:
        records = [one for one in plan.status.execution_history or [] if one.operation_type == operation]
        for phase in ENDS:
            ends = [one.completion_time for one in records if one.phase == phase and one.completion_time]
            last = max(ends).timestamp() if ends else 0.0
            metrics.set(table.PLAN_LAST_END, last, *labels, operation.value, phase.value)
        took = [
            (one.completion_time - one.start_time).total_seconds()
            for one in records
            if one.phase == Phase.SUCCEEDED and one.start_time and one.completion_time
        ]
        metrics.set(table.PLAN_LAST_SECONDS, took[0] if took else 0.0, *labels, operation.value)
    for kind in PLAN_CONDITIONS:
        condition = conditions.find(plan.status.conditions, kind)
        for status in ConditionStatus:
            holds = condition is not None and condition.status is status
            metrics.set(table.PLAN_CONDITION, holds, *labels, kind.value, status.value)
            if plan.spec.rehearsal is not None and kind in READINESS:
                metrics.count(table.READINESS_CHANGES, *labels, kind.value, status.value, by=0)


class Passes:
    """Measures passes, knows which one hangs, and how late a status shows what has changed in Temporal."""

    def __init__(self, context: Context, clock: Callable[[], float]) -> None:
        self._context = context
        self._clock = clock
        self._running: dict[Key, tuple[float, datetime | None, str | None]] = {}
        """By object: when its pass began, the oldest change not shown before, and the version written last."""

    def begin(self, key: Key) -> None:
        """Note that a pass begins."""
        changed_at = self._context.poller.take_change(key)
        self._running[key] = (self._clock(), changed_at, self._context.index.last_write(key))

    def end(self, key: Key, result: PassEnd | None) -> None:
        """Measure a pass that ended; without a result it was given up."""
        began, changed_at, version = self._running.pop(key)
        metrics = self._context.metrics
        if result is not None:
            metrics.count(table.PASSES, key.kind.value, result)
            metrics.observe(table.PASS_SECONDS, self._clock() - began, key.kind.value)
        if changed_at is None:
            return
        if result is not PassEnd.SUCCEEDED:
            self._context.poller.note_change(key, changed_at)
        elif self._context.index.last_write(key) != version:
            metrics.observe(table.STATUS_LAG, max(0.0, (datetime.now(UTC) - changed_at).total_seconds()))

    def finding(self) -> Finding:
        """Return whether no pass hangs."""
        longest = max((self._clock() - began for began, *_ in self._running.values()), default=0.0)
        return no_problem(f"one has run for {longest:.0f} s" if longest > LONGEST_PASS else "", "go on")

    def oldest_change(self) -> float:
        """Return the age of the oldest change that no status shows yet, in seconds."""
        changes = [changed_at for _, changed_at, _ in self._running.values() if changed_at]
        oldest = min([*changes, *self._context.poller.changes()], default=None)
        return 0.0 if oldest is None else max(0.0, (datetime.now(UTC) - oldest).total_seconds())


async def sample(context: Context, passes: Passes, overdue: Callable[[], tuple[int, float]]) -> None:
    """Publish what is the case, as long as this bridge leads; `overdue` counts what waits in the queue, and how long.

    Raises CancelledError at the end, when all of that has been set to 0.
    """
    metrics, asked = context.metrics, -ASK_QUEUE
    metrics.set(table.LEADER, 1)
    try:
        while True:
            context.open_executions.publish(metrics)
            metrics.set(table.STATUS_AGE, passes.oldest_change())
            depth, age = overdue()
            metrics.set(table.QUEUE_DEPTH, depth)
            metrics.set(table.QUEUE_AGE, age)
            for namespace, name in metrics.plans():
                if context.index.definition(Key(ObjectKind.PLAN, namespace, name)) is None:
                    metrics.forget_plan(namespace, name)
            if time.monotonic() - asked >= ASK_QUEUE:
                asked = time.monotonic()
                await _ask_queue(context, metrics)
            await asyncio.sleep(SAMPLE)
    finally:
        metrics.set(table.LEADER, 0)
        metrics.stop_leading()


async def _ask_queue(context: Context, metrics: Metrics) -> None:
    """Publish who polls the task queue, and what waits in it. What Temporal does not answer stays as it was."""
    with suppress(TemporalError):
        for kind, queue in (await context.temporal.task_queue()).items():
            metrics.set(table.POLLERS, queue.pollers, kind)
            metrics.set(table.BACKLOG, queue.backlog, kind)
            metrics.set(table.BACKLOG_AGE, queue.age, kind)


def begin_counting(metrics: Metrics) -> None:
    """Begin the counters on which alerts rest, for a series that begins with 1 has not grown."""
    metrics.set(table.LEADER, 0)
    metrics.count(table.LEFT_STANDING, by=0)
    for each in ObjectKind:
        metrics.count(table.PASSES, each.value, PassEnd.BROKEN, by=0)
        for end in WatchEnd:
            metrics.count(table.WATCH_RESTARTS, each.value, end, by=0)
    for operation in OperationLabel:
        for phase in ENDS:
            metrics.count(table.EXECUTIONS, operation, phase.value, by=0)
    for kind in OperationType:
        for status in ConditionStatus:
            metrics.count(table.REHEARSALS, kind.value, status.value, by=0)
        for type_ in ActionType:
            metrics.count(table.ACTION_RETRIES, kind.value, type_.value, by=0)
            for phase in TERMINAL:
                metrics.count(table.ACTIONS, kind.value, type_.value, phase.value, by=0)
