"""The requests that one execution costs the bridge, from its creation to its release, and a watch that is behind.

Every write goes against the version from which it was decided: so a pass may begin from what the watch has brought.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.execution import DRPlanExecution
from api.meta import ACCEPTED_ANNOTATION, CANCEL_ANNOTATION, FINALIZER
from api.phases import OperationType, Phase
from api.plan import DRPlan
from bridge.controller.context import Context
from bridge.controller.plan_lock import finish
from bridge.controller.reconcile import reconcile
from bridge.controller.start import STARTS
from bridge.controller.turns import Turns
from bridge.controller.validation import Findings
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.index import Index
from bridge.kubernetes.store import Store, read
from bridge.settings import BridgeSettings
from bridge.status.merge import Observation, RootRun, RunStatus
from bridge.temporal.answers import StartedRun
from bridge.temporal.calls import RunNotFound
from kube.client import Object
from kube.errors import ConflictError
from planning.definitions import identifiers
from tests.bridge.controller.test_many_executions import NOW, Server, item
from tests.bridge.plan_namespace import config_map
from tests.bridge.scripted_workflows import action, done, node, stage, state
from tests.kube.scripted_server import scripted
from tests.process.recorded_metrics import RecordedMetrics

STAGES = [{"name": "first", "workflows": [{"workflowRef": {"name": "work"}}]}]
LOCK = {"name": "other", "namespace": "default", "uid": "uid-other"}
RUNNING = state(stage("first", node("work", action("one", Phase.RUNNING), phase=Phase.RUNNING), phase=Phase.RUNNING))
WORK = item(ObjectKind.DR_WORKFLOW, "work", {"actions": [config_map("one", "default")]})
PLAN = Key(ObjectKind.PLAN, "default", "plan")


def key(name: str) -> Key:
    return Key(ObjectKind.EXECUTION, "default", name)


def plan(**metadata: Any) -> Object:
    return item(ObjectKind.PLAN, "plan", {"stages": STAGES}, **metadata)


def execute(name: str = "move", **metadata: Any) -> Object:
    return item(ObjectKind.EXECUTION, name, {"planRef": "plan", "operationType": "Execute"}, **metadata)


class Runs:
    """A Temporal of one run, which goes on until it is told to end."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.asked = Counter[str]()
        self.run: RootRun | None = None

    async def start(self, execution: DRPlanExecution, original: DRPlanExecution | None = None) -> StartedRun:
        root = identifiers.root_id_of(execution)
        self.started.append(root)
        self.run = RootRun(workflow_id=root, run_id="run", status=RunStatus.OPEN, start_time=NOW)
        return StartedRun(run_id="run")

    async def find(self, workflow_id: str, known_run_id: str | None = None) -> RootRun:
        self.asked["find"] += 1
        if self.run is None:
            raise RunNotFound(workflow_id)
        return self.run

    async def observe(self, run: RootRun, *_: object, **__: object) -> Observation:
        self.asked["observe"] += 1
        return Observation(state=RUNNING)

    def end(self) -> None:
        assert self.run is not None
        self.run = self.run.model_copy(update={"status": RunStatus.COMPLETED, "state": done(), "close_time": NOW})


class Validity:
    """Says that everything is valid but what is named here, by resourceVersion."""

    def __init__(self) -> None:
        self.invalid: set[str] = set()

    async def findings(self, *_: object) -> Findings:
        return Findings()

    async def rejection(self, execution: Object, plan: Object, workflows: list[Object]) -> str | None:
        return "not valid" if plan["metadata"]["resourceVersion"] in self.invalid else None


class OneBridge:
    """Passes over objects as the bridge makes them, of which the watch tells at once or, where it is behind, never."""

    def __init__(self, *objects: Object) -> None:
        self.woken: list[Key] = []
        self.polled: list[str] = []
        self.index = Index(self.woken.append)
        self.server = Server(*objects, changed=self.show)
        self.runs, self.validity, self.watch_is_behind = Runs(), Validity(), False
        for each in objects:
            self.show(each)

    def show(self, item: Object) -> None:
        if not getattr(self, "watch_is_behind", False):
            self.index.put(ObjectKind(item["kind"]), item)

    @asynccontextmanager
    async def context(self) -> AsyncIterator[Context]:
        nothing = SimpleNamespace(poll=self.poll, stop=lambda _: None, record=lambda *_: None)
        async with scripted(self.server.answer) as (cluster, _):
            yield Context(
                settings=BridgeSettings(),
                cluster=cluster,
                index=self.index,
                store=Store(cluster, self.index),
                turns=Turns(4, self.woken.append),
                metrics=RecordedMetrics(),
                temporal=cast(Any, self.runs),
                observer=cast(Any, self.runs),
                validator=cast(Any, self.validity),
                poller=cast(Any, nothing),
                events=cast(Any, nothing),
                open_executions=cast(Any, SimpleNamespace(see=lambda *_: None, forget=lambda _: None)),
                now=lambda: NOW,
            )

    async def settle(self, context: Context) -> None:
        """Pass over all that is woken until nothing is."""
        while self.woken:
            keys = list(dict.fromkeys(self.woken))
            self.woken.clear()
            for each in keys:
                await reconcile(context, each)

    def poll(self, _: Key, workflow_ids: list[str]) -> bool:
        self.polled += workflow_ids
        return True

    def stored(self, name: str) -> Object:
        return self.server.objects["drplanexecutions", name]


