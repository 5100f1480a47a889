"""Reads of our kinds with the rights of whoever looks: their token, and no credential of this process.

The transport has no client certificate and no token, so that a request without a viewer's token is an anonymous one.
Source: docs/view.md, "Rights"; Kubernetes, "Authenticating".
"""

from dataclasses import dataclass
from typing import Literal

from kubernetes.aio.client import Configuration

from api.meta import API_VERSION
from kube.config import configure
from kube.discovery import segment
from kube.request import OWN, AnswerTooLargeError, Object, Request
from kube.transport import Transport

__all__ = ["AnswerTooLargeError", "Listed", "Plural", "Viewer"]

Plural = Literal["drplans", "drplanexecutions"]

CALL_SECONDS = 10.0
CONNECTIONS = 8
"""Open at a time: people look, they do not work through lists."""
OBJECT_BYTES = 2 << 20
"""Of one object: etcd takes 1.5 MiB."""
PAGE_BYTES = 8 << 20
"""Of a page of a list."""


@dataclass(frozen=True)
class Listed:
    """A page of a list."""

    items: list[Object]
    more: str
    """The token of the next page; empty for none."""


class Viewer:
    """The API server as the holder of a token sees it. Every read raises ApiError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @classmethod
    async def connect(cls) -> "Viewer":
        """Read which API server, and how its certificate is checked, and forget as whom. Raises ConfigurationError."""
        configuration = Configuration(connection_pool_maxsize=CONNECTIONS)
        chosen = await configure(configuration)
        configuration.cert_file = configuration.key_file = None
        configuration.api_key, configuration.refresh_api_key_hook = {}, None
        configuration.username = configuration.password = ""
        return cls(Transport(configuration, chosen, "drplan-view"))

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def get(self, token: str, plural: Plural, namespace: str, name: str) -> Object:
        """Read one object. Raises AnswerTooLargeError besides."""
        path = f"{_collection(plural, namespace)}/{segment(name)}"
        request = Request("GET", OWN, path=path, about=name, most_bytes=OBJECT_BYTES)
        return await self._transport.call(request, CALL_SECONDS, token)

    async def listed(self, token: str, plural: Plural, namespace: str | None, limit: int, more: str = "") -> Listed:
        """Read a page of the objects of a namespace, or of all; fewer than `limit` where they are large.

        Raises AnswerTooLargeError besides.
        """
        while True:
            query = {"limit": str(limit)} | ({"continue": more} if more else {})
            request = Request("GET", OWN, query=query, path=_collection(plural, namespace), most_bytes=PAGE_BYTES)
            try:
                answer = await self._transport.call(request, CALL_SECONDS, token)
            except AnswerTooLargeError:
                if limit == 1:
                    raise
                limit = max(1, limit // 4)
                continue
            return Listed(list(answer.get("items") or ()), str(answer.get("metadata", {}).get("continue") or ""))


def _collection(plural: Plural, namespace: str | None) -> str:
    within = f"/namespaces/{segment(namespace)}" if namespace else ""
    return f"/apis/{API_VERSION}{within}/{plural}"
