"""The bridge's tasks: three reflectors, the lease, events, and passes while leading."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

import structlog

from bridge.controller.context import Context
from bridge.controller.measure import PassEnd, Passes, begin_counting, sample
from bridge.controller.open_executions import OpenExecutions
from bridge.controller.own_runs import sweep
from bridge.controller.reconcile import reconcile
from bridge.controller.turns import Turns
from bridge.controller.validation import NotYourTurnError, ValidationBrokeError, Validator
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.events import EventRecorder
from bridge.kubernetes.index import Index
from bridge.kubernetes.leader_election import LeaderElection
from bridge.kubernetes.reflector import Reflector
from bridge.kubernetes.store import Store
from bridge.kubernetes.work_queue import Pace, Rank, Urgency, WorkQueue, lowest_ranks
from bridge.settings import BridgeSettings
from bridge.temporal.calls import NoAnswer, TemporalError
from bridge.temporal.client import TemporalClient
from bridge.temporal.history_poller import HistoryPoller
from bridge.temporal.observe import RunObserver
from bridge.view.pages import Links
from bridge.view.server import serving
from kube.client import Cluster
from kube.errors import ApiError, ConflictError
from planning.messages.text import where_raised
from process.health import Finding, Health, LoopWatch, no_problem
from process.settings import host_and_port
from process.temporal import Interceptors

_log = structlog.get_logger(__name__)

FRESH_PASS = 0.05
"""Seconds after which a pass is repeated whose object changed meanwhile, or which waits for another one."""


class Bridge:
    """The parts of the process and the tasks that it runs."""

    def __init__(
        self, settings: BridgeSettings, cluster: Cluster, temporal: TemporalClient, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._temporal = temporal
        self._metrics = temporal.metrics
        pace = Pace.of(settings)
        index = Index(self._wake)
        self._behind: set[Key] = set()
        """Executions that run, and that this bridge has not passed over since it leads."""
        self._caught_up = asyncio.Event()
        self._caught_up.set()
        self._queue: WorkQueue[Key] = WorkQueue(pace, clock, index.rank)
        self._lease = LeaderElection(cluster, settings, clock)
        self._reflectors = [self._reflector(kind, index) for kind in ObjectKind]
        poller = HistoryPoller(temporal, settings.long_polls, pace.shortest, self._wake)
        cluster.on_answer = self._metrics.answered
        self._context = Context(
            settings=settings,
            cluster=cluster,
            temporal=temporal,
            index=index,
            store=Store(cluster, index),
            observer=RunObserver(temporal, poller.version),
            poller=poller,
            events=EventRecorder(cluster, settings.identity),
            turns=Turns(settings.rehearsals, self._queue.add),
            metrics=self._metrics,
            validator=Validator(self._metrics),
            open_executions=OpenExecutions(),
        )
        self._passes = Passes(self._context, clock)
        self._loop = LoopWatch(self._metrics)
        begin_counting(self._metrics)

    @classmethod
    async def connect(
        cls, settings: BridgeSettings, clock: Callable[[], float], interceptors: Interceptors = ()
    ) -> "Bridge":
        """Build a bridge from the environment. Raises ConfigurationError where no cluster is configured."""
        cluster = await Cluster.connect(user_agent="drplan-bridge")
        temporal = await TemporalClient.connect(settings, interceptors)
        return cls(settings, cluster, temporal, clock)

    def _reflector(self, kind: ObjectKind, index: Index) -> Reflector:
        settings = self._settings
        relist = settings.relist.total_seconds()
        return Reflector(self._cluster, kind, index, page_size=settings.page_size, relist=relist, metrics=self._metrics)

    def _wake(self, key: Key, urgency: Urgency = Urgency.SOON) -> None:
        self._queue.add(key, urgency=urgency)

    def add_checks(self, health: Health) -> None:
        """Add what liveness and readiness of this process depend on."""
        watches = dict(zip(ObjectKind, self._reflectors, strict=True))

        def caches() -> Finding:
            missing = [kind.value for kind, reflector in watches.items() if not reflector.synced.is_set()]
            return no_problem(f"not complete: {', '.join(missing)}" if missing else "", "complete")

        def watching() -> Finding:
            silent = [kind.value for kind, reflector in watches.items() if not reflector.going_on.finding().ok]
            return no_problem(f"silent: {', '.join(silent)}" if silent else "", "go on")

        health.add("event-loop", self._loop.finding, of_process=True)
        health.add("passes", self._passes.finding, of_process=True)
        health.add("watches", watching, of_process=True)
        health.add("lease-loop", self._lease.going_on.finding, of_process=True)
        health.add("caches", caches)
        health.add("temporal", lambda: no_problem(self._temporal.watch.problem(), "answers"))
        health.add("lease", self._lease.finding)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; then release the lease and close."""
        loops = [
            self._lease.run(),
            self._context.events.run(),
            self._temporal.watch.run(),
            self._loop.run(),
            self._lead(),
        ]
        loops += [reflector.run() for reflector in self._reflectors]
        try:
            async with self._view(), asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(loop) for loop in loops]
                await stop.wait()
                for task in running:
                    task.cancel()
        finally:
            await self._lease.release()
            await self._context.poller.close()
            self._context.validator.close()
            await self._cluster.close()
        _log.info("bridge stopped")

    def _view(self) -> AbstractAsyncContextManager[object]:
        """Return what serves the view, where that is wanted; every bridge does, leader or not."""
        address = self._settings.view_address
        if address is None:
            return nullcontext()
        links = Links(self._settings.temporal_ui or "", self._context.temporal.namespace)
        return serving(host_and_port(address), links)

    async def _lead(self) -> None:
        """Pass over objects whenever the lease is held and all lists are complete."""
        for reflector in self._reflectors:
            await reflector.synced.wait()
        _log.info("bridge started", identity=self._settings.identity)
        while True:
            await self._lease.leading.wait()
            self._context.runs.clear()
            self._context.without_worker.clear()
            self._context.open_executions.clear()
            self._context.turns.reset(self._context.index.rehearsed_plans())
            self._begin()
            workers = [asyncio.create_task(self._work(lowest)) for lowest in lowest_ranks(self._settings.passes)]
            workers.append(asyncio.create_task(self._sweep()))
            workers.append(asyncio.create_task(sample(self._context, self._passes, self._queue.overdue)))
            try:
                await self._lease.lost.wait()
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    def _begin(self) -> None:
        """Request a pass over every object."""
        for key in self._context.index.begin():
            self._queue.add(key)
        self._behind = self._context.index.running()
        if self._behind:
            self._caught_up.clear()
        else:
            self._caught_up.set()

    async def _sweep(self) -> None:
        await self._caught_up.wait()
        await sweep(self._context)

    async def _work(self, lowest: Rank = Rank.LAST) -> None:
        if lowest > Rank.NORMAL and self._settings.passes > 1:  # one alone does all, what runs first
            await self._caught_up.wait()
        while True:
            key = await self._queue.get(lowest)
            self._passes.begin(key)
            result = None
            try:
                result = await self._pass(key)
            finally:
                self._passes.end(key, result)
            # What can wait begins after the first pass over each execution that runs.
            self._behind.discard(key)
            if not self._behind:
                self._caught_up.set()

    async def _pass(self, key: Key) -> PassEnd:
        """Pass over one object, and schedule the next pass."""
        try:
            again = await reconcile(self._context, key)
        except (ConflictError, NotYourTurnError):
            self._queue.done(key, FRESH_PASS)
            return PassEnd.CONFLICT
        except ApiError as error:
            self._failed(key, str(error), error.retry_after or 0.0)
            return PassEnd.KUBERNETES_ERROR
        except NoAnswer as error:  # said once for all passes, by the watch over Temporal
            _log.debug("pass failed", kind=key.kind, namespace=key.namespace, name=key.name, error=str(error))
            self._queue.failed(key)
            return PassEnd.NO_ANSWER
        except TemporalError as error:
            self._failed(key, str(error))
            return PassEnd.TEMPORAL_ERROR
        except Exception as error:  # a bug in one object's pass must not stop all others
            where = str(error) if isinstance(error, ValidationBrokeError) else where_raised(error)
            _log.error("pass broke", kind=key.kind, namespace=key.namespace, name=key.name, where=where)
            self._failed(key, f"unexpected {type(error).__name__}")
            return PassEnd.BROKEN
        except asyncio.CancelledError:
            self._queue.done(key, 0)
            raise
        self._queue.done(key, again, self._context.store.cost(key))
        return PassEnd.SUCCEEDED

    def _failed(self, key: Key, error: str, at_least: float = 0.0) -> None:
        pause = self._queue.failed(key, at_least)
        place = {"kind": key.kind, "namespace": key.namespace, "name": key.name}
        _log.warning("pass failed", **place, error=error, retry_in=round(pause, 1))
