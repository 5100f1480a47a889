"""The conditions of the three kinds. `lastTransitionTime` changes only when a condition's status does.

Source: Kubernetes API conventions, "Typical status properties"; docs/spec/drplanexecution.md, "Conditions".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from api.meta import Condition, ConditionStatus
from api.phases import OperationType, Phase
from api.proof import ProofResult
from api.requests import Pause
from api.tree import ExecutionTree, RunState
from planning.messages import proof as proof_messages
from planning.messages import requests as request_messages
from planning.messages import runs as run_messages
from planning.messages.text import bounded


class ConditionType(StrEnum):
    """Every condition that the bridge writes."""

    COMPLETED = "Completed"
    """True for every terminal phase, so that `kubectl wait --for=condition=Completed` always returns."""
    SUCCEEDED = "Succeeded"
    PROGRESSING = "Progressing"
    """True while the workflow runs; False while it waits, with the reason, and at the end."""
    REFERENCES_FOUND = "ReferencesFound"
    """False since a reference is missing."""
    CLEAN = "Clean"
    """Of a Revert: False where it, or parts that were skipped, left objects standing. Of a DRPlan: after its last
    execution."""
    DEFINITIONS_KEPT = "DefinitionsKept"
    """Of a Revert: False where it works with other definitions than the Execute did."""
    LEDGER_INTACT = "LedgerIntact"
    """Of a Revert: False where the original's ledger was altered or is gone, so that nothing was rolled back."""
    VERIFIED = "Verified"
    """Of a Revert that has ended: whether every object is as it was before the Execute."""
    EXECUTABLE = "Executable"
    """Of a preview of an Execute: False where there are obstacles."""
    REVERTIBLE = "Revertible"
    """Of a preview of a Revert: False where there are obstacles."""
    AS_PREVIEWED = "AsPreviewed"
    """Of an execution with a `previewDigest`: False where it was refused because something is not as it was shown."""
    ENGINE_REACHABLE = "EngineReachable"
    """False since the status cannot be brought up to date."""
    CANCEL_REQUESTED = "CancelRequested"
    """Its reason changes from Requested to Accepted to Effective."""
    PAUSED = "Paused"
    """True while a person's pause, or an action that waits for a decision, keeps the run from going on."""
    SEARCHABLE = "Searchable"
    """False where Temporal refused the search attributes."""
    VALID = "Valid"
    """Of a DRPlan or DRWorkflow."""
    STALLED = "Stalled"
    """Of a DRPlan or DRWorkflow that is not valid, and only then: it will not become ready by itself."""
    READY = "Ready"
    """Of a DRPlan or DRWorkflow, the same as Valid: for programs that know the name. The older controller wrote it."""
    EXECUTED = "Executed"
    """Of a DRPlan: True after an Execute that no Revert has undone."""


WAITING_FOR_REFERENCE = "WaitingForReference"
"""Reason while something that an execution refers to is missing."""
WAITING_FOR_PLAN = "WaitingForPlan"
"""Reason while another execution runs the plan, or is to run it first."""
WAITING_FOR_START = "WaitingForStart"
"""Reason while an execution is one of many that are about to be started."""
ENGINE_UNAVAILABLE = "EngineUnavailable"
"""Reason while Temporal does not answer."""
WORKER_UNAVAILABLE = "WorkerUnavailable"
"""Reason while Temporal answers, and no worker does."""
WORKER_FAILING = "WorkerFailing"
"""Reason while the worker cannot continue the run."""
OBJECTS_LEFT_STANDING = "ObjectsLeftStanding"
"""Reason where parts of the original that were skipped left objects behind."""
NOT_CHECKED = "NotChecked"
"""Reason where it could not be checked whether all is as before."""
CANCEL_NOT_ACCEPTED = "Requested"
"""Reason while Temporal has not been told of a cancel."""

_MESSAGE_BOUNDS = dict.fromkeys(
    (ConditionType.VALID, ConditionType.READY, ConditionType.STALLED), run_messages.ERRORS_BOUND
)
"""Bytes of a message, for conditions that may have more than the others."""
_STATUS = {True: ConditionStatus.TRUE, False: ConditionStatus.FALSE, None: ConditionStatus.UNKNOWN}


@dataclass(frozen=True)
class ConditionUpdate:
    """What a condition is to say; a `status` of None is Unknown."""

    type: ConditionType
    status: bool | None
    reason: str
    message: str = ""


def find(conditions: Iterable[Condition] | None, kind: ConditionType) -> Condition | None:
    """Return the condition of that type, if there is one."""
    return next((condition for condition in conditions or [] if condition.type == kind), None)


