"""When a plan is rehearsed, what, and what its conditions Executable and Revertible say of that.

Everything follows from times that are stored in the plan, so a bridge that is started again goes on where the last one
was. Source: docs/spec/drplan.md, "Rehearsal"; docs/decisions/0026-a-rehearsal-is-a-run-of-the-plan.md.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from api.meta import Condition, ConditionStatus
from api.phases import OperationType
from api.plan import DRPlan, DRPlanStatus, RehearsalStatus
from api.tree import RunState
from bridge.status import conditions
from bridge.status.conditions import ConditionType, ConditionUpdate
from bridge.status.plan import is_executed, last_execute
from planning.definitions.identifiers import short_hash
from planning.definitions.rehearsal import interval_of
from planning.messages import rehearsals as rehearsal_messages

LIMIT = timedelta(minutes=20)
"""Of one rehearsal, in Temporal; without an end by then its result is not known."""
SPREAD = 0.1
"""Part of the interval by which the next rehearsal may begin earlier, so that those of many plans drift apart."""
AGAIN = timedelta(minutes=10)
"""The longest pause after a rehearsal whose result is not known."""
SETTLING = timedelta(seconds=10)
"""The shortest time between the starts of two rehearsals, where what would be done changed after the first."""

NOT_REHEARSED = "NotRehearsed"
"""Reason while there is no result about what would be done now."""
OVERDUE = "Overdue"
"""Reason where the last result is older than two intervals."""
NOTHING_TO_REVERT = "NothingToRevert"
"""Reason of Revertible while no Execute is in effect."""
IN_EFFECT = "InEffect"
"""Reason of Executable while an Execute is in effect, and only its Revert is rehearsed."""

READINESS = (ConditionType.EXECUTABLE, ConditionType.REVERTIBLE)
_WITHOUT_RESULT = (NOT_REHEARSED, NOTHING_TO_REVERT, IN_EFFECT)


class Subject(NamedTuple):
    """What is rehearsed: an Execute, or the Revert of an execution."""

    operation: OperationType
    execution: str | None = None


def subject_of(plan: DRPlan, status: DRPlanStatus) -> Subject | None:
    """Return what is to be rehearsed now; None where there is nothing."""
    rehearsal = plan.spec.rehearsal
    if rehearsal is None or interval_of(rehearsal) is None:
        return None
    executed = is_executed(status)
    if rehearsal.operation is OperationType.EXECUTE or (rehearsal.operation is None and not executed):
        return Subject(OperationType.EXECUTE)
    execution = last_execute(status) if executed else None
    return Subject(OperationType.REVERT, execution) if execution else None


def is_open(status: DRPlanStatus) -> bool:
    """Return whether a rehearsal has begun and not ended."""
    return status.rehearsal is not None and status.rehearsal.completion_time is None


def next_time(plan: DRPlan, status: DRPlanStatus, now: datetime) -> datetime | None:
    """Return when the next rehearsal is due; None where there is nothing to rehearse.

    It is due soon where the plan or what is in effect has changed since the last one began.
    """
    rehearsal, subject = plan.spec.rehearsal, subject_of(plan, status)
    interval = interval_of(rehearsal) if rehearsal else None
    if subject is None or interval is None:
        return None
    # Times have whole seconds: one that begins in the second of an end would seem to have run beside it.
    earliest = [end + timedelta(seconds=1) for end in _ends(status)]
    return max([_due(plan, status, subject, interval) or now, *earliest])


def _due(plan: DRPlan, status: DRPlanStatus, subject: Subject, interval: timedelta) -> datetime | None:
    last = status.rehearsal
    if last is None:
        return None
    changed = last.observed_generation != plan.metadata.generation or _subject(last) != subject
    if changed or _ran_since(status, last.start_time):
        return last.start_time + SETTLING
    found = conditions.find(status.conditions, conditions.condition_for(subject.operation))
    if found is None or found.status is ConditionStatus.UNKNOWN:
        return last.start_time + min(interval, AGAIN)
    share = int(short_hash(f"{plan.metadata.uid} {last.start_time}"), 16) / 16**10
    return last.start_time + interval * (1 - SPREAD * share)


def _subject(last: RehearsalStatus) -> Subject:
    return Subject(last.operation, last.execution)


def _ran_since(status: DRPlanStatus, time: datetime) -> bool:
    """Return whether an execution of the plan was under way at that time or later."""
    return status.current_execution is not None or any(end >= time for end in _ends(status))


def _ends(status: DRPlanStatus) -> list[datetime]:
    """Return when the last executions of the plan ended."""
    return [one.completion_time for one in status.execution_history or [] if one.completion_time is not None]


def current(plan: DRPlan, status: DRPlanStatus, now: datetime) -> DRPlanStatus:
    """Return the status with conditions that say no more than is known now, and the time of the next rehearsal."""
    rehearsal, last = plan.spec.rehearsal, status.rehearsal
    if rehearsal is None:
        return _without(status, READINESS).model_copy(update={"rehearsal": None})
    wanted = READINESS if rehearsal.operation is None else (conditions.condition_for(rehearsal.operation),)
    status = _without(status, [each for each in READINESS if each not in wanted])
    updates = [each for kind in wanted for each in _correction(plan, status, kind, now)]
    status = status.model_copy(
        update={"conditions": conditions.updated(status.conditions, updates, now, plan.metadata.generation)}
    )
    if last is not None and not is_open(status):
        last = last.model_copy(update={"next_time": next_time(plan, status, now)})
    return status.model_copy(update={"rehearsal": last})


def _without(status: DRPlanStatus, kinds: tuple[ConditionType, ...] | list[ConditionType]) -> DRPlanStatus:
    left = [condition for condition in status.conditions or [] if condition.type not in kinds]
    return status.model_copy(update={"conditions": left}) if status.conditions else status


def _correction(plan: DRPlan, status: DRPlanStatus, kind: ConditionType, now: datetime) -> Iterator[ConditionUpdate]:
    """Yield a condition as Unknown where the last result is not about what would be done now, or too old."""
    last, subject, rehearsal = status.rehearsal, subject_of(plan, status), plan.spec.rehearsal
    interval = interval_of(rehearsal) if rehearsal else None
    if interval is None:
        yield ConditionUpdate(kind, None, NOT_REHEARSED, rehearsal_messages.INVALID_INTERVAL)
    elif subject is None or conditions.condition_for(subject.operation) is not kind:
        if kind is ConditionType.REVERTIBLE:
            yield ConditionUpdate(kind, None, NOTHING_TO_REVERT, rehearsal_messages.NOTHING_TO_REVERT)
        else:
            message = rehearsal_messages.in_effect(last_execute(status))
            yield ConditionUpdate(kind, None, IN_EFFECT, message)
    elif last is None or _subject(last) != subject or conditions.find(status.conditions, kind) is None:
        yield ConditionUpdate(kind, None, NOT_REHEARSED, rehearsal_messages.NOT_REHEARSED)
    elif last.completion_time is not None and now > last.completion_time + 2 * interval:
        yield ConditionUpdate(kind, None, OVERDUE, rehearsal_messages.overdue(last.completion_time))


def begun(plan: DRPlan, status: DRPlanStatus, subject: Subject, now: datetime) -> DRPlanStatus:
    """Return the status of a plan whose rehearsal begins; it names the run, so it is written before the start."""
    record = RehearsalStatus(
        start_time=now,
        operation=subject.operation,
        execution=subject.execution,
        observed_generation=plan.metadata.generation,
    )
    return status.model_copy(update={"rehearsal": record})


def ended(plan: DRPlan, status: DRPlanStatus, found: ConditionUpdate, now: datetime) -> DRPlanStatus:
    """Return the status after a rehearsal. Where an execution of the plan was under way meanwhile, nothing counts."""
    last = status.rehearsal
    assert last is not None, "it has begun"
    if last.execution is not None:
        message = rehearsal_messages.of_revert(last.execution, found.message)
        found = ConditionUpdate(found.type, found.status, found.reason, message)
    updates = [] if _ran_since(status, last.start_time) else [found]
    changed = conditions.updated(status.conditions, updates, now, last.observed_generation)
    record = last.model_copy(update={"completion_time": now})
    return current(plan, status.model_copy(update={"conditions": changed, "rehearsal": record}), now)


def result(operation: OperationType, state: RunState | None, why_not: str = "") -> ConditionUpdate:
    """Return what a rehearsal found; without a state, `why_not` says why nothing is known."""
    (found,) = conditions.of_preview(operation, state or RunState(message=why_not))
    return found


def refused(operation: OperationType, message: str) -> ConditionUpdate:
    """Return the result where an execution would not even be started."""
    return conditions.of_refused_preview(operation, message)


class EndedRehearsal(NamedTuple):
    """A rehearsal that has ended, and what it found."""

    operation: OperationType
    result: ConditionStatus


def newly_ended(before: DRPlanStatus, after: DRPlanStatus) -> EndedRehearsal | None:
    """Return the rehearsal that ended between two statuses."""
    was, now = before.rehearsal, after.rehearsal
    if now is None or now.completion_time is None:
        return None
    if was is not None and was.start_time == now.start_time and was.completion_time is not None:
        return None
    found = conditions.find(after.conditions, conditions.condition_for(now.operation))
    return EndedRehearsal(now.operation, found.status if found else ConditionStatus.UNKNOWN)


def changes(before: DRPlanStatus, after: DRPlanStatus) -> Iterator[Condition]:
    """Yield the conditions of which a person is to be told: results that differ from the last ones."""
    for kind in READINESS:
        was, now = conditions.find(before.conditions, kind), conditions.find(after.conditions, kind)
        if now is None or now.reason in _WITHOUT_RESULT:
            continue
        if was is None or (was.status, was.reason) != (now.status, now.reason):
            yield now
