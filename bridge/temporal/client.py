"""The bridge's Temporal client: start exactly once, describe, query, wait for changes, cancel; plain values out.

Every call has its own deadline, because a query without a worker never ends by itself.
Source: Temporal documentation, "Workflow Id Reuse Policy", "Queries"; docs/architecture.md, "Temporal".
"""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowHistoryEventFilterType,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    QueryRejectCondition,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError

from api.execution import DRPlanExecution
from api.meta import Model, ObjectKey
from api.requests import PersonRequest, RequestType
from api.runs import ProofReport, RehearsalInput, RunInput
from api.tree import RunState
from bridge.status.merge import PendingActivity, RootRun, RunStatus
from bridge.temporal import shown
from bridge.temporal.answers import (
    HistoryPage,
    OpenPart,
    OpenRoot,
    StartedRun,
    TaskQueueState,
    decode,
    failure_of,
    first_run_id,
    history_page,
    pending_activity,
    root_run,
)
from bridge.temporal.calls import (
    CALL_SECONDS,
    InvalidArgument,
    NoAnswer,
    RequestRefused,
    RunNotFound,
    TemporalUnreachable,
    answer_of,
)
from planning.definitions import identifiers
from planning.messages import temporal_ui
from process.metrics import Metrics
from process.payload_encryption import PayloadEncryption
from process.settings import ProcessSettings
from process.temporal import Interceptors, TemporalWatch, connect, connect_options, describe_task_queue, runtime
from workflows.contract import (
    APPROVE_UPDATE,
    DECIDE_UPDATE,
    FINAL_STATE_MEMO,
    OF_EARLIER_RELEASES,
    PARTS,
    PAUSE_UPDATE,
    ROOTS,
    STATE_QUERY,
    SearchAttribute,
    WorkflowType,
    root_type,
)

NodeT = TypeVar("NodeT", bound=Model)

_QUEUES = {
    "Workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "Activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}
POLL_SECONDS = 60.0
"""The server answers a long poll after 20 s at the latest (measured); this only ends a dead connection."""


