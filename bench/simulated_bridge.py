"""Bridges under a simulated clock: the real index, work queue and long polls; passes and calls only take their time.

An execution has one DRWorkflow, whose actions end one after the other; when it has ended, the next one of its plan is
created, so that as many run all the time. What passes and calls cost is drawn around what docs/benchmarks.md measured.
"""

import asyncio
import random
import selectors
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from api.meta import ACCEPTED_ANNOTATION, FINALIZER, PLAN_LABEL
from api.phases import Phase
from bridge.controller.reconcile import ACTION_RUNNING, NOT_ANSWERING, NOT_POLLED
from bridge.controller.start import FIRST_TREE_WAIT, NO_TREE_YET, STARTS
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.index import Index
from bridge.kubernetes.work_queue import Pace, Rank, Urgency, WorkQueue, WriteCost, lowest_ranks
from bridge.settings import BridgeSettings
from bridge.status.conditions import WAITING_FOR_START, ConditionType
from bridge.temporal.answers import HistoryPage
from bridge.temporal.calls import CALL_SECONDS, RunNotFound
from bridge.temporal.client import TemporalClient
from bridge.temporal.history_poller import HistoryPoller
from bridge.temporal.observe import FIRST_ANSWER
from kube.client import Limits, Object
from kube.errors import UnreachableError

PASS, PASS_KIB = 0.007, 0.00028
"""CPU seconds of the bridge for a pass, and more for each KiB of status: 9 ms measured for a small one, 30 for 80."""
START, PLAN = 0.015, 0.01
"""CPU seconds for the start of a run, 30 ms measured for a small Execute less two passes, and for one over a plan."""
WRITE, WRITE_KIB = 0.003, 0.0006
"""CPU seconds of the API server for a write of a status: 50 to 57 ms measured for 84 KiB; a small one is assumed."""
REQUEST = 0.002
"""CPU seconds of the API server for another request; assumed."""
WAY = 0.002
"""Seconds to an API server and back; assumed: it is near."""
ANSWER = 0.015
"""Seconds until Temporal and the worker have answered a pass; assumed: both have room."""
DECISION = 0.1
"""Seconds from the start of a run to its tree: 0.16 measured from the creation to the status with it."""
ACTIONS, ACTION = 20, 1.0
"""Actions of an execution, and the mean of the seconds that each takes."""
CORES = 4
"""Of an API server, for the requests of bridges alone."""
WARM_UP = 15.0
"""Seconds before anything is measured, and before a fault begins."""


def draw(mean: float) -> float:
    """Return a duration around a mean, with a long tail: one in a hundred takes 2.8 times as long."""
    return mean * random.lognormvariate(-0.125, 0.5)


def kib(actions: int) -> float:
    """Return the size of a status."""
    return 2 + 0.4 * actions


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: the clock goes on to the next timer."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "nothing will ever happen"
        self.now += max(0.0, timeout)
        return []


class SimulatedTime(asyncio.SelectorEventLoop):
    """An event loop in which waiting takes no time."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the simulated time in seconds."""
        return self._jumping.now


@dataclass
class SimulatedApiServer:
    """Works on so many requests at a time. One that is `down` answers none."""

    cores: asyncio.Semaphore
    down: bool = False
    requests: int = 0
    cpu: float = 0.0

    async def call(self, cpu: float) -> None:
        """Wait for an answer. Raises UnreachableError."""
        self.requests += 1
        if self.down:
            await asyncio.sleep(Limits().call)
            raise UnreachableError("no answer")
        async with self.cores:
            took = draw(cpu)
            self.cpu += took
            await asyncio.sleep(took)


@dataclass
class RunHistory:
    """What a long poll waits for."""

    grows: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def next_page(self) -> HistoryPage:
        """Wait for events."""
        await self.grows.wait()
        self.grows.clear()
        return HistoryPage(events=1, decided=True, token=None if self.ended.is_set() else b"more")


