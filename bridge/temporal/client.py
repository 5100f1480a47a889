"""The bridge's one door to Temporal: start exactly once, describe, query, follow, cancel; plain values out.

Every call has a deadline of its own, for a query without a worker never ends by itself. What cannot be
known right now is EngineUnreachable; only a run that the server does not know is RunNotFound.
Source: Temporal documentation, "Workflow Id Reuse Policy", "Queries"; docs/architecture.md, "Temporal".
"""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage
from pydantic import ValidationError
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.common import (
    QueryRejectCondition,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, FailureError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.execution import DRPlanExecution, RunState
from api.meta import Model
from api.steps import AttemptFailure, Heartbeat, RunInput
from bridge.status.observation import Attempt, Run, RunEnd
from planning.definitions import identifiers
from planning.messages import conditions as condition_messages
from workflows.contract import FINAL_STATE_MEMO, ROOT_TYPES, STATE_QUERY, SearchAttribute
from workflows.converter import DATA_CONVERTER

T = TypeVar("T")
NodeT = TypeVar("NodeT", bound=Model)

CALL_SECONDS = 3.0
POLL_SECONDS = 60.0
"""A long poll is answered empty after 20 s by the server (measured); this only ends a dead connection."""
FAILING_TASKS = 3
"""Attempts at one workflow task from which on the run counts as failing; one or two are a worker's restart."""

_ENDS = {
    WorkflowExecutionStatus.COMPLETED: RunEnd.COMPLETED,
    WorkflowExecutionStatus.FAILED: RunEnd.FAILED,
    WorkflowExecutionStatus.CANCELED: RunEnd.CANCELED,
    WorkflowExecutionStatus.TERMINATED: RunEnd.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT: RunEnd.TIMED_OUT,
}


class EngineError(Exception):
    """A call to the engine that did not do what was asked."""


class EngineUnreachable(EngineError):  # noqa: N818 - a state, told as such
    """No usable answer now; what was asked may or may not have happened."""


class RunNotFound(EngineError):  # noqa: N818 - the engine's own word
    """The engine does not know this run: never started, or past its retention."""


class Started(Model):
    """A run that exists, whoever started it."""

    run_id: str
    adopted: bool
    """It had been started before."""
    searchable: bool = True
    """The server took the search attributes."""


class HistoryPage(Model):
    """One answer to a long poll."""

    events: int
    token: bytes | None
    """Where to go on; None when the run has closed."""


async def _call(call: Awaitable[T], seconds: float = CALL_SECONDS + 1) -> T:
    """Await a call within a deadline; the client's own bounds each RPC, not all that a call does."""
    try:
        async with asyncio.timeout(seconds):
            return await call
    except TimeoutError as error:
        raise EngineUnreachable(f"no answer within {seconds:g} s") from error
    except RPCError as error:
        raise _rpc_failure(error) from error
    except RuntimeError as error:  # what a lazy client raises while it cannot connect
        raise EngineUnreachable(str(error)) from error


def _rpc_failure(error: RPCError) -> EngineError:
    details: list[AnyMessage] = list(error.grpc_status.details)
    no_namespace = any(detail.Is(NamespaceNotFoundFailure.DESCRIPTOR) for detail in details)
    if error.status is RPCStatusCode.NOT_FOUND and not no_namespace:
        return RunNotFound(error.message)
    return EngineUnreachable(f"{error.status.name}: {error.message}")


class Engine:
    """Calls to one Temporal namespace. Raises EngineError and nothing else."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    @classmethod
    async def connect(cls, task_queue: str) -> "Engine":
        """Read Temporal's own environment configuration; the connection is made at the first call."""
        settings = ClientConfig.load_client_connect_config()
        settings.setdefault("target_host", "localhost:7233")
        client = await Client.connect(**settings, lazy=True, data_converter=DATA_CONVERTER)
        return cls(client, task_queue)

    async def start(self, execution: DRPlanExecution) -> Started:
        """Start the execution's root workflow, or adopt the one that is there.

        Raises EngineUnreachable.
        """
        try:
            return Started(run_id=await self._start(execution, searchable=True), adopted=False)
        except WorkflowAlreadyStartedError as error:
            return Started(run_id=error.run_id or await self._latest(execution), adopted=True)
        except EngineUnreachable as error:
            if not _attributes_unknown(error):
                raise
        try:
            return Started(run_id=await self._start(execution, searchable=False), adopted=False, searchable=False)
        except WorkflowAlreadyStartedError as error:
            return Started(run_id=error.run_id or await self._latest(execution), adopted=True, searchable=False)

    async def _latest(self, execution: DRPlanExecution) -> str:
        run = await self.find(identifiers.root_id(execution.spec.operation_type, execution.metadata.key))
        return run.run_id

    async def _start(self, execution: DRPlanExecution, *, searchable: bool) -> str:
        spec, key = execution.spec, execution.metadata.key
        handle: WorkflowHandle[Any, Any] = await _call(
            self._client.start_workflow(
                ROOT_TYPES[spec.operation_type].value,
                RunInput(execution=key, plan=spec.plan_ref, operation=spec.operation_type),
                id=identifiers.root_id(spec.operation_type, key),
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary=condition_messages.run_summary(execution),
                static_details=condition_messages.run_details(execution),
                search_attributes=_attributes(execution) if searchable else None,
                rpc_timeout=timedelta(seconds=CALL_SECONDS),
            )
        )
        return handle.first_execution_run_id or ""

    async def find(self, workflow_id: str) -> Run:
        """Describe the latest run of a root; needs no worker, save for a closed run's last words.

        Raises RunNotFound, EngineUnreachable.
        """
        handle = self._client.get_workflow_handle(workflow_id)
        description = await _call(handle.describe(rpc_timeout=timedelta(seconds=CALL_SECONDS)))
        run = _run(description)
        return run if run.end is RunEnd.OPEN else await self._closed(run, description)

    async def _closed(self, run: Run, description: WorkflowExecutionDescription) -> Run:
        if run.end is RunEnd.CANCELED:
            state = await description.memo_value(FINAL_STATE_MEMO, None, type_hint=RunState)
            return run.model_copy(update={"state": state})
        handle = self._client.get_workflow_handle(run.workflow_id, run_id=run.run_id, result_type=RunState)
        try:
            state = await _call(
                handle.result(follow_runs=False, rpc_timeout=timedelta(seconds=CALL_SECONDS)), CALL_SECONDS * 3
            )
        except WorkflowFailureError as error:
            return run.model_copy(update=_failure(error.cause))
        return run.model_copy(update={"state": state})

    async def query(self, workflow_id: str, answer: type[NodeT]) -> NodeT | None:
        """Ask an open workflow for its part of the tree; None where it is not open (any more) or does not know yet.

        Raises EngineUnreachable when no worker answers.
        """
        handle = self._client.get_workflow_handle(workflow_id)
        call = handle.query(
            STATE_QUERY,
            result_type=answer,
            reject_condition=QueryRejectCondition.NOT_OPEN,
            rpc_timeout=timedelta(seconds=CALL_SECONDS),
        )
        try:
            return await _call(call)
        except (RunNotFound, WorkflowQueryRejectedError):
            return None
        except WorkflowQueryFailedError as error:
            raise EngineUnreachable(f"the worker could not answer: {error}") from error
        except ValidationError as error:
            raise EngineUnreachable(f"the worker's answer is not understood: {error}") from error

    async def attempts(self, workflow_id: str) -> list[Attempt]:
        """Tell of the actions that a workflow has begun; empty where it is not open. Needs no worker.

        Raises EngineUnreachable.
        """
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            description = await _call(handle.describe(rpc_timeout=timedelta(seconds=CALL_SECONDS)))
        except RunNotFound:
            return []
        found = [self._attempt(info) for info in description.raw_description.pending_activities]
        return [attempt for attempt in found if attempt is not None]

    def _attempt(self, info: PendingActivityInfo) -> Attempt | None:
        index = identifiers.action_index(info.activity_id)
        if index is None:
            return None
        failure = info.last_failure if info.HasField("last_failure") else None
        details = self._decoded(failure.application_failure_info.details.payloads, AttemptFailure) if failure else None
        beat = self._decoded(info.heartbeat_details.payloads, Heartbeat)
        waiting = info.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED and info.attempt > 1
        return Attempt(
            index=index,
            attempt=max(info.attempt, 1),
            waiting=waiting,
            limit=info.maximum_attempts - 1 if info.maximum_attempts else None,
            errors=details.errors if details else None,
            error=failure.message if failure else "",
            lost=failure is not None and failure.HasField("timeout_failure_info"),
            waiting_for=beat.waiting_for if beat else "",
        )

    def _decoded(self, payloads: Any, hint: type[NodeT]) -> NodeT | None:
        first = list(payloads)[:1]
        if not first:
            return None
        try:
            values = self._client.data_converter.payload_converter.from_payloads(first, [hint])
        except (ValidationError, RuntimeError, ValueError):
            return None
        return values[0] if values and isinstance(values[0], hint) else None

    async def cancel(self, workflow_id: str, run_id: str) -> None:
        """Ask a run to stop; asked again it changes nothing. A run that is not open is left as it is.

        Raises EngineUnreachable.
        """
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        try:
            await _call(handle.cancel(rpc_timeout=timedelta(seconds=CALL_SECONDS)))
        except RunNotFound:
            return

    async def changes(self, workflow_id: str, token: bytes | None) -> HistoryPage:
        """Wait for the history to grow beyond `token`; an empty answer means that nothing happened for a while.

        Raises RunNotFound, EngineUnreachable.
        """
        handle = self._client.get_workflow_handle(workflow_id)
        events = handle.fetch_history_events(
            wait_new_event=True, next_page_token=token, rpc_timeout=timedelta(seconds=POLL_SECONDS)
        )
        await _call(events.fetch_next_page(), POLL_SECONDS + 5)
        return HistoryPage(events=len(events.current_page or []), token=events.next_page_token)


def _attributes_unknown(error: EngineUnreachable) -> bool:
    """Tell whether a start was refused for its search attributes. Source: Temporal, "no mapping defined"."""
    text = str(error)
    return text.startswith("INVALID_ARGUMENT") and ("search attribute" in text.lower() or "no mapping" in text)


def _attributes(execution: DRPlanExecution) -> TypedSearchAttributes:
    values = {
        SearchAttribute.PLAN: execution.spec.plan_ref,
        SearchAttribute.NAMESPACE: execution.metadata.namespace,
        SearchAttribute.EXECUTION: execution.metadata.name,
        SearchAttribute.OPERATION: execution.spec.operation_type.value,
    }
    pairs = [SearchAttributePair(SearchAttributeKey.for_keyword(name.value), value) for name, value in values.items()]
    return TypedSearchAttributes(pairs)


def _run(description: WorkflowExecutionDescription) -> Run:
    raw = description.raw_description
    end = RunEnd.OPEN if description.status is None else _ENDS.get(description.status, RunEnd.OPEN)
    return Run(
        workflow_id=description.id,
        run_id=description.run_id,
        end=end,
        start_time=description.start_time,
        close_time=description.close_time,
        cancel_requested=raw.workflow_extended_info.cancel_requested,
        failing=raw.pending_workflow_task.attempt >= FAILING_TASKS,
    )


def _failure(cause: BaseException | None) -> dict[str, Any]:
    """Read why a run failed, and its final tree where it left one."""
    reason = cause.message if isinstance(cause, FailureError) else str(cause)
    details = cause.details if isinstance(cause, ApplicationError) else ()
    try:
        return {"reason": reason, "state": RunState.model_validate(details[0]) if details else None}
    except ValidationError:
        return {"reason": reason}
