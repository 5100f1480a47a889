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

from api.steps import RunInput

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


class TemporalRuns:
    """Reads runs of one Temporal namespace. Methods raise RunUnknownError."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._roots: OrderedDict[str, RootRecord] = OrderedDict()
        """By the run id of a root or of a workflow below it."""
        self._first: OrderedDict[str, str] = OrderedDict()

    async def root_of(self, workflow_id: str, run_id: str) -> RootRecord:
        """Return the root of a run, which is the run itself where no workflow started it."""
        if run_id not in self._roots:
            started = await self._started(workflow_id, run_id)
            root = started.root_workflow_execution
            if started.HasField("parent_workflow_execution"):
                record = await self.root_of(root.workflow_id, root.run_id)
            else:
                record = RootRecord(workflow_id, run_id, started.workflow_type.name, await self._input(started))
            _remember(self._roots, run_id, record)
        return self._roots[run_id]

    async def first_run_id(self, workflow_id: str, run_id: str) -> str:
        """Return the first run of the chain of resets that a run belongs to."""
        if run_id not in self._first:
            _remember(self._first, run_id, (await self._started(workflow_id, run_id)).first_execution_run_id)
        return self._first[run_id]

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


def _remember(cache: "OrderedDict[str, RootRecord] | OrderedDict[str, str]", run_id: str, value: object) -> None:
    cache[run_id] = value  # type: ignore[assignment]
    while len(cache) > _CACHE_SIZE:
        cache.popitem(last=False)
