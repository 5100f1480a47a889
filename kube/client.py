"""The one door to the Kubernetes API: raw objects in and out, every call in an actor's name.

No type of the client library leaves this module. Reads that only decide use metadata, so that what an
object holds is neither fetched nor kept. Source: docs/architecture.md, "In whose name"; Kubernetes,
"Kubernetes API Concepts" and "User impersonation".
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import aiohttp
import yaml
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from api.steps import Actor, Target
from kube.errors import ApiError, NotServedError, UnknownKindError, UnreachableError, from_answer

Object = dict[str, Any]

FIELD_MANAGER = "drplan"
OWN = Actor()
"""The worker's own rights: to read our own kinds, and to discover."""
DEFAULT_NAMESPACE = "default"
"""Of a namespaced object that names none. Source: docs/spec/drworkflow.md."""
_REQUEST_TIMEOUT = 15.0
"""Seconds for one call; the API server itself gives up on most after 60."""
_PAGE = 50
"""Objects in one page of a list: our kinds may be 1 MB each."""
_METADATA_PAGE = 500
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"

_NOT_A_KUBECONFIG = (ValueError, TypeError, LookupError, AttributeError, yaml.YAMLError)
"""What the client library raises while it reads a file of another kind; its texts may quote the file."""


class ConfigurationError(Exception):
    """No cluster is configured, or its configuration cannot be read."""


@dataclass(frozen=True)
class _Resource:
    """Where the objects of a kind are served."""

    root: str
    plural: str
    namespaced: bool


