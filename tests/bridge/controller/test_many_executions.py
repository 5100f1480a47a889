"""Many executions that are created at once, and long queues: the requests that they cost, counted."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

from aiohttp import web

from api.execution import Engine
from api.meta import ACCEPTED_ANNOTATION, API_VERSION, FINALIZER, PLAN_LABEL
from bridge.controller.context import Context, OpenRun, PassResult, StoredExecution
from bridge.controller.reconcile import reconcile
from bridge.controller.start import LONGEST_WAITING, STARTS, WAITING, start
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.index import Index
from bridge.kubernetes.store import Store
from bridge.settings import BridgeSettings
from bridge.status.execution import StatusContext
from bridge.status.merge import RootRun, RunStatus
from bridge.temporal.calls import RunNotFound
from kube.client import Object
from planning.definitions.identifiers import label_value
from tests.kube.scripted_server import scripted

NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)


def item(kind: ObjectKind, name: str, spec: Object, status: Object | None = None, **metadata: Any) -> Object:
    meta = {"name": name, "namespace": "default", "uid": f"uid-{name}", "resourceVersion": "1", "generation": 1}
    meta |= {"creationTimestamp": "2026-02-03T09:00:00Z"} | metadata
    return {"apiVersion": API_VERSION, "kind": kind.value, "metadata": meta, "spec": spec, "status": status or {}}


def execution(name: str, **metadata: Any) -> Object:
    return item(ObjectKind.EXECUTION, name, {"planRef": "plan", "operationType": "Execute"}, **metadata)


def plan(holder: str) -> Object:
    stages = [{"name": "first", "workflows": [{"workflowRef": {"name": "work"}}]}]
    lock = {"currentExecution": {"name": holder, "namespace": "default", "uid": f"uid-{holder}"}}
    return item(ObjectKind.PLAN, "plan", {"stages": stages}, lock)


class Server:
    """An API server of a few objects, each write of which gets a version; it counts what it is asked."""

    def __init__(self, *objects: Object, changed: Callable[[Object], None] = lambda _: None) -> None:
        """`changed` is called with each object that was written, before the answer."""
        self.changed = changed
        self.objects = {(each["kind"].lower() + "s", each["metadata"]["name"]): each for each in objects}
        self.asked = Counter[str]()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        found = re.search(r"/(dr\w+)/([\w-]+)(/status)?$", request.path)
        assert found is not None, request.path
        plural, name, status = found.groups()
        self.asked[f"{request.method} {plural}{status or ''}"] += 1
        if (stored := self.objects.get((plural, name))) is None:
            details = {"name": name, "kind": plural}
            answer = {"kind": "Status", "reason": "NotFound", "message": f"{name} not found", "details": details}
            return web.json_response(answer, status=404)
        if request.method != "GET":
            body, meta = await request.json(), stored["metadata"]
            if body["metadata"]["resourceVersion"] != meta["resourceVersion"]:
                return web.json_response({"kind": "Status", "reason": "Conflict", "message": "changed"}, status=409)
            annotations = {**meta.get("annotations", {}), **body["metadata"].get("annotations", {})}
            meta = {
                **meta,
                **body["metadata"],
                "annotations": annotations,
                "resourceVersion": str(int(meta["resourceVersion"]) + 1),
            }
            status = (
                body.get("status", {}) if request.method == "PUT" else {**stored["status"], **body.get("status", {})}
            )
            status = {name: value for name, value in status.items() if value is not None}
            stored = {**stored, "metadata": meta, "status": status}
            self.objects[plural, name] = stored
            self.changed(stored)
        return web.json_response(stored)


@asynccontextmanager
async def passing(server: Server, index: Index) -> AsyncIterator[Context]:
    """Yield what passes over the server's objects work with."""
    async with scripted(server.answer) as (cluster, _):

        def status_context(of: StoredExecution) -> StatusContext:
            spec = of.model.spec
            return StatusContext(operation=spec.operation_type, generation=1, now=NOW, name=of.key.name, plan="plan")

        async def find(workflow_id: str) -> RootRun:
            raise RunNotFound(workflow_id)

        parts = {"store": Store(cluster, index), "settings": BridgeSettings(), "index": index}
        parts |= {"events": SimpleNamespace(record=lambda *_: None), "temporal": SimpleNamespace(find=find)}
        parts |= {
            "status_context": status_context,
            "now": lambda: NOW,
            "followed": set,
            "runs": {},
            "without_worker": set(),
        }
        parts |= {"observer": AsyncMock(), "poller": Mock(), "open_executions": Mock(), "metrics": Mock()}
        yield cast(Context, SimpleNamespace(**parts))


def key(name: str) -> Key:
    return Key(ObjectKind.EXECUTION, "default", name)


