"""Where the API server serves the objects of a kind, and whether a kind is gone.

A version that is not served says nothing about the objects: they are stored once, and every served version shows them,
under the same uid. So reads and deletions use whichever version is served. A kind is gone only if no version of its
group serves it and no CustomResourceDefinition defines it. An answer that is no discovery document proves nothing.
Source: Kubernetes, "Kubernetes API Concepts", "API discovery"; "Versions in CustomResourceDefinitions".
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

from api.reasons import Reason
from kube.errors import NO_SUCH_KIND, ApiError, InvalidNameError, KindGoneError, NotServedError, UnknownKindError
from kube.media_types import METADATA_LIST
from kube.request import OWN, Object, Request

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_DEFINITIONS_ON_A_PAGE = "500"

SUCCESSORS: Mapping[str, tuple[str, ...]] = MappingProxyType({"extensions": ("apps", "networking.k8s.io", "policy")})
"""Groups that serve the very objects of a group that is gone. Source: Kubernetes, "Deprecated API Migration Guide"."""


@dataclass(frozen=True)
class Resource:
    """Where the objects of a kind are served."""

    root: str
    plural: str
    namespaced: bool
    has_status: bool
    """Whether its status is a subresource, which only its controllers write."""
    names: frozenset[str] = frozenset()
    """What people call the kind, in lower case."""

    @property
    def group(self) -> str:
        """Its API group, empty for the core group."""
        return _group_of(_version_of(self))


Read = Callable[[Request], Awaitable[Object]]
"""Makes a request. Raises ApiError."""


class Discovery:
    """What an API server serves; what it answered once is used until `forget`. Methods raise ApiError."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._served: dict[tuple[str, str], Resource] = {}
        self._through_others: dict[tuple[str, str], Resource] = {}
        """Kinds in a version that is not served, each with the place where another version is."""

    def forget(self) -> None:
        """Ask again next time: a path that was served is not any more."""
        self._served.clear()
        self._through_others.clear()

    async def in_version(self, api_version: str, kind: str) -> Resource:
        """Return where a kind is served in this very version. Raises UnknownKindError.

        A miss asks the server each time, for a definition may be new.
        """
        if (served := await self._find(api_version, kind)) is not None:
            return served
        other = await self._in_another_version(api_version, kind)
        hint = f"; it serves that kind in {_version_of(other)}" if other else self._misspelled(api_version, kind)
        if other is None and not hint and not _may_be_defined(api_version):
            hint = await self._in_another_group(kind)
        misspelled = bool(self._misspelled(api_version, kind))
        why = Reason.KIND_MISSPELT if misspelled else Reason.VERSION_NOT_SERVED if hint else None
        final = misspelled or not _may_be_defined(api_version)
        raise UnknownKindError(_unknown(api_version, kind, hint), 404, NO_SUCH_KIND if final else "", why=why)

    async def in_any_version(self, api_version: str, kind: str) -> Resource:
        """Return where a kind is served, in this version or in another one.

        Raises KindGoneError if there can be no object of the kind, UnknownKindError if there can be.
        """
        key = (api_version, kind)
        if (served := self._through_others.get(key) or await self._find(api_version, kind)) is not None:
            return served
        if (other := await self._in_another_version(api_version, kind)) is not None:
            self._through_others[key] = other
            return other
        if misspelled := self._misspelled(api_version, kind):
            raise UnknownKindError(_unknown(api_version, kind, misspelled), 404, NO_SUCH_KIND, why=Reason.KIND_MISSPELT)
        if (problem := await self._why_not_gone(_group_of(api_version), kind)) is not None:
            raise UnknownKindError(_unknown(api_version, kind, problem), 404, why=Reason.KIND_NOT_SERVED)
        raise KindGoneError(_unknown(api_version, kind), 404)

    async def _find(self, api_version: str, kind: str) -> Resource | None:
        if (api_version, kind) not in self._served:
            self._served.update(await self._kinds(api_version))
        return self._served.get((api_version, kind))

    async def _in_another_version(self, api_version: str, kind: str) -> Resource | None:
        """Return where another version serves a kind; the one that the API server prefers comes first."""
        group = _group_of(api_version)
        versions = await self._versions()
        for other in (version for each in (group, *SUCCESSORS.get(group, ())) for version in versions.get(each, ())):
            if other != api_version and (found := await self._find(other, kind)) is not None:
                return found
        return None

    def _misspelled(self, api_version: str, kind: str) -> str:
        """Return which kind of the version is meant by another of its names; empty where none is."""
        for (version, meant), resource in self._served.items():
            if version == api_version and kind != meant and kind.lower() in resource.names:
                return f"; did you mean {meant}?"
        return ""

    async def _in_another_group(self, kind: str) -> str:
        """Return which group serves a kind; empty where none does, or one does not answer."""
        for versions in (await self._versions()).values():
            with suppress(ApiError):
                if (found := await self._find(versions[0], kind)) is not None:
                    return f"; it serves a kind of that name in {_version_of(found)}"
        return ""

    async def _kinds(self, api_version: str) -> dict[tuple[str, str], Resource]:
        """Read the kinds of a version; none if the version is not served."""
        root = "/".join(["/apis" if "/" in api_version else "/api", *map(segment, api_version.split("/"))])
        try:
            answer = await self._document(root, "APIResourceList", "resources")
        except NotServedError:
            # The 404 of a stray proxy looks the same: the list of groups has to agree.
            if any(api_version in served for served in (await self._versions()).values()):
                raise
            return {}
        if not answer:
            # An aggregated API that has lost its backend may answer so.
            raise NotServedError(f"the API server lists no kind in {api_version}")
        names = {each["name"] for each in answer}
        return {
            (api_version, each["kind"]): Resource(
                root, each["name"], each["namespaced"], f"{each['name']}/status" in names, _names(each)
            )
            for each in answer
            if "/" not in each["name"]
        }

    async def _versions(self) -> dict[str, tuple[str, ...]]:
        """Read the versions of each group, the preferred one first."""
        groups = await self._document("/apis", "APIGroupList", "groups")
        return {"": ("v1",)} | {group["name"]: tuple(dict.fromkeys(_preferred_first(group))) for group in groups}

    async def _document(self, path: str, kind: str, items: str) -> list[Object]:
        answer = await self._read(Request("GET", OWN, path=path))
        if answer.get("kind") != kind or not isinstance(answer.get(items), list):
            raise NotServedError(f"the API server answered {path} without a list of what it serves")
        return list(answer[items])

    async def _why_not_gone(self, group: str, kind: str) -> str | None:
        """Return why there may be objects of a kind that no version serves; None if there can be none."""
        if not _may_be_defined(f"{group}/"):
            return None
        try:
            async for name in self._definitions():
                if not name.endswith(f".{group}"):
                    continue
                definition = await self._read(Request("GET", OWN, path=f"{_DEFINITIONS}/{segment(name)}"))
                if definition.get("kind") != "CustomResourceDefinition":
                    raise NotServedError(f"the API server answered without the CustomResourceDefinition {name}")
                if (definition["spec"]["group"], definition["spec"]["names"]["kind"]) == (group, kind):
                    return f" and serves no other version, but the CustomResourceDefinition {name} still exists"
        except ApiError as error:
            if error.unavailable:
                raise
            return f", and whether a CustomResourceDefinition still exists is not known: {error.message}"
        return None

    async def _definitions(self) -> AsyncIterator[str]:
        query = {"limit": _DEFINITIONS_ON_A_PAGE}
        while True:
            answer = await self._read(Request("GET", OWN, query, accept=METADATA_LIST, path=_DEFINITIONS))
            if answer.get("kind") != "PartialObjectMetadataList":
                raise NotServedError("the API server answered without a list of CustomResourceDefinitions")
            for each in answer["items"] or []:
                yield each["metadata"]["name"]
            if not (token := answer["metadata"].get("continue")):
                return
            query["continue"] = token


def _preferred_first(group: Object) -> Iterator[str]:
    if isinstance(preferred := group.get("preferredVersion"), dict) and preferred.get("groupVersion"):
        yield preferred["groupVersion"]
    yield from (version["groupVersion"] for version in group["versions"])


def _names(resource: Object) -> frozenset[str]:
    names = [resource["kind"], resource["name"], resource.get("singularName"), *(resource.get("shortNames") or ())]
    return frozenset(str(name).lower() for name in names if name)


def _may_be_defined(api_version: str) -> bool:
    """Return whether a CustomResourceDefinition can bring a kind into a group: its name has to be a domain."""
    return "." in _group_of(api_version)


def _group_of(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def _version_of(resource: Resource) -> str:
    return resource.root.split("/", 2)[2]


def _unknown(api_version: str, kind: str, more: str = "") -> str:
    return f"the API server knows no kind {kind} in {api_version}{more}"


def segment(text: str) -> str:
    """Quote one part of a path. Refuses what a path reads as another place, as the API server does."""
    if not text or text in (".", "..") or "/" in text or "%" in text or not text.isprintable():
        raise InvalidNameError(
            f"{json.dumps(text)} is not a name that an object can have", 422, "Invalid", object_name=text
        )
    return quote(text, safe="")