def write_unseen(bridge: OneBridge, change: Callable[[Object], Object], kind: str, name: str) -> None:
    """Change an object in a way that the watch has not brought yet."""
    stored = bridge.server.objects[kind, name]
    meta = {**stored["metadata"], "resourceVersion": "7"}
    bridge.server.objects[kind, name] = change({**stored, "metadata": meta})


@pytest.mark.parametrize("operation", OperationType)
async def test_an_execution_costs_six_writes_and_only_a_revert_reads(operation: OperationType) -> None:
    subject, reads = execute("subject"), dict[str, int]()
    ended = execute("before", annotations={ACCEPTED_ANNOTATION: "uid-before"})
    ended["status"] = done().model_dump(mode="json", by_alias=True, exclude_none=True)
    if operation is OperationType.REVERT:
        subject["spec"] |= {"operationType": "Revert", "revertExecutionRef": "before"}
        reads = {"GET drplanexecutions": 1}  # the original, of which there is no copy
    bridge = OneBridge(WORK, plan(), ended)
    async with bridge.context() as context:
        await bridge.settle(context)
        bridge.server.asked.clear()
        bridge.server.objects["drplanexecutions", "subject"] = subject
        bridge.show(subject)
        await bridge.settle(context)
        assert bridge.stored("subject")["metadata"]["finalizers"] == [FINALIZER]
        assert bridge.stored("subject")["metadata"]["annotations"] == {ACCEPTED_ANNOTATION: "uid-subject"}
        assert bridge.polled == bridge.runs.started
        assert bridge.runs.asked == Counter(), "there is nothing to see yet"
        await reconcile(context, key("subject"))
        await bridge.settle(context)
        assert bridge.stored("subject")["status"]["phase"] == "Running"
        assert bridge.runs.asked == {"find": 1, "observe": 1}
        bridge.runs.end()
        await reconcile(context, key("subject"))
        await bridge.settle(context)
    assert bridge.stored("subject")["status"]["phase"] == "Succeeded"
    assert bridge.stored("subject")["metadata"]["finalizers"] == []
    assert "currentExecution" not in bridge.server.objects["drplans", "plan"]["status"]
    assert len(bridge.runs.started) == 1
    assert dict(bridge.server.asked) == reads | {
        "PATCH drplanexecutions": 2,
        "PATCH drplans/status": 2,
        "PUT drplanexecutions/status": 2,
    }


async def test_a_pass_over_a_plan_and_a_dr_workflow_that_are_as_the_watch_has_them_costs_nothing() -> None:
    bridge = OneBridge(WORK, plan())
    async with bridge.context() as context:
        await bridge.settle(context)
        bridge.server.asked.clear()
        await reconcile(context, PLAN)
        await reconcile(context, Key(ObjectKind.DR_WORKFLOW, "default", "work"))
    assert bridge.server.asked == Counter()


async def test_a_lock_that_the_watch_has_not_brought_yet_is_kept() -> None:
    bridge = OneBridge(WORK, plan(), execute(), execute("other", creationTimestamp="2026-02-03T08:00:00Z"))
    bridge.server.objects["drplanexecutions", "other"]["status"] = {"phase": "Running"}
    bridge.index.put(ObjectKind.EXECUTION, bridge.stored("other"))
    bridge.watch_is_behind = True
    bridge.index.drop(ObjectKind.EXECUTION, "default", "other")
    write_unseen(bridge, lambda one: {**one, "status": {"currentExecution": LOCK}}, "drplans", "plan")
    async with bridge.context() as context:
        with pytest.raises(ConflictError):
            await reconcile(context, key("move"))
        assert bridge.runs.started == []
        await reconcile(context, key("move"))
    assert bridge.runs.started == []
    assert bridge.server.objects["drplans", "plan"]["status"] == {"currentExecution": LOCK}
    assert "which runs DRPlan plan" in bridge.stored("move")["status"]["message"]


