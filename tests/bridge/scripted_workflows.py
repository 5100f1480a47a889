"""Workflows under the contract's names that do what a test tells them, by signals; and a worker that serves them.

An execution whose name begins with `quick` ends by itself as Succeeded.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from api.attempts import AttemptFailure, Heartbeat
from api.meta import Model, ObjectName
from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import ActionType, Phase
from api.runs import RehearsalInput, RunInput
from api.tree import RunState
from planning.messages import running as running_messages
from planning.status import transitions
from workflows.contract import FINAL_STATE_MEMO, WorkflowType


class Close(Model):
    """How a root is to end."""

    state: RunState | None = None
    how: str = "return"
    """`return`, `fail` with the state in the details, or `break`: fail without."""


class Child(Model):
    """A child to start, by id, and what it is to answer."""

    kind: WorkflowType
    id: str
    node: dict[str, Any]


class Attempts(Model):
    """An activity for an action that fails `failures` times, each with this message, and then succeeds."""

    index: int = 0
    failures: int
    pause: float
    """Seconds between attempts. Each goes on until `end_attempt` ends it."""
    message: str = "no luck"
    limit: int = 3


class _Root:
    def __init__(self) -> None:
        self._state = RunState(phase=Phase.PENDING)
        self._close: Close | None = None
        self._cancels = 0
        self._children: list[Any] = []

    @workflow.query(name="state")
    def state(self) -> RunState:
        return self._state

    @workflow.query
    def cancels(self) -> int:
        return self._cancels

    @workflow.signal
    def show(self, state: RunState) -> None:
        self._state = state

    @workflow.signal
    def close(self, close: Close) -> None:
        self._close = close

    @workflow.signal
    async def child(self, child: Child) -> None:
        handle = await workflow.start_child_workflow(child.kind.value, child.node, id=child.id)
        self._children.append(handle)

    async def carry_out(self, given: RunInput) -> RunState:
        if given.execution.name.startswith("quick"):
            return succeeded(workflow.now())
        while (close := self._asked_to_close()) is None:
            try:
                await workflow.wait_condition(lambda: self._asked_to_close() is not None)
            except asyncio.CancelledError:
                self._cancels += 1
        return self._end(close)

    def _asked_to_close(self) -> Close | None:
        # A signal overtakes a cancellation that arrives with it; a run that ends as canceled before that has failed.
        too_early = self._close is not None and self._close.how == "cancel" and self._cancels == 0
        return None if too_early else self._close

    def _end(self, close: Close) -> RunState:
        if close.how == "cancel":
            workflow.upsert_memo({FINAL_STATE_MEMO: close.state})
            raise asyncio.CancelledError
        if close.how == "fail":
            assert close.state is not None
            raise ApplicationError(close.state.message or "", close.state, non_retryable=True)
        if close.how == "break" or close.state is None:
            raise ApplicationError("the worker gave up", non_retryable=True)
        return close.state


@workflow.defn(name=WorkflowType.EXECUTE_PLAN.value)
class ScriptedExecute(_Root):
    @workflow.run
    async def run(self, given: RunInput) -> RunState:
        return await self.carry_out(given)


@workflow.defn(name=WorkflowType.REVERT_PLAN.value)
class ScriptedRevert(_Root):
    @workflow.run
    async def run(self, given: RunInput) -> RunState:
        return await self.carry_out(given)


@workflow.defn(name=WorkflowType.REHEARSE_PLAN.value)
class ScriptedRehearsal:
    def __init__(self) -> None:
        self._close: Close | None = None

    @workflow.signal
    def close(self, close: Close) -> None:
        self._close = close

    @workflow.run
    async def run(self, given: RehearsalInput) -> RunState:
        await workflow.wait_condition(lambda: self._close is not None)
        assert self._close is not None
        if self._close.state is None:
            raise ApplicationError("the worker gave up", non_retryable=True)
        return self._close.state


class _Part:
    def __init__(self) -> None:
        self._node: dict[str, Any] = {}
        self._over = False
        self._tries: list[Attempts] = []

    @workflow.query(name="state")
    def state(self) -> dict[str, Any]:
        return self._node

    @workflow.signal
    def show(self, node: dict[str, Any]) -> None:
        self._node = node

    @workflow.signal
    def attempts(self, tries: Attempts) -> None:
        self._tries.append(tries)

    @workflow.signal
    def over(self) -> None:
        self._over = True

    async def wait(self, node: dict[str, Any]) -> None:
        self._node = self._node or node
        while not self._over:
            await workflow.wait_condition(lambda: self._over or bool(self._tries))
            if self._tries:
                await self._try(self._tries.pop())

    async def _try(self, tries: Attempts) -> None:
        await workflow.execute_activity(
            "try",
            tries,
            activity_id=f"action-{tries.index}",
            start_to_close_timeout=timedelta(minutes=1),
            heartbeat_timeout=timedelta(seconds=20),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=tries.pause),
                backoff_coefficient=1.0,
                maximum_attempts=tries.limit + 1,
            ),
        )


@workflow.defn(name=WorkflowType.EXECUTE_STAGE.value)
class ScriptedStage(_Part):
    @workflow.run
    async def run(self, node: dict[str, Any]) -> None:
        await self.wait(node)


@workflow.defn(name=WorkflowType.EXECUTE_WORKFLOW.value)
class ScriptedWorkflow(_Part):
    @workflow.run
    async def run(self, node: dict[str, Any]) -> None:
        await self.wait(node)


_ends: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(0))
"""How many attempts may end, by workflow: the worker is a part of the tests' process."""


