"""The one Kubernetes client: raw objects in and out, typed errors, a deadline on every call.

Activities, bridge and worker use it; the command line has `kube.blocking`, which loads in a tenth of the time. No type
of the client library leaves this package. Every call names its actor. Reads that only decide use metadata, so that
what an object holds is neither fetched nor kept.
The client library's Watch, informer and leader election are not used (docs/decisions, "A controller of our own").
Source: docs/architecture.md, "In whose name"; Kubernetes, "Kubernetes API Concepts" and "User impersonation".
"""

import copy
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import aiohttp
from kubernetes.aio.client import Configuration

from api.objects import Actor, Target
from api.phases import PatchType
from kube.config import configure
from kube.discovery import Discovery, Resource, segment
from kube.errors import (
    ForbiddenError,
    NotReadyError,
    NotServedError,
    TooDeepError,
    UnreachableError,
)
from kube.kubeconfig import DEFAULT_NAMESPACE
from kube.media_types import APPLY, JSON, METADATA_LIST, METADATA_ONLY, PATCHES
from kube.request import (
    OWN,
    PLAIN,
    AnswerTooLargeError,
    Object,
    Request,
    Warn,
    WriteOptions,
    answer_of,
    event_of,
    words_of,
)
from kube.transport import NO_ANSWER, OnAnswer, Transport

__all__ = ["OWN", "Cluster", "Limits", "Object", "Page"]

_PAGE = 50
"""Objects in one page of a list: our kinds may be 1 MB each."""
_METADATA_PAGE = 500
_PAGE_BYTES = 4 << 20
"""Of a page with more than one object: while one is parsed, the event loop stands still (10 ms for 1 MB)."""


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
    more: bool = False
    """Whether another page follows."""


