"""What a test of the bridge holds: a namespace on a real API server, its Temporal, and short ways to say things."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from unittest import mock

from temporalio.client import Client, WorkflowHandle

from api.execution import DRPlanExecution
from api.meta import API_VERSION, rfc3339
from api.objects import Target
from api.phases import Phase
from api.tree import RunState
from bridge.bridge import Bridge
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.settings import BridgeSettings
from dev.stack import Stack
from kube.client import OWN, Cluster, Object
from kube.errors import NotFoundError
from planning.definitions import identifiers
from tests.bridge.scripted_workflows import Close
from tests.eventually import DEADLINE, eventually

T = TypeVar("T")


def config_map(name: str, namespace: str) -> dict[str, Any]:
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
    resource = {"manifest": manifest, "operation": "Create"}
    return {"name": name, "type": "KubernetesResource", "resource": resource}


@dataclass(frozen=True)
class PlanNamespace:
    """A namespace of a test's own."""

    cluster: Cluster
    temporal: Client
    namespace: str

    # What a person does.

    async def create(self, kind: ObjectKind, name: str, spec: Object, **metadata: Any) -> Object:
        body = {
            "apiVersion": API_VERSION,
            "kind": kind.value,
            "metadata": {"name": name, **metadata},
            "spec": spec,
        }
        return await self.cluster.create(self._target(kind, name), body, OWN)

    async def dr_workflow(self, name: str = "work") -> Object:
        actions = [config_map("one", self.namespace), config_map("two", self.namespace)]
        return await self.create(ObjectKind.DR_WORKFLOW, name, {"actions": actions})

    async def plan(self, name: str = "plan", *stages: str, workflow: str = "work") -> Object:
        ref = {"workflowRef": {"name": workflow, "namespace": self.namespace}}
        spec = {"stages": [{"name": stage, "workflows": [ref]} for stage in stages or ("first",)]}
        return await self.create(ObjectKind.PLAN, name, spec)

    async def ready_plan(self) -> None:
        """A plan of one stage with a DRWorkflow of two actions."""
        await self.dr_workflow()
        await self.plan()

    async def execute(self, name: str, plan: str = "plan", **metadata: Any) -> Object:
        return await self.create(ObjectKind.EXECUTION, name, {"planRef": plan, "operationType": "Execute"}, **metadata)

    async def revert(self, name: str, original: str, plan: str = "plan") -> Object:
        spec = {"planRef": plan, "operationType": "Revert", "revertExecutionRef": original}
        return await self.create(ObjectKind.EXECUTION, name, spec)

    async def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        await self.patch(ObjectKind.EXECUTION, name, {"metadata": {"annotations": dict(annotations)}})

    async def patch(self, kind: ObjectKind, name: str, change: Object) -> None:
        await self.cluster.patch(self._target(kind, name), change, OWN)

    async def delete(self, kind: ObjectKind, name: str) -> None:
        uid = (await self.get(name, kind))["metadata"]["uid"]
        await self.cluster.delete(self._target(kind, name), uid, OWN)

    async def write_status(self, kind: ObjectKind, name: str, status: Object) -> Object:
        """Write as somebody else than the bridge."""
        return await self.cluster.patch(self._target(kind, name), {"status": status}, OWN, subresource="status")

    # What a person sees.

    async def get(self, name: str, kind: ObjectKind = ObjectKind.EXECUTION) -> Object:
        return await self.cluster.get(self._target(kind, name), OWN)

    async def gone(self, name: str, kind: ObjectKind = ObjectKind.EXECUTION) -> None:
        async def look() -> bool:
            try:
                await self.get(name, kind)
            except NotFoundError:
                return True
            return False

        await eventually(look, f"end of {name}")

    async def events(self) -> list[Object]:
        """Return all events of the namespace."""
        target = Target(api_version="events.k8s.io/v1", kind="Event", name="", namespace=self.namespace)
        return [one async for page in self.cluster.pages(target, "", OWN) for one in page.items]

    async def until(
        self,
        name: str,
        holds: Callable[[Object], Any],
        what: str,
        kind: ObjectKind = ObjectKind.EXECUTION,
        seconds: float = DEADLINE,
    ) -> Object:
        """Wait until an object is as it should be."""

        async def look() -> Object | None:
            item = await self.get(name, kind)
            return item if holds(item) else None

        return await eventually(look, f"{what} of {name}", seconds)

    async def phase(self, name: str, *phases: Phase) -> Object:
        return await self.until(name, lambda item: item.get("status", {}).get("phase") in phases, f"phase {phases}")

    async def released(self, name: str) -> Object:
        """Wait until the bridge has let go of an execution."""
        return await self.until(name, lambda item: not item["metadata"].get("finalizers"), "letting go")

    # What Temporal sees.

    def root(self, item: Object) -> WorkflowHandle[Any, RunState]:
        execution = DRPlanExecution.model_validate(item)
        workflow_id = identifiers.root_id_of(execution)
        return self.temporal.get_workflow_handle(workflow_id, result_type=RunState)

    async def close(self, item: Object, state: RunState | None, how: str = "return") -> None:
        await self.root(item).signal("close", Close(state=state, how=how))

    async def runs(self, item: Object) -> int:
        """Count the runs that were ever started for an execution, as far as Temporal lists them already."""
        query = f'WorkflowId = "{self.root(item).id}"'
        return (await self.temporal.count_workflows(query)).count

    async def ran_once(self, item: Object) -> None:
        """Wait until Temporal lists a run of an execution, which may take a while, and allow no second one."""
        assert await eventually(partial(self.runs, item), "run") == 1

    def _target(self, kind: ObjectKind, name: str) -> Target:
        return Key(kind, self.namespace, name).target


def condition(item: Object, kind: str) -> Object:
    """Give a condition, an empty object where there is none."""
    found = (one for one in item.get("status", {}).get("conditions", []) if one["type"] == kind)
    return next(found, {})


async def next_second(item: Object) -> None:
    """Wait until the clock of creationTimestamp has moved on: within one second the uids give the order."""

    async def look() -> bool:
        return rfc3339(datetime.now(UTC)) > str(item["metadata"]["creationTimestamp"])

    await eventually(look, "next second")


@asynccontextmanager
async def bridge(stack: Stack, task_queue: str, user: str = "bridge", **env: str) -> AsyncIterator[Bridge]:
    """A bridge in this process, with the bridge's own rights unless another user is named.

    It waits for a missing reference for as long as a busy machine may take to create that.
    """
    with mock.patch.dict("os.environ", {**stack.env(user), "DRPLAN_REFERENCE_WAIT": "5m", **env}):
        settings = BridgeSettings(task_queue=task_queue)
        running = await Bridge.connect(settings, time.monotonic)
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    try:
        yield running
    finally:
        stop.set()
        await task


async def left_running(stack: Stack, ns: PlanNamespace, task_queue: str) -> Object:
    """Let a bridge start an Execute `slow` of a new plan and end before the run does; return the object."""
    await ns.ready_plan()
    async with bridge(stack, task_queue):
        await ns.execute("slow")
        return await ns.phase("slow", Phase.RUNNING)
