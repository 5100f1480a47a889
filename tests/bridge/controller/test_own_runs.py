"""What names an execution's own run is its own, whatever others change; a run whose execution is gone is ended."""

from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.execution import DRPlanExecution
from api.meta import ACCEPTED_ANNOTATION, FINALIZER, PLAN_LABEL
from api.objects import Target
from api.phases import Phase
from api.runs import RunInput
from bridge.controller.context import Context, StoredExecution
from bridge.controller.own_runs import end_parts_of_ended, end_strange_runs
from bridge.kubernetes.entry import ObjectKind
from bridge.kubernetes.store import read
from bridge.temporal.answers import OpenPart, OpenRoot
from bridge.temporal.calls import NoAnswer, RunNotFound, TemporalError, TemporalUnreachable
from dev.stack import Stack
from kube.client import OWN, Object
from kube.errors import ApiError, NotFoundError
from planning.definitions import identifiers
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.controller.test_sync import BEGUN
from tests.bridge.plan_namespace import PlanNamespace, bridge, condition, left_running
from tests.bridge.scripted_workflows import done, state
from tests.eventually import eventually
from workflows.contract import WorkflowType

CANCELED = state(phase=Phase.CANCELED, message="canceled")


def is_ours(item: Object) -> bool:
    """Whether an execution has all of our metadata."""
    meta = item["metadata"]
    accepted = meta.get("annotations", {}).get(ACCEPTED_ANNOTATION) == meta["uid"]
    return accepted and meta.get("labels", {}).get(PLAN_LABEL) == "plan" and FINALIZER in meta.get("finalizers", [])


async def restored(ns: PlanNamespace, name: str) -> list[str]:
    """Return the notes of the events that say what was restored."""
    events_here = Target(api_version="events.k8s.io/v1", kind="Event", name="", namespace=ns.namespace)
    events = [one async for page in ns.cluster.pages(events_here, "", OWN) for one in page.items]
    return [one["note"] for one in events if one["reason"] == "Restored" and one["regarding"]["name"] == name]


async def cancels(ns: PlanNamespace, item: Object, count: int = 1) -> None:
    async def noticed() -> bool:
        return bool(await ns.root(item).query("cancels") == count)

    await eventually(noticed, "cancel at the workflow")


