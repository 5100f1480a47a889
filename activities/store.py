"""What is stored beside an execution for later attempts and Reverts, as ControllerRevisions that it owns.

Only the worker's own rights write and read them: the actor of a plan can neither change nor invent one. A
ControllerRevision fits because the API server refuses to change its `data`, and stores that data as it was
sent. Source: docs/operations.md, "What is kept"; docs/spec/drplanexecution.md, "What is kept"; Kubernetes,
"ControllerRevision" and "Garbage Collection".
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, TypeVar
from weakref import WeakValueDictionary

from activities.bounded_cache import BoundedCache
from activities.errors import ActionError, action_error
from api.failures import FailureType
from api.meta import API_VERSION, EXECUTION_UID_LABEL, Model, ObjectKey
from api.nodes import SnapshotRef
from api.objects import Target
from api.snapshot import DecidedSteps, Snapshot, SnapshotDefinition, SnapshotWorkflow, StoredDecision, StoredParameters
from api.workflow import DRWorkflow
from kube.client import OWN, Cluster, Object
from kube.concurrency import parallel
from kube.errors import AlreadyExistsError, ApiError, NotFoundError
from planning.definitions.identifiers import RECORD_PREFIX
from planning.messages import actions as action_messages
from planning.messages import records as record_messages
from planning.snapshot.decision import Decision, read_steps
from planning.snapshot.documents import SnapshotDocument, SnapshotError, digest, read_document, workflow_of

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=Model)
_CacheKey = tuple[str, str, str, type[Model] | None]
"""Uid of the execution, name and hash of the document, and what it is read as; None as it was stored, until then."""

BOUND = 1_500_000
"""Bytes of the data of one revision, as it is sent. Measured with etcd's default limit, 1.5 MiB for a whole object: the
API server answers more than that with 500, which looks like an error that a repeat may help."""

_CACHE_SIZE = 20_000_000
"""Bytes of JSON that are cached; as objects in memory they take some ten times as much."""


@dataclass(frozen=True)
class Revision:
    """A ControllerRevision, as far as it matters here."""

    name: str
    uid: str
    number: int
    """From 1; of the records under one name only the one with the highest number counts."""
    data: Object
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class RevisionStore:
    """The ControllerRevisions of executions: created and read, never changed or deleted. Methods raise ActionError.

    One that does not carry the label of the execution and is not owned by it is not believed, whatever its name.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def create(
        self,
        execution: ObjectKey,
        name: str,
        data: Object,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        *,
        instead_of: Revision | None = None,
    ) -> Revision:
        """Store `data` under a name, owned by the execution; return the revision, or the one that exists already.

        `instead_of` is the latest one of that name, which the new one replaces. An existing one is left as it is: the
        caller compares what it relies on.
        """
        number = 1 if instead_of is None else instead_of.number + 1
        name = _numbered(name, number)
        # The client sends JSON in its default form, and etcd gets the same.
        if (size := len(json.dumps(data))) > BOUND:
            raise ActionError(FailureType.TOO_LARGE, record_messages.record_too_large(name, size, BOUND))
        # Without blockOwnerDeletion: it would need the right to set finalizers on executions, and only delay their end.
        owner = {"apiVersion": API_VERSION, "kind": "DRPlanExecution", "name": execution.name, "uid": execution.uid}
        metadata = {
            "name": name,
            "namespace": execution.namespace,
            "labels": {**(labels or {}), EXECUTION_UID_LABEL: execution.uid},
            "annotations": dict(annotations or {}),
            "ownerReferences": [owner],
        }
        kind = {"apiVersion": "apps/v1", "kind": "ControllerRevision"}
        body = {**kind, "metadata": metadata, "revision": number, "data": data}
        try:
            created = await self._cluster.create(_target(execution, name), body, OWN)
        except AlreadyExistsError as error:
            if (existing := await self.read(execution, name)) is not None:
                return existing
            raise ActionError(FailureType.TRANSIENT, record_messages.failed_to_keep(name, error.message)) from error
        except ApiError as error:
            raise action_error(error, record_messages.failed_to_keep(name, error.message)) from error
        return _revision(created)

    async def read(self, execution: ObjectKey, name: str) -> Revision | None:
        """Read one; None if there is none. Raises ActionError (UNDEFINED) if it is not the execution's."""
        try:
            body = await self._cluster.get(_target(execution, name), OWN)
        except NotFoundError:
            return None
        except ApiError as error:
            message = action_messages.failed_to_read("ControllerRevision", name, error.message)
            raise action_error(error, message) from error
        if not _belongs_to(execution, body["metadata"]):
            raise ActionError(FailureType.UNDEFINED, record_messages.record_foreign(name, execution))
        return _revision(body)

    async def latest(self, execution: ObjectKey, name: str) -> Revision | None:
        """Read the one under a name that replaces all others; None if there is none."""
        latest = await self.read(execution, name)
        while latest and (later := await self.read(execution, _numbered(name, latest.number + 1))):
            latest = later
        return latest


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _target(execution: ObjectKey, name: str) -> Target:
    return Target(api_version="apps/v1", kind="ControllerRevision", name=name, namespace=execution.namespace)


