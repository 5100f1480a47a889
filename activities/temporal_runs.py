"""What Temporal's server itself says of a run: its root, the chain of resets that it belongs to, its first input.

None of it can be chosen by somebody who starts a workflow by hand: the server sets the root when a workflow starts a
child, and makes the run ids. Source: Temporal, "Workflow Id and Run Id", "Child Workflows" and "Reset".
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client
from temporalio.service import RPCError

from api.runs import RunInput

_CALL = timedelta(seconds=5)
_CACHE_SIZE = 2_000
"""Runs; what is cached of one never changes."""


class RunUnknownError(Exception):
    """Temporal does not know the run, or does not answer; the message says which."""


@dataclass(frozen=True)
class RootRecord:
    """The root of a run."""

    workflow_id: str
    run_id: str
    workflow_type: str
    run_input: RunInput | None
    """None where it was started with anything else."""


@dataclass(frozen=True)
class _Start:
    """What the first event of a run says."""

    root: RootRecord
    first_run_id: str


class TemporalRuns:
    """Reads runs of one Temporal namespace. Methods raise RunUnknownError."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._starts: OrderedDict[str, _Start] = OrderedDict()
        """By the id of a run."""

    async def root_of(self, workflow_id: str, run_id: str) -> RootRecord:
        """Return the root of a run, which is the run itself where no workflow started it."""
        return (await self._start(workflow_id, run_id)).root

    async def first_run_id(self, workflow_id: str, run_id: str) -> str:
        """Return the first run of the chain of resets that a run belongs to."""
        return (await self._start(workflow_id, run_id)).first_run_id

    async def _start(self, workflow_id: str, run_id: str) -> _Start:
        """Return what the first event of a run says, read once."""
        if run_id not in self._starts:
            started = await self._started(workflow_id, run_id)
            if started.HasField("parent_workflow_execution"):
                above = started.root_workflow_execution
                root = await self.root_of(above.workflow_id, above.run_id)
            else:
                root = RootRecord(workflow_id, run_id, started.workflow_type.name, await self._input(started))
            self._starts[run_id] = _Start(root, started.first_execution_run_id)
            if len(self._starts) > _CACHE_SIZE:
                self._starts.popitem(last=False)
        return self._starts[run_id]

    async def _started(self, workflow_id: str, run_id: str) -> WorkflowExecutionStartedEventAttributes:
        """Return the first event of a run."""
        request = GetWorkflowExecutionHistoryRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            maximum_page_size=1,
        )
        try:
            page = await self._client.workflow_service.get_workflow_execution_history(request, timeout=_CALL)
        except RPCError as error:
            raise RunUnknownError(f"{workflow_id}: {error.message}") from error
        return page.history.events[0].workflow_execution_started_event_attributes

    async def _input(self, started: WorkflowExecutionStartedEventAttributes) -> RunInput | None:
        payloads = started.input.payloads
        if len(payloads) != 1:
            return None
        try:
            [run_input] = await self._client.data_converter.decode(payloads, [RunInput])
        except (ValidationError, ValueError, KeyError, RuntimeError):
            return None
        return run_input if isinstance(run_input, RunInput) else None