class Cluster:
    """A Kubernetes API server. Every method raises ApiError when it returns no object."""

    def __init__(self, transport: Transport, namespace: str = DEFAULT_NAMESPACE, limits: Limits | None = None) -> None:
        self._transport = transport
        self._limits = limits or Limits()
        self._discovery = Discovery(self._call)
        self._dry_run = False
        self.on_answer: OnAnswer | None = None
        """Called after every call but watches."""
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
        chosen = await configure(configuration, kubeconfig, context)
        return cls(Transport(configuration, chosen, user_agent), chosen.namespace, limits)

    @property
    def host(self) -> str:
        """The name or address of the API server."""
        return self._transport.host

    def dry_running(self) -> Self:
        """Return this API server as one on which nothing is changed: every write is a dry run, admission included.

        Source: Kubernetes, "Kubernetes API Concepts", "Dry-run".
        """
        view = copy.copy(self)
        view._dry_run = True
        return view

    async def close(self) -> None:
        """Close the pool, and wait until its connections are closed."""
        await self._transport.close()

    async def version(self) -> str:
        """Return the server's version; a call that needs no rights."""
        return str((await self._call(Request("GET", OWN, path="/version")))["gitVersion"])

    async def place(self, target: Target, *, in_any_version: bool = False) -> Target:
        """Return the target with the namespace in which its object really is, None where its kind has none.

        Raises UnknownKindError where its version is not served; `in_any_version` only where no version is.
        """
        namespaced = (await self._resource(target, in_any_version=in_any_version)).namespaced
        return target.model_copy(update={"namespace": target.namespace or DEFAULT_NAMESPACE if namespaced else None})

    async def has_status(self, kind: Target) -> bool:
        """Return whether objects of a kind have a status that only their controllers write."""
        return (await self._resource(kind, in_any_version=True)).has_status

    async def resource(self, kind: Target) -> tuple[str, str]:
        """Return the API group and the resource, as in `pods`, by which rights on objects of a kind are granted."""
        found = await self._resource(kind, in_any_version=True)
        return found.group, found.plural

    async def get(self, target: Target, actor: Actor) -> Object:
        """Read a whole object, through whichever version is served."""
        return await self._about(target, Request("GET", actor))

    async def metadata(self, target: Target, actor: Actor) -> Object:
        """Read an object's metadata only, through whichever version is served."""
        return dict((await self._about(target, Request("GET", actor, accept=METADATA_ONLY)))["metadata"])

    async def pages(
        self,
        kind: Target,
        selector: str,
        actor: Actor,
        *,
        everywhere: bool = False,
        metadata_only: bool = False,
        fields: str = "",
        limit: int | None = None,
    ) -> AsyncGenerator[Page, None]:
        """Read the objects that a label selector takes, some at a time, through whichever version is served.

        `kind` names kind and namespace; with `everywhere` those of all namespaces are read. `fields` is a field
        selector, `limit` the number of objects in a page; where they are large there are fewer. Raises ExpiredError
        where the caller took too long between two pages.
        """
        number = most = limit or (_METADATA_PAGE if metadata_only else _PAGE)
        query = {"labelSelector": selector} | ({"fieldSelector": fields} if fields else {})
        accept = METADATA_LIST if metadata_only else JSON
        request = Request("GET", actor, query=query, accept=accept)
        where = partial(self._collection, kind, everywhere=everywhere, in_any_version=True)
        while True:
            query["limit"] = str(number)
            bounded = replace(request, most_bytes=_PAGE_BYTES if number > 1 else None)
            try:
                answer = await self._at(where, bounded, self._limits.page)
            except AnswerTooLargeError:
                number = max(1, number // 4)
                continue
            except TooDeepError:
                if request.accept == METADATA_LIST:
                    raise
                # Of an object that cannot be read there is at least the metadata.
                request, number = replace(request, accept=METADATA_LIST if number == 1 else accept), 1
                continue
            request = replace(request, accept=accept)
            # A list of metadata that holds nothing says null.
            token = answer["metadata"].get("continue")
            yield Page(answer["items"] or [], str(answer["metadata"]["resourceVersion"]), more=bool(token))
            if not token:
                return
            query["continue"] = token
            number = min(most, number * 2)

    async def watch(self, kind: Target, version: str, seconds: int, actor: Actor) -> AsyncIterator[Object]:
        """Yield the watch events of all namespaces after `version`, bookmarks too, for at most `seconds`.

        Raises ExpiredError where the version is too old, UnreachableError on silence or a broken stream.
        """
        query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        query["timeoutSeconds"] = str(seconds)
        request = Request("GET", actor, query=query, path=await self._collection(kind, everywhere=True))
        timeout = aiohttp.ClientTimeout(
            total=seconds + 15, sock_connect=self._limits.connect, sock_read=self._limits.silence
        )
        try:
            response = await self._transport.send(request, timeout)
            async with response:
                if response.status != 200:
                    answer_of(request, response, await response.read())
                async for line in response.content:
                    with suppress(TooDeepError):  # the next list has the metadata of that object
                        yield event_of(line)
        except (*NO_ANSWER, ValueError) as error:
            raise UnreachableError(f"the watch of {kind.kind} broke off: {words_of(error)}") from error

    async def create(self, target: Target, body: Object, actor: Actor, options: WriteOptions = PLAIN) -> Object:
        """Create an object and return it; the server makes a name where only generateName is set.

        Raises AlreadyExistsError, for a dry run as well.
        """
        about = target.namespace or DEFAULT_NAMESPACE
        request = Request("POST", actor, query=options.query, body=body, about=about, warn=options.warn)
        return await self._at(partial(self._collection, target), request)

    async def apply(self, target: Target, body: Object, actor: Actor, options: WriteOptions = PLAIN) -> Object:
        """Apply an object on the server's side, taking over fields of other managers, and return it as it is then.

        With uid and resourceVersion in the body's metadata only that very object is changed, and only as it was
        then; otherwise ConflictError.
        """
        query = {**options.query, "force": "true"}
        return await self._about(target, Request("PATCH", actor, query, body, content=APPLY, warn=options.warn))

    async def patch(
        self,
        target: Target,
        body: Object | list[Object],
        actor: Actor,
        options: WriteOptions = PLAIN,
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str = "",
    ) -> Object:
        """Patch an object and return it as it is then; conditions in metadata like those of `apply`."""
        request = Request("PATCH", actor, options.query, body, content=PATCHES[patch_type], warn=options.warn)
        return await self._about(target, request, subresource)

    async def replace(self, target: Target, body: Object, actor: Actor, *, subresource: str = "") -> Object:
        """Write a whole object, or its status, against the version that it names. Raises ConflictError.

        A status costs the API server a third less so than by a merge patch (127 KB: 95 against 130 ms).
        """
        return await self._about(target, Request("PUT", actor, body=body), subresource)

    async def delete(
        self,
        target: Target,
        uid: str,
        actor: Actor,
        *,
        version: str | None = None,
        foreground: bool = False,
        warn: Warn | None = None,
    ) -> bool:
        """Ask for the deletion of the object with this uid, through whichever version is served; it may take long.

        Returns whether the answer says that the object is gone. One that is held by finalizers is not, and some kinds
        answer with the object in every case. With `version`, a resourceVersion, it is deleted only if it has not
        changed since. Raises ConflictError for another uid or version.
        Source: kubernetes, apiserver, registry.Store, "Delete" and "finalizeDelete".
        """
        if not uid:
            raise ValueError(f"a deletion of {target.kind} {target.name} needs a uid")
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid} | ({} if version is None else {"resourceVersion": version}),
            "propagationPolicy": "Foreground" if foreground else "Background",
        }
        answer = await self._about(target, Request("DELETE", actor, body=body, warn=warn))
        details = answer.get("details") if answer.get("kind") == "Status" else None
        return isinstance(details, dict) and details.get("uid") == uid and not self._dry_run

    async def _about(self, target: Target, request: Request, subresource: str = "") -> Object:
        """Make a call about one object. A body is of one version; a call without is made through any."""
        in_any_version = request.method in ("GET", "DELETE")

        async def where() -> str:
            collection = await self._collection(target, in_any_version=in_any_version)
            return "/".join([collection, segment(target.name), *([subresource] if subresource else ())])

        return await self._at(where, replace(request, about=target.name))

    async def _at(self, where: Callable[[], Awaitable[str]], request: Request, seconds: float | None = None) -> Object:
        """Make a call at a path that discovery tells, and once more if that turns out to be elsewhere by now."""
        path = await where()
        try:
            return await self._call(replace(request, path=path), seconds)
        except NotServedError:
            self._discovery.forget()
            if (now := await where()) == path:
                raise
        return await self._call(replace(request, path=now), seconds)

    async def _collection(self, target: Target, *, everywhere: bool = False, in_any_version: bool = False) -> str:
        resource = await self._resource(target, in_any_version=in_any_version)
        if everywhere or not resource.namespaced:
            return f"{resource.root}/{resource.plural}"
        return f"{resource.root}/namespaces/{segment(target.namespace or DEFAULT_NAMESPACE)}/{resource.plural}"

    async def _resource(self, target: Target, *, in_any_version: bool) -> Resource:
        find = self._discovery.in_any_version if in_any_version else self._discovery.in_version
        return await find(target.api_version, target.kind)

    async def _call(self, request: Request, seconds: float | None = None) -> Object:
        """Make one call within `seconds`, and return the object that the API server answers."""
        if self._dry_run:
            request = request.as_dry_run()
        try:
            return await self._transport.call(request, seconds or self._limits.call, on_answer=self.on_answer)
        except ForbiddenError as error:
            if await self._is_ready():
                raise
            raise NotReadyError(f"the API server is not ready yet: {error.message}", error.status) from error

    async def _is_ready(self) -> bool:
        """Return whether the API server has what it needs to decide; whatever serves no such path counts as ready.

        Everyone may ask who may discover. Source: Kubernetes, "Kubernetes API health endpoints", "Default roles".
        """
        try:
            request = Request("GET", OWN, path="/readyz")
            response = await self._transport.send(request, aiohttp.ClientTimeout(self._limits.call))
            await response.read()
        except NO_ANSWER:
            return False
        return response.status not in (401, 403, 429) and response.status < 500
