"""Snapshots of definitions in the cluster: kept once, however often it is tried, and read as they were kept.

What is read carries its hash, so that what was read once never has to be read again. Source:
docs/spec/drplanexecution.md, "What is kept".
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from activities.attempt.failures import ActionError
from activities.concurrency import each
from activities.store.controller_revisions import Revisions
from api.execution import SnapshotRef
from api.meta import ObjectKey
from api.snapshot import KeptWorkflow, Snapshot
from api.steps import FailureType
from api.workflow import DRWorkflow
from kube.client import Object
from planning.messages import attempts as attempt_messages
from planning.snapshot.documents import Document, SnapshotError, digest, read_definition, read_root, workflow_of

T = TypeVar("T")

_ROOM = 20_000_000
"""Bytes of JSON that are remembered; as objects in memory they take some ten times as much."""


class Snapshots:
    """Snapshots of executions. Methods raise ActionError: UNDEFINED where one is gone or was altered."""

    def __init__(self, revisions: Revisions, room: int = _ROOM) -> None:
        self._revisions = revisions
        self._remembered = _Memory(room)

    async def keep(self, execution: ObjectKey, documents: Sequence[Document]) -> None:
        """Keep documents for an execution; the last one, the root, after all others."""
        await each(documents[:-1], lambda document: self._keep(execution, document))
        await self._keep(execution, documents[-1])

    async def root(self, namespace: str, ref: SnapshotRef) -> Snapshot:
        """Read the root of a snapshot."""
        return await self._document(namespace, ref, lambda data: read_root(ref, data))

    async def workflow(self, namespace: str, kept: KeptWorkflow) -> DRWorkflow:
        """Read a DRWorkflow as it was; `namespace` is that of the snapshot."""
        ref = kept.revision
        return workflow_of(kept, await self._document(namespace, ref, lambda data: read_definition(ref, data)))

    async def _keep(self, execution: ObjectKey, document: Document) -> None:
        record = await self._revisions.keep_record(execution, document.ref.name, document.data)
        if digest(record.data) != document.ref.sha256:
            raise ActionError(FailureType.UNDEFINED, attempt_messages.snapshot_altered(document.ref.name))

    async def _document(self, namespace: str, ref: SnapshotRef, read: Callable[[Object], T]) -> T:
        """Read a document, or remember it."""
        key = (namespace, ref.name, ref.sha256)
        if (known := self._remembered.get(key)) is not None:
            return known  # type: ignore[no-any-return]  # a hash belongs to one kind of document
        data = await self._data(namespace, ref)
        try:
            found = read(data)
        except SnapshotError as error:
            raise ActionError(FailureType.UNDEFINED, str(error)) from None
        self._remembered.put(key, found, len(json.dumps(data)))
        return found

    async def _data(self, namespace: str, ref: SnapshotRef) -> Object:
        record = await self._revisions.record(namespace, ref.name)
        if record is None:
            raise ActionError(FailureType.UNDEFINED, attempt_messages.snapshot_gone(ref.name))
        return record.data


class _Memory:
    """The values that were used last, as far as their sizes fit into the room."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._values: OrderedDict[tuple[str, ...], tuple[Any, int]] = OrderedDict()

    def get(self, key: tuple[str, ...]) -> Any:
        """Give a value and count it as used; None where it is not remembered."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: tuple[str, ...], value: Any, size: int) -> None:
        """Remember a value; what was not used for longest makes room."""
        self._values[key] = (value, size)
        self._values.move_to_end(key)
        while len(self._values) > 1 and sum(each for _, each in self._values.values()) > self._room:
            self._values.popitem(last=False)
