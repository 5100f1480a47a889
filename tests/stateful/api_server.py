"""An API server in memory, behind the real client: uids, versions, preconditions, dry runs, finalizers, field owners.

It takes the requests that `kube.client.Cluster` would send, so that everything above the transport is the product's own
code. It knows the few kinds that the stateful test uses, writes down every change, and can be told to fail.
Source: Kubernetes, "Kubernetes API Concepts", "Server-Side Apply", "Finalizers"; RFC 7386; RFC 6902.
"""

import asyncio
import copy
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from api.meta import API_VERSION
from api.objects import Actor, Target
from api.phases import PatchType
from kube.client import Cluster
from kube.errors import UnreachableError, from_answer
from kube.media_types import APPLY, METADATA_LIST, METADATA_ONLY, PATCHES
from kube.request import Object, Request
from tests.stateful.field_owners import applied, updated

PERSON = "person"
"""The field manager of everybody who is not drplan."""


class Kind(NamedTuple):
    """A kind that is served."""

    api_version: str
    kind: str
    plural: str
    has_status: bool = False

    @property
    def root(self) -> str:
        return f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"


KINDS = (
    Kind("v1", "ConfigMap", "configmaps"),
    Kind("v1", "ServiceAccount", "serviceaccounts"),
    Kind("apps/v1", "ControllerRevision", "controllerrevisions"),
    Kind("coordination.k8s.io/v1", "Lease", "leases"),
    Kind("events.k8s.io/v1", "Event", "events"),
    Kind("apps.clusternet.io/v1alpha1", "Localization", "localizations"),
    Kind(API_VERSION, "DRPlan", "drplans", has_status=True),
    Kind(API_VERSION, "DRWorkflow", "drworkflows", has_status=True),
    Kind(API_VERSION, "DRPlanExecution", "drplanexecutions", has_status=True),
)
_ACCESS = "authorization.k8s.io/v1"
_ACCESS_KINDS = (
    Kind(_ACCESS, "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    Kind(_ACCESS, "SubjectAccessReview", "subjectaccessreviews"),
)
_BY_ROOT = {(kind.root, kind.plural): kind for kind in (*KINDS, *_ACCESS_KINDS)}


class Place(NamedTuple):
    """Where an object is."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Change:
    """One change of one object, in the order in which they were made."""

    verb: str
    """Of the request: POST, PATCH, PUT or DELETE."""
    user: str | None
    """Who is impersonated; None is drplan's own rights, PERSON somebody else."""
    manager: str
    place: Place
    before: Object | None
    after: Object | None


@dataclass
class Fault:
    """What happens to some of the requests to come, instead of an answer."""

    method: str
    name: str
    """Of the object; of a creation, that of its body."""
    status: int = 0
    """Of an error that leaves the object as it is; 0: there is no answer, but the request has its effect."""
    left: int = 1
    met: int = 0

    def meets(self, request: Request, name: str) -> bool:
        """Tell whether it is the turn of a request of the actor of a plan."""
        if not self.left or request.actor.user is None or "dryRun" in request.query:
            return False
        return (self.method, self.name) == (request.method, name)


@dataclass
class ApiServer:
    """The objects, everything that ever happened to them, and the faults that are to come."""

    objects: dict[Place, Object] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    on_change: Callable[[Change], None] = lambda _: None
    _versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _events: list[tuple[int, str, Object]] = field(default_factory=list)
    _watchers: list[asyncio.Event] = field(default_factory=list)
    version: int = 0

    # What a client asks.

    def answer(self, request: Request) -> Object:
        """Answer one request. Raises ApiError."""
        if request.method == "GET" and (document := self._discovery(request.path)) is not None:
            return document
        kind, namespace, name, subresource = _parsed(request.path)
        if kind in _ACCESS_KINDS:
            return {**cast("Object", request.body), "status": {"allowed": True}}
        body = request.body if isinstance(request.body, dict) else {}
        name = name or body.get("metadata", {}).get("name", "")
        fault = self.fault_before(request, name)
        found = self._done(request, kind, Place(kind.kind, namespace, name), subresource)
        self.fault_after(fault)
        return found

    def fault_before(self, request: Request, name: str) -> Fault | None:
        """Find out whether it is the turn of a fault. Raises ApiError where that keeps the request from its effect."""
        fault = next((each for each in self.faults if each.meets(request, name)), None)
        if fault is not None:
            fault.left -= 1
            fault.met += 1
            if fault.status:
                reason = {403: "Forbidden", 503: "ServiceUnavailable", 409: "Conflict"}.get(fault.status, "")
                raise from_answer(fault.status, reason, f"{name!r}: drawn fault {fault.status}")
        return fault

    @staticmethod
    def fault_after(fault: Fault | None) -> None:
        """Raise ApiError where a fault keeps the answer back."""
        if fault is not None:
            raise UnreachableError("the API server gave no answer: drawn fault")

    def _done(self, request: Request, kind: Kind, place: Place, subresource: str) -> Object:
        match request.method:
            case "GET" if place.name:
                found = self._existing(kind, place)
                shown = {"metadata": found["metadata"]} if request.accept == METADATA_ONLY else found
                return copy.deepcopy(shown)
            case "GET":
                return self._list(request, kind, place.namespace)
            case "POST":
                return self._create(request, kind, place)
            case "DELETE":
                return self._delete(request, kind, place)
            case _:
                return self._change(request, kind, place, subresource)

    def _discovery(self, path: str) -> Object | None:
        if path == "/version":
            return {"gitVersion": "v0.0.0-memory"}
        served = (*KINDS, *_ACCESS_KINDS)
        if path == "/apis":
            groups: dict[str, list[str]] = {}
            for kind in served:
                group, slash, version = kind.api_version.rpartition("/")
                if slash and version not in groups.setdefault(group, []):
                    groups[group].append(version)
            listed = [
                {"name": group, "versions": [{"groupVersion": f"{group}/{each}", "version": each} for each in versions]}
                for group, versions in groups.items()
            ]
            return {"kind": "APIGroupList", "groups": listed}
        of_root = [kind for kind in served if kind.root == path]
        if not of_root:
            return None
        resources = [
            {"name": kind.plural, "kind": kind.kind, "namespaced": kind not in _ACCESS_KINDS} for kind in of_root
        ]
        resources += [
            {"name": f"{kind.plural}/status", "kind": kind.kind, "namespaced": True}
            for kind in of_root
            if kind.has_status
        ]
        return {"kind": "APIResourceList", "resources": resources}

    def _existing(self, kind: Kind, place: Place) -> Object:
        found = self.objects.get(place)
        if found is None:
            details = {"name": place.name, "kind": kind.plural}
            raise from_answer(404, "NotFound", f'{kind.plural} "{place.name}" not found', details=details)
        return found

    def _list(self, request: Request, kind: Kind, namespace: str) -> Object:
        selector = request.query.get("labelSelector", "")
        items = [
            copy.deepcopy(item)
            for place, item in self.objects.items()
            if place.kind == kind.kind and namespace in ("", place.namespace) and _selects(selector, item)
        ]
        if request.accept == METADATA_LIST:
            items = [{"metadata": item["metadata"]} for item in items]
        return {"items": items, "metadata": {"resourceVersion": str(self.version)}}

    def _create(self, request: Request, kind: Kind, place: Place) -> Object:
        if place in self.objects:
            details = {"name": place.name, "kind": kind.plural}
            message = f'{kind.plural} "{place.name}" already exists'
            raise from_answer(409, "AlreadyExists", message, details=details)
        new = copy.deepcopy(cast("Object", request.body))
        new.setdefault("metadata", {})
        new["metadata"] |= {"name": place.name, "namespace": place.namespace, "creationTimestamp": _now()}
        new["metadata"] |= {"uid": f"{next(_uids):08x}-0000-4000-8000-000000000000"}
        if kind.has_status or kind.kind == "Localization":
            new["metadata"]["generation"] = 1
        if kind.has_status:
            new.pop("status", None)
        new["metadata"]["managedFields"] = updated(None, new, [], manager_of(request), kind.api_version, _now())
        return self._stored(request, place, new)

    def _delete(self, request: Request, kind: Kind, place: Place) -> Object:
        found = self._existing(kind, place)
        conditions = cast("Object", request.body or {}).get("preconditions") or {}
        for name, value in conditions.items():
            if found["metadata"][name] != value:
                message = (
                    f"Precondition failed: {name} in precondition: {value}, in object meta: {found['metadata'][name]}"
                )
                raise from_answer(409, "Conflict", message, details={"name": place.name})
        if not found["metadata"].get("finalizers"):
            return self._stored(request, place, None)
        if found["metadata"].get("deletionTimestamp"):
            return found
        new = copy.deepcopy(found)
        new["metadata"] |= {"deletionTimestamp": _now(), "deletionGracePeriodSeconds": 0}
        return self._stored(request, place, new)

    def _change(self, request: Request, kind: Kind, place: Place, subresource: str) -> Object:
        found, body = self._existing(kind, place) if request.content != APPLY else self.objects.get(place), request.body
        if found is None:
            raise from_answer(404, "NotFound", "an Apply of what does not exist is never sent")
        conditions = body.get("metadata", {}) if isinstance(body, dict) else {}
        new, owners = copy.deepcopy(found), found["metadata"].get("managedFields") or []
        manager, now = manager_of(request), _now()
        if request.content == APPLY:
            new, owners = applied(found, cast("Object", body), owners, manager, kind.api_version, now)
        elif request.method == "PUT":
            new = copy.deepcopy(cast("Object", body))
        elif request.content == PATCHES[PatchType.JSON]:
            for operation in cast("list[Object]", body):
                json_patched(new, operation)
            conditions = {name: new["metadata"].get(name) for name in ("uid", "resourceVersion")}
        else:
            new = merged(new, cast("Object", body))
        for name in ("uid", "resourceVersion"):
            if conditions.get(name) not in (None, found["metadata"][name]):
                message = f'Operation cannot be fulfilled on {kind.plural} "{place.name}": the object has been modified'
                raise from_answer(409, "Conflict", message, details={"name": place.name, "kind": kind.plural})
        new = _without_foreign_parts(found, new, kind, subresource)
        if request.content != APPLY:
            owners = new["metadata"].get("managedFields") or [] if "managedFields" in conditions else owners
            owners = updated(found, new, owners, manager, kind.api_version, now, subresource)
        new["metadata"]["managedFields"] = owners
        if new == found:
            return copy.deepcopy(found)
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
            return self._stored(request, place, None)
        if "generation" in found["metadata"] and new.get("spec") != found.get("spec"):
            new["metadata"]["generation"] = found["metadata"]["generation"] + 1
        return self._stored(request, place, new)

    def _stored(self, request: Request, place: Place, new: Object | None) -> Object:
        """Store an object, or remove it, unless only the answer is wanted."""
        before = self.objects.get(place)
        shown = copy.deepcopy(new if new is not None else before)
        assert shown is not None
        dry = request.query.get("dryRun") or (isinstance(request.body, dict) and request.body.get("dryRun"))
        if dry:
            return shown
        self.version = next(self._versions)
        shown["metadata"]["resourceVersion"] = str(self.version)
        if new is None:
            del self.objects[place]
        else:
            self.objects[place] = copy.deepcopy(shown)
        event = "DELETED" if new is None else "ADDED" if before is None else "MODIFIED"
        self._events.append((self.version, place.kind, {"type": event, "object": copy.deepcopy(shown)}))
        user = request.actor.user
        self._note(Change(request.method, user, manager_of(request), place, before, None if new is None else shown))
        return shown

    def _note(self, change: Change) -> None:
        self.changes.append(change)
        self.on_change(change)
        for watcher in self._watchers:
            watcher.set()

    async def watch(self, kind: str, version: int) -> AsyncIterator[Object]:
        """Yield the events of a kind after a version, without end."""
        wake, at = asyncio.Event(), 0
        self._watchers.append(wake)
        try:
            while True:
                wake.clear()
                while at < len(self._events):
                    number, of, event = self._events[at]
                    at += 1
                    if number > version and of == kind:
                        yield copy.deepcopy(event)
                await wake.wait()
        finally:
            self._watchers.remove(wake)

    # What everybody else does.

    def by_person(
        self, method: str, target: Target, body: Any = None, content: str = PATCHES[PatchType.MERGE]
    ) -> Object:
        """Make a request in the name of a person who is allowed everything. Raises ApiError."""
        kind = next(each for each in KINDS if each.kind == target.kind)
        path = f"{kind.root}/namespaces/{target.namespace}/{kind.plural}" + (
            "" if method == "POST" else f"/{target.name}"
        )
        query = {"fieldManager": PERSON}
        return self.answer(Request(method, Actor(user=PERSON), query=query, body=body, content=content, path=path))


class MemoryCluster(Cluster):
    """The product's client of an API server in memory: only the transport is another one."""

    def __init__(self, server: ApiServer) -> None:
        super().__init__(cast("Any", None))
        self.server = server

    @property
    def host(self) -> str:
        """The name of the API server, to which no HTTP action may go."""
        return "api.example"

    async def close(self) -> None:
        """There is no connection."""

    async def watch(self, kind: Target, version: str, seconds: int, actor: Actor) -> AsyncIterator[Object]:
        """Yield the events of all namespaces after a version."""
        async for event in self.server.watch(kind.kind, int(version)):
            yield event

    async def _call(self, request: Request, seconds: float | None = None) -> Object:
        request = request.as_dry_run() if self._dry_run else request
        await asyncio.sleep(0)
        return self.server.answer(request)


_uids = itertools.count(1)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def manager_of(request: Request) -> str:
    """Give the field manager of a write."""
    return request.query.get("fieldManager", "drplan-itself")


def parsed(path: str) -> Place | None:
    """Give the object that a path is about, without a name for a collection; None for any other path."""
    try:
        kind, namespace, name, _ = _parsed(path)
    except (KeyError, IndexError):
        return None
    return Place(kind.kind, namespace, name) if kind in KINDS else None


def _parsed(path: str) -> tuple[Kind, str, str, str]:
    parts = path.strip("/").split("/")
    at = 2 if parts[0] == "api" else 3
    root, rest = "/" + "/".join(parts[:at]), parts[at:]
    namespace = ""
    if rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = [*rest, "", ""][:3]
    return _BY_ROOT[root, plural], namespace, name, subresource


def _selects(selector: str, item: Object) -> bool:
    labels = item["metadata"].get("labels") or {}
    for term in filter(None, selector.split(",")):
        name, equals, value = term.partition("=")
        if term.startswith("!"):
            if term[1:] in labels:
                return False
        elif labels.get(name) != value or not equals:
            return False
    return True


_OF_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "deletionTimestamp", "name", "namespace")


