"""Run the worker: `python -m worker`."""

import asyncio
import sys

import structlog

from kube.client import Cluster, Limits
from process.main import main, unless_stopped
from worker.build import build_worker
from worker.settings import Settings
from worker.waiting import reach_cluster, reach_temporal

DESCRIPTION = "Carries out the actions of disaster-recovery plans."
_log = structlog.get_logger(__name__)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until told to stop; then let running attempts end within the graceful time.

    Raises ConfigurationError, TemporalConfigurationError and StoppedError.
    """
    cluster = await Cluster.connect(
        user_agent="drplan-worker", limits=Limits(connections=settings.kubernetes_connections)
    )
    try:
        client = await unless_stopped(reach_temporal(), stop)
        version = await unless_stopped(reach_cluster(cluster), stop)
        async with build_worker(client, cluster, settings):
            _log.info("worker started", task_queue=settings.task_queue, kubernetes=version, namespace=client.namespace)
            await stop.wait()
            _log.info("worker stopping", graceful_seconds=settings.graceful_shutdown.total_seconds())
    finally:
        await cluster.close()
    _log.info("worker stopped")


if __name__ == "__main__":
    sys.exit(main("worker", DESCRIPTION, Settings, serve))