def _belongs_to(execution: ObjectKey, metadata: Object) -> bool:
    owners = {(owner["apiVersion"], owner["kind"], owner["uid"]) for owner in metadata.get("ownerReferences") or ()}
    label = (metadata.get("labels") or {}).get(EXECUTION_UID_LABEL)
    ours = metadata["name"].startswith(RECORD_PREFIX) and label == execution.uid
    return ours and (API_VERSION, "DRPlanExecution", execution.uid) in owners


def _revision(body: Object) -> Revision:
    metadata = body["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    data = body.get("data") or {}
    return Revision(metadata["name"], metadata["uid"], body["revision"], data, labels, annotations)


class SnapshotStore:
    """Definitions and decisions of executions: stored once, however often that is tried, and read as stored.

    Methods raise ActionError: UNDEFINED if a document is gone or was altered. A reference carries the hash of what it
    names, so what was stored or read once need not be read again.
    """

    def __init__(self, revisions: RevisionStore, cache_size: int = _CACHE_SIZE) -> None:
        self._revisions = revisions
        self._cache: BoundedCache[_CacheKey, Any] = BoundedCache(cache_size)
        """What was stored or read."""
        self._reading: WeakValueDictionary[_CacheKey, asyncio.Lock] = WeakValueDictionary()
        """Held by the one who reads a document: hundreds of actions ask for it at once when a run begins."""

    @classmethod
    def of(cls, cluster: Cluster) -> Self:
        """Return a store with a cache of its own. A worker has one, which all its activities share."""
        return cls(RevisionStore(cluster))

    async def store(self, execution: ObjectKey, documents: Sequence[SnapshotDocument]) -> None:
        """Store documents for an execution; the last one, which names others, after them."""
        if not documents:
            return
        await parallel(documents[:-1], lambda document: self._store(execution, document))
        await self._store(execution, documents[-1])

    async def root(self, execution: ObjectKey, ref: SnapshotRef) -> Snapshot:
        """Read the root of the snapshot of an execution."""
        return await self._read(execution, ref, Snapshot, read_document)

    async def workflow(self, execution: ObjectKey, kept: SnapshotWorkflow) -> DRWorkflow:
        """Read a DRWorkflow as it was at an execution."""
        return workflow_of(kept, await self.definition(execution, kept.revision))

    async def definition(self, execution: ObjectKey, ref: SnapshotRef) -> SnapshotDefinition:
        """Read the definition of a DRWorkflow at an execution."""
        return await self._read(execution, ref, SnapshotDefinition, read_document)

    async def parameters(self, execution: ObjectKey, ref: SnapshotRef) -> StoredParameters:
        """Read what a person set for retries of an action."""
        return await self._read(execution, ref, StoredParameters, read_document)

    async def decision(self, execution: ObjectKey, ref: SnapshotRef) -> Decision:
        """Read what a Revert decided."""
        first, digests = await self._read(execution, ref, StoredDecision, read_steps)
        others = await parallel(first.continued, lambda part: self._steps(execution, part))
        return Decision(first.service_account_name, first.snapshot, (digests, *others))

    async def _steps(self, execution: ObjectKey, ref: SnapshotRef) -> frozenset[str]:
        return (await self._read(execution, ref, DecidedSteps, read_steps))[1]

    async def _store(self, execution: ObjectKey, document: SnapshotDocument) -> None:
        revision = await self._revisions.create(execution, document.ref.name, document.data)
        if digest(revision.data) != document.ref.sha256:
            raise ActionError(FailureType.UNDEFINED, record_messages.snapshot_altered(document.ref.name))
        key = (execution.uid, document.ref.name, document.ref.sha256, None)
        self._cache.add(key, revision.data, len(json.dumps(revision.data)))

    async def _read(
        self,
        execution: ObjectKey,
        ref: SnapshotRef,
        kind: type[ModelT],
        parse: Callable[[type[ModelT], SnapshotRef, Object], T],
    ) -> T:
        key = (execution.uid, ref.name, ref.sha256, kind)
        async with self._reading.setdefault(key, asyncio.Lock()):
            known: T | None = self._cache.get(key)
            if known is not None:
                return known
            read, size = await self._load(execution, ref, partial(parse, kind, ref))
            self._cache.add(key, read, size)
            return read

    async def _load(self, execution: ObjectKey, ref: SnapshotRef, parse: Callable[[Object], T]) -> tuple[T, int]:
        """Read a document, unless this worker has stored it; return it with its size."""
        data, size = self._cache.pop((execution.uid, ref.name, ref.sha256, None)) or (None, 0)
        if data is None:
            revision = await self._revisions.read(execution, ref.name)
            if revision is None:
                raise ActionError(FailureType.UNDEFINED, record_messages.snapshot_gone(ref.name))
            data, size = revision.data, len(json.dumps(revision.data))
        try:
            # In a thread: a document of a megabyte takes longer than the event loop may be kept busy.
            parsed = await asyncio.to_thread(parse, data)
        except SnapshotError as error:
            raise ActionError(FailureType.UNDEFINED, str(error)) from None
        return parsed, size