async def one_pass(context: Context, name: str) -> PassResult:
    known = context.store.new_execution(key(name))
    return await start(context, known or await context.store.latest_execution(key(name)))


def filled(*objects: Object) -> Index:
    index = Index(lambda _: None)
    for each in objects:
        index.put(ObjectKind(each["kind"]), each)
    return index


WORK = item(ObjectKind.DR_WORKFLOW, "work", {"actions": []})


async def test_the_first_pass_over_an_execution_in_a_queue_costs_two_requests_and_the_next_one() -> None:
    waiting = [execution(f"e{number:03d}") for number in range(200)]
    server, index = Server(plan("holder"), *waiting), filled(WORK, plan("holder"), *waiting)
    async with passing(server, index) as context:
        result = await one_pass(context, "e199")
        assert dict(server.asked) == {"PATCH drplanexecutions": 1, "PUT drplanexecutions/status": 1}
        message = "Waiting for DRPlanExecution holder, which runs DRPlan plan; position 200 in the queue"
        assert result.execution.model.status.message == message
        assert result.requeue == LONGEST_WAITING
        server.asked.clear()
        context.store._recent.clear()
        assert (await one_pass(context, "e199")).requeue == LONGEST_WAITING
        assert dict(server.asked) == {"GET drplanexecutions": 1}
        assert (await one_pass(context, "e003")).requeue == 4 * WAITING


async def test_the_release_of_a_lock_wakes_the_one_that_is_next_and_not_the_whole_queue() -> None:
    woken: list[str] = []
    index = Index(lambda key: woken.append(key.name))
    for each in (plan("e000"), *(execution(f"e{number:03d}") for number in range(200))):
        index.put(ObjectKind(each["kind"]), each)
    woken.clear()
    released = plan("e000")
    released["metadata"]["resourceVersion"], released["status"] = "2", {}
    index.put(ObjectKind.PLAN, released)
    assert woken == ["plan", "e000"]
    woken.clear()
    index.drop(ObjectKind.EXECUTION, "default", "e000")
    assert set(woken) == {"e000", "plan", "e001"}


async def test_of_many_that_are_created_at_once_each_gets_a_status_before_any_is_started() -> None:
    many = [execution(f"e{number}", uid=f"uid-{number}") for number in range(STARTS + 1)]
    for number, each in enumerate(many):
        each["spec"] = {**each["spec"], "planRef": f"plan{number}"}
    server, index = Server(*many), filled(*many)
    async with passing(server, index) as context:
        result = await one_pass(context, "e3")
        assert result.execution.model.status.message == "Waiting to be started; many executions were created together"
        assert result.requeue == 0
        assert server.asked["GET drplans"] == 0
        index.put(ObjectKind.EXECUTION, result.execution.raw)
        answered, others = (index.rank(key(name)) for name in ("e3", "e4"))
        assert others < answered
        assert index.starting() == STARTS + 1, "those that were answered are still to be started"
        started = await one_pass(context, "e3")
        assert started.execution.model.status.message == "Waiting for DRPlan plan3", "it has its status, and goes on"
        index.put(ObjectKind.EXECUTION, started.execution.raw)
        assert index.starting() == STARTS


async def test_one_of_many_that_has_started_gets_a_status_before_its_tree_is_asked_for() -> None:
    many = [execution(f"e{number}", uid=f"uid-{number}") for number in range(STARTS + 1)]
    labels, accepted = {PLAN_LABEL: label_value("plan")}, {ACCEPTED_ANNOTATION: "uid-started"}
    started = execution("started", finalizers=[FINALIZER], labels=labels, annotations=accepted)
    server, index = Server(started, *many), filled(started, *many)
    engine = Engine(workflow_id="execute/default/started/uid-started", run_id="r")
    run = RootRun(workflow_id=engine.workflow_id, run_id="r", status=RunStatus.OPEN, start_time=NOW)
    async with passing(server, index) as context:
        context.runs[key("started")] = OpenRun("uid-started", engine)
        context.temporal.find = AsyncMock(return_value=run)  # type: ignore[method-assign]
        context.poller.poll = Mock(return_value=True)  # type: ignore[method-assign]
        await reconcile(context, key("started"))
    assert server.objects["drplanexecutions", "started"]["status"]["phase"] == "Running"
    assert not context.observer.mock_calls  # type: ignore[attr-defined]


async def test_an_execution_of_a_plan_without_its_dr_workflow_does_not_wait_in_the_queue() -> None:
    waiting = [execution("e0"), execution("e1", annotations={ACCEPTED_ANNOTATION: "uid-e1"})]
    server, index = Server(plan("holder"), *waiting), filled(plan("holder"), *waiting)
    async with passing(server, index) as context:
        result = await one_pass(context, "e1")
    assert result.execution.model.status.message == "Waiting for DRWorkflow default/work"