CHANGES: dict[str, Mapping[str, Any]] = {
    "annotation removed": {"annotations": {ACCEPTED_ANNOTATION: None}},
    "annotation emptied": {"annotations": {ACCEPTED_ANNOTATION: ""}},
    "annotation with garbage": {"annotations": {ACCEPTED_ANNOTATION: "x\n" * 1000}},
    "annotation with another uid": {"annotations": {ACCEPTED_ANNOTATION: "8c1f2f6e-4c52-4f4f-9d0e-3f3a8f1e2b71"}},
    "all annotations removed": {"annotations": None},
    "label removed": {"labels": {PLAN_LABEL: None}},
    "label changed": {"labels": {PLAN_LABEL: "another"}},
    "finalizer removed": {"finalizers": []},
    "all": {"annotations": None, "labels": None, "finalizers": None},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_metadata_that_is_changed_while_it_runs_is_put_back(ns: PlanNamespace, change: Mapping[str, Any]) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    await ns.patch(ObjectKind.EXECUTION, "slow", {"metadata": dict(change)})
    after = await ns.until("slow", is_ours, "our metadata")
    assert after["status"]["phase"] == "Running"

    async def told() -> list[str]:
        return await restored(ns, "slow")

    [note] = await eventually(told, "event")
    assert note.startswith(f"Restored {', '.join(sorted(change))}: ")
    plan = await ns.get("plan", ObjectKind.PLAN)
    assert plan["status"]["currentExecution"]["uid"] == item["metadata"]["uid"]
    await ns.close(item, done())
    await ns.phase("slow", Phase.SUCCEEDED)
    await ns.released("slow")


@pytest.mark.parametrize("change", [{"labels": {PLAN_LABEL: "another"}}, {"annotations": {ACCEPTED_ANNOTATION: "x"}}])
async def test_what_later_reverts_find_an_ended_execution_by_is_put_back(
    ns: PlanNamespace, change: Mapping[str, Any]
) -> None:
    await ns.ready_plan()
    await ns.execute("quick")
    await ns.phase("quick", Phase.SUCCEEDED)
    ours = (await ns.released("quick"))["metadata"]
    await ns.patch(ObjectKind.EXECUTION, "quick", {"metadata": dict(change)})

    def as_before(item: Object) -> bool:
        meta = item["metadata"]
        return bool(meta["labels"] == ours["labels"] and meta["annotations"] == ours["annotations"])

    after = await ns.until("quick", as_before, "our metadata")
    assert not after["metadata"].get("finalizers")


@pytest.mark.parametrize("locked", [True, False])
async def test_metadata_that_is_changed_while_the_bridge_is_down_is_put_back(
    stack: Stack, unwatched_ns: PlanNamespace, locked: bool
) -> None:
    ns = unwatched_ns
    item = await left_running(stack, ns, TASK_QUEUE)
    await ns.patch(ObjectKind.EXECUTION, "slow", {"metadata": {"annotations": None, "labels": None}})
    await ns.write_status(ObjectKind.EXECUTION, "slow", {"engine": None})
    if not locked:
        await ns.write_status(ObjectKind.PLAN, "plan", {"currentExecution": None})
    async with bridge(stack, TASK_QUEUE):
        await ns.until("slow", lambda one: is_ours(one) and one["status"].get("engine"), "our metadata and run")
        uid = item["metadata"]["uid"]
        await ns.until(
            "plan", lambda one: one["status"].get("currentExecution", {}).get("uid") == uid, "lock", ObjectKind.PLAN
        )
        await ns.close(item, done())
        await ns.phase("slow", Phase.SUCCEEDED)
        await ns.released("slow")
        await ns.ran_once(item)


@pytest.mark.parametrize("lock", [None, "another"])
async def test_the_lock_of_a_plan_that_is_changed_while_it_runs_is_put_back(
    ns: PlanNamespace, lock: str | None
) -> None:
    await ns.ready_plan()
    await ns.plan("other-plan")
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    another = await ns.execute("another", plan="other-plan")
    await ns.phase("another", Phase.RUNNING)
    uid = another["metadata"]["uid"]
    forged = {"name": "another", "namespace": ns.namespace, "uid": uid} if lock else None
    await ns.write_status(ObjectKind.PLAN, "plan", {"currentExecution": forged})
    await ns.execute("second")
    held = item["metadata"]["uid"]
    await ns.until(
        "plan", lambda one: one["status"].get("currentExecution", {}).get("uid") == held, "lock", ObjectKind.PLAN
    )
    waiting = await ns.phase("second", Phase.PENDING)
    assert waiting["status"]["message"].startswith("Waiting for DRPlanExecution slow, which runs DRPlan plan")
    for name, of in {"slow": item, "another": another}.items():
        await ns.close(of, done())
        await ns.phase(name, Phase.SUCCEEDED)


def started_by_hand(item: Object) -> tuple[Object, RunInput]:
    """Return what a bridge would have started for an execution: the engine in its status, and the input."""
    execution = DRPlanExecution.model_validate(item)
    run_input = RunInput(
        execution=execution.metadata.key, plan=execution.spec.plan_ref, operation=execution.spec.operation_type
    )
    return {"workflowId": identifiers.root_id_of(execution), "runId": "invented"}, run_input


@pytest.mark.parametrize("forged_status", [False, True])
async def test_a_run_that_somebody_starts_while_another_execution_has_the_lock_is_cancelled(
    ns: PlanNamespace, forged_status: bool
) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    second = await ns.execute("second")
    await ns.phase("second", Phase.PENDING)
    engine, run_input = started_by_hand(second)
    options = {"id": engine["workflowId"], "task_queue": TASK_QUEUE}
    run = await ns.temporal.start_workflow(WorkflowType.EXECUTE_PLAN, run_input, **options)
    ours = {ACCEPTED_ANNOTATION: second["metadata"]["uid"]}
    await ns.patch(ObjectKind.EXECUTION, "second", {"metadata": {"annotations": ours, "finalizers": [FINALIZER]}})
    if forged_status:
        engine = {**engine, "runId": run.first_execution_run_id}
        await ns.write_status(ObjectKind.EXECUTION, "second", {"phase": "Running", "engine": engine})
    await cancels(ns, second)
    plan = await ns.get("plan", ObjectKind.PLAN)
    assert plan["status"]["currentExecution"]["uid"] == item["metadata"]["uid"]
    if not forged_status:
        waiting = await ns.phase("second", Phase.PENDING)
        assert waiting["status"]["message"].startswith("Waiting for DRPlanExecution slow, which runs DRPlan plan")
    await ns.close(second, CANCELED, "cancel")
    await ns.close(item, done())
    await ns.phase("slow", Phase.SUCCEEDED)
    await ns.phase("second", Phase.CANCELED)
    await ns.released("second")
    plan = await ns.until("plan", lambda one: "currentExecution" not in one["status"], "free plan", ObjectKind.PLAN)
    await ns.ran_once(second)


@pytest.mark.parametrize(
    "forged",
    [
        {"runId": "invented"},
        {"runId": "8c1f2f6e-4c52-4f4f-9d0e-3f3a8f1e2b71"},
        {"workflowId": "execute/default/other/uid", "runId": "invented"},
    ],
)
async def test_a_run_that_somebody_writes_into_the_status_is_put_back(ns: PlanNamespace, forged: Object) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    engine = item["status"]["engine"]
    await ns.write_status(ObjectKind.EXECUTION, "slow", {"engine": {**engine, **forged}})
    after = await ns.until("slow", lambda one: one["status"].get("engine") == engine, "its own run")
    assert after["status"]["phase"] == "Running"
    plan = await ns.get("plan", ObjectKind.PLAN)
    assert plan["status"]["currentExecution"]["uid"] == item["metadata"]["uid"]
    await ns.close(item, done())
    await ns.phase("slow", Phase.SUCCEEDED)


async def test_a_lock_that_somebody_writes_for_one_that_waits_starts_nothing(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    second = await ns.execute("quick-second")
    await ns.phase("quick-second", Phase.PENDING)
    forged = {"name": "quick-second", "namespace": ns.namespace, "uid": second["metadata"]["uid"]}
    await ns.write_status(ObjectKind.PLAN, "plan", {"currentExecution": forged})
    held = item["metadata"]["uid"]
    await ns.until("plan", lambda one: one["status"]["currentExecution"]["uid"] == held, "lock", ObjectKind.PLAN)
    assert await ns.runs(second) == 0
    await ns.close(item, done())
    await ns.phase("quick-second", Phase.SUCCEEDED)


async def removed_by_force(ns: PlanNamespace, name: str) -> None:
    await ns.patch(ObjectKind.EXECUTION, name, {"metadata": {"finalizers": []}})
    await ns.delete(ObjectKind.EXECUTION, name)
    await ns.gone(name)


async def test_a_run_whose_execution_was_removed_while_the_bridge_was_down_is_ended_before_the_next_one_starts(
    stack: Stack, unwatched_ns: PlanNamespace
) -> None:
    ns = unwatched_ns
    item = await left_running(stack, ns, TASK_QUEUE)
    await removed_by_force(ns, "slow")
    second = await ns.execute("slow-too")
    async with bridge(stack, TASK_QUEUE):
        await cancels(ns, item)
        waiting = await ns.phase("slow-too", Phase.PENDING)
        assert waiting["status"]["message"].startswith("Waiting for DRPlanExecution slow, which runs DRPlan plan")
        plan = await ns.get("plan", ObjectKind.PLAN)
        assert plan["status"]["currentExecution"]["uid"] == item["metadata"]["uid"]
        assert await ns.runs(second) == 0
        await ns.close(item, CANCELED, "cancel")
        await ns.phase("slow-too", Phase.RUNNING)
        await ns.close(second, done())
        await ns.phase("slow-too", Phase.SUCCEEDED)


async def test_the_plan_of_such_a_run_is_free_once_it_has_ended(stack: Stack, unwatched_ns: PlanNamespace) -> None:
    ns = unwatched_ns
    item = await left_running(stack, ns, TASK_QUEUE)
    await removed_by_force(ns, "slow")
    async with bridge(stack, TASK_QUEUE):
        await cancels(ns, item)
        await ns.close(item, CANCELED, "cancel")
        await ns.until(
            "plan", lambda one: not one["status"].get("currentExecution"), "free plan", ObjectKind.PLAN, seconds=20
        )


async def test_a_run_is_ended_whose_plan_is_gone_as_well(stack: Stack, unwatched_ns: PlanNamespace) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    async with bridge(stack, TASK_QUEUE):
        await ns.execute("slow")
        item = await ns.phase("slow", Phase.RUNNING)
        await ns.execute("slow-too", plan="plan")
    await removed_by_force(ns, "slow")
    await ns.delete(ObjectKind.PLAN, "plan")
    recreated = await ns.execute("slow", plan="nowhere")
    async with bridge(stack, TASK_QUEUE):
        await cancels(ns, item)
        await ns.close(item, CANCELED, "cancel")
        assert await ns.runs(recreated) == 0


async def test_a_run_whose_execution_is_there_is_left_alone(stack: Stack, unwatched_ns: PlanNamespace) -> None:
    ns = unwatched_ns
    item = await left_running(stack, ns, TASK_QUEUE)
    async with bridge(stack, TASK_QUEUE):
        await ns.execute("quick-one", plan="plan")
        await ns.phase("quick-one", Phase.PENDING)
        assert await ns.root(item).query("cancels") == 0
        await ns.close(item, done())
        await ns.phase("slow", Phase.SUCCEEDED)
        await ns.phase("quick-one", Phase.SUCCEEDED)


@pytest.mark.parametrize(
    ("phase", "without"), [("Succeeded", {}), ("Failed", {"engine": None}), ("Canceled", {"engine": None})]
)
async def test_an_end_that_another_writes_while_it_runs_is_taken_back(
    ns: PlanNamespace, phase: str, without: Object
) -> None:
    await ns.ready_plan()
    await ns.execute("slow")
    item = await ns.phase("slow", Phase.RUNNING)
    await ns.root(item).signal("show", BEGUN)
    await ns.until("slow", lambda one: one["status"].get("stageStatuses"), "tree")
    stages = [{"name": "invented", "phase": phase}]
    forged = {"phase": phase, "message": "forged", "completionTime": "2026-01-01T00:00:00Z", "stageStatuses": stages}
    await ns.write_status(ObjectKind.EXECUTION, "slow", {**forged, **without})
    after = await ns.phase("slow", Phase.RUNNING)
    assert [one["name"] for one in after["status"]["stageStatuses"]] == ["first", "second"]
    assert "completionTime" not in after["status"]
    assert condition(after, "Completed")["status"] == "False"
    plan = await ns.get("plan", ObjectKind.PLAN)
    assert plan["status"]["currentExecution"]["uid"] == item["metadata"]["uid"]

    async def told() -> list[str]:
        return await restored(ns, "slow")

    [note] = await eventually(told, "event")
    assert note.startswith("Restored status: ")
    await ns.close(item, done())
    ended = await ns.phase("slow", Phase.SUCCEEDED)
    assert ended["status"]["message"] == "done"
    await ns.released("slow")


class _Runs:
    """A Temporal with open roots, some of which have an input that is not ours or cannot be read."""

    def __init__(self, inputs: Mapping[str, RunInput | TemporalError | None]) -> None:
        self.inputs = inputs
        self.canceled: list[str] = []
        self.terminated: list[str] = []

    async def open_roots(self) -> AsyncIterator[OpenRoot]:
        for name in self.inputs:
            kind = WorkflowType.REVERT_PLAN if name == _id("other-type") else WorkflowType.EXECUTE_PLAN
            yield OpenRoot(name, f"run of {name}", kind)

    async def input_of(self, workflow_id: str, run_id: str) -> RunInput | None:
        answer = self.inputs[workflow_id]
        if isinstance(answer, TemporalError):
            raise answer
        return answer

    async def cancel(self, workflow_id: str, run_id: str) -> None:
        self.canceled.append(workflow_id)

    async def terminate(self, workflow_id: str, run_id: str, reason: str) -> None:
        self.terminated.append(workflow_id)


class _Executions:
    """Executions whose name says what they are; all others do not exist."""

    async def get(self, model: type, namespace: str, name: str) -> StoredExecution:
        if name == "forbidden":
            raise ApiError("forbidden", 403)
        if name not in ("ended", "unreleased", "waiting"):
            raise NotFoundError("not found", 404)
        finalizers = [FINALIZER] if name == "unreleased" else []
        metadata = {"name": name, "namespace": namespace, "uid": f"uid-of-{name}", "finalizers": finalizers}
        status = {} if name == "waiting" else {"phase": "Succeeded"}
        spec = {"planRef": "plan", "operationType": "Execute"}
        return read({"metadata": metadata, "spec": spec, "status": status}, DRPlanExecution)


def _input(name: str) -> RunInput:
    key = {"namespace": "ns", "name": name, "uid": f"uid-of-{name}"}
    return RunInput.model_validate({"execution": key, "plan": "plan", "operation": "Execute"})


async def _swept(inputs: Mapping[str, RunInput | TemporalError | None], reported: set[str]) -> tuple[bool, _Runs]:
    runs = _Runs(inputs)
    context = SimpleNamespace(index=SimpleNamespace(workflow_ids=set), temporal=runs, store=_Executions())
    return await end_strange_runs(cast("Context", context), reported), runs


def _id(name: str) -> str:
    return f"execute/ns/{name}/uid-of-{name}"


ORPHAN = {_id("orphan"): _input("orphan")}


@pytest.mark.parametrize(
    ("workflow_id", "strange", "compared", "ended"),
    [
        ("x", None, True, "terminated"),
        (_id("waiting"), None, True, "terminated"),
        ("x", _input("waiting"), True, "terminated"),
        (_id("other-type"), _input("other-type"), True, "terminated"),
        ("x", _input("../../team-b/drplans/victim"), True, "terminated"),
        (_id("ended"), _input("ended"), True, "canceled"),
        (_id("unreleased"), _input("unreleased"), True, ""),
        (_id("waiting"), _input("waiting"), True, ""),
        ("x", RunNotFound("ended"), True, ""),
        ("x", TemporalUnreachable("no key"), False, ""),
        (_id("forbidden"), _input("forbidden"), False, ""),
    ],
)
async def test_a_strange_run_does_not_end_the_sweep_of_the_others(
    workflow_id: str, strange: RunInput | TemporalError | None, compared: bool, ended: str
) -> None:
    reported = {"run of one that has ended meanwhile"}
    all_compared, runs = await _swept({workflow_id: strange, **ORPHAN}, reported)
    assert all_compared is compared
    assert reported == (set() if compared else {f"run of {workflow_id}"})
    assert runs.terminated == ([workflow_id] if ended == "terminated" else [])
    assert runs.canceled == [*([workflow_id] if ended == "canceled" else []), *ORPHAN]


async def test_a_temporal_that_does_not_answer_ends_the_sweep() -> None:
    with pytest.raises(NoAnswer):
        await _swept({"x": NoAnswer("away"), **ORPHAN}, set())


class _Parts:
    """A Temporal with open parts of executions; the root of one goes on."""

    def __init__(self, *roots: str) -> None:
        self.roots = roots
        self.asked: list[str] = []
        self.terminated: list[tuple[str, str]] = []

    async def open_parts(self) -> AsyncIterator[OpenPart]:
        for number, root in enumerate(self.roots):
            yield OpenPart(f"part-{number}", f"run-{number}", root)

    async def is_open(self, workflow_id: str) -> bool:
        self.asked.append(workflow_id)
        return workflow_id == "open"

    async def terminate(self, workflow_id: str, run_id: str, reason: str) -> None:
        assert "has ended" in reason
        self.terminated.append((workflow_id, run_id))


async def test_parts_that_were_reset_after_the_end_of_their_root_are_ended_and_no_others() -> None:
    parts = _Parts("open", "ended", "ended", "open")
    await end_parts_of_ended(cast("Context", SimpleNamespace(temporal=parts)))
    assert parts.terminated == [("part-1", "run-1"), ("part-2", "run-2")]
    assert parts.asked == ["open", "ended"]
