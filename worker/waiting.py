"""Wait at the start until Temporal and the API server answer, however long that takes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from temporalio.client import Client

from kube.client import Cluster
from kube.errors import ApiError
from process.temporal import connect, connect_options

T = TypeVar("T")

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
_log = structlog.get_logger(__name__)


async def reach_temporal() -> Client:
    """Connect to Temporal as soon as it answers. Raises TemporalConfigurationError."""
    options = connect_options()
    what = f"Temporal at {options['target_host']}"
    return await _keep_trying(what, "TEMPORAL_ADDRESS", RuntimeError, lambda: connect(options))


async def reach_cluster(cluster: Cluster) -> str:
    """Wait until the API server answers, and return its version."""
    return await _keep_trying("the Kubernetes API server", "KUBECONFIG", ApiError, cluster.version)


async def _keep_trying(what: str, setting: str, error: type[Exception], call: Callable[[], Awaitable[T]]) -> T:
    pause = FIRST_PAUSE
    while True:
        try:
            return await call()
        except error as reason:
            _log.warning(f"cannot reach {what}: trying again", setting=setting, reason=str(reason), seconds=pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