class TemporalClient:
    """Calls to one Temporal namespace. Raises TemporalError and nothing else."""

    def __init__(self, client: Client, task_queue: str, metrics: Metrics | None = None) -> None:
        self._client = client
        self._task_queue = task_queue
        self.metrics = metrics or Metrics()
        """Of the process, whose meter is that of Temporal's SDK."""
        self.watch = TemporalWatch(client, self.metrics)

    @classmethod
    async def connect(cls, settings: ProcessSettings, interceptors: Interceptors = ()) -> "TemporalClient":
        """Read Temporal's own environment configuration; the connection is made at the first call."""
        encryption = PayloadEncryption.of(settings.payload_keys, settings.payload_key_id)
        own_runtime = runtime(settings.metrics_address, settings.log_level)
        client = await connect(connect_options(), encryption, own_runtime, lazy=True, interceptors=interceptors)
        return cls(client, settings.task_queue, Metrics(own_runtime.metric_meter))

    @property
    def namespace(self) -> str:
        """The Temporal namespace of all runs."""
        return self._client.namespace

    async def task_queue(self) -> dict[str, TaskQueueState]:
        """Return who polls for workflows and for activities, and what waits for them. Raises TemporalUnreachable."""
        states = {}
        for name, kind in _QUEUES.items():
            answer = await answer_of(describe_task_queue(self._client, self._task_queue, kind))
            age = answer.stats.approximate_backlog_age.ToTimedelta().total_seconds()
            states[name] = TaskQueueState(len(answer.pollers), answer.stats.approximate_backlog_count, age)
        return states

    async def start(self, execution: DRPlanExecution, original: DRPlanExecution | None = None) -> StartedRun:
        """Start the execution's root workflow, or return the run that was started before.

        `original` is what a Revert takes back. Raises TemporalUnreachable.
        """
        for names in (tuple(SearchAttribute), OF_EARLIER_RELEASES):
            with suppress(InvalidArgument):
                return await self._start(execution, original, names)
        # No status tells which argument: without the attributes the start shows whether it was another one.
        return await self._start(execution, original, ())

    async def _start(
        self, execution: DRPlanExecution, original: DRPlanExecution | None, names: Sequence[SearchAttribute]
    ) -> StartedRun:
        spec, workflow_id = execution.spec, identifiers.root_id_of(execution)
        call: Awaitable[WorkflowHandle[Any, Any]] = self._client.start_workflow(
            root_type(spec.operation_type, preview=bool(spec.dry_run)).value,
            RunInput(execution=execution.metadata.key, plan=spec.plan_ref, operation=spec.operation_type),
            id=workflow_id,
            task_queue=self._task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=temporal_ui.run_summary(execution),
            static_details=shown.static_details(execution, original, names),
            search_attributes=shown.attributes_of(execution, names),
            rpc_timeout=timedelta(seconds=CALL_SECONDS),
        )
        try:
            run_id = (await answer_of(call)).first_execution_run_id or ""
        except WorkflowAlreadyStartedError as error:
            run_id = error.run_id or (await self.find(workflow_id)).run_id
        return StartedRun(run_id=run_id, searchable=set(names) == {*SearchAttribute})

    async def start_rehearsal(self, plan: ObjectKey, start: datetime, limit: timedelta) -> None:
        """Start the rehearsal of a plan that began at that time, unless it was started. Raises TemporalUnreachable."""
        try:
            await self._start_rehearsal(plan, start, limit, shown.attributes_of_rehearsal(plan))
        except InvalidArgument:
            await self._start_rehearsal(plan, start, limit, TypedSearchAttributes.empty)

    async def _start_rehearsal(
        self, plan: ObjectKey, start: datetime, limit: timedelta, attributes: TypedSearchAttributes
    ) -> None:
        call: Awaitable[WorkflowHandle[Any, Any]] = self._client.start_workflow(
            WorkflowType.REHEARSE_PLAN.value,
            RehearsalInput(plan=plan, start_time=start),
            id=identifiers.rehearsal_id(plan, start),
            task_queue=self._task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            execution_timeout=limit,
            static_summary=temporal_ui.rehearsal_summary(plan),
            search_attributes=attributes,
            rpc_timeout=timedelta(seconds=CALL_SECONDS),
        )
        with suppress(WorkflowAlreadyStartedError):
            await answer_of(call)

    async def find(self, workflow_id: str, known_run_id: str | None = None) -> RootRun:
        """Describe the latest run of a root, with its final tree where it has closed.

        A run that somebody started by hand under the same id is not taken for the known one: only resets of that are.
        Needs no worker. Raises RunNotFound, TemporalUnreachable.
        """
        description = await self._describe(workflow_id)
        if known_run_id not in (None, description.run_id, first_run_id(description)):
            try:
                known = await self._describe(workflow_id, known_run_id)
            except (RunNotFound, InvalidArgument):
                known = description  # no run has that id: somebody else wrote it into the status
            if first_run_id(known) != first_run_id(description):
                description = known
        run = root_run(description)
        if run.status is RunStatus.OPEN:
            return run
        if run.status is RunStatus.CANCELED:
            state = await answer_of(description.memo_value(FINAL_STATE_MEMO, None, type_hint=RunState))
            return run.model_copy(update={"state": state})
        closed = self._client.get_workflow_handle(workflow_id, run_id=run.run_id, result_type=RunState)
        result = closed.result(follow_runs=False, rpc_timeout=timedelta(seconds=CALL_SECONDS))
        try:
            return run.model_copy(update={"state": await answer_of(result, CALL_SECONDS * 3)})
        except WorkflowFailureError as error:
            return run.model_copy(update=failure_of(error.cause))

    async def proof(self, root: str) -> ProofReport | str | None:
        """Return what the second check of a Revert found, or why it found nothing; None while it has not ended.

        Raises RunNotFound, TemporalUnreachable.
        """
        workflow_id = identifiers.proof_id(root)
        description = await self._describe(workflow_id)
        if root_run(description).status is RunStatus.OPEN:
            return None
        closed = self._client.get_workflow_handle(workflow_id, run_id=description.run_id, result_type=ProofReport)
        try:
            result = closed.result(follow_runs=False, rpc_timeout=timedelta(seconds=CALL_SECONDS))
            return await answer_of(result, CALL_SECONDS * 3)
        except WorkflowFailureError as error:
            cause = error.cause
            return cause.message if isinstance(cause, FailureError) else str(cause)

    async def open_roots(self) -> AsyncIterator[OpenRoot]:
        """Yield every open run of a root's type on our task queue, as far as it is visible by now.

        Raises TemporalUnreachable.
        """
        async for run in self._open_runs(ROOTS):
            yield OpenRoot(run.id, run.run_id, run.workflow_type)

    async def open_parts(self) -> AsyncIterator[OpenPart]:
        """Yield every open run of a stage or a DRWorkflow on our task queue, as far as it is visible by now.

        Raises TemporalUnreachable.
        """
        async for run in self._open_runs(PARTS):
            yield OpenPart(run.id, run.run_id, run.raw_info.root_execution.workflow_id)

    async def is_open(self, workflow_id: str) -> bool:
        """Return whether the latest run of a workflow is open. Raises TemporalUnreachable."""
        try:
            return root_run(await self._describe(workflow_id)).status is RunStatus.OPEN
        except RunNotFound:
            return False

    async def _open_runs(self, kinds: Sequence[WorkflowType]) -> AsyncIterator[WorkflowExecution]:
        types = ", ".join(f"'{kind.value}'" for kind in kinds)
        listing = self._client.list_workflows(
            f"WorkflowType IN ({types}) AND ExecutionStatus = 'Running' AND TaskQueue = '{self._task_queue}'",
            rpc_timeout=timedelta(seconds=CALL_SECONDS),
        )
        while True:
            await answer_of(listing.fetch_next_page())
            for run in listing.current_page or ():
                yield run
            if not listing.next_page_token:
                return

    async def input_of(self, workflow_id: str, run_id: str) -> RunInput | None:
        """Return what a root was started with; None where that is no input of ours.

        Raises RunNotFound, TemporalUnreachable.
        """
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        events = handle.fetch_history_events(page_size=1, rpc_timeout=timedelta(seconds=CALL_SECONDS))
        await answer_of(events.fetch_next_page())
        started = (events.current_page or [])[0].workflow_execution_started_event_attributes
        return await decode(self._client.data_converter, started.input.payloads, RunInput)

    async def _describe(self, workflow_id: str, run_id: str | None = None) -> WorkflowExecutionDescription:
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        return await answer_of(handle.describe(rpc_timeout=timedelta(seconds=CALL_SECONDS)))

    async def query(self, workflow_id: str, answer: type[NodeT], seconds: float = CALL_SECONDS) -> NodeT | None:
        """Ask an open workflow for its node of the tree; None where it is not open or has no node yet.

        Raises TemporalUnreachable when no worker answers within so many `seconds`.
        """
        handle = self._client.get_workflow_handle(workflow_id)
        call = handle.query(
            STATE_QUERY,
            result_type=answer,
            reject_condition=QueryRejectCondition.NOT_OPEN,
            rpc_timeout=timedelta(seconds=seconds),
        )
        try:
            return await answer_of(call, seconds + 1)
        except (RunNotFound, WorkflowQueryRejectedError):
            return None
        except WorkflowQueryFailedError as error:
            raise TemporalUnreachable(f"the worker could not answer: {error}") from error
        except ValidationError as error:
            raise TemporalUnreachable(f"the worker's answer is not understood: {error}") from error

    async def pending_activities(self, workflow_id: str) -> list[PendingActivity]:
        """Return the activities of a workflow's actions; empty where it is not open. Needs no worker.

        Raises TemporalUnreachable.
        """
        try:
            description = await self._describe(workflow_id)
        except RunNotFound:
            return []
        pending = [
            (identifiers.action_index(info.activity_id), info)
            for info in description.raw_description.pending_activities
        ]
        converter = self._client.data_converter
        return [await pending_activity(converter, index, info) for index, info in pending if index is not None]

    async def deciding(self, workflow_id: str) -> PendingActivity | None:
        """Return the activity that reads and decides for a root, while it is pending. Needs no worker.

        Raises TemporalUnreachable.
        """
        try:
            description = await self._describe(workflow_id)
        except RunNotFound:
            return None
        pending = description.raw_description.pending_activities
        return await pending_activity(self._client.data_converter, 0, pending[0]) if pending else None

    async def cancel(self, workflow_id: str, run_id: str) -> None:
        """Request the cancel of a run. Repeating it changes nothing; a run that is not open is left as it is.

        Raises TemporalUnreachable.
        """
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        with suppress(RunNotFound):
            await answer_of(handle.cancel(rpc_timeout=timedelta(seconds=CALL_SECONDS)))

    async def terminate(self, workflow_id: str, run_id: str, reason: str) -> None:
        """End a run without its worker; one that is not open is left as it is. Raises TemporalUnreachable."""
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        with suppress(RunNotFound):
            await answer_of(handle.terminate(reason=reason, rpc_timeout=timedelta(seconds=CALL_SECONDS)))

    async def update(self, workflow_id: str, request: PersonRequest) -> None:
        """Pass a person's request to an open workflow, and wait for its answer; the same request twice counts once.

        Raises RequestRefused, RunNotFound, TemporalUnreachable.
        """
        handle = self._client.get_workflow_handle(workflow_id)
        name = APPROVE_UPDATE if request.type is RequestType.APPROVE else PAUSE_UPDATE
        name = DECIDE_UPDATE if request.type.decides else name
        update_id = f"{request.type.value}-{request.id}"
        try:
            await answer_of(
                handle.execute_update(name, request, id=update_id, rpc_timeout=timedelta(seconds=CALL_SECONDS))
            )
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            raise RequestRefused(cause.message if isinstance(cause, FailureError) else str(cause)) from error
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise NoAnswer(f"no answer within {CALL_SECONDS:g} s") from error

    async def wait_for_events(self, workflow_id: str, token: bytes | None) -> HistoryPage:
        """Wait for the history to grow beyond `token`; without events, nothing happened for a while.

        Raises RunNotFound, TemporalUnreachable.
        """
        page, token_after = await self._poll(workflow_id, token)
        return history_page(page, token, token_after)

    async def wait_for_end(self, workflow_id: str) -> datetime:
        """Wait until a run closes, however long it takes; return the time of its end.

        Raises RunNotFound, TemporalUnreachable.
        """
        page, token = await self._poll(workflow_id, None, WorkflowHistoryEventFilterType.CLOSE_EVENT)
        while not page:
            page, token = await self._poll(workflow_id, token, WorkflowHistoryEventFilterType.CLOSE_EVENT)
        return page[-1].event_time.ToDatetime(UTC)

    async def _poll(
        self,
        workflow_id: str,
        token: bytes | None,
        events_of: WorkflowHistoryEventFilterType = WorkflowHistoryEventFilterType.ALL_EVENT,
    ) -> tuple[Sequence[HistoryEvent], bytes | None]:
        """Return the events of one answer to a long poll, none where none came, and where to continue."""
        events = self._client.get_workflow_handle(workflow_id).fetch_history_events(
            wait_new_event=True,
            next_page_token=token,
            event_filter_type=events_of,
            rpc_timeout=timedelta(seconds=POLL_SECONDS),
        )
        await answer_of(events.fetch_next_page(), POLL_SECONDS + 5)
        return events.current_page or [], events.next_page_token
