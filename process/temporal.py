"""The connection to Temporal, as its environment configuration says. Source: Temporal, "Environment configuration"."""

from temporalio.client import Client
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from process.payload_encryption import PayloadEncryption


class TemporalConfigurationError(Exception):
    """Temporal's environment configuration cannot be read: waiting would not help."""


def connect_options() -> ClientConnectConfig:
    """Return address, namespace and credentials. Raises TemporalConfigurationError."""
    try:
        options = ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise TemporalConfigurationError(f"no Temporal configuration: {error}") from error
    options.setdefault("target_host", "localhost:7233")
    return options


def runtime(metrics_address: str | None) -> Runtime | None:
    """Return the SDK's runtime that offers metrics, its own and ours; None for the default one, which offers none.

    Raises TemporalConfigurationError where the address cannot be used.
    """
    if metrics_address is None:
        return None
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=metrics_address)))
    except (RuntimeError, ValueError) as error:
        raise TemporalConfigurationError(f"no metrics at {metrics_address}: {error}") from error


async def connect(
    options: ClientConnectConfig,
    encryption: PayloadEncryption,
    own_runtime: Runtime | None = None,
    *,
    lazy: bool = False,
) -> Client:
    """Connect; a `lazy` client connects at its first call, so that it can be made while the server is away.

    Raises RuntimeError where the server does not answer.
    """
    return await Client.connect(**options, lazy=lazy, runtime=own_runtime, data_converter=encryption.data_converter())
