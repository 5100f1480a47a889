"""Where histories are recorded: a real API server behind a proxy that breaks on order, a real Temporal, the worker."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import TypedSearchAttributes

from api.meta import ObjectKey
from api.phases import OperationType
from api.plan import RehearsalStatus
from api.runs import RehearsalInput
from api.tree import RunState
from dev import without_bridge
from dev.stack import Stack
from planning.definitions.identifiers import rehearsal_id
from tests.admin import Admin
from tests.eventually import eventually
from tests.faulty_server import FaultyServer
from tests.histories.serve import SERVING
from tests.http_service import Service
from tests.manifests import HOLD, config_map, dr_plan, dr_workflow, execute, revert
from tests.private_stack import private_stack
from tests.programs import Program
from tests.workflows.engine import Run
from tests.workflows.fake_activities import FakeActivities
from workflows.contract import WorkflowType
from workflows.converter import DATA_CONVERTER

NAMESPACE = "default"
QUEUE = "drplan"
Object = dict[str, Any]


@dataclass
class Scene:
    """What a story does to the world."""

    stack: Stack
    client: Client
    api: FaultyServer
    worker: Program
    service: Service
    """What HTTP actions ask."""
    search_attributes: TypedSearchAttributes = TypedSearchAttributes.empty
    """Of the roots that it starts."""
    recordings: "list[asyncio.Task[None]]" = field(default_factory=list)
    """What the bridge would write into the status of each execution."""

    @property
    def namespace(self) -> str:
        return NAMESPACE

    @property
    def admin(self) -> Admin:
        return Admin.of(self.stack)

    def kubectl(self, *arguments: str, body: Object | None = None) -> str:
        """Run kubectl in the namespace."""
        stdin = None if body is None else json.dumps(body)
        return self.stack.kubectl("-n", NAMESPACE, *arguments, stdin=stdin).stdout

    def create(self, *bodies: Object) -> None:
        """Create objects."""
        for body in bodies:
            self.kubectl("create", "-f", "-", body=body)

    def plan(self, name: str, stages: list[Object], **workflows: list[Object]) -> None:
        """Create a plan and its DRWorkflows, each from its actions (`_` in names stands for `-`)."""
        self.create(*(dr_workflow(key.replace("_", "-"), *actions) for key, actions in workflows.items()))
        self.create(dr_plan(name, *stages))

    async def start(self, name: str, plan: str, of: str | None = None, **spec: Any) -> Run:
        """Create an execution, a Revert where it is one `of` another, and start its root."""
        body = execute(name, plan, **spec) if of is None else revert(name, plan, of, **spec)
        self.create(body)
        operation = OperationType.EXECUTE if of is None else OperationType.REVERT
        key = without_bridge.accept(self.stack, NAMESPACE, name)
        preview = bool(spec.get("dryRun"))
        searchable = self.search_attributes
        handle = await without_bridge.start(
            self.client, key, plan, operation, QUEUE, preview=preview, search_attributes=searchable
        )
        self.recordings.append(asyncio.create_task(without_bridge.record(self.stack, key, handle)))
        return Run(handle, operation, key.uid, self.client, FakeActivities())

    async def finish(self, name: str, run: Run) -> RunState:
        """Wait for the end and write it down, as the bridge does."""
        state = await run.end()
        status = json.dumps({"status": state.to_object()})
        self.kubectl("patch", "drplanexecution", name, "--subresource=status", "--type=merge", "-p", status)
        return state

    async def run(self, name: str, plan: str, of: str | None = None, **spec: Any) -> Run:
        """Start, and wait for the end."""
        run = await self.start(name, plan, of, **spec)
        await self.finish(name, run)
        return run

    async def rehearse(self, plan: str, *, recorded: bool = True) -> Run:
        """Rehearse an Execute of a plan; `recorded` says that the plan's status names the run, as the bridge has it."""
        uid = self.kubectl("get", "drplan", plan, "-o", "jsonpath={.metadata.uid}")
        key, start = ObjectKey(namespace=NAMESPACE, name=plan, uid=uid), datetime.now(UTC).replace(microsecond=0)
        record = RehearsalStatus(start_time=start, operation=OperationType.EXECUTE).to_object()
        status = json.dumps({"status": {"rehearsal": record if recorded else None}})
        self.kubectl("patch", "drplan", plan, "--subresource=status", "--type=merge", "-p", status)
        handle: WorkflowHandle[Any, RunState] = await self.client.start_workflow(
            WorkflowType.REHEARSE_PLAN,
            RehearsalInput(plan=key, start_time=start),
            id=rehearsal_id(key, start),
            task_queue=QUEUE,
            result_type=RunState,
        )
        run = Run(handle, OperationType.EXECUTE, uid, self.client, FakeActivities())
        with suppress(WorkflowFailureError):
            await handle.result()
        return run

    async def leaving(self, name: str) -> None:
        """Wait until a ConfigMap was told to go and is held by its finalizer."""

        def told() -> bool:
            found = self.kubectl("get", "configmap", name, "-o", "jsonpath={.metadata.deletionTimestamp}")
            return bool(found)

        await eventually(told, f"{name} is being deleted")

    def held(self, name: str) -> None:
        """Create a ConfigMap that goes only when it is let go."""
        self.create(config_map(name, finalizers=[HOLD]))

    def let_go(self, name: str) -> None:
        """Take the finalizer off a ConfigMap."""
        self.kubectl("patch", "configmap", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')

    async def worker_up(self) -> None:
        """Start the worker."""
        self.worker.start()
        await asyncio.to_thread(self.worker.wait_until_it_says, SERVING)

    async def met(self, ordered: Callable[[], int], times: int) -> None:
        """Wait until a fault was met so often."""
        await eventually(lambda: ordered() >= times, "the fault was met")


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """Everything up; `folder` is for files of this recording."""
    with private_stack() as stack:
        rights = ["--clusterrole=drplan-stack-actions", f"--serviceaccount={NAMESPACE}:default"]
        stack.kubectl("create", "clusterrolebinding", "recorded-actions", *rights)
        client = await Client.connect(stack.temporal_address, data_converter=DATA_CONVERTER, identity="recorder")
        async with FaultyServer.before(stack) as api, Service.running() as service:
            env = {"KUBECONFIG": str(api.kubeconfig(folder)), "TEMPORAL_ADDRESS": stack.temporal_address}
            hosts = {"DRPLAN_HTTP_ALLOWED_HOSTS": "127.0.0.1"}
            program = Program(("tests.histories.serve",), env | hosts, folder / "worker.log")
            ready = Scene(stack, client, api, program, service)
            await ready.worker_up()
            try:
                yield ready
            finally:
                program.kill()
