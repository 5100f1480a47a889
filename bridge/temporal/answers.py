"""What Temporal's answers say of runs, activities, histories and task queues, as plain values.

Source: Temporal, "Workflow Id and Run Id", "Reset" and "Failures".
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError, FailureError

from api.attempts import WORKER_ENDED_IT, AttemptFailure, Heartbeat
from api.meta import Model, ObjectKey
from api.phases import OperationType
from api.tree import RunState
from bridge.status.merge import PendingActivity, RootRun, RunStatus
from bridge.temporal.calls import TemporalUnreachable, answer_of
from planning.definitions import identifiers, retry
from process.payload_encryption import PayloadDecryptionError
from workflows.contract import root_type

NodeT = TypeVar("NodeT", bound=Model)

FAILING_TASKS = 3
"""Attempts at one workflow task after which the run counts as failing; one or two are a worker's restart."""
_NOT_LATE = frozenset(
    {
        EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
        EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
    }
)
"""Events that a person is to see at once: something failed, or a request or a cancel has come."""

_CLOSED = {
    WorkflowExecutionStatus.COMPLETED: RunStatus.COMPLETED,
    WorkflowExecutionStatus.FAILED: RunStatus.FAILED,
    WorkflowExecutionStatus.CANCELED: RunStatus.CANCELED,
    WorkflowExecutionStatus.TERMINATED: RunStatus.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT: RunStatus.TIMED_OUT,
}


class StartedRun(Model):
    """The run of an execution, from this start or from an earlier one."""

    run_id: str
    searchable: bool = True
    """The server accepted all search attributes."""


class OpenRoot(NamedTuple):
    """An open run of a root's type."""

    workflow_id: str
    run_id: str
    workflow_type: str

    def belongs_to(self, execution: ObjectKey, operation: OperationType) -> bool:
        """Return whether it has the id and a type of the root of an execution, or of its preview."""
        types = {root_type(operation, preview=preview) for preview in (False, True)}
        return self.workflow_type in types and self.workflow_id == identifiers.root_id(operation, execution)


class OpenPart(NamedTuple):
    """An open run of a stage or a DRWorkflow."""

    workflow_id: str
    run_id: str
    root_id: str
    """Workflow id of its root, as the server has it; its own where nobody started it as a child."""


class TaskQueueState(NamedTuple):
    """A task queue, as Temporal counts."""

    pollers: int
    """Processes that polled within the last minutes."""
    backlog: int
    """Tasks that wait."""
    age: float
    """Seconds for which the oldest of them has waited."""


class HistoryPage(Model):
    """One answer to a long poll."""

    events: int
    failed: bool = False
    """Something failed, or a person's request or a cancel has come: that is not to be shown late."""
    decided: bool = False
    """An activity has ended: of a root the first is the one that reads and decides."""
    changed_at: datetime | None = None
    """When the first of the events came; of the first page, which holds all so far, the last."""
    token: bytes | None
    """Where to continue; None when the run has closed."""


def history_page(events: Sequence[HistoryEvent], before: bytes | None, token: bytes | None) -> HistoryPage:
    """Return one answer to a long poll that went on from `before`."""
    failed = any(event.event_type in _NOT_LATE for event in events)
    decided = any(event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED for event in events)
    first = (events[0] if before else events[-1]) if events else None
    changed_at = first.event_time.ToDatetime(UTC) if first is not None else None
    return HistoryPage(events=len(events), failed=failed, decided=decided, changed_at=changed_at, token=token)


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


async def pending_activity(converter: DataConverter, index: int, info: PendingActivityInfo) -> PendingActivity:
    """Return what a pending activity says of its attempts. Raises TemporalUnreachable."""
    failure = info.last_failure if info.HasField("last_failure") else None
    attempt = failure.application_failure_info.details.payloads if failure else ()
    details = await decode(converter, attempt, AttemptFailure)
    heartbeat = await decode(converter, info.heartbeat_details.payloads, Heartbeat)
    scheduled = info.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    return PendingActivity(
        index=index,
        attempt=max(info.attempt, 1),
        waiting=scheduled and info.attempt > 1,
        limit=info.maximum_attempts - 1 if info.maximum_attempts else None,
        errors=details.errors if details else None,
        error=await _message(converter, failure) if failure else "",
        lost=failure is not None
        and (failure.HasField("timeout_failure_info") or failure.application_failure_info.type in WORKER_ENDED_IT),
        waiting_for=heartbeat.waiting_for if heartbeat else "",
        paused=info.paused,
        paused_by=info.pause_info.manual.identity,
        paused_because=info.pause_info.manual.reason,
        next_attempt=next_attempt(info),
    )


async def _message(converter: DataConverter, failure: Failure) -> str:
    """Return the message of a failure, which is in its encoded attributes where payloads are encrypted."""
    if not failure.HasField("encoded_attributes"):
        return failure.message
    plain = Failure(message=failure.message, encoded_attributes=failure.encoded_attributes)
    error = await answer_of(converter.decode_failure(plain))
    return error.message if isinstance(error, FailureError) else failure.message


async def decode(converter: DataConverter, payloads: Sequence[Payload], hint: type[NodeT]) -> NodeT | None:
    """Decode the first payload; None where there is none, or none of this form.

    Raises TemporalUnreachable where it is encrypted with a key that is not there.
    """
    if not payloads:
        return None
    try:
        values = await converter.decode(payloads[:1], [hint])
    except PayloadDecryptionError as error:
        raise TemporalUnreachable(str(error)) from error
    except (ValidationError, RuntimeError, ValueError):
        return None
    return values[0] if values and isinstance(values[0], hint) else None