@dataclass
class SimulatedExecution:
    """An execution, its run, and what its status shows."""

    key: Key
    plan: str
    server: SimulatedApiServer
    created: float
    counts: bool = True
    """Whether its delays are measured."""
    version: int = 1
    phase: Phase | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    started_at: float = 0.0
    decided: bool = False
    stages: bool = False
    changes: list[float] = field(default_factory=list)
    """When each action ended."""
    shown: int = 0
    accepted: bool = False
    finalizer: bool = False
    shows_tree: asyncio.Event = field(default_factory=asyncio.Event)
    """The first action waits for it."""
    histories: list[RunHistory] = field(default_factory=lambda: [RunHistory(), RunHistory(), RunHistory()])
    """Of the run, its stage and its DRWorkflow."""
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    last_write: WriteCost | None = None

    @property
    def root(self) -> str:
        """The id of its root workflow."""
        return f"execute/{self.key.name}"

    def item(self) -> Object:
        """Return the object as a watch would."""
        waits, reason = self.phase is Phase.PENDING, {"type": ConditionType.PROGRESSING, "reason": WAITING_FOR_START}
        engine = {"engine": {"workflowId": self.root}} if self.phase and not waits else {}
        stages = {"stageStatuses": [{"name": "only"}]} if self.stages else {}
        meta = {"namespace": self.key.namespace, "name": self.key.name, "uid": self.key.name}
        meta |= {"resourceVersion": str(self.version), "creationTimestamp": f"{self.created:012.3f}"}
        ours = {"annotations": {ACCEPTED_ANNOTATION: self.key.name}, "labels": {PLAN_LABEL: self.plan}}
        finalizers = {"finalizers": [FINALIZER] if self.finalizer else []}
        phase = {"phase": self.phase.value, "conditions": [reason] if waits else []} if self.phase else {}
        return {
            "metadata": {**meta, **finalizers, **(ours if self.accepted else {})},
            "spec": {"planRef": self.plan, "operationType": "Execute"},
            "status": {**phase, **engine, **stages},
        }

    async def run(self) -> None:
        """Run: decide, and carry out one action after the other."""
        await self.started.wait()
        await asyncio.sleep(draw(DECISION))
        self.decided = True
        self.histories[0].grows.set()
        await self.shows_tree.wait()
        for _ in range(ACTIONS):
            await asyncio.sleep(random.expovariate(1 / ACTION))
            self.changes.append(asyncio.get_running_loop().time())
            self.histories[2].grows.set()
        for history in self.histories:
            history.ended.set()
            history.grows.set()


@dataclass
class Measurements:
    """What happened. Times in seconds."""

    lags: list[float] = field(default_factory=list)
    """From the end of an action to the status that shows it."""
    firsts: list[float] = field(default_factory=list)
    """From the creation of an execution to its first status."""
    passes: int = 0
    passed_by: dict[Key, set[int]] = field(default_factory=lambda: defaultdict(set))
    """By object: the bridges that passed over it."""
    overlaps: int = 0
    """Passes that began while another one over the same object went on, by whichever bridge."""
    cpu: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    """By bridge: its CPU seconds."""
    api_cpu: float = 0.0
    """CPU seconds of all API servers."""
    running: set[Key] = field(default_factory=set)

    def begin(self) -> None:
        """Forget what the warm-up cost."""
        self.passes = 0
        self.cpu.clear()

    def first_status(self, execution: SimulatedExecution, now: float) -> None:
        """Measure the time to a first status, which comes now."""
        if execution.counts and execution.created >= WARM_UP:
            self.firsts.append(now - execution.created)

    def shown(self, execution: SimulatedExecution, seen: int, now: float) -> None:
        """Measure what a status shows now and did not show before."""
        if execution.counts:
            self.lags += [now - at for at in execution.changes[execution.shown : seen] if at >= WARM_UP]
        execution.shown = seen

    def end(self, now: float, executions: Iterable[SimulatedExecution]) -> None:
        """End: what is not shown yet is at least so far behind."""
        for execution in executions:
            if execution.phase is None:
                self.first_status(execution, now)
            self.shown(execution, len(execution.changes), now)