def end_attempt(workflow_id: str) -> None:
    """End the attempt of an activity of a workflow, or the next one."""
    _ends[workflow_id].release()


@activity.defn(name="try")
async def attempt(tries: Attempts) -> str:
    number = activity.info().attempt
    activity.heartbeat(Heartbeat(errors=number - 1, waiting_for=f"attempt {number} to end"))
    await _ends[activity.info().workflow_id or ""].acquire()
    if number <= tries.failures:
        raise ApplicationError(tries.message, AttemptFailure(errors=number, attempt=number))
    return "done"


@asynccontextmanager
async def scripted_worker(client: Client, task_queue: str) -> AsyncIterator[None]:
    """Serve the scripted workflows."""
    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=[ScriptedExecute, ScriptedRevert, ScriptedRehearsal, ScriptedStage, ScriptedWorkflow],
        activities=[attempt],
        workflow_runner=UnsandboxedWorkflowRunner(),
        graceful_shutdown_timeout=timedelta(seconds=0),
    )
    async with worker:
        yield


# Trees for scripts.


def action(name: str, phase: Phase = Phase.PENDING, message: str | None = None) -> ActionStatus:
    return ActionStatus(name=name, type=ActionType.KUBERNETES_RESOURCE, phase=phase, message=message)


def node(name: str, *actions: ActionStatus, phase: Phase = Phase.PENDING) -> WorkflowExecutionStatus:
    ref = ObjectName(name=name, namespace="default")
    current = running_messages.current_action([one.name for one in actions if one.phase is Phase.RUNNING])
    return WorkflowExecutionStatus(workflow_ref=ref, phase=phase, current_action=current, action_statuses=list(actions))


def stage(name: str, *nodes: WorkflowExecutionStatus, phase: Phase = Phase.PENDING) -> StageStatus:
    return StageStatus(name=name, phase=phase, workflow_executions=list(nodes))


def state(*stages: StageStatus, phase: Phase = Phase.RUNNING, message: str | None = None) -> RunState:
    return transitions.with_counts(RunState(phase=phase, message=message, stage_statuses=list(stages)))


def done(phase: Phase = Phase.SUCCEEDED, message: str = "done") -> RunState:
    """A finished tree of one stage, workflow and action."""
    one = action("one", phase, message)
    return state(stage("first", node("work", one, phase=phase), phase=phase), phase=phase, message=message)


def succeeded(now: Any) -> RunState:
    return done().model_copy(update={"start_time": now, "completion_time": now, "duration": "0s"})