class Cluster:
    """A Kubernetes API server. Every method raises ApiError when it gives no object."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._kinds: dict[tuple[str, str], _Resource] = {}

    @classmethod
    async def connect(cls, kubeconfig: str | None = None, connections: int = 100) -> Self:
        """Read the configuration and build a pool of `connections`; no call is made yet.

        `kubeconfig` None means KUBECONFIG, else the file in the home folder, else the pod's own service
        account. Raises ConfigurationError.
        """
        configuration = Configuration(connection_pool_maxsize=connections)
        configuration.client_session_kwargs = {"middlewares": (_never_delete_twice,)}
        try:
            await _configure(configuration, kubeconfig)
        except (ConfigException, OSError) as error:
            raise ConfigurationError(f"no Kubernetes configuration: {error}") from error
        except _NOT_A_KUBECONFIG as error:
            raise ConfigurationError("no Kubernetes configuration: the file is not a kubeconfig") from error
        return cls(ApiClient(configuration))

    async def close(self) -> None:
        """Close the pool."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def version(self) -> str:
        """Give the server's version; a call that needs no rights."""
        return str((await self._call("GET", "/version", OWN))["gitVersion"])

    async def place(self, target: Target) -> Target:
        """Give the target with the namespace in which its object really is, or None where its kind has none."""
        namespaced = (await self._resource(target)).namespaced
        return target.model_copy(update={"namespace": target.namespace or DEFAULT_NAMESPACE if namespaced else None})

    async def get(self, target: Target, actor: Actor) -> Object:
        """Read a whole object."""
        return await self._call("GET", await self._path(target), actor)

    async def metadata(self, target: Target, actor: Actor) -> Object:
        """Read an object's metadata only."""
        answer = await self._call("GET", await self._path(target), actor, headers={"Accept": _METADATA_ONLY})
        return dict(answer["metadata"])

    async def pages(
        self, kind: Target, selector: str, actor: Actor, *, everywhere: bool = False, metadata_only: bool = False
    ) -> AsyncIterator[list[Object]]:
        """Read the objects that a label selector takes, some at a time.

        `kind` names kind and namespace; with `everywhere` those of all namespaces are read.
        """
        collection = await self._everywhere(kind) if everywhere else await self._collection(kind)
        query = {"limit": str(_METADATA_PAGE if metadata_only else _PAGE), "labelSelector": selector}
        headers = {"Accept": _METADATA_LIST} if metadata_only else None
        while True:
            answer = await self._call("GET", collection, actor, query=query, headers=headers)
            # A list of metadata that holds nothing says null.
            yield answer["items"] or []
            if not (token := answer["metadata"].get("continue")):
                return
            query["continue"] = token

    async def create(self, target: Target, body: Object, actor: Actor) -> Object:
        """Create an object and give its metadata. Raises AlreadyExistsError."""
        path = await self._collection(target)
        answer = await self._call("POST", path, actor, query={"fieldManager": FIELD_MANAGER}, body=body)
        return dict(answer["metadata"])

    async def apply(self, target: Target, body: Object, actor: Actor, *, dry_run: bool = False) -> Object:
        """Apply an object on the server's side, taking over fields of other managers, and give it as it is then.

        With uid and resourceVersion in the body's metadata only that very object is changed, and only as it was
        then; otherwise ConflictError. A dry run gives what would come of it.
        """
        query = {"fieldManager": FIELD_MANAGER, "force": "true"} | _dry(dry_run)
        headers = {"Content-Type": _APPLY}
        return await self._call("PATCH", await self._path(target), actor, query=query, body=body, headers=headers)

    async def patch(self, target: Target, body: Object, actor: Actor, *, dry_run: bool = False) -> Object:
        """Merge a patch into an object that is there, and give it as it is then; the rest as of `apply`."""
        query = {"fieldManager": FIELD_MANAGER} | _dry(dry_run)
        headers = {"Content-Type": _MERGE}
        return await self._call("PATCH", await self._path(target), actor, query=query, body=body, headers=headers)

    async def delete(
        self, target: Target, uid: str, actor: Actor, *, version: str | None = None, foreground: bool = False
    ) -> None:
        """Ask for the deletion of the object with this uid; it may take long. Raises ConflictError for another uid.

        With `version`, a resourceVersion, also where the object has changed since.
        """
        if not uid:
            raise ValueError(f"a deletion of {target.kind} {target.name} needs a uid")
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid} | ({} if version is None else {"resourceVersion": version}),
            "propagationPolicy": "Foreground" if foreground else "Background",
        }
        await self._call("DELETE", await self._path(target), actor, body=body)

    async def _path(self, target: Target) -> str:
        return f"{await self._collection(target)}/{_segment(target.name)}"

    async def _collection(self, target: Target) -> str:
        resource = await self._resource(target)
        namespace = f"/namespaces/{_segment(target.namespace or DEFAULT_NAMESPACE)}" if resource.namespaced else ""
        return f"{resource.root}{namespace}/{resource.plural}"

    async def _everywhere(self, target: Target) -> str:
        resource = await self._resource(target)
        return f"{resource.root}/{resource.plural}"

    async def _resource(self, target: Target) -> _Resource:
        """Find where a kind is served; a miss asks the server again, for a definition may be new."""
        kind = (target.api_version, target.kind)
        if kind not in self._kinds:
            self._kinds.update(await self._discover(target.api_version))
        if kind not in self._kinds:
            raise UnknownKindError(f"the API server knows no kind {target.kind} in {target.api_version}", 404)
        return self._kinds[kind]

    async def _discover(self, api_version: str) -> dict[tuple[str, str], _Resource]:
        group = "/apis" if "/" in api_version else "/api"
        root = "/".join([group, *(_segment(part) for part in api_version.split("/"))])
        try:
            answer = await self._call("GET", root, OWN)
        except NotServedError:
            # Whoever takes objects of this kind for gone must not rely on the 404 of a stray proxy.
            if api_version not in await self._served():
                return {}
            raise
        return {
            (api_version, each["kind"]): _Resource(root, each["name"], each["namespaced"])
            for each in answer["resources"]
            if "/" not in each["name"]
        }

    async def _served(self) -> set[str]:
        """Give every group and version that the server names; it must name some."""
        groups = (await self._call("GET", "/apis", OWN))["groups"]
        return {"v1", *(version["groupVersion"] for group in groups for version in group["versions"])}

    async def _call(
        self,
        method: str,
        path: str,
        actor: Actor,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Object:
        sent = {"Accept": _JSON, "Content-Type": _JSON, **(headers or {})}
        if actor.user is not None:
            sent["Impersonate-User"] = actor.user
        url = f"{path}?{urlencode(query)}" if query else path
        try:
            request = await self._client.param_serialize(
                method, url, header_params=sent, body=body, auth_settings=["BearerToken"]
            )
            response = await self._client.call_api(*request, _request_timeout=_REQUEST_TIMEOUT)
            raw = await response.read()  # type: ignore[no-untyped-call]
        except (aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise UnreachableError(f"the API server gave no answer: {_transport_words(error)}") from error
        try:
            return _answer(response.status, response.headers, raw)
        except NotServedError:
            self._kinds.clear()
            raise


async def _configure(configuration: Configuration, kubeconfig: str | None) -> None:
    file = kubeconfig or os.environ.get("KUBECONFIG") or _home_kubeconfig()
    if file:
        await load_kube_config(config_file=file, client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]


def _home_kubeconfig() -> str | None:
    file = Path.home() / ".kube" / "config"
    return str(file) if file.exists() else None


async def _never_delete_twice(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a DELETE by itself when a kept-alive connection breaks under it.

    The first may have been accepted; what to do then is decided after a look.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method == "DELETE":
            raise aiohttp.ClientError(_transport_words(error)) from error
        raise


def _dry(run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if run else {}


def _segment(text: str) -> str:
    """Quote one part of a path. Refuses what a path reads as another place, as the API server does."""
    if not text or text in (".", "..") or "/" in text or "%" in text:
        raise ApiError(f'"{text}" is not a name that an object can have', 422, "Invalid")
    return quote(text, safe="")


def _transport_words(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _answer(status: int, headers: Mapping[str, str], raw: bytes) -> Object:
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        answer = {"message": f"the API server answered {status} without an object"}
        status = status if status >= 300 else 502
    if status < 300:
        return answer
    message = str(answer.get("message") or f"the API server answered {status}")
    raise from_answer(status, str(answer.get("reason", "")), message, _retry_after(headers))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After; the API server writes it in seconds."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None
