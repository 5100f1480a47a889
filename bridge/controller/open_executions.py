"""The executions that have not ended, as their last passes left them: for metrics alone."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from api.execution import DRPlanExecution, ExecutionStatus
from api.meta import ConditionStatus
from api.metrics import EXECUTION_IDLE, EXECUTIONS_OPEN, ExecutionState, OperationLabel
from api.nodes import ActionStatus, StageStatus
from api.phases import Phase
from api.tree import Summary
from bridge.kubernetes.entry import Key
from bridge.kubernetes.store import StoredObject
from bridge.status import conditions
from bridge.status.conditions import ConditionType
from process.metrics import Metrics

_STATES = {
    conditions.ENGINE_UNAVAILABLE: ExecutionState.WITHOUT_ENGINE,
    conditions.WORKER_UNAVAILABLE: ExecutionState.WITHOUT_WORKER,
    conditions.WORKER_FAILING: ExecutionState.WITHOUT_WORKER,
}


def operation_of(execution: DRPlanExecution) -> OperationLabel:
    """Return the operation of an execution as a label."""
    spec = execution.spec
    return OperationLabel.PREVIEW if spec.dry_run else OperationLabel(spec.operation_type.value)


class _Open(NamedTuple):
    operation: OperationLabel
    state: ExecutionState
    summary: Summary | None
    since: float
    """When a part of it last began or ended, or its state changed."""


class OpenExecutions:
    """The executions that have not ended, as their last passes left them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[Key, _Open] = {}

    def see(self, execution: StoredObject[DRPlanExecution], now: datetime) -> None:
        """Note an execution after a pass over it."""
        status = execution.model.status
        if execution.ended:
            self._open.pop(execution.key, None)
            return
        before, state = self._open.get(execution.key), _state_of(status)
        if before is not None and (before.state, before.summary) == (state, status.summary):
            return
        since = self._clock()
        if before is None and (times := _times(status)):
            since -= max(0.0, (now - max(times)).total_seconds())
        self._open[execution.key] = _Open(operation_of(execution.model), state, status.summary, since)

    def forget(self, key: Key) -> None:
        """Forget an execution that is gone."""
        self._open.pop(key, None)

    def clear(self) -> None:
        """Forget all: another bridge leads now."""
        self._open.clear()

    def publish(self, metrics: Metrics) -> None:
        """Publish how many there are of each operation and state, and how long nothing has happened."""
        for operation in OperationLabel:
            for state in ExecutionState:
                these = [one for one in self._open.values() if (one.operation, one.state) == (operation, state)]
                idle = max((self._clock() - one.since for one in these), default=0.0)
                metrics.set(EXECUTIONS_OPEN, len(these), operation, state)
                metrics.set(EXECUTION_IDLE, idle, operation, state)


def _state_of(status: ExecutionStatus) -> ExecutionState:
    if problem := conditions.engine_problem(status.conditions):
        return _STATES.get(problem, ExecutionState.WITHOUT_ENGINE)
    paused = conditions.find(status.conditions, ConditionType.PAUSED)
    if paused is not None and paused.status is ConditionStatus.TRUE:
        return ExecutionState.PAUSED
    return ExecutionState.RUNNING if status.phase is Phase.RUNNING else ExecutionState.WAITING


def _times(status: ExecutionStatus) -> list[datetime]:
    """Return when its parts began and ended."""
    actions = [action for stage in status.stages for action in stage.actions]
    nodes: list[ExecutionStatus | StageStatus | ActionStatus] = [status, *status.stages, *actions]
    return [time for node in nodes for time in (node.start_time, node.completion_time) if time is not None]
