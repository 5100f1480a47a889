"""Worker and bridge in this process: real planning, workflows, activities and bridge, between Temporal and a cluster.

The cluster is in memory, Temporal is its dev server. Nothing but the transport to the API server and the child process
of validations is replaced.
"""

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import Client
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    Interceptor,
    Worker,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)
from temporalio.workflow import info

from api.meta import FINALIZER
from api.objects import Target
from api.phases import TERMINAL
from api.requests import REQUEST_ANNOTATION, REQUEST_ID_ANNOTATION, RequestState
from bridge.bridge import Bridge
from bridge.controller.validation import Findings, Question, Stored, Validator
from bridge.settings import BridgeSettings
from bridge.temporal.client import TemporalClient
from dev.servers import SEARCH_ATTRIBUTES
from dev.stack import Stack
from kube.client import Cluster, Object
from tests.stateful.api_server import ApiServer, MemoryCluster
from tests.stateful.live_server import LiveServer, RecordingCluster
from tests.workflows.engine import FAST, temporal_program
from worker.build import build_worker
from worker.settings import Settings
from workflows.converter import DATA_CONVERTER

DEADLINE = 30.0
"""Seconds within which everything has to come to rest, on a busy machine as well."""
QUIET = 0.25
"""Seconds without a change after which a run that says that it is paused is believed to be."""
NAMESPACE = "default"
_queues = itertools.count(1)
T = TypeVar("T")


class Runs(Interceptor, ClientInterceptor):
    """Which roots ran under which id, and how many attempts at actions are running."""

    def __init__(self) -> None:
        self.roots: dict[str, set[str]] = defaultdict(set)
        self.attempts = 0

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        runs = self

        class Counted(ActivityInboundInterceptor):
            async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
                runs.attempts += 1
                try:
                    return await super().execute_activity(input)
                finally:
                    runs.attempts -= 1

        return Counted(next)

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002
        runs = self

        class Noted(WorkflowInboundInterceptor):
            async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002
                if info().parent is None:
                    runs.roots[info().workflow_id].add(info().run_id)
                return await super().execute_workflow(input)

        return Noted


@asynccontextmanager
async def temporal_server(runs: Runs) -> AsyncIterator[Client]:
    """A dev server, for as many installations as need one."""
    attributes = [word for name in SEARCH_ATTRIBUTES for word in ("--search-attribute", f"{name}=Keyword")]
    async with await WorkflowEnvironment.start_local(
        data_converter=DATA_CONVERTER,
        interceptors=[runs],
        dev_server_existing_path=temporal_program(),
        dev_server_extra_args=[*FAST, *attributes],
        dev_server_log_level="error",
    ) as environment:
        yield environment.client


class Engine:
    """One Temporal for all installations, and the loop in which everything runs."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: Client, runs: Runs) -> None:
        self.client = client
        self.runs = runs
        self.seen: Counter[str] = Counter()
        """How often what was to be tested came about."""
        self._loop = loop

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Engine"]:
        """Give one, and end it."""
        loop, runs = asyncio.new_event_loop(), Runs()
        server = temporal_server(runs)
        engine = cls(loop, loop.run_until_complete(server.__aenter__()), runs)
        try:
            yield engine
        finally:
            loop.run_until_complete(server.__aexit__(None, None, None))
            loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end; meanwhile everything else goes on as well."""
        return self._loop.run_until_complete(work)


class InThisProcess(Validator):
    """Validates without a child process."""

    async def _ask(self, question: Question, objects: Sequence[Stored]) -> Findings:
        return question(objects)


