"""Run the worker: `python -m worker`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from activities.authorize import RunAuthorizer
from api.metrics import TEMPORAL_REACHABLE
from kube.client import Cluster, Limits
from kube.errors import ApiError
from process.backoff import Backoff
from process.health import Finding, Health, LoopWatch, no_problem, serving
from process.main import collect_garbage_seldom, end, main, unless_stopped
from process.metrics import Metrics
from process.payload_encryption import PayloadEncryption
from process.temporal import Interceptors, TemporalWatch, connect, connect_options, runtime, traced
from worker.attempt_metrics import AttemptMetrics
from worker.build import Authorization, build_worker
from worker.queue_watch import QueueWatch
from worker.settings import Settings

T = TypeVar("T")

DESCRIPTION = "Carries out the actions of disaster-recovery plans."
_log = structlog.get_logger(__name__)


async def serve(settings: Settings, stop: asyncio.Event, authorization: Authorization = RunAuthorizer.of) -> None:
    """Serve until told to stop; then let running attempts end within the graceful time.

    Raises ConfigurationError, TemporalConfigurationError, ListenError and StoppedError.
    """
    health = Health()
    health.add("worker", lambda: Finding(False, "is not connected yet"))
    with traced("worker", enabled=settings.tracing) as interceptors:
        async with serving(health, settings.health_address):
            await _serve(settings, stop, authorization, health, interceptors)


async def _serve(
    settings: Settings,
    stop: asyncio.Event,
    authorization: Authorization,
    health: Health,
    interceptors: Interceptors,
) -> None:
    cluster = await Cluster.connect(
        user_agent="drplan-worker", limits=Limits(connections=settings.kubernetes_connections)
    )
    try:
        options, own_runtime = connect_options(), runtime(settings.metrics_address, settings.log_level)
        metrics = Metrics(own_runtime.metric_meter)
        cluster.on_answer = metrics.answered
        metrics.set(TEMPORAL_REACHABLE, 0)
        encryption = PayloadEncryption.of(settings.payload_keys, settings.payload_key_id)
        temporal = _until_reached(
            f"Temporal at {options['target_host']}",
            "TEMPORAL_ADDRESS",
            RuntimeError,
            lambda: connect(options, encryption, own_runtime, interceptors=interceptors),
        )
        client = await unless_stopped(temporal, stop)
        server = _until_reached("the Kubernetes API server", "KUBECONFIG", ApiError, cluster.version)
        version = await unless_stopped(server, stop)
        worker = build_worker(client, cluster, settings, authorization, [AttemptMetrics(metrics)])
        async with worker:
            collect_garbage_seldom()
            _log.info("worker started", task_queue=settings.task_queue, kubernetes=version, namespace=client.namespace)
            watch, polling = TemporalWatch(client, metrics), QueueWatch(client, settings.task_queue)
            loop = LoopWatch(metrics)
            health.add("event-loop", loop.finding, of_process=True)
            health.add("worker", lambda: Finding(worker.is_running, "runs"), of_process=True)
            health.add("temporal", lambda: no_problem(watch.problem(), "answers"))
            health.add("task-queue", polling.finding)
            watching = [asyncio.create_task(each.run()) for each in (watch, polling, loop)]
            await stop.wait()
            health.add("worker", lambda: Finding(False, "stops"))
            for task in watching:
                task.cancel()
            _log.info("worker stopping", graceful_seconds=settings.graceful_shutdown.total_seconds())
    finally:
        await cluster.close()
    _log.info("worker stopped")


async def _until_reached(what: str, setting: str, unreachable: type[Exception], call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call until it succeeds, however long that takes; `setting` tells where the server's address is set."""
    backoff = Backoff(cap=15.0)
    while True:
        try:
            return await call()
        except unreachable as error:
            seconds = round(backoff.pause(), 1)
            _log.warning(f"cannot reach {what}: trying again", setting=setting, reason=str(error), seconds=seconds)
        await asyncio.sleep(seconds)


if __name__ == "__main__":
    end(main("worker", DESCRIPTION, Settings, serve))
