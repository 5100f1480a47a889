"""The one Kubernetes client: raw objects in and out, typed errors, a deadline on every call.

Activities, bridge, worker and command line use it; no type of the client library leaves this package. Every call
names its actor. Reads that only decide use metadata, so that what an object holds is neither fetched nor kept.
The client library's Watch, informer and leader election are not used (docs/decisions, "A controller of our own").
Source: docs/architecture.md, "In whose name"; Kubernetes, "Kubernetes API Concepts" and "User impersonation".
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException

from api.steps import Actor, Target
from kube.config import DEFAULT_NAMESPACE, configure
from kube.errors import (
    ConfigurationError,
    InvalidNameError,
    NotServedError,
    UnknownKindError,
    UnreachableError,
    from_answer,
    from_nonsense,
    seconds_to_wait,
)

Object = dict[str, Any]

FIELD_MANAGER = "drplan"
OWN = Actor()
"""The process's own rights: to read our own kinds, and to discover."""
_PAGE = 50
"""Objects in one page of a list: our kinds may be 1 MB each."""
_METADATA_PAGE = 500
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_NO_ANSWER = (aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError, ConfigException)
"""What the transport raises, and the client library where credentials cannot be renewed."""


@dataclass(frozen=True)
class Limits:
    """Bounds of a client; times in seconds."""

    connections: int = 100
    """Open at a time."""
    call: float = 15.0
    """For one call; the API server itself gives up on most after 60."""
    page: float = 60.0
    """For one page of a list: an object may hold a megabyte."""
    silence: float = 90.0
    """A watch without an event for so long is dead: the API server sends a bookmark every 60 to 75 s (measured: 76).
    Source: Kubernetes API concepts, "Watch bookmarks"."""
    connect: float = 5.0
    """To open the connection of a watch."""


@dataclass(frozen=True)
class Page:
    """Some objects of a list."""

    items: list[Object]
    version: str
    """The resourceVersion of the list, from which a watch goes on."""


@dataclass(frozen=True)
class _Resource:
    """Where the objects of a kind are served."""

    root: str
    plural: str
    namespaced: bool


@dataclass(frozen=True)
class _Request:
    """One request, in an actor's name."""

    method: str
    path: str
    actor: Actor
    query: Mapping[str, str] = field(default_factory=dict)
    body: Object | None = None
    accept: str = _JSON
    content: str = _JSON