class SimulatedBridge:
    """One bridge: it owns the objects of the namespaces of which `owns` is true, and computes on one core."""

    def __init__(
        self,
        number: int,
        owns: Callable[[str], bool],
        worker_answers: Callable[[str], bool],
        executions: Mapping[Key, SimulatedExecution],
        out: Measurements,
    ) -> None:
        settings = BridgeSettings.model_construct()
        pace = Pace.of(settings)
        self.owns = owns
        self._worker_answers = worker_answers
        self._number, self._executions, self._out = number, executions, out
        self._loop = asyncio.get_running_loop()
        self.index = Index(self._wake)
        self.queue: WorkQueue[Key] = WorkQueue(pace, self._loop.time, self.index.rank)
        # It is asked for nothing but pages of histories.
        self._poller = HistoryPoller(cast(TemporalClient, self), settings.long_polls, pace.shortest, self._wake)
        self._histories: dict[str, RunHistory] = {}
        self._core = asyncio.Lock()
        self._lowest = list(lowest_ranks(settings.passes))

    def workers(self) -> list["asyncio.Task[None]"]:
        """Begin to pass over what is due."""
        return [self._loop.create_task(self._work(lowest)) for lowest in self._lowest]

    async def wait_for_events(self, workflow_id: str, token: bytes | None) -> HistoryPage:
        """Answer a long poll. Raises RunNotFound."""
        history = self._histories.get(workflow_id)
        if history is None:
            raise RunNotFound(workflow_id)
        return await history.next_page()

    async def wait_for_end(self, workflow_id: str) -> datetime:
        """Answer a long poll for the end of a run. Raises RunNotFound."""
        history = self._histories.get(workflow_id)
        if history is None:
            raise RunNotFound(workflow_id)
        await history.ended.wait()
        return datetime.now(UTC)

    def _wake(self, key: Key, urgency: Urgency = Urgency.SOON) -> None:
        self.queue.add(key, urgency=urgency)

    async def _work(self, lowest: Rank) -> None:
        out = self._out
        while True:
            key = await self.queue.get(lowest)
            out.passes += 1
            out.passed_by[key].add(self._number)
            out.overlaps += key in out.running
            out.running.add(key)
            try:
                again = await self._pass(key)
            except UnreachableError:
                out.running.discard(key)
                self.queue.failed(key)
            else:
                out.running.discard(key)
                execution = self._executions.get(key)
                self.queue.done(key, again, execution.last_write if execution and execution.stages else None)

    async def _pass(self, key: Key) -> float | None:
        execution = self._executions.get(key)
        if key.kind is ObjectKind.PLAN:
            await self._compute(PLAN)
            return None
        if execution is None:
            return None
        if execution.started.is_set():
            return await self._follow(execution)
        if execution.phase is None and self._is_crowded():
            await self._answer(execution)
            return 0.0
        return await self._start(execution)

    def _is_crowded(self) -> bool:
        return self.index.starting() > STARTS

    async def _answer(self, execution: SimulatedExecution) -> None:
        """Accept one of many that are about to be started, and write that it waits: two requests."""
        await self._write(execution, REQUEST, accepted=True)
        await self._compute(PASS)
        await self._write(execution, WRITE, phase=Phase.PENDING)

    async def _start(self, execution: SimulatedExecution) -> float:
        """Accept it and add the finalizer, take the lock, start the run: two requests, and none that reads."""
        await self._compute(START)
        if not execution.finalizer:
            await self._write(execution, REQUEST, accepted=True, finalizer=True)
        await execution.server.call(REQUEST)
        await asyncio.sleep(draw(ANSWER))
        self._histories.update(zip(self._runs(execution), execution.histories, strict=True))
        execution.started_at = self._loop.time()
        execution.started.set()
        return self._wait_for_tree(execution)

    def _wait_for_tree(self, execution: SimulatedExecution) -> float:
        return FIRST_TREE_WAIT if self._poller.poll(execution.key, self._runs(execution)[:1]) else NO_TREE_YET

    def _runs(self, execution: SimulatedExecution) -> list[str]:
        return [execution.root, f"{execution.root}/stage", f"{execution.root}/stage/workflow"]

    async def _follow(self, execution: SimulatedExecution) -> float | None:
        """Show what has changed, and the end."""
        size = kib(ACTIONS)
        cpu = PASS + PASS_KIB * size
        await self._compute(cpu / 2)
        answers = self._worker_answers(execution.key.namespace)
        if not answers and execution.phase is Phase.RUNNING:
            await asyncio.sleep(CALL_SECONDS)
            return NOT_ANSWERING
        silence = CALL_SECONDS if execution.phase else FIRST_ANSWER
        await asyncio.sleep(draw(ANSWER) if answers else silence)
        seen, ended = len(execution.changes), execution.histories[0].ended.is_set()
        decided = execution.decided and answers
        await self._compute(cpu / 2)
        if self._tree_is_near(execution, decided):
            return self._wait_for_tree(execution)
        if seen > execution.shown or decided > execution.stages or ended or execution.phase is not Phase.RUNNING:
            began, phase = self._loop.time(), Phase.SUCCEEDED if ended else Phase.RUNNING
            await self._write(execution, WRITE + WRITE_KIB * size, phase=phase, stages=decided)
            execution.last_write = WriteCost(self._loop.time() - began, int(size * 1024))
            self._out.shown(execution, seen, self._loop.time())
        if ended:
            await self._finish(execution)
            return None
        self._poller.poll(execution.key, self._runs(execution) if decided else self._runs(execution)[:1])
        return ACTION_RUNNING if decided else NOT_POLLED

    def _tree_is_near(self, execution: SimulatedExecution, decided: bool) -> bool:
        young = self._loop.time() - execution.started_at < FIRST_TREE_WAIT
        return young and not decided and not self._is_crowded()

    async def _finish(self, execution: SimulatedExecution) -> None:
        """Release the lock and remove the finalizer: two requests."""
        await execution.server.call(REQUEST)
        await self._write(execution, REQUEST, finalizer=False)
        self._poller.stop(execution.key)
        for run in self._runs(execution):
            self._histories.pop(run, None)
        execution.finished.set()

    async def _compute(self, cpu: float) -> None:
        async with self._core:
            took = draw(cpu)
            self._out.cpu[self._number] += took
            await asyncio.sleep(took)

    async def _write(self, execution: SimulatedExecution, cpu: float, **changes: object) -> None:
        """Write an execution; the watch shows it before or after the answer."""
        is_first = execution.phase is None
        with self.index.writing(execution.key):
            await execution.server.call(cpu)
            for name, value in changes.items():
                setattr(execution, name, value)
            execution.version += 1
            item = execution.item()
            self._loop.call_later(random.uniform(0, WAY), self.index.put, ObjectKind.EXECUTION, item)
            await asyncio.sleep(WAY / 2)
            self.index.wrote(execution.key, item)
        if is_first and execution.phase is not None:
            self._out.first_status(execution, self._loop.time())
        if execution.stages:
            execution.shows_tree.set()
