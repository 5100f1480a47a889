"""The connection to Temporal, as its environment configuration says. Source: Temporal, "Environment configuration"."""

from temporalio.client import Client
from temporalio.envconfig import ClientConfig, ClientConnectConfig

from workflows.converter import DATA_CONVERTER


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


async def connect(options: ClientConnectConfig, *, lazy: bool = False) -> Client:
    """Connect; a `lazy` client connects at its first call, so that it can be made while the server is away.

    Raises RuntimeError where the server does not answer.
    """
    return await Client.connect(**options, lazy=lazy, data_converter=DATA_CONVERTER)