def _without_foreign_parts(found: Object, new: Object, kind: Kind, subresource: str) -> Object:
    """Return a changed object without what a request of this form cannot change."""
    if subresource == "status":
        return {**found, "status": new.get("status") or {}, "metadata": copy.deepcopy(found["metadata"])}
    own = {name: found["metadata"][name] for name in _OF_THE_SERVER if name in found["metadata"]}
    metadata = {name: value for name, value in new["metadata"].items() if name not in _OF_THE_SERVER}
    metadata = {
        name: value for name, value in metadata.items() if value not in ({}, [], None) or name == "managedFields"
    }
    new = {**new, "metadata": {**metadata, **own}}
    if kind.has_status:
        new = {name: value for name, value in new.items() if name != "status"}
        new |= {"status": found["status"]} if "status" in found else {}
    return {**new, "apiVersion": found["apiVersion"], "kind": found["kind"]}


def merged(found: Any, patch: Any) -> Any:
    """Return a value after a JSON merge patch."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    result = dict(found) if isinstance(found, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def json_patched(found: Object, operation: Object) -> None:
    """Carry one operation of a JSON patch out on an object."""
    *above, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    at = found
    for part in above:
        if part not in at:
            raise from_answer(422, "Invalid", f"the server rejected our request: no {operation['path']}")
        at = at[part]
    match operation["op"]:
        case "add" | "replace":
            at[last] = copy.deepcopy(operation["value"])
        case "remove":
            del at[last]
        case other:
            raise NotImplementedError(other)
