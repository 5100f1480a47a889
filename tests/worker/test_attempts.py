"""Real workers, real Temporal: errors are counted across lost attempts, and every way to end leaves the truth."""

import asyncio
import os
import time
from pathlib import Path

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowHandle

from activities.authorize import actor_of
from api.actions import RetryPolicy
from api.meta import ObjectName
from api.nodes import ActionStatus, WorkflowExecutionStatus
from api.phases import ActionType, Phase
from api.runs import RevertWorkflowInput
from api.steps import RollbackStep
from dev.stack import Stack
from tests.activities.live_namespace import HOLD, LiveNamespace, config_map
from tests.eventually import DEADLINE, eventually
from tests.faulty_server import Answer, Cut, FaultyServer
from tests.programs import Program, believing_worker
from tests.worker.one_action import environment, the_action
from workflows.contract import WorkflowType
from workflows.converter import DATA_CONVERTER

Run = WorkflowHandle[object, WorkflowExecutionStatus]


async def begin(ns: LiveNamespace, step: RollbackStep) -> Run:
    """Start the rollback of one action, on a task queue of the namespace's own."""
    client = await Client.connect(ns.stack.temporal_address, data_converter=DATA_CONVERTER)
    action = ActionStatus(name="make-app", type=ActionType.KUBERNETES_RESOURCE, phase=Phase.PENDING)
    node = WorkflowExecutionStatus(workflow_ref=ObjectName(name="flow"), phase=Phase.PENDING, action_statuses=[action])
    given = RevertWorkflowInput(workflow=node, steps=[step], actor=actor_of(ns.namespace, "default"))
    name = ns.namespace
    return await client.start_workflow(
        WorkflowType.REVERT_WORKFLOW,
        given,
        id=f"{name}-{os.getpid()}",
        task_queue=name,
        result_type=WorkflowExecutionStatus,
    )


async def waits_for_the_finalizer(run: Run) -> None:
    """Return once the server has heard from an attempt that it waits for the finalizer."""
    async with asyncio.timeout(DEADLINE):
        while True:
            pending = (await run.describe()).raw_description.pending_activities
            if pending and HOLD.encode() in pending[0].heartbeat_details.SerializeToString():
                return
            await asyncio.sleep(0.1)


async def test_an_error_before_a_lost_attempt_and_one_after_it_are_two(
    ns: LiveNamespace, faulty: FaultyServer, tmp_path: Path
) -> None:
    uid = ns.config_map("app")
    faulty.fault("DELETE", "/configmaps/app", Answer(503, '{"message": "away"}'), times=9)
    # The first attempt reads before its DELETE and after it; the second one is to hang in its first read.
    faulty.fault("GET", "/configmaps/app", lambda: None, times=2)
    hanging = faulty.fault("GET", "/configmaps/app", Cut.HANG)
    retry = RetryPolicy(limit=1, interval="1s")
    run = await begin(ns, ns.deletion(config_map("app", ns.namespace), uid, retry=retry, timeout="60s"))
    through_proxy = environment(ns, KUBECONFIG=str(faulty.kubeconfig(tmp_path)))
    with believing_worker(tmp_path / "first", through_proxy) as first:
        await eventually(lambda: hanging.met == 1, "an attempt that hangs")
        assert faulty.count("DELETE", "/configmaps/app") == 1
        await asyncio.to_thread(first.kill)
    with believing_worker(tmp_path / "second", through_proxy) as second:
        action = await the_action(run)
        assert_no_stack(second)
    assert (action.phase, action.message) == (Phase.FAILED, "Failed to delete ConfigMap: app: away")
    assert faulty.count("DELETE", "/configmaps/app") == 2
    assert action.retries == 2


async def test_an_attempt_whose_worker_is_told_to_end_goes_on_elsewhere(ns: LiveNamespace, tmp_path: Path) -> None:
    uid = ns.config_map("app", finalizers=[HOLD])
    run = await begin(ns, ns.deletion(config_map("app", ns.namespace), uid, retry=RetryPolicy(limit=0)))
    with believing_worker(tmp_path / "first", environment(ns, DRPLAN_GRACEFUL_SHUTDOWN="100ms")) as first:
        await waits_for_the_finalizer(run)
        assert await asyncio.to_thread(first.stop) == 0
        assert_no_stack(first)
    with believing_worker(tmp_path / "second", environment(ns)):
        await waits_for_the_finalizer(run)
        ns.let_go("configmap", "app")
        action = await the_action(run)
    assert (action.phase, action.message) == (Phase.SUCCEEDED, "Rolled back: deleted ConfigMap app")
    assert ns.deletions(at_least=1) == {uid: 1}


async def test_a_running_attempt_is_waited_for_when_a_person_cancels(ns: LiveNamespace, tmp_path: Path) -> None:
    uid = ns.config_map("app", finalizers=[HOLD])
    run = await begin(ns, ns.deletion(config_map("app", ns.namespace), uid))
    with believing_worker(tmp_path / "log", environment(ns)):
        await waits_for_the_finalizer(run)
        await run.cancel()
        await _heard_of_the_cancel(run)
        ns.let_go("configmap", "app")
        action = await the_action(run)
    assert (action.phase, action.message) == (Phase.SUCCEEDED, "Rolled back: deleted ConfigMap app")


async def test_a_worker_that_ends_after_a_cancel_leaves_the_last_look_to_another(
    ns: LiveNamespace, tmp_path: Path
) -> None:
    uid = ns.config_map("app", finalizers=[HOLD])
    run = await begin(ns, ns.deletion(config_map("app", ns.namespace), uid))
    with believing_worker(tmp_path / "first", environment(ns)) as first:
        await waits_for_the_finalizer(run)
        await run.cancel()
        await _heard_of_the_cancel(run)
        began = time.monotonic()
        assert await asyncio.to_thread(first.stop) == 0
        assert time.monotonic() - began < 30, "the attempt could have gone on for five minutes"
    with believing_worker(tmp_path / "second", environment(ns)):
        action = await the_action(run)
    expected = "Canceled between two attempts: ConfigMap app still exists"
    assert (action.phase, action.message) == (Phase.CANCELED, expected)
    assert ns.deletions(at_least=1) == {uid: 1}
    ns.let_go("configmap", "app")


async def _heard_of_the_cancel(run: Run) -> None:
    """Return once the server has told an attempt, which it does with its answer to the next beat."""
    beaten = None
    async with asyncio.timeout(DEADLINE):
        while True:
            [pending] = (await run.describe()).raw_description.pending_activities
            if pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED:
                last = pending.last_heartbeat_time.ToNanoseconds()
                beaten = beaten or last
                if last != beaten:
                    return
            await asyncio.sleep(0.1)


def assert_no_stack(process: Program) -> None:
    """What can be expected is told in a line; a stack is for what cannot."""
    lines = process.lines()
    assert any("worker started" in line["event"] for line in lines)
    assert [line for line in lines if "exception" in line or "Traceback" in line["event"]] == []


def test_what_a_worker_logs_are_facts_and_no_contents(stack: Stack, tmp_path: Path) -> None:
    with believing_worker(tmp_path / "log", stack.env("worker") | {"DRPLAN_LOG_LEVEL": "debug"}) as process:
        process.wait_for("worker started")
        assert process.stop() == 0
    assert _secrets(stack) & set(_words(process)) == set()


def _words(process: Program) -> list[str]:
    return [word for line in process.lines() for value in line.values() for word in str(value).split()]


def _secrets(stack: Stack) -> set[str]:
    return {line.split(",")[0] for line in (stack.layout.data / "tokens.csv").read_text().splitlines()}