def updated(
    conditions: Sequence[Condition] | None, updates: Iterable[ConditionUpdate], now: datetime, generation: int | None
) -> list[Condition]:
    """Return the conditions after some updates; the others keep their place and content."""
    result = {condition.type: condition for condition in conditions or []}
    for update in updates:
        before, status = result.get(update.type), _STATUS[update.status]
        bound = _MESSAGE_BOUNDS.get(update.type, run_messages.CONDITION_BOUND)
        same = before is not None and before.status == status
        result[update.type] = Condition(
            type=update.type,
            status=status,
            reason=update.reason,
            message=bounded(update.message, bound),
            last_transition_time=before.last_transition_time if before and same else now.replace(microsecond=0),
            observed_generation=generation,
        )
    return list(result.values())


def of_phase(phase: Phase, message: str = "", reason: str = "") -> list[ConditionUpdate]:
    """Return Completed, Succeeded and Progressing; `reason` says why an execution is Pending."""
    ended = phase.terminal
    succeeded = phase is Phase.SUCCEEDED if ended else None
    last_message, current_message = (message, "") if ended else ("", message)
    return [
        ConditionUpdate(ConditionType.COMPLETED, ended, phase.value, last_message),
        ConditionUpdate(ConditionType.SUCCEEDED, succeeded, phase.value, last_message),
        ConditionUpdate(ConditionType.PROGRESSING, phase is Phase.RUNNING, reason or phase.value, current_message),
    ]


def of_remains(operation: OperationType, state: RunState | None) -> list[ConditionUpdate]:
    """Return Clean for a Revert that has ended; Unknown where it broke, or ended before it read any object."""
    if operation is not OperationType.REVERT:
        return []
    clean: bool | None = True
    reason, message = "NothingLeftStanding", run_messages.NOTHING_LEFT_STANDING
    if state is None or not state.stages:
        clean, reason, message = None, "OutcomeUnknown", ""
    elif state.left_standing or (state.not_deleted and state.phase is Phase.SUCCEEDED):
        # With a success, `not_deleted` is what a person skipped.
        clean, reason = False, OBJECTS_LEFT_STANDING
        message = run_messages.left_standing([*(state.not_deleted or []), *state.left_standing])
    elif state.phase is not Phase.SUCCEEDED:
        clean, reason, message = False, "RollbackIncomplete", run_messages.rollback_incomplete(state.not_deleted or [])
    return [ConditionUpdate(ConditionType.CLEAN, clean, reason, message)]


def of_proof(tree: ExecutionTree | None) -> list[ConditionUpdate]:
    """Return Verified of a Revert that was checked; Unknown while it is to be checked again, unless something differs.

    Nothing where there is no proof, as of runs of earlier releases.
    """
    proof = tree.proof if tree is not None else None
    if tree is None or proof is None:
        return []
    found = [action.proof for stage in tree.stages for action in stage.actions if action.proof]
    if proof.error:
        verified, reason, message = None, NOT_CHECKED, proof_messages.not_checked(proof.error)
    elif proof.differing:
        differences = [each.message for each in found if each.result is ProofResult.DIFFERS and each.message]
        verified, reason, message = False, "Differs", proof_messages.differs(proof, differences)
    elif proof.unknown:
        not_known = (ProofResult.NOT_RECORDED, ProofResult.UNREADABLE)
        reasons = [each.message for each in found if each.result in not_known and each.message]
        verified, reason, message = None, "NotKnown", proof_messages.not_known(proof, reasons)
    else:
        verified, reason, message = True, "AsBefore", proof_messages.verified(proof)
    if proof.next_check_at is not None:
        verified, reason = (None, "Soaking") if verified else (verified, reason)
        message = proof_messages.checked_again(message, proof.next_check_at)
    return [ConditionUpdate(ConditionType.VERIFIED, verified, reason, message)]


def of_definitions(operation: OperationType, state: RunState | None) -> list[ConditionUpdate]:
    """Return DefinitionsKept for a Revert whose tree is known."""
    if operation is not OperationType.REVERT or state is None or not state.stages:
        return []
    kept, reason, message = True, "AsExecuted", run_messages.DEFINITIONS_KEPT
    if state.definitions_of_today:
        kept, reason, message = False, "CurrentOnesUsed", run_messages.DEFINITIONS_OF_TODAY
    return [ConditionUpdate(ConditionType.DEFINITIONS_KEPT, kept, reason, message)]


def condition_for(operation: OperationType) -> ConditionType:
    """Return the condition with what a preview or a rehearsal of an operation found."""
    return ConditionType.EXECUTABLE if operation is OperationType.EXECUTE else ConditionType.REVERTIBLE


def of_refused_preview(operation: OperationType, message: str) -> ConditionUpdate:
    """Return Executable or Revertible of a preview of what would not even be started."""
    return ConditionUpdate(condition_for(operation), False, "Refused", message)


def of_preview(operation: OperationType, state: RunState | None) -> list[ConditionUpdate]:
    """Return Executable or Revertible of a preview; Unknown where it could not be made."""
    kind = condition_for(operation)
    if state is None or state.preview is None:
        return [ConditionUpdate(kind, None, "NotKnown", (state.message if state else "") or "")]
    if state.preview.obstacle_count:
        return [ConditionUpdate(kind, False, "Obstructed", run_messages.obstructed(state.preview))]
    return [ConditionUpdate(kind, True, "NoObstacles", run_messages.NO_OBSTACLES)]


