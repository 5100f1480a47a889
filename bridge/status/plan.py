"""The next status of a DRPlan and of a DRWorkflow: the lock, the history, the phase.

Source: docs/spec/drplan.md, "Status"; docs/spec/drplanexecution.md, "Starting, queueing, cancelling".
"""

from collections.abc import Sequence
from datetime import datetime

from api.execution import DRPlanExecution
from api.meta import Condition, ConditionStatus
from api.phases import TERMINAL, OperationType, Phase, PlanPhase, WorkflowPhase
from api.plan import CurrentExecution, DRPlan, DRPlanStatus, ExecutionRecord
from api.workflow import DRWorkflow, DRWorkflowStatus
from bridge.status import conditions
from bridge.status.conditions import ConditionType, ConditionUpdate
from planning.messages import runs as run_messages

HISTORY = 10
"""Source: the CRD of existing installations, executionHistory."""

_SUPPORTED = "Supported"
"""A condition that only release 0.1 wrote; removed where it is still there."""


def take_lock(plan: DRPlan, execution: DRPlanExecution, now: datetime) -> DRPlanStatus:
    """Return the status in which the execution has the plan's lock and an open record in its history."""
    meta = execution.metadata
    lock = CurrentExecution(name=meta.name, namespace=meta.namespace, uid=meta.uid)
    record = ExecutionRecord(
        name=meta.name,
        namespace=meta.namespace,
        operation_type=execution.spec.operation_type.value,
        phase=Phase.RUNNING.value,
        start_time=now,
    )
    others = [each for each in plan.status.execution_history or [] if not _is_open_record(each, execution)]
    update = {
        "current_execution": lock,
        "execution_history": [record, *others][:HISTORY],
        "last_execution_ref": meta.name,
        "last_execution_time": now,
    }
    return plan.status.model_copy(update=update)


def is_open(record: ExecutionRecord) -> bool:
    """Return whether a record is of an execution that has not ended; the older controller left it Pending meanwhile."""
    return record.phase not in TERMINAL


def _is_open_record(record: ExecutionRecord, execution: DRPlanExecution) -> bool:
    meta = execution.metadata
    return (record.name, record.namespace) == (meta.name, meta.namespace) and is_open(record)


def release_lock(plan: DRPlan, execution: DRPlanExecution, now: datetime) -> DRPlanStatus:
    """Return the status after the end of an execution: without its lock, its record closed, the phase changed."""
    status = plan.status
    if plan.locked_by(execution.metadata.key):
        status = status.model_copy(update={"current_execution": None})
    if not any(_is_open_record(record, execution) for record in status.execution_history or []):
        return status
    return _with_phase(plan, with_closed_record(status, execution, now), execution, now)


def with_closed_record(status: DRPlanStatus, execution: DRPlanExecution, now: datetime) -> DRPlanStatus:
    """Return the status with the open record of an execution closed as that ended."""
    closed = [
        _closed(record, execution, now) if _is_open_record(record, execution) else record
        for record in status.execution_history or []
    ]
    return status.model_copy(update={"execution_history": closed})


def _closed(record: ExecutionRecord, execution: DRPlanExecution, now: datetime) -> ExecutionRecord:
    status = execution.status
    update = {
        "phase": (status.phase or Phase.FAILED).value,
        "start_time": status.start_time or record.start_time,
        "completion_time": status.completion_time or now,
        "working": status.timing.working if status.timing else None,
        "in_effect": status.in_effect if status.phase is Phase.SUCCEEDED else None,
    }
    return record.model_copy(update=update)


def _with_phase(plan: DRPlan, status: DRPlanStatus, execution: DRPlanExecution, now: datetime) -> DRPlanStatus:
    """Return Executed after a Succeeded Execute, Ready after the Succeeded Revert of the last one.

    The conditions tell what is in effect, also after an execution that did a part only.
    """
    updates = [update for update in (_executed(status, execution), _clean(execution)) if update is not None]
    if not updates:
        return status
    status = status.model_copy(
        update={"conditions": conditions.updated(status.conditions, updates, now, plan.metadata.generation)}
    )
    if execution.status.phase is not Phase.SUCCEEDED:
        return status
    return status.model_copy(update={"phase": _phase(status, invalid=status.phase is PlanPhase.INVALID)})


def _executed(status: DRPlanStatus, execution: DRPlanExecution) -> ConditionUpdate | None:
    """Return whether an Execute is in effect; None where the execution changed nothing.

    Only an execution that succeeded changes whether one is, for the plan's phase rests on it; the reason tells more.
    """
    name, phase, original = execution.metadata.name, execution.status.phase, execution.spec.revert_execution_ref or ""
    in_effect, (done, total) = is_executed(status), _done(execution)
    is_execute = execution.spec.operation_type is OperationType.EXECUTE
    # What a Revert with a selection leaves is in effect until one without has succeeded.
    if phase is not Phase.SUCCEEDED or execution.spec.only is not None:
        if phase is None or not done:
            return None
        reason, message = "PartlyExecuted", run_messages.partly_executed(name, phase, done, total)
        if not is_execute:
            reason, message = "PartlyReverted", run_messages.partly_reverted(name, original, phase, done, total)
        return ConditionUpdate(ConditionType.EXECUTED, in_effect, reason, message)
    if is_execute:
        return ConditionUpdate(ConditionType.EXECUTED, True, "Executed", run_messages.executed(name))
    if (named := execution.status.in_effect) is not None:
        return _executed_before(status, named)
    last = last_execute(status)
    if execution.spec.revert_to is not None or last in (None, original):
        clean = conditions.find(execution.status.conditions, ConditionType.CLEAN)
        if clean is not None and clean.status is ConditionStatus.FALSE:
            message = run_messages.partly_reverted(name, original, phase, done, total)
            return ConditionUpdate(ConditionType.EXECUTED, False, "PartlyReverted", message)
        return ConditionUpdate(ConditionType.EXECUTED, False, "TakenBack", run_messages.taken_back(name))
    return ConditionUpdate(ConditionType.EXECUTED, True, "Executed", run_messages.executed(last)) if in_effect else None