@pytest.mark.parametrize("copy", [None, "uid-move"])
async def test_no_execution_starts_by_a_lock_that_it_has_lost(copy: str | None) -> None:
    held = {"currentExecution": {"name": "move", "namespace": "default", "uid": copy}} if copy else {}
    ours = execute(annotations={ACCEPTED_ANNOTATION: "uid-move"}, finalizers=[FINALIZER])
    other = execute("other", creationTimestamp="2026-02-03T08:00:00Z")
    bridge = OneBridge(WORK, {**plan(), "status": held}, ours)
    bridge.watch_is_behind = True
    bridge.server.objects["drplanexecutions", "other"] = {**other, "status": {"phase": "Running"}}
    write_unseen(bridge, lambda one: {**one, "status": {"currentExecution": LOCK}}, "drplans", "plan")
    async with bridge.context() as context:
        for _ in range(2):
            with suppress(ConflictError):
                await reconcile(context, key("move"))
    assert bridge.runs.started == []
    assert bridge.server.objects["drplans", "plan"]["status"] == {"currentExecution": LOCK}


async def test_of_many_that_are_created_at_once_none_is_started_before_it_has_a_status() -> None:
    bridge = OneBridge(WORK, plan(), *(execute(f"e{number}") for number in range(STARTS + 1)))
    async with bridge.context() as context:
        await reconcile(context, key("e0"))
        assert bridge.runs.started == []
        assert bridge.stored("e0")["status"]["phase"] == "Pending"
        await reconcile(context, key("e0"))
    assert len(bridge.runs.started) == 1


async def test_a_preview_has_no_lock_that_would_guard_it_and_so_its_plan_is_read() -> None:
    preview = execute()
    preview["spec"] = {**preview["spec"], "dryRun": True}
    bridge = OneBridge(WORK, plan(), preview)
    del bridge.server.objects["drplans", "plan"]
    async with bridge.context() as context:
        await reconcile(context, key("move"))
    assert bridge.runs.started == []
    assert bridge.stored("move")["status"]["message"] == "Waiting for DRPlan plan"


async def test_an_execution_that_is_cancelled_before_its_start_does_not_start() -> None:
    bridge = OneBridge(WORK, plan(), execute(annotations={CANCEL_ANNOTATION: "true"}))
    async with bridge.context() as context:
        await reconcile(context, key("move"))
    assert bridge.runs.started == []
    assert bridge.stored("move")["status"]["phase"] == "Canceled"


async def test_an_execution_that_another_bridge_has_begun_with_is_read_again() -> None:
    bridge = OneBridge(WORK, plan(), execute())
    bridge.watch_is_behind = True
    write_unseen(bridge, lambda one: {**one, "status": {"phase": "Canceled"}}, "drplanexecutions", "move")
    before = bridge.stored("move")
    async with bridge.context() as context:
        with pytest.raises(ConflictError):
            await reconcile(context, key("move"))
        await reconcile(context, key("move"))
    assert bridge.runs.started == []
    assert bridge.stored("move") == before


async def test_no_execution_ends_by_a_plan_that_was_mended_before_it_was_created() -> None:
    bridge = OneBridge(WORK, plan(), execute())
    bridge.watch_is_behind = True
    bridge.validity.invalid = {"1"}
    write_unseen(bridge, lambda one: one, "drplans", "plan")
    async with bridge.context() as context:
        await reconcile(context, key("move"))
    assert len(bridge.runs.started) == 1


async def test_a_lock_is_released_that_the_watch_has_not_brought_yet() -> None:
    ended = execute(annotations={ACCEPTED_ANNOTATION: "uid-move"}, finalizers=[FINALIZER])
    ended["status"] = done().model_dump(mode="json", by_alias=True, exclude_none=True)
    bridge = OneBridge(WORK, plan(), ended)
    bridge.watch_is_behind = True
    held = {"currentExecution": {"name": "move", "namespace": "default", "uid": "uid-move"}}
    write_unseen(bridge, lambda one: {**one, "status": held}, "drplans", "plan")
    async with bridge.context() as context:
        await finish(context, read(ended, DRPlanExecution))
    assert bridge.server.objects["drplans", "plan"]["status"] == {}
    assert bridge.stored("move")["metadata"]["finalizers"] == []


async def test_a_copy_against_which_a_write_was_refused_is_used_again_once_the_watch_brings_more() -> None:
    bridge = OneBridge(WORK, plan())
    bridge.watch_is_behind = True
    write_unseen(bridge, lambda one: one, "drplans", "plan")
    async with bridge.context() as context:
        with pytest.raises(ConflictError):
            await reconcile(context, PLAN)
        assert context.store.copy_of(DRPlan, "default", "plan") is None
        await reconcile(context, PLAN)
        assert bridge.server.objects["drplans", "plan"]["status"]["phase"] == "Ready"
        bridge.index.put(ObjectKind.PLAN, bridge.server.objects["drplans", "plan"])
        copy = context.store.copy_of(DRPlan, "default", "plan")
    assert copy is not None
    assert copy.model.status.phase == "Ready"
