"""Reaching Temporal and the cluster at the start, however long that takes.

Source: Temporal, "Environment configuration".
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from kube.client import Cluster
from kube.errors import ApiError
from workflows.converter import DATA_CONVERTER

T = TypeVar("T")


class WrongConfigurationError(Exception):
    """Temporal's environment configuration cannot be read: waiting would not help."""


_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0
_log = structlog.get_logger(__name__)


async def reach_temporal() -> Client:
    """Connect as Temporal's environment configuration says, and keep trying until the server answers.

    Raises WrongConfigurationError.
    """
    try:
        options = ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise WrongConfigurationError(f"no Temporal configuration: {error}") from error
    options.setdefault("target_host", "localhost:7233")
    address = options["target_host"]

    async def connect() -> Client:
        return await Client.connect(**options, data_converter=DATA_CONVERTER)

    return await _keep_trying(f"Temporal at {address}", "TEMPORAL_ADDRESS", RuntimeError, connect)


async def reach_cluster(cluster: Cluster) -> str:
    """Wait until the API server answers; give its version."""
    return await _keep_trying("the Kubernetes API server", "KUBECONFIG", ApiError, cluster.version)


async def _keep_trying(what: str, setting: str, error: type[Exception], call: Callable[[], Awaitable[T]]) -> T:
    pause = _FIRST_PAUSE
    while True:
        try:
            return await call()
        except error as reason:
            _log.warning(f"cannot reach {what}: trying again", setting=setting, reason=str(reason), seconds=pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