def last_execute(status: DRPlanStatus) -> str | None:
    """Return the last Execute that succeeded, or that to which a later Revert returned, as far as the history goes."""
    for record in status.execution_history or []:
        if record.phase == Phase.SUCCEEDED:
            name = record.name if record.operation_type == OperationType.EXECUTE else record.in_effect
            if name is not None:
                return name
    return None


def _executed_before(status: DRPlanStatus, name: str) -> ConditionUpdate:
    """Return that the execution of this name is in effect, to which a Revert has returned; it may have done a part."""
    record = next((one for one in status.execution_history or [] if one.name == name), None)
    ended = record.phase if record is not None else None
    if ended is None or ended == Phase.SUCCEEDED:
        return ConditionUpdate(ConditionType.EXECUTED, True, "Executed", run_messages.executed(name))
    message = run_messages.partly_in_effect(name, ended)
    return ConditionUpdate(ConditionType.EXECUTED, False, "PartlyExecuted", message)


def _clean(execution: DRPlanExecution) -> ConditionUpdate | None:
    """Return what is in effect or left standing after an execution; None where it changed nothing."""
    name, (done, _) = execution.metadata.name, _done(execution)
    if execution.spec.operation_type is OperationType.EXECUTE:
        if not done:
            return None
        return ConditionUpdate(ConditionType.CLEAN, False, "InEffect", run_messages.stands(name, done))
    clean = conditions.find(execution.status.conditions, ConditionType.CLEAN)
    if clean is None or clean.status is ConditionStatus.UNKNOWN:
        return None
    is_clean = clean.status is ConditionStatus.TRUE
    return ConditionUpdate(ConditionType.CLEAN, is_clean, clean.reason, run_messages.clean_after(name, clean.message))


def _done(execution: DRPlanExecution) -> tuple[int, int]:
    """Return how many of the actions succeeded, and how many there are."""
    summary = execution.status.summary
    return (summary.succeeded_actions, summary.total_actions) if summary else (0, 0)


def is_executed(status: DRPlanStatus) -> bool:
    """Return whether an Execute is in effect; the older controller wrote no condition, so its phase counts instead."""
    condition = conditions.find(status.conditions, ConditionType.EXECUTED)
    return condition.status is ConditionStatus.TRUE if condition else status.phase is PlanPhase.EXECUTED


def _phase(status: DRPlanStatus, *, invalid: bool) -> PlanPhase:
    if invalid:
        return PlanPhase.INVALID
    return PlanPhase.EXECUTED if is_executed(status) else PlanPhase.READY


def validated(plan: DRPlan, errors: Sequence[str], now: datetime, warnings: Sequence[str] = ()) -> DRPlanStatus:
    """Return the status that says whether the plan is valid, and of a valid one what is worth knowing."""
    generation = plan.metadata.generation
    update = {
        "phase": _phase(plan.status, invalid=bool(errors)),
        "conditions": _with_validity(plan.status.conditions, errors, warnings, now, generation),
        "observed_generation": generation,
    }
    return plan.status.model_copy(update=update)


def validated_dr_workflow(
    dr_workflow: DRWorkflow, errors: Sequence[str], now: datetime, warnings: Sequence[str] = ()
) -> DRWorkflowStatus:
    """Return the status that says whether the DRWorkflow is valid, and of a valid one what is worth knowing."""
    generation = dr_workflow.metadata.generation
    update = {
        "phase": WorkflowPhase.INVALID if errors else WorkflowPhase.READY,
        "conditions": _with_validity(dr_workflow.status.conditions, errors, warnings, now, generation),
        "observed_generation": generation,
    }
    return dr_workflow.status.model_copy(update=update)


def _with_validity(
    before: Sequence[Condition] | None,
    errors: Sequence[str],
    warnings: Sequence[str],
    now: datetime,
    generation: int,
) -> list[Condition]:
    """Return the conditions with Valid; and with Ready and, of what is invalid, Stalled, which programs look for.

    Without Stalled, Flux and others would take an object that is not ready for one that is about to be.
    Source: sigs.k8s.io/cli-utils, pkg/kstatus, "Conditions".
    """
    reason, message = "Valid", run_messages.valid(warnings)
    if errors:
        reason, message = "Invalid", run_messages.invalid(errors)
    updates = [
        ConditionUpdate(kind, not errors, reason, message) for kind in (ConditionType.VALID, ConditionType.READY)
    ]
    if errors:
        updates.append(ConditionUpdate(ConditionType.STALLED, True, reason, message))
    gone = {_SUPPORTED} if errors else {_SUPPORTED, ConditionType.STALLED}
    known = [condition for condition in before or [] if condition.type not in gone]
    return conditions.updated(known, updates, now, generation)