class Installation:
    """One worker and one bridge, on a cluster of their own."""

    def __init__(self, client: Client, runs: Runs, cluster: Cluster, server: ApiServer) -> None:
        self.server = server
        self.runs = runs
        self._client = client
        self._cluster = cluster
        self._queue = f"stateful-{next(_queues)}"
        self._worker: Worker | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._stop_bridge = asyncio.Event()
        self._changed = asyncio.Event()
        self._last_change = 0.0

    @classmethod
    def in_memory(cls, client: Client, runs: Runs) -> "Installation":
        """Give one whose cluster is in memory."""
        server = ApiServer()
        installation = cls(client, runs, MemoryCluster(server), server)
        installation.create(
            "ServiceAccount", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        )
        return installation

    @classmethod
    def live(cls, engine: "Engine", stack: Stack) -> "Installation":
        """Give one on a real API server, after an earlier one has been stopped."""
        server = LiveServer(stack, NAMESPACE)
        cluster = engine.run(RecordingCluster.of(stack, server))
        return cls(engine.client, engine.runs, cluster, server)

    def create(self, kind: str, body: Object) -> None:
        """Create an object, as a person does."""
        self.server.by_person("POST", target(kind, body["metadata"]["name"]), body)

    def note_change(self) -> None:
        """Wake those that wait for the cluster to come to rest."""
        self._last_change = time.monotonic()
        self._changed.set()

    async def start(self, *, worker: bool = True) -> None:
        """Start worker and bridge, or the bridge alone."""
        if worker:
            settings = Settings(task_queue=self._queue, graceful_shutdown=timedelta(milliseconds=10))
            self._worker = build_worker(self._client, self._cluster, settings)
            self._tasks.append(asyncio.create_task(self._worker.run()))
        self._start_bridge()

    async def replace_bridge(self) -> None:
        """End the bridge, whatever it is doing, and start another one, which knows nothing yet."""
        await self._end_bridge()
        self._start_bridge()

    def _start_bridge(self) -> None:
        settings = BridgeSettings(
            task_queue=self._queue,
            shortest_interval=timedelta(milliseconds=20),
            longest_interval=timedelta(milliseconds=50),
            lease_namespace=NAMESPACE,
        )
        self._stop_bridge = asyncio.Event()
        bridge = Bridge(settings, self._cluster, TemporalClient(self._client, self._queue), time.monotonic)
        bridge._context = replace(bridge._context, validator=InThisProcess())
        self._tasks.append(asyncio.create_task(bridge.run(self._stop_bridge)))

    async def _end_bridge(self) -> None:
        self._stop_bridge.set()
        bridge = self._tasks.pop()
        await asyncio.wait([bridge], timeout=DEADLINE)
        assert bridge.done(), f"the bridge does not stop: {asyncio.all_tasks()}"
        bridge.result()

    async def stop(self) -> None:
        """End bridge and worker."""
        await self._end_bridge()
        if self._worker is not None:
            await self._worker.shutdown()
            await asyncio.wait(self._tasks, timeout=DEADLINE)
        if isinstance(self._cluster, RecordingCluster):
            await self._cluster.end()

    async def rest(self) -> None:
        """Wait until every execution has ended, waits for a person, or waits for one that does."""
        async with asyncio.timeout(DEADLINE):
            while True:
                self._changed.clear()
                busy = [each for each in self.executions() if not has_ended(each)]
                quiet = time.monotonic() - self._last_change
                if not busy:
                    return
                held = any(is_paused(each) for each in busy) and not self.runs.attempts
                still = held and all(is_paused(each) or _waits(each) for each in busy)
                if still and quiet > QUIET:
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), QUIET if still else 1.0)

    def executions(self) -> list[Object]:
        """Give every execution that exists."""
        return [item for place, item in self.server.objects.items() if place.kind == "DRPlanExecution"]


def target(kind: str, name: str) -> Target:
    """Give an object of the namespace."""
    versions = {"ConfigMap": "v1", "ServiceAccount": "v1", "Localization": "apps.clusternet.io/v1alpha1"}
    return Target(
        api_version=versions.get(kind, "dr.bkbcs.tencent.com/v1alpha1"), kind=kind, name=name, namespace=NAMESPACE
    )


def has_ended(execution: Object) -> bool:
    """Tell whether an execution has ended, and the bridge is done with it."""
    return phase(execution) in TERMINAL and FINALIZER not in execution["metadata"].get("finalizers", [])


def phase(execution: Object) -> str:
    """Give the phase; empty before there is one."""
    return str(execution.get("status", {}).get("phase") or "")


def is_paused(execution: Object) -> bool:
    """Tell whether an execution waits for a person and has answered everything that was asked of it."""
    status, annotations = execution.get("status", {}), execution["metadata"].get("annotations") or {}
    if annotations.get("dr.bkbcs.tencent.com/cancel") == "true" or phase(execution) != "Running":
        return False
    answered = {each["id"] for each in status.get("requests") or [] if RequestState(each["state"]).final}
    if REQUEST_ANNOTATION in annotations and annotations[REQUEST_ID_ANNOTATION] not in answered:
        return False
    return condition(execution, "Paused") == "True"


def condition(execution: Object, kind: str) -> str:
    """Give the status of a condition; empty without it."""
    conditions = execution.get("status", {}).get("conditions") or []
    return next((str(each["status"]) for each in conditions if each["type"] == kind), "")


def _waits(execution: Object) -> bool:
    return phase(execution) == "Pending"
