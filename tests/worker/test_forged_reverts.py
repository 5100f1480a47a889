"""A client of Temporal, even one that polls like a worker, chooses nothing that was not decided for a Revert."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from api.attempts import ActionOutcome, ExecuteInput, RollbackInput
from api.decisions import RevertDecision
from api.failures import FailureType
from api.meta import CREATED_BY_ANNOTATION, Model, ObjectKey
from api.nodes import ActionStatus, WorkflowExecutionStatus
from api.objects import Actor
from api.phases import ActionType, OperationType, Phase
from api.runs import RevertWorkflowInput, RunInput
from api.snapshot import DecidedStep, StoredDecision
from api.steps import CustomRollback, Deletion, ExecuteStep, Origin, Part, RollbackStep
from api.tree import RunState
from dev import without_bridge
from dev.without_bridge import RootHandle
from planning.snapshot.documents import document_of
from tests.activities.live_namespace import LiveNamespace, config_map
from tests.eventually import eventually
from tests.manifests import dr_plan, dr_workflow, execute, makes_config_map, revert, stage
from tests.programs import worker
from tests.worker.one_action import environment
from workflows.activity_stubs import ActivityName
from workflows.contract import STATE_QUERY, WorkflowType
from workflows.converter import DATA_CONVERTER


@workflow.defn(name=WorkflowType.REVERT_PLAN, sandboxed=False)
class Forger:
    """A root that asks the real worker for the decision, then for whatever it likes, and claims whatever it likes."""

    def __init__(self) -> None:
        self.claimed, self.decision = RunState(phase=Phase.PENDING), RevertDecision(state=RunState())

    @workflow.query(name=STATE_QUERY)
    def state(self) -> RunState:
        return self.claimed

    @workflow.query
    def decided(self) -> RevertDecision:
        return self.decision

    @workflow.signal
    def claim(self, state: RunState) -> None:
        self.claimed = state

    @workflow.update
    async def ask(self, name: ActivityName, request: dict[str, Any]) -> str:
        """Ask for an activity; return how it ended."""
        try:
            outcome = await self._activity(name, request, ActionOutcome)
        except ActivityError as error:
            return getattr(error.cause, "type", None) or str(error.cause)
        return str(outcome.phase)

    @workflow.run
    async def run(self, run_input: RunInput) -> None:
        self.decision = await self._activity(ActivityName.LOAD_REVERT, run_input, RevertDecision)
        await workflow.wait_condition(lambda: False)

    async def _activity(self, name: ActivityName, given: Any, result_type: type[Any]) -> Any:
        # The forger has a queue of its own, so that the real worker does not carry the root.
        queue = workflow.info().task_queue.removesuffix("-forger")
        timeout = timedelta(minutes=1)
        return await workflow.execute_activity(
            name, given, task_queue=queue, result_type=result_type, start_to_close_timeout=timeout
        )


@dataclass
class Forgery:
    """A Revert whose root is a forger, and what the real worker decided for it."""

    key: ObjectKey
    run: RootHandle
    decision: RevertDecision

    async def ask(self, request: Model, name: ActivityName = ActivityName.ROLLBACK_ACTION) -> str:
        how: str = await self.run.execute_update("ask", args=[name, request.to_object()], result_type=str)
        return how


def reverts(ns: LiveNamespace, *names: str, rollback: Any = None) -> ObjectKey:
    """Create a finished Execute that created these ConfigMaps, and a Revert of it, accepted.

    With `rollback` each action has that as its own.
    """
    own = {"rollback": rollback} if rollback else {}
    flow = dr_workflow("flow", *(makes_config_map(name, ns.namespace, **own) for name in names))
    ns.create(flow, dr_plan("shop", stage("only", ns.namespace, "flow")), execute("there", "shop"))
    records = []
    for name in names:
        mark = f"{ns.uid('drpe', 'there')}/only/flow/make-{name}"
        uid = ns.config_map(name, annotations={CREATED_BY_ANNOTATION: mark})
        ref = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": ns.namespace, "name": name, "uid": uid}
        done = {"operation": "Create", "created": True, "customRollback": bool(own), "outputs": {"resourceRef": ref}}
        records.append({"name": f"make-{name}", "type": "KubernetesResource", "phase": "Succeeded", **done})
    node = {"workflowRef": {"name": "flow", "namespace": ns.namespace}, "phase": "Succeeded", "actionStatuses": records}
    tree = [{"name": "only", "phase": "Succeeded", "workflowExecutions": [node]}]
    status(ns, "there", {"phase": "Succeeded", "stageStatuses": tree})
    ns.create(revert("back", "shop", "there"))
    return without_bridge.accept(ns.stack, ns.namespace, "back")


def status(ns: LiveNamespace, execution: str, change: dict[str, Any]) -> None:
    change = {"status": change}
    ns.patch("drpe", execution, change, "status")


async def connected(ns: LiveNamespace) -> Client:
    return await Client.connect(ns.stack.temporal_address, data_converter=DATA_CONVERTER)


@asynccontextmanager
async def forged(ns: LiveNamespace, key: ObjectKey, log: Path) -> AsyncIterator[Forgery]:
    """Run a forger beside the real worker, up to its decision."""
    client, queue = await connected(ns), f"{ns.namespace}-forger"
    carrying = Worker(client, task_queue=queue, workflows=[Forger], workflow_runner=UnsandboxedWorkflowRunner())
    async with carrying:
        with worker(log, environment(ns)):
            run = await without_bridge.start(client, key, "shop", OperationType.REVERT, queue)

            async def decided() -> RevertDecision | None:
                decision = await run.query("decided", result_type=RevertDecision)
                return decision if decision.steps else None

            yield Forgery(key, run, await eventually(decided, "the worker has decided"))


def deletes(ns: LiveNamespace, **uids: str) -> RollbackInput:
    deletions = [Deletion(target=config_map(name, ns.namespace), uid=uid) for name, uid in uids.items()]
    return RollbackInput(step=RollbackStep(deletions=deletions), actor=Actor())


@pytest.mark.parametrize("stored", [True, False], ids=["with the decision", "as if an older release had decided"])
async def test_an_input_with_another_object_or_uid_is_refused(ns: LiveNamespace, tmp_path: Path, stored: bool) -> None:
    victim, key = ns.config_map("victim"), reverts(ns, "app")
    app = ns.uid("configmap", "app")
    async with forged(ns, key, tmp_path / "log") as forgery:
        state = forgery.decision.state
        await forgery.run.signal("claim", state if stored else state.model_copy(update={"decision": None}))
        await without_bridge.record(ns.stack, forgery.key, forgery.run)
        for request in (deletes(ns, victim=victim), deletes(ns, app=app, victim=victim)):
            assert await forgery.ask(request) == FailureType.UNTRUSTED_STEP
        # Without a decision, what deletes nothing, for no object has that name and uid, is not refused.
        ended = await forgery.ask(deletes(ns, app=victim))
        assert ended == (FailureType.UNTRUSTED_STEP if stored else Phase.SUCCEEDED)
        [[[genuine]]] = forgery.decision.steps
        assert genuine is not None
        assert ns.get("configmap", "app") is not None
        assert await forgery.ask(RollbackInput(step=genuine, actor=Actor())) == Phase.SUCCEEDED
    assert ns.get("configmap", "app") is None
    assert ns.uid("configmap", "victim") == victim


async def test_an_action_of_the_definitions_is_refused_that_was_not_decided(ns: LiveNamespace, tmp_path: Path) -> None:
    metadata = {"name": "undone", "namespace": ns.namespace}
    manifest = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    key = reverts(ns, "app", rollback={"resource": {"manifest": manifest}})
    async with forged(ns, key, tmp_path / "log") as forgery:
        await forgery.run.signal("claim", forgery.decision.state)
        await without_bridge.record(ns.stack, key, forgery.run)
        [[[genuine]]], origin = forgery.decision.steps, forgery.decision.origin
        assert genuine is not None
        assert genuine.custom is not None
        assert origin is not None
        place = origin.model_copy(update={"stage": "only"})
        step = genuine.custom.step
        action = step.model_copy(update={"part": Part.ACTION})
        for other in (action, step.model_copy(update={"mark": "uid-of-another/s/w/a"})):
            assert await forgery.ask(rolls_back(ns, other, place)) == FailureType.UNTRUSTED_STEP
        for other in (action, step):
            request = ExecuteInput(dr_workflow=ns.flow, step=other, actor=Actor(), origin=place)
            assert await forgery.ask(request, ActivityName.EXECUTE_ACTION) == FailureType.UNTRUSTED_STEP
        assert ns.get("configmap", "undone") is None
        assert await forgery.ask(rolls_back(ns, step, place)) == Phase.SUCCEEDED
    assert ns.get("configmap", "undone") is not None


def rolls_back(ns: LiveNamespace, step: ExecuteStep, origin: Origin) -> RollbackInput:
    custom = RollbackStep(custom=CustomRollback(step=step))
    return RollbackInput(step=custom, actor=Actor(), dr_workflow=ns.flow, origin=origin)


@pytest.mark.parametrize("exists", [True, False], ids=["not owned by the Revert", "gone"])
async def test_a_decision_that_the_worker_did_not_store_for_this_revert_is_not_used(
    ns: LiveNamespace, tmp_path: Path, exists: bool
) -> None:
    victim, request = ns.config_map("victim"), deletes(ns, victim=ns.uid("configmap", "victim"))
    async with forged(ns, reverts(ns, "app"), tmp_path / "log") as forgery:
        decision = StoredDecision(format=1, steps=[DecidedStep(step=request.step)])
        document = document_of(forgery.key, decision)
        if exists:
            kind = {"apiVersion": "apps/v1", "kind": "ControllerRevision"}
            ns.create({**kind, "metadata": {"name": document.ref.name}, "revision": 1, "data": document.data})
        state = forgery.decision.state.model_copy(update={"decision": document.ref})
        await forgery.run.signal("claim", state)
        await without_bridge.record(ns.stack, forgery.key, forgery.run)
        assert await forgery.ask(request) == FailureType.UNDEFINED
    assert ns.uid("configmap", "victim") == victim


@pytest.mark.parametrize("account", ["status", "input"])
async def test_an_account_of_somebodys_choice_is_not_used(ns: LiveNamespace, tmp_path: Path, account: str) -> None:
    ns.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "poor"}})
    poor = Actor(user=f"system:serviceaccount:{ns.namespace}:poor")
    async with forged(ns, reverts(ns, "app"), tmp_path / "log") as forgery:
        state = forgery.decision.state.model_copy(update={"service_account_name": "poor"})
        await forgery.run.signal("claim", state)
        await without_bridge.record(ns.stack, forgery.key, forgery.run)
        [[[genuine]]] = forgery.decision.steps
        assert genuine is not None
        ended = await forgery.ask(RollbackInput(step=genuine, actor=poor if account == "input" else Actor()))
        # As the account `poor` it would be Forbidden.
        assert ended == (FailureType.UNTRUSTED_RUN if account == "input" else Phase.SUCCEEDED)


# Workflows that somebody starts by hand.


async def by_hand(ns: LiveNamespace, key: ObjectKey, workflow_id: str) -> RunState:
    """Start a RevertPlan of an execution, carried by the real worker, and return its last state."""
    request = RunInput(execution=key, plan="shop", operation=OperationType.REVERT)
    run = await (await connected(ns)).start_workflow(
        WorkflowType.REVERT_PLAN, request, id=workflow_id, task_queue=ns.namespace, result_type=RunState
    )
    with pytest.raises(WorkflowFailureError):
        await run.result()
    state: RunState = await run.query(STATE_QUERY, result_type=RunState)
    return state


async def test_a_revert_that_somebody_starts_by_hand_does_nothing(ns: LiveNamespace, tmp_path: Path) -> None:
    key = reverts(ns, "app")
    app = ns.uid("configmap", "app")
    with worker(tmp_path / "log", environment(ns)):
        state = await by_hand(ns, key, f"pwned-{ns.namespace}")
        refused = f"refused: the workflow pwned-{ns.namespace} is not the run of DRPlanExecution {ns.namespace}/back"
        assert state.message == refused
        # On a queue that nobody polls: the worker would decide, and store its decision, before the run is terminated.
        unpolled = f"{ns.namespace}-unpolled"
        genuine = await without_bridge.start(await connected(ns), key, "shop", OperationType.REVERT, unpolled)
        await genuine.terminate()
        status(ns, "back", {"engine": {"workflowId": genuine.id, "runId": genuine.first_execution_run_id}})
        state = await by_hand(ns, key, genuine.id)
        assert (state.message or "").startswith(f"refused: the workflow {genuine.id} (run ")
    assert ns.uid("configmap", "app") == app
    assert ns.admin.list("controllerrevisions", ns.namespace) == []


async def test_a_part_of_a_revert_that_somebody_starts_by_hand_does_nothing(ns: LiveNamespace, tmp_path: Path) -> None:
    victim = ns.config_map("victim")
    action = ActionStatus(name="a", type=ActionType.KUBERNETES_RESOURCE, phase=Phase.PENDING)
    node = WorkflowExecutionStatus(workflow_ref=ns.flow, phase=Phase.PENDING, action_statuses=[action])
    step = deletes(ns, victim=victim).step
    request = RevertWorkflowInput(workflow=node, steps=[step], actor=ns.actor)
    run = await (await connected(ns)).start_workflow(
        WorkflowType.REVERT_WORKFLOW, request, id=f"pwned-{ns.namespace}", task_queue=ns.namespace
    )
    with worker(tmp_path / "log", environment(ns)), pytest.raises(WorkflowFailureError):
        await run.result()
    assert ns.uid("configmap", "victim") == victim