class Cluster:
    """A Kubernetes API server. Every method raises ApiError when it returns no object."""

    def __init__(self, client: ApiClient, namespace: str = DEFAULT_NAMESPACE, limits: Limits | None = None) -> None:
        self._client = client
        self._limits = limits or Limits()
        self._resources: dict[tuple[str, str], _Resource] = {}
        self.namespace = namespace
        """Of the context in use: where commands look for what has no namespace."""

    @classmethod
    async def connect(
        cls,
        kubeconfig: str | None = None,
        *,
        context: str | None = None,
        user_agent: str = "drplan",
        limits: Limits | None = None,
    ) -> Self:
        """Read the configuration as `kube.config` says and prepare a pool; no call is made yet.

        Raises ConfigurationError.
        """
        limits = limits or Limits()
        configuration = Configuration(connection_pool_maxsize=limits.connections)
        configuration.client_session_kwargs = {"middlewares": (_never_write_twice,)}
        chosen = await configure(configuration, kubeconfig, context)
        try:
            client = ApiClient(configuration)
        except OSError as error:
            raise ConfigurationError(
                f"no Kubernetes configuration: a certificate or key of {chosen.source} cannot be used; {chosen.remedy}"
            ) from error
        client.user_agent = user_agent
        return cls(client, chosen.namespace, limits)

    @property
    def host(self) -> str:
        """The name or address of the API server."""
        return (urlsplit(str(self._client.configuration.host)).hostname or "").removesuffix(".")

    async def close(self) -> None:
        """Close the pool, and wait until its connections are closed."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def version(self) -> str:
        """Return the server's version; a call that needs no rights."""
        return str((await self._call(_Request("GET", "/version", OWN)))["gitVersion"])

    async def place(self, target: Target) -> Target:
        """Return the target with the namespace in which its object really is, None where its kind has none."""
        namespaced = (await self._resource(target)).namespaced
        return target.model_copy(update={"namespace": target.namespace or DEFAULT_NAMESPACE if namespaced else None})

    async def get(self, target: Target, actor: Actor) -> Object:
        """Read a whole object."""
        return await self._call(_Request("GET", await self._path(target), actor))

    async def metadata(self, target: Target, actor: Actor) -> Object:
        """Read an object's metadata only."""
        answer = await self._call(_Request("GET", await self._path(target), actor, accept=_METADATA_ONLY))
        return dict(answer["metadata"])

    async def pages(
        self,
        kind: Target,
        selector: str,
        actor: Actor,
        *,
        everywhere: bool = False,
        metadata_only: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[Page]:
        """Read the objects that a label selector takes, some at a time.

        `kind` names kind and namespace; with `everywhere` those of all namespaces are read. `limit` is the number
        of objects in a page. Raises ExpiredError where the caller took too long between two pages.
        """
        path = await self._collection(kind, everywhere=everywhere)
        query = {"limit": str(limit or (_METADATA_PAGE if metadata_only else _PAGE)), "labelSelector": selector}
        accept = _METADATA_LIST if metadata_only else _JSON
        while True:
            answer = await self._call(_Request("GET", path, actor, query=query, accept=accept), self._limits.page)
            # A list of metadata that holds nothing says null.
            yield Page(answer["items"] or [], str(answer["metadata"]["resourceVersion"]))
            if not (token := answer["metadata"].get("continue")):
                return
            query["continue"] = token

    async def watch(self, kind: Target, version: str, seconds: int, actor: Actor) -> AsyncIterator[Object]:
        """Yield the watch events of all namespaces after `version`, bookmarks too, for at most `seconds`.

        Raises ExpiredError where the version is too old, UnreachableError on silence or a broken stream.
        """
        query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        query["timeoutSeconds"] = str(seconds)
        path = await self._collection(kind, everywhere=True)
        timeout = aiohttp.ClientTimeout(
            total=seconds + 15, sock_connect=self._limits.connect, sock_read=self._limits.silence
        )
        try:
            response = await self._send(_Request("GET", path, actor, query), timeout)
            async with response:
                if response.status != 200:
                    _answer(response.status, response.headers, await response.read())
                async for line in response.content:
                    yield _event(line)
        except (*_NO_ANSWER, ValueError) as error:
            raise UnreachableError(f"the watch of {kind.kind} broke off: {_words(error)}") from error

    async def create(self, target: Target, body: Object, actor: Actor) -> Object:
        """Create an object and return it; the server makes a name where only generateName is set.

        Raises AlreadyExistsError.
        """
        path = await self._collection(target)
        return await self._call(_Request("POST", path, actor, query={"fieldManager": FIELD_MANAGER}, body=body))

    async def apply(self, target: Target, body: Object, actor: Actor, *, dry_run: bool = False) -> Object:
        """Apply an object on the server's side, taking over fields of other managers, and return it as it is then.

        With uid and resourceVersion in the body's metadata only that very object is changed, and only as it was
        then; otherwise ConflictError. A dry run returns what would come of it.
        """
        query = {"fieldManager": FIELD_MANAGER, "force": "true"} | _dry(dry_run)
        return await self._call(
            _Request("PATCH", await self._path(target), actor, query=query, body=body, content=_APPLY)
        )

    async def patch(
        self, target: Target, body: Object, actor: Actor, *, dry_run: bool = False, subresource: str = ""
    ) -> Object:
        """Merge a patch into an object and return it as it is then; the rest like `apply`.

        Lists are replaced whole, None removes a field.
        """
        query = {"fieldManager": FIELD_MANAGER} | _dry(dry_run)
        path = await self._path(target, subresource)
        return await self._call(_Request("PATCH", path, actor, query=query, body=body, content=_MERGE))

    async def replace(self, target: Target, body: Object, actor: Actor, *, subresource: str = "") -> Object:
        """Write a whole object, or its status, against the version that it names. Raises ConflictError.

        A status costs the API server a third less so than by a merge patch (127 KB: 95 against 130 ms).
        """
        return await self._call(_Request("PUT", await self._path(target, subresource), actor, body=body))

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
        await self._call(_Request("DELETE", await self._path(target), actor, body=body))

    async def _path(self, target: Target, subresource: str = "") -> str:
        path = f"{await self._collection(target)}/{_segment(target.name)}"
        return f"{path}/{subresource}" if subresource else path

    async def _collection(self, target: Target, *, everywhere: bool = False) -> str:
        resource = await self._resource(target)
        if everywhere or not resource.namespaced:
            return f"{resource.root}/{resource.plural}"
        return f"{resource.root}/namespaces/{_segment(target.namespace or DEFAULT_NAMESPACE)}/{resource.plural}"

    async def _resource(self, target: Target) -> _Resource:
        """Return where a kind is served; a miss asks the server again, for a definition may be new."""
        kind = (target.api_version, target.kind)
        if kind not in self._resources:
            self._resources.update(await self._discover(target.api_version))
        if kind not in self._resources:
            raise UnknownKindError(f"the API server knows no kind {target.kind} in {target.api_version}", 404)
        return self._resources[kind]

    async def _discover(self, api_version: str) -> dict[tuple[str, str], _Resource]:
        group = "/apis" if "/" in api_version else "/api"
        root = "/".join([group, *(_segment(part) for part in api_version.split("/"))])
        try:
            answer = await self._call(_Request("GET", root, OWN))
        except NotServedError:
            # A caller that takes objects of an unknown kind for gone must not rely on the 404 of a stray proxy.
            groups = (await self._call(_Request("GET", "/apis", OWN)))["groups"]
            if api_version in {"v1", *(version["groupVersion"] for group in groups for version in group["versions"])}:
                raise
            return {}
        return {
            (api_version, each["kind"]): _Resource(root, each["name"], each["namespaced"])
            for each in answer["resources"]
            if "/" not in each["name"]
        }

    async def _call(self, request: _Request, seconds: float | None = None) -> Object:
        """Make one call within `seconds`, and return the object that the API server answers."""
        seconds = seconds or self._limits.call
        try:
            response = await self._send(request, aiohttp.ClientTimeout(total=seconds))
            raw = await response.read()
        except TimeoutError as error:
            raise UnreachableError(f"the API server gave no answer within {seconds:g} s") from error
        except _NO_ANSWER as error:
            raise UnreachableError(f"the API server gave no answer: {_words(error)}") from error
        try:
            return _answer(response.status, response.headers, raw)
        except NotServedError:
            self._resources.clear()
            raise

    async def _send(
        self,
        request: _Request,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - it bounds each read of a stream as well
    ) -> aiohttp.ClientResponse:
        # Not through the library's own call: that would copy the whole body for types that we do not send.
        headers = {"Accept": request.accept, "Content-Type": request.content, "User-Agent": self._client.user_agent}
        if request.actor.user is not None:
            headers["Impersonate-User"] = request.actor.user
        await self._client.update_params_for_auth(
            headers, None, ["BearerToken"], request.path, request.method, request.body
        )
        query = f"?{urlencode(request.query)}" if request.query else ""
        url = f"{self._client.configuration.host}{request.path}{query}"
        send: Any = self._client.rest_client.request
        answer = await send(request.method, url, headers=headers, body=request.body, _request_timeout=timeout)
        response: aiohttp.ClientResponse = answer.response
        return response


async def _never_write_twice(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a PUT or DELETE by itself when a kept-alive connection breaks under it.

    The first may have been accepted; what to do then is decided after a read.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method != "GET":
            raise aiohttp.ClientError(_words(error)) from error
        raise


def _dry(run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if run else {}


def _segment(text: str) -> str:
    """Quote one part of a path. Refuses what a path reads as another place, as the API server does."""
    if not text or text in (".", "..") or "/" in text or "%" in text or not text.isprintable():
        raise InvalidNameError(
            f"{json.dumps(text)} is not a name that an object can have", 422, "Invalid", object_name=text
        )
    return quote(text, safe="")


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _object(raw: bytes) -> Object | None:
    try:
        answer = json.loads(raw)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _answer(status: int, headers: Mapping[str, str], raw: bytes) -> Object:
    """Return the object of an answer. Raises ApiError where it holds none, or is an error."""
    answer = _object(raw)
    if answer is not None and 200 <= status < 300:
        return answer
    pause = seconds_to_wait(headers.get("Retry-After", ""), datetime.now(UTC))
    if answer is None:
        raise from_nonsense(status, pause)
    message = str(answer.get("message") or f"the API server answered {status}")
    details = answer.get("details")
    name = details.get("name") if isinstance(details, dict) else None
    raise from_answer(status, str(answer.get("reason") or ""), message, pause, str(name or ""))


def _event(line: bytes) -> Object:
    event = _object(line)
    if event is None or "type" not in event or not isinstance(event.get("object"), dict):
        raise ValueError(f"not a watch event: {line[:100]!r}")
    if event["type"] == "ERROR":
        status = event["object"]
        message = str(status.get("message") or "the watch ended with an error")
        raise from_answer(int(status.get("code") or 0), str(status.get("reason") or ""), message)
    return event
