"""What is told when Temporal or its worker stops answering, and when it answers again: events and a line of the log.

Source: docs/spec/drplanexecution.md, "While it runs".
"""

import structlog

from api.execution import ExecutionStatus
from api.plan import DRPlan
from bridge.controller.context import Context, StoredExecution
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.events import EventReason
from bridge.kubernetes.store import UnreadableObjectError, read
from bridge.status import conditions
from planning.messages import runs as run_messages

_log = structlog.get_logger(__name__)

_WORKER_PROBLEMS = (EventReason.WORKER_UNAVAILABLE, EventReason.WORKER_FAILING)


def report_engine(context: Context, before: ExecutionStatus, execution: StoredExecution) -> None:
    """Record an event on an execution and on its plan where the engine's state changed with the last write."""
    status = execution.model.status
    was, now = conditions.engine_problem(before.conditions), conditions.engine_problem(status.conditions)
    _log_worker(context, execution, now)
    if was == now:
        return
    condition = conditions.find(status.conditions, conditions.ConditionType.ENGINE_REACHABLE)
    reason, note = EventReason(now or EventReason.REACHABLE), condition.message if condition else ""
    if not now:
        since = conditions.unreachable_since(before.conditions) or context.now()
        note = run_messages.event_engine_back(context.now() - since)
    context.events.record(execution.model, reason, note)
    plan = _plan(context, execution)
    if plan is not None:
        context.events.record(plan, reason, run_messages.event_of_execution(execution.key.name, note))


def _plan(context: Context, execution: StoredExecution) -> DRPlan | None:
    """Return the plan as it was last seen."""
    raw = context.index.definition(Key(ObjectKind.PLAN, execution.key.namespace, execution.model.spec.plan_ref))
    try:
        return read(raw, DRPlan).model if raw else None
    except UnreadableObjectError:
        return None


def _log_worker(context: Context, execution: StoredExecution, problem: str) -> None:
    """Log once when the first run loses its worker, and once when no run lacks one."""
    waiting, ended = context.without_worker, execution.ended
    lost = bool(waiting)
    if problem in _WORKER_PROBLEMS and not ended:
        waiting.add(execution.key)
    elif ended or not problem:
        waiting.discard(execution.key)
    if bool(waiting) == lost:
        return
    if lost:
        _log.info("worker is back")
    else:
        key = execution.key
        _log.warning("worker is lost", reason=problem, namespace=key.namespace, execution=key.name)
