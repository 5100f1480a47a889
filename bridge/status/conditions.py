"""PURE: the conditions of the three kinds. `lastTransitionTime` moves only when a status flips.

Source: Kubernetes API conventions, "Typical status properties"; docs/spec/drplanexecution.md, "Conditions".
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from api.execution import RunState
from api.meta import Condition, ConditionStatus, Model
from api.phases import OperationType, Phase
from planning.messages import actions as action_messages
from planning.messages import conditions as condition_messages


class ConditionType(StrEnum):
    """Every condition that the bridge writes."""

    COMPLETED = "Completed"
    """True for every terminal phase, so that `kubectl wait --for=condition=Completed` always returns."""
    SUCCEEDED = "Succeeded"
    PROGRESSING = "Progressing"
    """True while the workflow runs; False while it waits, with the reason, and at the end."""
    REFERENCES_FOUND = "ReferencesFound"
    """False since when a reference is missing."""
    CLEAN = "Clean"
    """Of a Revert: whether skipped parts left objects standing."""
    DEFINITIONS_KEPT = "DefinitionsKept"
    """Of a Revert: whether it works with the definitions as they were at the Execute."""
    ENGINE_REACHABLE = "EngineReachable"
    """False since when the status cannot be brought up to date."""
    CANCEL_REQUESTED = "CancelRequested"
    """Its reason goes from Requested to Accepted to Effective."""
    SEARCHABLE = "Searchable"
    """False where the engine refused the search attributes."""
    VALID = "Valid"
    """Of a DRPlan or DRWorkflow."""
    EXECUTED = "Executed"
    """Of a DRPlan: whether an Execute of it stands."""


WAITING_FOR_REFERENCE = "WaitingForReference"
"""Reason while something that an execution refers to is missing."""
WAITING_FOR_PLAN = "WaitingForPlan"
"""Reason while another execution runs the plan, or is to run it first."""
ENGINE_UNAVAILABLE = "EngineUnavailable"
"""Reason while Temporal does not answer."""


_BOUNDS = {ConditionType.VALID: condition_messages.ERRORS_BOUND}
"""Bytes of a message, where they are not those of all conditions."""


class Wanted(Model):
    """A condition without its times."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str = ""


def wanted(kind: ConditionType, truth: bool | None, reason: str, message: str = "") -> Wanted:
    """Say what a condition shall be; a truth of None is Unknown."""
    status = {True: ConditionStatus.TRUE, False: ConditionStatus.FALSE, None: ConditionStatus.UNKNOWN}[truth]
    return Wanted(type=kind, status=status, reason=reason, message=message)


def find(conditions: Iterable[Condition] | None, kind: ConditionType) -> Condition | None:
    """Give the condition of that type."""
    return next((condition for condition in conditions or [] if condition.type == kind), None)


def updated(
    conditions: Sequence[Condition] | None, changes: Iterable[Wanted], now: datetime, generation: int | None
) -> list[Condition]:
    """Give the conditions with `changes` made; others stay as and where they are."""
    result = {condition.type: condition for condition in conditions or []}
    for change in changes:
        result[change.type] = _moved(result.get(change.type), change, now, generation)
    return list(result.values())


def _moved(before: Condition | None, change: Wanted, now: datetime, generation: int | None) -> Condition:
    since = before.last_transition_time if before and before.status == change.status else now.replace(microsecond=0)
    return Condition(
        type=change.type,
        status=change.status,
        reason=change.reason,
        message=action_messages.bounded(change.message, _BOUNDS.get(change.type, condition_messages.CONDITION_BOUND)),
        last_transition_time=since,
        observed_generation=generation,
    )


def of_phase(phase: Phase, message: str = "", reason: str = "") -> list[Wanted]:
    """Give Completed, Succeeded and Progressing; `reason` replaces the phase where it waits."""
    over, why = phase.terminal, reason or phase.value
    succeeded = phase is Phase.SUCCEEDED if over else None
    said = message if over else ""
    return [
        wanted(ConditionType.COMPLETED, over, phase.value, said),
        wanted(ConditionType.SUCCEEDED, succeeded, phase.value, said),
        wanted(ConditionType.PROGRESSING, phase is Phase.RUNNING, why, "" if over else message),
    ]


def of_remains(operation: OperationType, state: RunState | None) -> list[Wanted]:
    """Give Clean for a Revert that has ended; Unknown where nothing is known of its end."""
    if operation is not OperationType.REVERT:
        return []
    if state is None or not state.stages:
        # It broke, or it ended before anything was looked at.
        return [wanted(ConditionType.CLEAN, None, "OutcomeUnknown")]
    if state.left_standing:
        message = condition_messages.left_standing(state.left_standing)
        return [wanted(ConditionType.CLEAN, False, "ObjectsLeftStanding", message)]
    if state.phase is not Phase.SUCCEEDED:
        return [wanted(ConditionType.CLEAN, False, "RollbackIncomplete", condition_messages.ROLLBACK_INCOMPLETE)]
    return [wanted(ConditionType.CLEAN, True, "NothingLeftStanding", condition_messages.NOTHING_LEFT_STANDING)]


def of_definitions(operation: OperationType, state: RunState | None) -> list[Wanted]:
    """Give DefinitionsKept for a Revert whose tree is known: which definitions it works with."""
    if operation is not OperationType.REVERT or state is None or not state.stages:
        return []
    if state.definitions_of_today:
        return [
            wanted(ConditionType.DEFINITIONS_KEPT, False, "CurrentOnesUsed", condition_messages.DEFINITIONS_OF_TODAY)
        ]
    return [wanted(ConditionType.DEFINITIONS_KEPT, True, "AsExecuted", condition_messages.DEFINITIONS_KEPT)]


def engine_reachable() -> Wanted:
    """Temporal and worker answered."""
    return wanted(ConditionType.ENGINE_REACHABLE, True, "Reachable", condition_messages.ENGINE_REACHABLE)


def engine_unreachable(reason: str, message: str) -> Wanted:
    """Temporal or the worker did not answer, or cannot go on."""
    return wanted(ConditionType.ENGINE_REACHABLE, False, reason, message)


def of_references(missing: str | None) -> Wanted:
    """Give ReferencesFound; `missing` says what is waited for."""
    if missing is not None:
        return wanted(ConditionType.REFERENCES_FOUND, False, WAITING_FOR_REFERENCE, missing)
    return wanted(ConditionType.REFERENCES_FOUND, True, "Found", condition_messages.REFERENCES_FOUND)


def cancel_taken(conditions: Iterable[Condition] | None) -> bool:
    """Tell whether the engine is known to have taken a cancel."""
    condition = find(conditions, ConditionType.CANCEL_REQUESTED)
    return condition is not None and condition.reason != "Requested"


def of_cancel(*, asked: bool, taken: bool, phase: Phase) -> list[Wanted]:
    """Give CancelRequested: asked for by a person, taken by the engine, effective at the end."""
    if not asked and not taken:
        return []
    reason, message = "Requested", condition_messages.CANCEL_REQUESTED
    if phase.terminal and phase is not Phase.SUCCEEDED and taken:
        reason, message = "Effective", condition_messages.cancel_effective(phase)
    elif phase.terminal:
        reason, message = "TooLate", condition_messages.CANCEL_TOO_LATE
    elif taken:
        reason, message = "Accepted", condition_messages.CANCEL_ACCEPTED
    return [wanted(ConditionType.CANCEL_REQUESTED, True, reason, message)]
