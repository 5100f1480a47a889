"""The connection to Temporal, as its environment configuration says, its log, and its loss.

Source: Temporal, "Environment configuration".
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from urllib.parse import urlsplit

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    GetSystemInfoRequest,
)
from temporalio.client import Client, Interceptor
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCError, RPCStatusCode

from api.metrics import TEMPORAL_REACHABLE
from process.logs import CORE_LOGGER
from process.metrics import BUCKETS, Metrics
from process.payload_encryption import PayloadEncryption

WATCH_SECONDS = 2.0
"""Between two questions whether Temporal answers, and until a question counts as not answered."""
NO_ANSWER = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.UNKNOWN,
)
"""Codes of a call that no server has answered."""
Interceptors = Sequence[Interceptor]
"""What a client's calls go through, and the runs and activities of its worker."""
_CORE_LEVELS = {"debug": "INFO", "info": "WARN", "warning": "WARN", "error": "ERROR"}
"""By the level of the log, that of the SDK's core: at its own debug level it would log what may be secret."""
_RETRIES = "temporalio_client::retry"
"""What in the core logs every call of many that Temporal does not answer; `watch` says so once."""
_log = structlog.get_logger(__name__)


class TemporalConfigurationError(Exception):
    """Temporal's environment configuration cannot be read: waiting would not help."""


def connect_options() -> ClientConnectConfig:
    """Return address, namespace and credentials. Raises TemporalConfigurationError."""
    try:
        options = ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise TemporalConfigurationError(f"no Temporal configuration: {error}") from error
    options.setdefault("target_host", "localhost:7233")
    if not _is_address(options["target_host"]):
        raise TemporalConfigurationError("TEMPORAL_ADDRESS is not a host and port, as in temporal.example.com:7233")
    return options


def _is_address(text: str) -> bool:
    """Return whether a text is a host and port; the SDK takes a URL, too, and breaks with what is neither."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        return bool(parts.hostname) and parts.port != 0 and not any(each.isspace() for each in text)
    except ValueError:
        return False


@cache
def runtime(metrics_address: str | None, log_level: str) -> Runtime:
    """Return the SDK's runtime, whose core logs to ours; with an address it offers metrics, its own and ours.

    It is made once and never freed: freeing it waits for its threads while they wait for Python, to log.
    Raises TemporalConfigurationError where the address cannot be used.
    """
    level = _CORE_LEVELS[log_level]
    forwarding = LogForwardingConfig(
        logging.getLogger(CORE_LOGGER),
        append_target_to_name=False,
        prepend_target_on_message=False,
        append_log_fields_to_message=False,
    )
    levels = TelemetryFilter(core_level=level, other_level="ERROR").formatted()
    log = LoggingConfig(filter=f"{levels},{_RETRIES}=off", forwarding=forwarding)
    metrics = PrometheusConfig(metrics_address, histogram_bucket_overrides=BUCKETS) if metrics_address else None
    try:
        # Of a service name, metrics would have that of the SDK.
        return Runtime(telemetry=TelemetryConfig(logging=log, metrics=metrics, attach_service_name=False))
    except (RuntimeError, ValueError) as error:
        raise TemporalConfigurationError(f"no metrics at {metrics_address}: {error}") from error


async def connect(
    options: ClientConnectConfig,
    encryption: PayloadEncryption,
    own_runtime: Runtime | None = None,
    *,
    lazy: bool = False,
    interceptors: Interceptors = (),
) -> Client:
    """Connect; a `lazy` client connects at its first call, so that it can be made while the server is away.

    Raises RuntimeError where the server does not answer.
    """
    return await Client.connect(
        **options,
        lazy=lazy,
        runtime=own_runtime,
        data_converter=encryption.data_converter(),
        interceptors=interceptors,
    )


@contextmanager
def traced(process: str, *, enabled: bool) -> Iterator[Interceptors]:
    """Return the interceptors with which a client sends spans; none where that is off.

    Raises TemporalConfigurationError where the libraries are not installed.
    """
    if not enabled:
        yield ()
        return
    try:
        from process.tracing import tracing
    except ImportError as error:
        raise TemporalConfigurationError(
            f"DRPLAN_TRACING requires OpenTelemetry ({error.name} is missing): pip install 'drplan[server,tracing]'"
        ) from error
    with tracing(process) as interceptor:
        yield (interceptor,)


class TemporalWatch:
    """Asks every WATCH_SECONDS whether Temporal answers: for the log, the metrics and the readiness of the process."""

    def __init__(self, client: Client, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._metrics = metrics
        self._clock = clock
        self._lost_at: float | None = None
        self._asked = False
        self._reason = ""

    def problem(self) -> str:
        """Return why Temporal is not reachable, as far as is known; empty while it is."""
        if not self._asked:
            return "not asked yet"
        if self._lost_at is None:
            return ""
        return f"no answer for {self._clock() - self._lost_at:.0f} s: {self._reason}"

    async def run(self) -> None:
        """Log a line when Temporal does not answer any more, and one when it answers again; until cancelled."""
        while True:
            self._reason = await _no_answer(self._client)
            if self._reason and self._lost_at is None:
                self._lost_at = self._clock()
                _log.warning("Temporal is lost", reason=self._reason)
            elif not self._reason and self._lost_at is not None:
                _log.info("Temporal is back", seconds=round(self._clock() - self._lost_at, 1))
                self._lost_at = None
            self._asked = True
            self._metrics.set(TEMPORAL_REACHABLE, self._lost_at is None)
            await asyncio.sleep(WATCH_SECONDS)


async def describe_task_queue(client: Client, name: str, kind: "TaskQueueType.ValueType") -> DescribeTaskQueueResponse:
    """Return who polls a task queue and what waits in it. Raises RPCError, RuntimeError, TimeoutError."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=name), task_queue_type=kind, report_stats=True
    )
    async with asyncio.timeout(WATCH_SECONDS):
        return await client.workflow_service.describe_task_queue(request)


async def _no_answer(client: Client) -> str:
    """Return why Temporal does not answer; empty where it does, whatever it says."""
    try:
        async with asyncio.timeout(WATCH_SECONDS):
            await client.workflow_service.get_system_info(GetSystemInfoRequest())
    except TimeoutError:
        return f"no answer within {WATCH_SECONDS:g} s"
    except RPCError as error:
        return f"{error.status.name}: {error.message}" if error.status in NO_ANSWER else ""
    except RuntimeError as error:  # from a lazy client that cannot connect
        return str(error)
    return ""
