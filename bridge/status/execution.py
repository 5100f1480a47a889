"""PURE: the status as it was, and what the engine says now, to the status as it shall be.

Nothing here knows a clock, a server or a client. A running tree only moves forward; the end is what the
run left, never what was last seen of it. Source: docs/architecture.md, "Rules that always hold";
docs/spec/drplanexecution.md, "Status".
"""

from datetime import datetime
from typing import Any

from api.execution import Engine, ExecutionStatus, ExecutionTree, RunState
from api.meta import Model, Timestamp, go_duration
from api.phases import OperationType, Phase
from bridge.status import conditions, merge
from bridge.status.conditions import ConditionType, Wanted
from bridge.status.observation import Observation, Run, RunEnd
from planning.messages import conditions as condition_messages
from planning.messages import parents as parent_messages
from planning.status import transitions
from planning.status.size_limit import shorten


class Moment(Model):
    """What every status is computed against: whose it is, and when."""

    operation: OperationType
    generation: int
    now: Timestamp
    cancel_asked: bool = False
    """A person asked for a cancel, by annotation or by deleting the object."""


def _finished(status: ExecutionStatus, moment: Moment, changes: list[Wanted]) -> ExecutionStatus:
    """Give the status with its conditions and generation: the last step of every function here."""
    update = {
        "observed_generation": moment.generation,
        "conditions": conditions.updated(status.conditions, changes, moment.now, moment.generation),
    }
    return status.model_copy(update=update)


# Before the start.


def waiting(before: ExecutionStatus, reason: str, message: str, moment: Moment) -> ExecutionStatus:
    """It waits for its turn, or for something that is missing; `reason` in CamelCase."""
    missing = message if reason == conditions.WAITING_FOR_REFERENCE else None
    return _pending(before, reason, message, moment, [conditions.of_references(missing)])


def _pending(
    before: ExecutionStatus, reason: str, message: str, moment: Moment, changes: list[Wanted]
) -> ExecutionStatus:
    status = before.model_copy(update={"phase": Phase.PENDING, "message": message})
    return _finished(status, moment, [*conditions.of_phase(Phase.PENDING, message, reason), *changes])


def waits_since(status: ExecutionStatus) -> datetime | None:
    """Tell since when a reference has been missing; None when none is."""
    condition = conditions.find(status.conditions, ConditionType.REFERENCES_FOUND)
    missing = condition is not None and condition.reason == conditions.WAITING_FOR_REFERENCE
    return condition.last_transition_time if condition and missing else None


def never_started(
    before: ExecutionStatus, phase: Phase, message: str, moment: Moment, *, found: bool = False
) -> ExecutionStatus:
    """It ends without ever having started; what stands in its status stays. `found`: nothing is missing (any more)."""
    status = before.model_copy(update={"phase": phase, "message": message, "completion_time": moment.now})
    canceled = phase is Phase.CANCELED
    cancel = conditions.of_cancel(asked=canceled, taken=canceled, phase=phase)
    healed = _references_found(before) if found else []
    return _finished(status, moment, [*conditions.of_phase(phase, message), *cancel, *healed])


def _references_found(before: ExecutionStatus) -> list[Wanted]:
    """Take back that something is missing; nothing where that was never said."""
    said = conditions.find(before.conditions, ConditionType.REFERENCES_FOUND)
    return [] if said is None else [conditions.of_references(None)]


# While it runs.


def running(before: ExecutionStatus, run: Run, seen: Observation, moment: Moment) -> ExecutionStatus:
    """It runs: the tree moves forward, or stays as it last stood where no worker answers."""
    state = _current(before, run, seen)
    phase = Phase.RUNNING
    status = before.model_copy(update=_fields(state) | {"phase": phase, "engine": _engine(run)})
    status = status.model_copy(update={"start_time": status.start_time or run.start_time})
    if not state.stages:
        message = condition_messages.WORKER_FAILING if run.failing else condition_messages.STARTED
        status = status.model_copy(update={"message": message})
    cancel = conditions.of_cancel(asked=moment.cancel_asked, taken=run.cancel_requested, phase=phase)
    changes = [*conditions.of_phase(phase), _reach(run, seen), *cancel, *_references_found(before)]
    changes += conditions.of_definitions(moment.operation, seen.state)
    return _finished(status, moment, changes)


def _current(before: ExecutionStatus, run: Run, seen: Observation) -> RunState:
    """Give the tree of a running execution: what was written, moved forward by what was seen."""
    written = RunState.model_validate(before, from_attributes=True)
    same_run = before.engine is not None and before.engine.run_id == run.run_id
    state = merge.composed(seen) if seen.state is not None else None
    if state is None:
        state = written
    elif same_run:
        state = merge.forward(written, state)
    return shorten(transitions.with_counts(merge.with_attempts(state, seen.workflows))) if state.stages else state


