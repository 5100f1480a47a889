"""PURE: what becomes of a DRPlan's and a DRWorkflow's status: the lock, the history, the phase.

Source: docs/spec/drplan.md, "Status"; docs/spec/drplanexecution.md, "Starting, queueing, cancelling".
"""

from collections.abc import Sequence
from datetime import datetime

from api.execution import DRPlanExecution
from api.phases import OperationType, Phase, PlanPhase, WorkflowPhase
from api.plan import CurrentExecution, DRPlan, DRPlanStatus, ExecutionRecord
from api.workflow import DRWorkflow, DRWorkflowStatus
from bridge.status import conditions
from bridge.status.conditions import ConditionType, Wanted
from planning.messages import conditions as condition_messages

HISTORY = 10
"""Source: the CRD of existing installations, executionHistory."""


_SUPPORTED = "Supported"
"""A condition of our first release, which could not carry all of a plan out; taken away where it still stands."""


def holds(plan: DRPlan, execution: DRPlanExecution) -> bool:
    """Tell whether this very execution has the plan's lock."""
    lock = plan.status.current_execution
    return lock is not None and lock.name == execution.metadata.name and lock.uid == execution.metadata.uid


def locked(plan: DRPlan, execution: DRPlanExecution, now: datetime) -> DRPlanStatus:
    """The execution takes the plan's lock and enters its history."""
    meta = execution.metadata
    lock = CurrentExecution(name=meta.name, namespace=meta.namespace, uid=meta.uid)
    record = ExecutionRecord(
        name=meta.name,
        namespace=meta.namespace,
        operation_type=execution.spec.operation_type.value,
        phase=Phase.RUNNING.value,
        start_time=now,
    )
    others = [one for one in plan.status.execution_history or [] if not _open_record(one, execution)]
    update = {
        "current_execution": lock,
        "execution_history": [record, *others][:HISTORY],
        "last_execution_ref": meta.name,
        "last_execution_time": now,
    }
    return plan.status.model_copy(update=update)


def _open_record(record: ExecutionRecord, execution: DRPlanExecution) -> bool:
    """Tell whether a record is of this execution, and not closed yet."""
    meta = execution.metadata
    return (record.name, record.namespace) == (meta.name, meta.namespace) and record.phase == Phase.RUNNING


def settled(plan: DRPlan, execution: DRPlanExecution, now: datetime) -> DRPlanStatus:
    """The execution has ended: its lock is released, its record closed, the phase follows."""
    status = plan.status
    if holds(plan, execution):
        status = status.model_copy(update={"current_execution": None})
    history = status.execution_history or []
    if not any(_open_record(record, execution) for record in history):
        return status
    closed = [_closed(record, execution, now) if _open_record(record, execution) else record for record in history]
    return _with_phase(plan, status.model_copy(update={"execution_history": closed}), execution, now)


def _closed(record: ExecutionRecord, execution: DRPlanExecution, now: datetime) -> ExecutionRecord:
    status = execution.status
    return record.model_copy(
        update={
            "phase": (status.phase or Phase.FAILED).value,
            "start_time": status.start_time or record.start_time,
            "completion_time": status.completion_time or now,
        }
    )


def _with_phase(plan: DRPlan, status: DRPlanStatus, execution: DRPlanExecution, now: datetime) -> DRPlanStatus:
    """Executed after a Succeeded Execute, Ready again after the Succeeded Revert of it."""
    if execution.status.phase is not Phase.SUCCEEDED:
        return status
    name = execution.metadata.name
    if execution.spec.operation_type is OperationType.EXECUTE:
        change = conditions.wanted(ConditionType.EXECUTED, True, "Executed", condition_messages.executed(name))
    elif _standing(status) in (None, execution.spec.revert_execution_ref):
        change = conditions.wanted(ConditionType.EXECUTED, False, "TakenBack", condition_messages.taken_back(name))
    else:
        return status
    status = status.model_copy(
        update={"conditions": conditions.updated(status.conditions, [change], now, plan.metadata.generation)}
    )
    return status.model_copy(update={"phase": _phase(status, invalid=status.phase is PlanPhase.INVALID)})


def _standing(status: DRPlanStatus) -> str | None:
    """Give the last Execute that succeeded, where the history still holds it."""
    return next(
        (
            record.name
            for record in status.execution_history or []
            if record.operation_type == OperationType.EXECUTE and record.phase == Phase.SUCCEEDED
        ),
        None,
    )


def _phase(status: DRPlanStatus, *, invalid: bool) -> PlanPhase:
    """Derive the phase; what an older controller wrote stands in for a condition that it did not know."""
    if invalid:
        return PlanPhase.INVALID
    executed = conditions.find(status.conditions, ConditionType.EXECUTED)
    stands = executed.status == "True" if executed else status.phase is PlanPhase.EXECUTED
    return PlanPhase.EXECUTED if stands else PlanPhase.READY


def judged(plan: DRPlan, problems: Sequence[str], now: datetime) -> DRPlanStatus:
    """Say whether the plan is valid."""
    generation = plan.metadata.generation
    status = plan.status.model_copy(update={"phase": _phase(plan.status, invalid=bool(problems))})
    known = [condition for condition in status.conditions or [] if condition.type != _SUPPORTED]
    update = {
        "conditions": conditions.updated(known, [_validity(problems)], now, generation),
        "observed_generation": generation,
    }
    return status.model_copy(update=update)


def judged_workflow(dr_workflow: DRWorkflow, problems: Sequence[str], now: datetime) -> DRWorkflowStatus:
    """Say whether the DRWorkflow is valid."""
    generation = dr_workflow.metadata.generation
    changes = [_validity(problems)]
    update = {
        "phase": WorkflowPhase.INVALID if problems else WorkflowPhase.READY,
        "conditions": conditions.updated(dr_workflow.status.conditions, changes, now, generation),
        "observed_generation": generation,
    }
    return dr_workflow.status.model_copy(update=update)


def _validity(problems: Sequence[str]) -> Wanted:
    message = condition_messages.invalid(problems) if problems else condition_messages.VALID
    return conditions.wanted(ConditionType.VALID, not problems, "Invalid" if problems else "Valid", message)
