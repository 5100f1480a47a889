"""What Temporal's answers say of a run, as plain values.

Source: Temporal, "Workflow Id and Run Id", "Reset" and "Failures".
"""

from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError, FailureError

from api.tree import RunState
from bridge.status.merge import RootRun, RunStatus
from planning.definitions import retry

FAILING_TASKS = 3
"""Attempts at one workflow task after which the run counts as failing; one or two are a worker's restart."""

_CLOSED = {
    WorkflowExecutionStatus.COMPLETED: RunStatus.COMPLETED,
    WorkflowExecutionStatus.FAILED: RunStatus.FAILED,
    WorkflowExecutionStatus.CANCELED: RunStatus.CANCELED,
    WorkflowExecutionStatus.TERMINATED: RunStatus.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT: RunStatus.TIMED_OUT,
}


def first_run_id(description: WorkflowExecutionDescription) -> str:
    """Return the first run of the chain of resets that a run belongs to; only the server can set it."""
    return description.raw_description.workflow_execution_info.first_run_id


def next_attempt(info: PendingActivityInfo) -> datetime | None:
    """Return when the next attempt begins, if that is worth being told: the pause is the server's or the policy's."""
    if not info.HasField("next_attempt_schedule_time"):
        return None
    failed = info.last_attempt_complete_time.ToDatetime(UTC)
    return retry.told_time(failed, info.next_attempt_schedule_time.ToDatetime(UTC))


def root_run(description: WorkflowExecutionDescription) -> RootRun:
    """Return what the server says of a run."""
    raw = description.raw_description
    status = description.status
    return RootRun(
        workflow_id=description.id,
        run_id=description.run_id,
        status=RunStatus.OPEN if status is None else _CLOSED.get(status, RunStatus.OPEN),
        start_time=description.start_time,
        close_time=description.close_time,
        cancel_requested=raw.workflow_extended_info.cancel_requested,
        failing=raw.pending_workflow_task.attempt >= FAILING_TASKS,
    )


def failure_of(cause: BaseException | None) -> dict[str, Any]:
    """Return why a run failed, and its final tree where it left one."""
    reason = cause.message if isinstance(cause, FailureError) else str(cause)
    details = cause.details if isinstance(cause, ApplicationError) else ()
    try:
        return {"cause": reason, "state": RunState.model_validate(details[0]) if details else None}
    except ValidationError:
        return {"cause": reason}