def _reach(run: Run, seen: Observation) -> Wanted:
    if run.failing:
        return conditions.engine_unreachable("WorkerFailing", condition_messages.WORKER_FAILING)
    if seen.trouble:
        return conditions.engine_unreachable("WorkerUnavailable", condition_messages.WORKER_UNREACHABLE)
    return conditions.engine_reachable()


def out_of_reach(before: ExecutionStatus, reason: str, moment: Moment) -> ExecutionStatus:
    """The engine cannot be asked: everything stays as it last stood, and a condition says since when.

    What another bridge ended meanwhile stays as it is.
    """
    if before.phase is not None and before.phase.terminal:
        return before
    message = condition_messages.engine_unreachable(reason)
    changes = [conditions.engine_unreachable(conditions.ENGINE_UNAVAILABLE, message)]
    taken = conditions.cancel_taken(before.conditions)
    changes += conditions.of_cancel(asked=moment.cancel_asked, taken=taken, phase=before.phase or Phase.PENDING)
    if before.engine is None:
        return _pending(before, conditions.ENGINE_UNAVAILABLE, message, moment, changes)
    return _finished(before, moment, changes)


def not_searchable(before: ExecutionStatus, engine: Engine, moment: Moment) -> ExecutionStatus:
    """The engine took the start without search attributes only."""
    before = before.model_copy(update={"engine": engine})
    change = conditions.wanted(ConditionType.SEARCHABLE, False, "NotRegistered", condition_messages.NOT_SEARCHABLE)
    return _finished(before, moment, [change])


# The end.


def ended(before: ExecutionStatus, run: Run, moment: Moment) -> ExecutionStatus:
    """The run has closed: what it left counts, and what it did not leave is said to be unknown."""
    left = run.state if run.state is not None and run.state.phase and run.state.phase.terminal else None
    state = merge.with_attempts_seen(before.stages, left) if left else _without_last_words(before, run, moment)
    status = before.model_copy(update=_fields(state) | {"engine": _engine(run)})
    start = status.start_time or run.start_time
    status = status.model_copy(update={"start_time": start, "completion_time": status.completion_time or moment.now})
    return _closed(status, left, run.cancel_requested or run.end is RunEnd.CANCELED, moment)


def lost(before: ExecutionStatus, moment: Moment) -> ExecutionStatus:
    """The engine no longer knows the run that the status names."""
    workflow = before.engine.workflow_id if before.engine else ""
    written = RunState.model_validate(before, from_attributes=True)
    state = merge.broken(written, condition_messages.run_unknown(workflow), moment.now)
    return _closed(before.model_copy(update=_fields(state)), None, False, moment)


def _closed(status: ExecutionStatus, left: RunState | None, taken: bool, moment: Moment) -> ExecutionStatus:
    phase = status.phase or Phase.FAILED
    changes = conditions.of_phase(phase, status.message or "")
    changes += conditions.of_remains(moment.operation, left)
    changes += conditions.of_definitions(moment.operation, left)
    changes += [conditions.engine_reachable(), *_references_found(status)]
    changes += conditions.of_cancel(asked=moment.cancel_asked, taken=taken, phase=phase)
    return _finished(status, moment, changes)


def _without_last_words(before: ExecutionStatus, run: Run, moment: Moment) -> RunState:
    """Close the tree as it last stood, for the run left none."""
    written = RunState.model_validate(before, from_attributes=True)
    close = run.close_time or moment.now
    if run.end is RunEnd.CANCELED and not written.stages:
        return _canceled_early(written, run, close, moment.operation)
    return merge.broken(written, _why(run), close)


def _canceled_early(written: RunState, run: Run, close: datetime, operation: OperationType) -> RunState:
    start = (written.start_time or run.start_time or close).replace(microsecond=0)
    end = max(close.replace(microsecond=0), start)
    message = parent_messages.canceled_before_planning(operation)
    times = {"start_time": start, "completion_time": end, "duration": go_duration(end - start)}
    return written.model_copy(update={"phase": Phase.CANCELED, "message": message, **times})


def _why(run: Run) -> str:
    if run.end is RunEnd.TERMINATED:
        return condition_messages.ended_outside(parent_messages.TERMINATED, run.reason)
    if run.end is RunEnd.TIMED_OUT:
        return condition_messages.ended_outside(parent_messages.TIMED_OUT, run.reason)
    return condition_messages.broke_down(run.reason)


def _engine(run: Run) -> Engine:
    return Engine(workflow_id=run.workflow_id, run_id=run.run_id)


def _fields(state: RunState) -> dict[str, Any]:
    """Give the fields that status and state share."""
    return {name: getattr(state, name) for name in ExecutionTree.model_fields}
