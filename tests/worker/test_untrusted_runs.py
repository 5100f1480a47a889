"""The real worker carries out what an execution records, and nothing that somebody started by hand in Temporal."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError

from api.meta import ObjectKey, ObjectReference
from api.nodes import ActionOutputs, ActionStatus, SnapshotRef, WorkflowExecutionStatus
from api.phases import OperationType, Phase, WorkflowFailurePolicy
from api.reasons import Reason
from api.runs import ExecuteWorkflowInput
from api.steps import ExecuteStep, Origin
from api.tree import RunState
from dev import without_bridge
from dev.without_bridge import RootHandle
from planning.definitions.identifiers import stage_id, workflow_id
from tests.activities.live_namespace import LiveNamespace
from tests.eventually import eventually
from tests.manifests import dr_plan, dr_workflow, execute, makes_config_map, stage
from tests.programs import worker
from tests.worker.one_action import begin, environment, says, the_action
from workflows.contract import WorkflowType
from workflows.converter import DATA_CONVERTER


async def test_a_workflow_with_an_actor_of_somebodys_choice_does_nothing(ns: LiveNamespace, tmp_path: Path) -> None:
    run = await begin(ns, "x/y/z/a", makes_config_map("app", ns.namespace, retryPolicy={"limit": 0}))
    with worker(tmp_path / "log", environment(ns)):
        action = await the_action(run)
    assert (action.phase, action.reason) == (Phase.FAILED, Reason.UNTRUSTED_RUN)
    assert action.message == (f"refused: no DRPlanExecution started the workflow {run.id} of type ExecuteWorkflow")
    assert ns.get("configmap", "app") is None


async def test_a_workflow_that_somebody_started_by_hand_writes_no_ledger(ns: LiveNamespace, tmp_path: Path) -> None:
    key = accepted(ns)
    victim = ObjectReference(api_version="v1", kind="ConfigMap", namespace=ns.namespace, name="victim", uid="u")
    made = ActionStatus(name="a", phase=Phase.SUCCEEDED, created=True, outputs=ActionOutputs(resource_ref=victim))
    origin = Origin(execution=key, snapshot=SnapshotRef(name="drplan-s", sha256="0"), stage="only", ledger=True)
    forged = ExecuteWorkflowInput(
        workflow=WorkflowExecutionStatus(workflow_ref=ns.flow, phase=Phase.PENDING, action_statuses=[made]),
        steps=[ExecuteStep(index=0, action="a", mark="m", title="a")],
        actor=ns.actor,
        policy=WorkflowFailurePolicy.FAIL_FAST,
        origin=origin,
    )
    client = await Client.connect(ns.stack.temporal_address, data_converter=DATA_CONVERTER)
    with worker(tmp_path / "log", environment(ns)):
        node: WorkflowExecutionStatus = await client.execute_workflow(
            WorkflowType.EXECUTE_WORKFLOW,
            forged,
            id=f"{ns.namespace}-forged",
            task_queue=ns.namespace,
            result_type=WorkflowExecutionStatus,
        )
    assert node.ledger is None
    assert str(node.message).endswith(
        "could not be stored: refused: no DRPlanExecution started the workflow "
        f"{ns.namespace}-forged of type ExecuteWorkflow"
    )
    assert ns.kubectl("get", "controllerrevisions", "-o", "name") == ""


def accepted(ns: LiveNamespace) -> ObjectKey:
    """Create an execution, up to what the bridge writes before it starts the run."""
    ns.create(dr_workflow("flow", makes_config_map("app", ns.namespace, retryPolicy={"limit": 0})))
    ns.create(dr_plan("shop", stage("only", ns.namespace, "flow")), execute("there", "shop"))
    return without_bridge.accept(ns.stack, ns.namespace, "there")


async def started(ns: LiveNamespace, key: ObjectKey) -> RootHandle:
    client = await Client.connect(ns.stack.temporal_address, data_converter=DATA_CONVERTER)
    return await without_bridge.start(client, key, "shop", OperationType.EXECUTE, ns.namespace)


async def test_a_run_of_an_execution_whose_turn_has_not_come_does_nothing(ns: LiveNamespace, tmp_path: Path) -> None:
    key = accepted(ns)
    ns.create(execute("first", "shop"))
    without_bridge.accept(ns.stack, ns.namespace, "first")
    run = await started(ns, key)
    with worker(tmp_path / "log", environment(ns)):
        error = f"{ns.namespace}/there does not hold the lock of DRPlan shop"

        async def refused() -> bool:
            pending = (await run.describe()).raw_description.pending_activities
            return bool(pending) and error in pending[0].last_failure.message

        await eventually(refused, "the worker's refusal")
        assert ns.kubectl("get", "controllerrevisions", "-o", "name") == ""
        without_bridge.accept(ns.stack, ns.namespace, "there")
        await without_bridge.record(ns.stack, key, run)
        assert (await run.result()).phase is Phase.SUCCEEDED


async def test_an_action_waits_until_the_bridge_has_recorded_its_run(ns: LiveNamespace, tmp_path: Path) -> None:
    key = accepted(ns)
    run = await started(ns, key)
    with worker(tmp_path / "log", environment(ns)):
        client = await Client.connect(ns.stack.temporal_address, data_converter=DATA_CONVERTER)
        child = client.get_workflow_handle(workflow_id(stage_id(run.id, 0, "only"), 0, "flow"))
        await waits_for_the_record(child)
        assert ns.get("configmap", "app") is None
        await without_bridge.record(ns.stack, key, run)
        state = await run.result()
    assert state.phase is Phase.SUCCEEDED
    assert state.stages[0].workflows[0].actions[0].retries == 0
    assert ns.get("configmap", "app") is not None


async def waits_for_the_record(child: WorkflowHandle[Any, Any]) -> None:
    """Return once an attempt has said so; the child starts a moment after its root."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await says(child, "which the bridge has to record")
            except RPCError:
                await asyncio.sleep(0.1)


async def test_a_second_run_under_the_id_of_an_execution_does_nothing(ns: LiveNamespace, tmp_path: Path) -> None:
    key = accepted(ns)
    run = await started(ns, key)
    former = run.first_execution_run_id or ""
    await run.terminate()
    forged = await started(ns, key)
    with worker(tmp_path / "log", environment(ns)):
        await without_bridge.record(ns.stack, key, forged, former)
        with suppress(WorkflowFailureError):
            await forged.result()
        state = await forged.query("state", result_type=RunState)
    action = state.stages[0].workflows[0].actions[0]
    assert (action.phase, action.reason) == (Phase.FAILED, Reason.UNTRUSTED_RUN)
    assert ns.get("configmap", "app") is None
