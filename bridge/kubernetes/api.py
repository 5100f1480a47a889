"""The bridge's one door to the Kubernetes API: plain dicts in and out, typed errors, a deadline on every call.

Of the client package it takes configuration, authentication and TLS; its Watch, informer and leader
election are not used (docs/decisions, "A controller of our own"). It knows nothing of what objects mean.

ClusterError
├── NotFound        404
├── Conflict        409: changed since it was read, or it exists already
├── Expired         410: this resource version is too old, list anew
├── Refused         any other 4xx; repeating does not help by itself
└── Unreachable     no answer, 429, 5xx, or an answer that is not Kubernetes'
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import config as kube_config
from kubernetes.aio.client import ApiClient, Configuration

from api.meta import API_VERSION
from bridge.keys import Kind

Object = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"
CALL_SECONDS = 10.0
CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 90.0
"""A watch that says nothing for so long is dead: the API server sends a bookmark every 60 to 75 s (measured: 76).
Source: Kubernetes API concepts, "Watch bookmarks"."""


class ClusterError(Exception):
    """A call to the Kubernetes API that did not do what was asked. `reason` is the server's."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class NotFound(ClusterError):  # noqa: N818 - the API's own word
    """There is no such object."""


class Conflict(ClusterError):  # noqa: N818 - the API's own word
    """The object changed since it was read, or exists already."""


class Expired(ClusterError):  # noqa: N818 - the API's own word
    """The resource version or continue token is too old."""


class Refused(ClusterError):  # noqa: N818 - the API's own word
    """The server understood and will not do it."""


class Unreachable(ClusterError):  # noqa: N818 - a state, told as such
    """No usable answer; whether a write took effect is not known."""


NOT_FOUND_REASON = "NotFound"
_ERRORS: Mapping[int, type[ClusterError]] = {404: NotFound, 409: Conflict, 410: Expired, 429: Unreachable}


def error_of(status: Mapping[str, Any], code: int) -> ClusterError:
    """Turn a Status object of the API into the error to raise. Source: Kubernetes API, "Response Status Kind"."""
    kind = _ERRORS.get(code, Unreachable if code >= 500 or code < 400 else Refused)
    reason = str(status.get("reason") or "")
    if kind is NotFound and reason != NOT_FOUND_REASON:
        # A proxy's 404, or a kind that is not served just now, does not prove that an object is gone.
        kind = Unreachable
    return kind(str(status.get("message") or f"the API server answered {code}"), reason)


def _path(kind: Kind, namespace: str | None = None, name: str | None = None, part: str = "") -> str:
    place = f"/namespaces/{namespace}" if namespace else ""
    rest = f"/{name}" if name else ""
    return f"/apis/{API_VERSION}{place}/{kind}{rest}{part}"


def _read(code: int, data: bytes) -> Object:
    try:
        answer = json.loads(data)
    except ValueError as error:
        raise Unreachable(f"the answer ({code}) is not JSON: {data[:100]!r}") from error
    if not isinstance(answer, dict):
        raise Unreachable(f"the answer ({code}) is not an object: {data[:100]!r}")
    if not 200 <= code < 300:
        raise error_of(answer, code)
    return answer


class Cluster:
    """Calls to one API server. Raises ClusterError and nothing else."""

    def __init__(self, client: ApiClient, silence: float = SILENCE_SECONDS) -> None:
        self._client = client
        self._silence = silence

    @classmethod
    async def connect(cls) -> "Cluster":
        """Read KUBECONFIG, or else the pod's service account; no call is made yet.

        Raises ClusterError when neither is there.
        """
        configuration = Configuration()
        try:
            await _configure(configuration)
        except (kube_config.ConfigException, OSError, ValueError) as error:
            raise ClusterError(f"no cluster is configured: {error}") from error
        configuration.connection_pool_maxsize = 100
        return cls(ApiClient(configuration))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Read one object live."""
        return await self.call("GET", _path(kind, namespace, name))

    async def create(self, kind: Kind, namespace: str, body: Object) -> Object:
        """Create one object. Raises Conflict where one of that name exists."""
        return await self.call("POST", _path(kind, namespace), body=body)

    async def page(self, kind: Kind, limit: int, token: str = "") -> Object:
        """Read one page of a list over all namespaces; `metadata.continue` names the next."""
        query = {"limit": str(limit)} | ({"continue": token} if token else {})
        return await self.call("GET", _path(kind), query=query, seconds=60)

    async def patch(self, kind: Kind, namespace: str, name: str, patch: Object, *, status: bool = False) -> Object:
        """Merge a patch into an object, or into its status. Lists are replaced whole, None removes a field.

        With `metadata.resourceVersion` in the patch a changed object is a Conflict.
        """
        path = _path(kind, namespace, name, "/status" if status else "")
        return await self.call("PATCH", path, body=patch, content_type=MERGE_PATCH)

    async def replace_status(self, kind: Kind, item: Object) -> Object:
        """Write an object's whole status against the version that `item` names. Raises Conflict.

        It costs the API server a third less than a merge patch (a status of 127 KB: 95 against 130 ms).
        """
        meta = item["metadata"]
        path = _path(kind, meta["namespace"], meta["name"], "/status")
        return await self.call("PUT", path, body=item)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
        seconds: float = CALL_SECONDS,
    ) -> Object:
        """Make one call within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                response = await self._send(method, path, query, body, content_type, aiohttp.ClientTimeout(total=None))
                data = await response.read()
        except TimeoutError as error:
            raise Unreachable(f"no answer to {method} {path} within {seconds:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"{method} {path}: {error}") from error
        return _read(response.status, data)

    async def watch(self, kind: Kind, version: str, seconds: int) -> AsyncIterator[Object]:
        """Yield watch events after `version`, bookmarks too, until the server ends the stream after `seconds`.

        Raises Expired where the version is too old, Unreachable on silence or a broken stream.
        """
        query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        query["timeoutSeconds"] = str(seconds)
        timeout = aiohttp.ClientTimeout(total=seconds + 15, sock_connect=CONNECT_SECONDS, sock_read=self._silence)
        try:
            response = await self._send("GET", _path(kind), query, None, "application/json", timeout)
            async with response:
                if response.status != 200:
                    _read(response.status, await response.read())
                async for line in response.content:
                    yield _event(line)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(f"watch of {kind}: {error or type(error).__name__}") from error

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Object | None,
        content_type: str,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - it bounds each read of a stream, not the call
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": "application/json", "Content-Type": content_type, "User-Agent": "drplan-bridge"}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = f"{self._client.configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        send: Any = self._client.rest_client.request
        answer = await send(method, url, headers=headers, body=body, _request_timeout=timeout)
        response: aiohttp.ClientResponse = answer.response
        return response


async def _configure(configuration: Configuration) -> None:
    # The package reads KUBECONFIG at its import only; here it counts at the time of the call.
    path = os.environ.get("KUBECONFIG")
    load: Any = kube_config.load_kube_config
    if os.environ.get("KUBERNETES_SERVICE_HOST") and not path:
        load_pod: Any = kube_config.load_incluster_config
        load_pod(client_configuration=configuration)
    elif path:
        await load(config_file=path, client_configuration=configuration)
    else:
        await load(client_configuration=configuration)


def _event(line: bytes) -> Object:
    event = json.loads(line)
    if not isinstance(event, dict) or "type" not in event or not isinstance(event.get("object"), dict):
        raise ValueError(f"not a watch event: {line[:100]!r}")
    if event["type"] == "ERROR":
        raise error_of(event["object"], int(event["object"].get("code") or 0))
    return event
