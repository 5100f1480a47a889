"""Which API server, and as whom: the same answer that kubectl gives beside this process.

The context of the kubeconfig files; else, where these name none, the service account of the pod. The client package's
own merge takes current-context of the last file, so `kube.kubeconfig` merges them and the package gets the one context
that counts.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config_from_dict

from kube.errors import ConfigurationError
from kube.kubeconfig import (
    DEFAULT_NAMESPACE,
    MALFORMED,
    Entry,
    KubeContext,
    check_with,
    no_context,
    read_context,
    token_of,
    unusable,
)
from kube.proxy import proxy_for

_RENEWAL = 60.0
"""Seconds between two looks at a token that may have been renewed."""


@dataclass(frozen=True)
class ChosenContext:
    """Where server and credentials come from."""

    source: str
    """For messages: the context and its file."""
    namespace: str = DEFAULT_NAMESPACE
    """Where commands look for an object of which no namespace is said."""
    remedy: str = "check its files"


async def configure(
    configuration: Configuration,
    kubeconfig: str | None = None,
    context: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> ChosenContext:
    """Set server, TLS, credentials and proxy, and return whose they are. Makes no call to a server.

    `kubeconfig` is an explicit file, which must exist; `context` is used in place of current-context.
    Raises ConfigurationError.
    """
    chosen = read_context(kubeconfig, context)
    if chosen is not None:
        source = await _use_context(configuration, chosen, clock)
    else:
        try:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except (ConfigException, OSError) as error:
            raise no_context(kubeconfig, error) from error
        source = ChosenContext("the service account of the pod")
    proxy = proxy_for(urlsplit(str(configuration.host)), chosen.cluster if chosen is not None else None)
    configuration.proxy = proxy.geturl() if proxy is not None else None
    return source


async def _use_context(configuration: Configuration, context: KubeContext, clock: Callable[[], float]) -> ChosenContext:
    """Hand one context to the client package, as a kubeconfig that holds nothing else."""
    user = context.user
    only = {
        "current-context": "only",
        "contexts": [{"name": "only", "context": {"cluster": "only", "user": "only"}}],
        "clusters": [{"name": "only", "cluster": dict(context.cluster.fields)}],
        "users": [{"name": "only", "user": _credentials(user)}],
    }
    try:
        loader = await load_kube_config_from_dict(only, client_configuration=configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError, *MALFORMED):
        raise unusable(
            f'context "{context.name}" in {context.file} cannot be used; {check_with(context.file)}'
        ) from None
    if user.fields.get("exec") and not (configuration.api_key or configuration.cert_file):
        raise unusable(
            f'the credential plugin of context "{context.name}" returned no credentials; {check_with(user.file)}'
        )
    configuration.refresh_api_key_hook = _renewal(loader, user, clock)  # type: ignore[assignment]
    return ChosenContext(f'context "{context.name}" in {context.file}', context.namespace, check_with(context.file))


def _credentials(user: Entry) -> dict[str, Any]:
    """Return a user's fields with the token that its file holds: the client package would send its line end as well."""
    fields = {each: value for each, value in user.fields.items() if value}
    if "tokenFile" in fields:
        fields["token"] = token_of(user)
    return fields


def _renewal(loader: Any, user: Entry, clock: Callable[[], float]) -> Callable[[Configuration], Awaitable[None]]:
    """Return what the client package runs before each call: it renews a token from a file or a plugin in time.

    Source: Kubernetes, "Client authentication": tokens end, and client-go reads token files every minute.
    """
    renewed_at = clock()

    async def renew(configuration: Configuration) -> None:
        nonlocal renewed_at
        if clock() - renewed_at < _RENEWAL:
            return
        # Set before anything is awaited, so that calls meanwhile go on with the token that is there.
        renewed_at = clock()
        if user.fields.get("tokenFile"):
            with suppress(ConfigurationError):
                configuration.api_key["BearerToken"] = f"Bearer {token_of(user)}"
        elif hasattr(loader, "exec_plugin_expiry") and await loader.load_from_exec_plugin():
            configuration.api_key["BearerToken"] = loader.token

    return renew
