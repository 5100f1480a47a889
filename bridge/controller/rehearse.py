"""The rehearsals of plans: begin one that is due, follow it to its end, and tell what changed.

A rehearsal is begun by a write to the plan's status, which names the run by its start; only then is the run started. So
a bridge that is killed in between is followed by one that starts it. Source: docs/spec/drplan.md, "Rehearsal".
"""

from api.meta import ConditionStatus
from api.metrics import REHEARSALS
from api.phases import OperationType
from api.plan import DRPlan, DRPlanStatus, RehearsalStatus
from bridge.controller.context import Context
from bridge.controller.measure import count_readiness
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.events import EventReason
from bridge.kubernetes.store import StoredObject
from bridge.status import rehearsal
from bridge.status.conditions import ConditionUpdate
from bridge.status.merge import RootRun, RunStatus
from bridge.temporal.calls import RunNotFound, TemporalUnreachable
from planning.definitions.identifiers import rehearsal_id, workflow_references
from planning.definitions.rehearsal import preview_of
from planning.messages import rehearsals as rehearsal_messages

FOLLOW = 1.0
"""Seconds between passes over a plan that is being rehearsed."""
NO_TURN = 60.0
"""Seconds between passes over a plan that waits for the rehearsals of others, in case no end wakes it."""
LONGEST_PAUSE = 3600.0
"""Seconds between passes over a plan with rehearsals: what is too old is to be noticed, and the clock may be set."""

_EVENTS = {
    ConditionStatus.TRUE: EventReason.REHEARSED,
    ConditionStatus.FALSE: EventReason.OBSTRUCTED,
    ConditionStatus.UNKNOWN: EventReason.NOT_REHEARSED,
}


async def rehearse(
    context: Context, stored: StoredObject[DRPlan], status: DRPlanStatus
) -> tuple[DRPlanStatus, float | None]:
    """Return the status after the next step of a plan's rehearsals, and the seconds until the pass after it.

    Raises NotYourTurnError, ApiError.
    """
    plan, now, turns = stored.model, context.now(), context.turns
    status = rehearsal.current(plan, status, now)
    if plan.spec.rehearsal is None or plan.metadata.deletion_timestamp is not None:
        turns.leave(stored.key)
        return status, None
    if status.rehearsal is not None and rehearsal.is_open(status):
        turns.resume(stored.key)
        found = await _result(context, plan, status.rehearsal)
        if found is None:
            return status, FOLLOW
        status = rehearsal.ended(plan, status, found, now)
    subject, due = rehearsal.subject_of(plan, status), rehearsal.next_time(plan, status, now)
    if subject is None or due is None or due > now or status.current_execution is not None:
        turns.leave(stored.key)
        left = (due - now).total_seconds() if due is not None and due > now else LONGEST_PAUSE
        return status, min(left, LONGEST_PAUSE)
    if not turns.take(stored.key):
        return status, NO_TURN
    status = rehearsal.begun(plan, status, subject, now)
    refusal = await _refusal(context, stored) if subject.operation is OperationType.EXECUTE else None
    if refusal is not None:
        status = rehearsal.ended(plan, status, rehearsal.refused(subject.operation, refusal), now)
    return status, 0.0


async def _result(context: Context, plan: DRPlan, record: RehearsalStatus) -> ConditionUpdate | None:
    """Return what a rehearsal that has begun found; None while it is under way. Its run is started if it was not."""
    key, late, reason = plan.metadata.key, context.now() > record.start_time + rehearsal.LIMIT, ""
    try:
        run = await context.temporal.find(rehearsal_id(key, record.start_time))
        if run.status is not RunStatus.OPEN:
            return rehearsal.result(record.operation, run.state, _why_without_result(run))
    except RunNotFound:
        if not late:
            await context.temporal.start_rehearsal(key, record.start_time, rehearsal.LIMIT)
    except TemporalUnreachable as error:
        reason = str(error)
    if not late:
        return None
    return rehearsal.result(record.operation, None, rehearsal_messages.no_answer(rehearsal.LIMIT, reason))


def _why_without_result(run: RootRun) -> str:
    if run.status is RunStatus.TIMED_OUT:
        return rehearsal_messages.no_answer(rehearsal.LIMIT)
    return run.cause or rehearsal_messages.ended_early(run.status.value)


async def _refusal(context: Context, stored: StoredObject[DRPlan]) -> str | None:
    """Return why an Execute of a plan would not be started; None where it would. Raises NotYourTurnError.

    Asked here as before each Execute, so that no worker meets a definition that is too expensive.
    """
    plan, index = stored.model, context.index
    named = [Key(ObjectKind.DR_WORKFLOW, ref.in_namespace, ref.name) for ref in workflow_references(plan)]
    known = [raw for each in named if (raw := index.definition(each)) is not None]
    preview = preview_of(plan, OperationType.EXECUTE, None).model_dump(mode="json", by_alias=True, exclude_none=True)
    return await context.validator.rejection(preview, stored.raw, known)


def report_readiness(context: Context, plan: DRPlan, after: DRPlan) -> None:
    """Count a rehearsal that ended; record an event and count where it found something else than the one before."""
    if (ended := rehearsal.newly_ended(plan.status, after.status)) is not None:
        context.metrics.count(REHEARSALS, ended.operation.value, ended.result.value)
    for condition in rehearsal.changes(plan.status, after.status):
        context.events.record(after, _EVENTS[condition.status], rehearsal_messages.event_readiness(condition))
        count_readiness(context.metrics, plan.metadata.key, condition)
