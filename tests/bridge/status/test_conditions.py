"""PURE parts: conditions that are taken back once they no longer hold, and ends that nothing undoes."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.execution import DRPlanExecution, ExecutionStatus
from api.meta import ACCEPTED_ANNOTATION, API_VERSION
from api.phases import OperationType, Phase
from api.plan import CurrentExecution, DRPlan, DRPlanStatus
from api.tree import RunState
from bridge.controller.context import Context
from bridge.controller.plan_lock import lock_holder, why_waiting
from bridge.kubernetes.entry import ObjectKind
from bridge.kubernetes.index import Index
from bridge.kubernetes.store import StoredObject, read
from bridge.status import conditions
from bridge.status import execution as execution_status
from bridge.status.conditions import ConditionType
from bridge.status.execution import StatusContext
from bridge.status.merge import Observation, RootRun, RunStatus
from bridge.temporal.calls import RunNotFound
from kube.client import Object
from planning.revert.decide import rejected
from tests.planning.builders import plan

NOW = datetime(2026, 2, 3, 10, 0, 0, tzinfo=UTC)
EXECUTE = StatusContext(operation=OperationType.EXECUTE, generation=1, now=NOW)
REVERT = EXECUTE.model_copy(update={"operation": OperationType.REVERT})
RUN = RootRun(workflow_id="execute/default/x/1", run_id="run", status=RunStatus.OPEN, start_time=NOW)
DONE = RUN.model_copy(update={"status": RunStatus.COMPLETED, "state": RunState(phase=Phase.SUCCEEDED, message="done")})
WAITED = execution_status.waiting(ExecutionStatus(), conditions.WAITING_FOR_REFERENCE, "Waiting for DRPlan x", EXECUTE)


def told(of: ExecutionStatus, kind: ConditionType) -> tuple[str, str]:
    found = conditions.find(of.conditions, kind)
    assert found is not None, f"there is no condition {kind}"
    return found.status.value, found.reason


def test_a_reference_that_was_waited_for_is_said_to_be_found_once_it_runs() -> None:
    assert told(WAITED, ConditionType.REFERENCES_FOUND) == ("False", "WaitingForReference")
    begun = execution_status.running(WAITED, RUN, Observation(), EXECUTE)
    assert told(begun, ConditionType.REFERENCES_FOUND) == ("True", "Found")
    assert told(execution_status.closed(WAITED, DONE, EXECUTE), ConditionType.REFERENCES_FOUND) == ("True", "Found")


def test_a_reference_that_was_found_at_last_is_not_missing_where_the_execution_is_refused() -> None:
    refused = execution_status.never_started(WAITED, Phase.FAILED, "Not started: …", EXECUTE, found=True)
    in_vain = execution_status.never_started(WAITED, Phase.FAILED, "DRPlan x does not exist", EXECUTE)
    assert told(refused, ConditionType.REFERENCES_FOUND) == ("True", "Found")
    assert told(in_vain, ConditionType.REFERENCES_FOUND) == ("False", "WaitingForReference")


def test_nothing_is_said_of_references_that_were_never_missing() -> None:
    begun = execution_status.running(ExecutionStatus(), RUN, Observation(), EXECUTE)
    assert conditions.find(begun.conditions, ConditionType.REFERENCES_FOUND) is None


def test_a_revert_that_looked_at_nothing_does_not_claim_that_nothing_was_left() -> None:
    run = RUN.model_copy(update={"status": RunStatus.FAILED, "state": rejected("Nothing was reverted: …").state})
    ended = execution_status.closed(ExecutionStatus(), run, REVERT)
    assert (ended.phase, told(ended, ConditionType.CLEAN)) == (Phase.FAILED, ("Unknown", "OutcomeUnknown"))


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELED])
def test_a_bridge_that_cannot_reach_the_engine_leaves_alone_what_another_one_ended(phase: Phase) -> None:
    over = execution_status.never_started(ExecutionStatus(), phase, "over", EXECUTE)
    assert execution_status.unreachable(over, "no answer", EXECUTE) == over


# A lock without a uid.


def execution(*, accepted: bool, phase: Phase) -> StoredObject[DRPlanExecution]:
    notes = {ACCEPTED_ANNOTATION: "new"} if accepted else {}
    meta = {"name": "again", "namespace": "default", "uid": "new", "resourceVersion": "1", "annotations": notes}
    spec = {"planRef": "nginx-plan", "operationType": "Execute"}
    body: dict[str, Any] = {"apiVersion": API_VERSION, "kind": "DRPlanExecution", "metadata": meta, "spec": spec}
    return read({**body, "status": {"phase": phase.value}}, DRPlanExecution)


def locked(uid: str | None) -> DRPlan:
    lock = CurrentExecution(name="again", namespace="default", uid=uid)
    stage = {"name": "first", "workflows": [{"workflowRef": {"name": "work"}}]}
    return plan(stage).model_copy(update={"status": DRPlanStatus(current_execution=lock)})


async def counts(of: DRPlan, holder: StoredObject[DRPlanExecution]) -> bool:
    async def get(model: type[DRPlanExecution], namespace: str, name: str) -> StoredObject[DRPlanExecution]:
        return holder

    async def find(workflow_id: str) -> RootRun:
        raise RunNotFound(workflow_id)

    parts = {"store": SimpleNamespace(get=get), "temporal": SimpleNamespace(find=find)}
    context = cast(Context, SimpleNamespace(**parts, index=Index(lambda _: None), followed=set))
    return await lock_holder(context, of) is not None


async def test_an_execution_does_not_wait_for_a_lock_that_the_older_controller_left_for_its_namesake() -> None:
    assert not await counts(locked(None), execution(accepted=True, phase=Phase.PENDING))


async def test_a_lock_of_the_older_controller_counts_while_its_execution_may_run() -> None:
    assert await counts(locked(None), execution(accepted=False, phase=Phase.RUNNING))
    assert not await counts(locked(None), execution(accepted=False, phase=Phase.SUCCEEDED))


async def test_a_lock_with_a_uid_counts_for_that_very_object() -> None:
    assert await counts(locked("new"), execution(accepted=True, phase=Phase.RUNNING))
    assert not await counts(locked("old"), execution(accepted=True, phase=Phase.RUNNING))


# A plan that was created anew while an execution of it ran.


def other(phase: Phase, plan_ref: str = "nginx-plan") -> Object:
    meta = {"name": "other", "namespace": "default", "uid": "uid-other", "resourceVersion": "1"}
    run = {"workflowId": "execute/default/other/uid-other", "runId": "r"}
    spec = {"planRef": plan_ref, "operationType": "Execute"}
    return {"metadata": meta, "spec": spec, "status": {"phase": phase.value, "engine": run}}


async def stands_before(beside: Object) -> str | None:
    index = Index(lambda key: None)
    index.put(ObjectKind.EXECUTION, beside)
    raw = execution(accepted=True, phase=Phase.PENDING).raw
    waiting = read(raw | {"spec": raw["spec"] | {"planRef": "nginx-plan"}}, DRPlanExecution)

    async def get(model: type[DRPlanExecution], namespace: str, name: str) -> StoredObject[DRPlanExecution]:
        return read(beside, DRPlanExecution)

    context = cast(Context, SimpleNamespace(index=index, store=SimpleNamespace(get=get), followed=set))
    without_lock = locked(None).model_copy(update={"status": DRPlanStatus()})
    found = await why_waiting(context, waiting, without_lock)
    return found.message if found else None


async def test_a_plan_that_lost_its_lock_is_still_run_by_one_execution_at_a_time() -> None:
    said = "Waiting for DRPlanExecution other, which runs DRPlan nginx-plan; position 1 in the queue"
    assert await stands_before(other(Phase.RUNNING)) == said
    assert await stands_before(other(Phase.SUCCEEDED)) is None
    assert await stands_before(other(Phase.RUNNING, plan_ref="another-plan")) is None