def as_previewed(state: RunState | None) -> list[ConditionUpdate]:
    """Return AsPreviewed of an execution that was compared with its preview; nothing for all others."""
    if state is None or state.preview is None:
        return []
    if state.preview.differences:
        return [ConditionUpdate(ConditionType.AS_PREVIEWED, False, "Changed", state.message or "")]
    return [ConditionUpdate(ConditionType.AS_PREVIEWED, True, "AsShown", run_messages.AS_PREVIEWED)]


def of_ledger(state: RunState | None) -> list[ConditionUpdate]:
    """Return LedgerIntact for a Revert that could not use the ledger of its original; nothing for all others."""
    if state is None or state.ledger_fault is None:
        return []
    return [ConditionUpdate(ConditionType.LEDGER_INTACT, False, state.ledger_fault.value, state.message or "")]


def of_pause(
    conditions: Iterable[Condition] | None, pause: Pause | None, waiting: Sequence[str]
) -> list[ConditionUpdate]:
    """Return Paused; nothing where the run never was. `waiting` are the paths of actions that need a decision."""
    if pause is not None:
        return [ConditionUpdate(ConditionType.PAUSED, True, "Requested", request_messages.paused(pause))]
    if waiting:
        message = request_messages.waiting_for_decision(waiting)
        return [ConditionUpdate(ConditionType.PAUSED, True, "AwaitingPeople", message)]
    if find(conditions, ConditionType.PAUSED) is None:
        return []
    return [ConditionUpdate(ConditionType.PAUSED, False, "NotPaused", "")]


def of_engine(problem: str = "", message: str = run_messages.ENGINE_REACHABLE) -> ConditionUpdate:
    """Return EngineReachable; `problem` is the reason why Temporal or the worker does not answer, or cannot go on."""
    return ConditionUpdate(ConditionType.ENGINE_REACHABLE, not problem, problem or "Reachable", message)


def engine_problem(conditions: Iterable[Condition] | None) -> str:
    """Return the reason why the status cannot be brought up to date; empty while it can."""
    condition = find(conditions, ConditionType.ENGINE_REACHABLE)
    return condition.reason if condition and condition.status is ConditionStatus.FALSE else ""


def unreachable_since(conditions: Iterable[Condition] | None) -> datetime | None:
    """Return since when the status cannot be brought up to date; None while it can."""
    condition = find(conditions, ConditionType.ENGINE_REACHABLE)
    return condition.last_transition_time if condition and condition.status is ConditionStatus.FALSE else None


def of_references(missing: str | None) -> ConditionUpdate:
    """Return ReferencesFound; `missing` says what is waited for, None where everything exists."""
    if missing is not None:
        return ConditionUpdate(ConditionType.REFERENCES_FOUND, False, WAITING_FOR_REFERENCE, missing)
    return ConditionUpdate(ConditionType.REFERENCES_FOUND, True, "Found", run_messages.REFERENCES_FOUND)


def references_found(conditions: Iterable[Condition] | None) -> list[ConditionUpdate]:
    """Return ReferencesFound as True where it is there already; nothing where no reference was ever missing."""
    return [] if find(conditions, ConditionType.REFERENCES_FOUND) is None else [of_references(None)]


def missing_since(conditions: Iterable[Condition] | None) -> datetime | None:
    """Return since when a reference is missing; None while none is."""
    condition = find(conditions, ConditionType.REFERENCES_FOUND)
    missing = condition is not None and condition.reason == WAITING_FOR_REFERENCE
    return condition.last_transition_time if condition and missing else None


def cancel_accepted(conditions: Iterable[Condition] | None) -> bool:
    """Return whether Temporal is known to have accepted a cancel."""
    condition = find(conditions, ConditionType.CANCEL_REQUESTED)
    return condition is not None and condition.reason != CANCEL_NOT_ACCEPTED


def of_cancel(*, requested: bool, accepted: bool, phase: Phase) -> list[ConditionUpdate]:
    """Return CancelRequested: requested by a person, accepted by Temporal, effective at the end."""
    if not requested and not accepted:
        return []
    if phase.terminal and phase is not Phase.SUCCEEDED and accepted:
        reason, message = "Effective", run_messages.cancel_effective(phase)
    elif phase.terminal:
        reason, message = "TooLate", run_messages.CANCEL_TOO_LATE
    elif accepted:
        reason, message = "Accepted", run_messages.CANCEL_ACCEPTED
    else:
        reason, message = CANCEL_NOT_ACCEPTED, run_messages.CANCEL_REQUESTED
    return [ConditionUpdate(ConditionType.CANCEL_REQUESTED, True, reason, message)]
