"""Our objects for passes: read live, as model and as stored, and written only against the version that was read."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from api.execution import DRPlanExecution, ExecutionStatus
from api.meta import ACCEPTED_ANNOTATION, CANCEL_ANNOTATION, FINALIZER, Model
from api.phases import TERMINAL
from api.plan import DRPlan, DRPlanStatus
from api.requests import REQUEST_BY_ANNOTATION, REQUEST_ID_ANNOTATION
from api.workflow import DRWorkflow, DRWorkflowStatus
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.index import Index
from bridge.kubernetes.work_queue import WriteCost
from kube.client import OWN, Cluster, Object
from kube.errors import ApiError, ConflictError, ForbiddenError, InvalidNameError, NotFoundError, TooDeepError
from kube.request import WriteOptions
from planning.messages import runs as run_messages

ModelT = TypeVar("ModelT", DRPlanExecution, DRPlan, DRWorkflow)
Status = ExecutionStatus | DRPlanStatus | DRWorkflowStatus

OWN_WRITE_SECONDS = 5.0
"""How long a write of this process is used in place of a read: the watch may be silent unnoticed."""


class UnreadableObjectError(Exception):
    """A stored object does not have the form of its kind; the message names it and the field."""


@dataclass(frozen=True)
class StoredObject(Generic[ModelT]):
    """One version of an object."""

    raw: Object
    model: ModelT

    @property
    def key(self) -> Key:
        """The key of this object in queue and index."""
        return Key(ObjectKind(type(self.model).__name__), self.model.metadata.namespace, self.model.metadata.name)

    @property
    def version(self) -> str:
        """The resourceVersion of this version."""
        return str(self.raw["metadata"]["resourceVersion"])

    @property
    def accepted_by(self) -> str:
        """The uid in the accepted annotation; empty without one."""
        return self.model.metadata.annotations.get(ACCEPTED_ANNOTATION, "")

    @property
    def accepted(self) -> bool:
        """Whether the bridge accepted this very object, and not one that it was copied from."""
        return self.accepted_by == self.model.metadata.uid

    @property
    def deleting(self) -> bool:
        """Whether the object was deleted and waits for its finalizers."""
        return self.model.metadata.deletion_timestamp is not None

    @property
    def cancel_requested(self) -> bool:
        """Whether a person requested a cancel, with the annotation or by deleting the object."""
        return self.deleting or self.model.metadata.annotations.get(CANCEL_ANNOTATION) == "true"

    @property
    def cancel_annotation(self) -> str:
        """The value of the annotation where it is neither of its two; empty otherwise."""
        value = self.model.metadata.annotations.get(CANCEL_ANNOTATION, "")
        return "" if value in ("true", "false") else value

    @property
    def ended(self) -> bool:
        """Whether its phase is terminal."""
        return self.model.status.phase in TERMINAL

    @property
    def has_finalizer(self) -> bool:
        """Whether it has our finalizer."""
        return FINALIZER in self.model.metadata.finalizers


def read(raw: Object, model: type[ModelT]) -> StoredObject[ModelT]:
    """Return an object with its model. Raises UnreadableObjectError."""
    try:
        return StoredObject(raw=raw, model=model.model_validate(raw))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = run_messages.unreadable(model.__name__, raw["metadata"]["name"], f"{where}: {first['msg']}")
        raise UnreadableObjectError(reason) from error


def _copy(raw: Object | None, model: type[ModelT]) -> StoredObject[ModelT] | None:
    with suppress(UnreadableObjectError):
        return None if raw is None else read(raw, model)
    return None


class Store:
    """Reads live, writes by compare-and-set, and records its writes in the index."""

    def __init__(self, cluster: Cluster, index: Index, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._index = index
        self._clock = clock
        self._recent: dict[Key, tuple[float, StoredObject[DRPlanExecution]]] = {}
        self._costs: dict[Key, WriteCost] = {}

    async def get(self, model: type[ModelT], namespace: str, name: str) -> StoredObject[ModelT]:
        """Read an object live. Raises NotFoundError, UnreadableObjectError."""
        return read(await self.get_raw(Key(ObjectKind(model.__name__), namespace, name)), model)

    async def get_raw(self, key: Key) -> Object:
        """Read an object live, as it is stored. Raises NotFoundError, UnreadableObjectError.

        Its name may be what a person wrote: where no object can have that name, there is none.
        """
        try:
            return await self._cluster.get(key.target, OWN)
        except InvalidNameError as error:
            raise NotFoundError(error.message, 404) from error
        except TooDeepError as error:
            raise UnreadableObjectError(run_messages.unreadable(key.kind, key.name, error.message)) from error

    def new_execution(self, key: Key) -> StoredObject[DRPlanExecution] | None:
        """Return an execution that nobody has passed over, as the watch brought it; once, and None of any other.

        A write against it raises ConflictError where it has changed since.
        """
        return _copy(self._index.take_new(key), DRPlanExecution)

    def copy_of(self, model: type[ModelT], namespace: str, name: str) -> StoredObject[ModelT] | None:
        """Return a DRPlan or DRWorkflow as the watch or the last write of this process brought it.

        Only for what is then written against it, or found to be the same by a read: a watch may be behind. None where
        there is none that can be read, or a write against it was refused.
        """
        return _copy(self._index.copy_of(Key(ObjectKind(model.__name__), namespace, name)), model)

    async def copy_or_read(self, model: type[ModelT], namespace: str, name: str) -> StoredObject[ModelT]:
        """Return the copy of a DRPlan or DRWorkflow, with what that means; where there is none, read it live.

        Raises NotFoundError, UnreadableObjectError.
        """
        return self.copy_of(model, namespace, name) or await self.get(model, namespace, name)

    async def latest_execution(self, key: Key) -> StoredObject[DRPlanExecution]:
        """Return an execution as this process wrote it last, unless it is known to have changed; else read it live.

        Where it has changed all the same, a write against it raises ConflictError, and the next read is live.
        Raises NotFoundError, UnreadableObjectError.
        """
        return self.last_written(key) or await self.get(DRPlanExecution, key.namespace, key.name)

    def last_written(self, key: Key) -> StoredObject[DRPlanExecution] | None:
        """Return an execution as this process wrote it last; None where it has ended, or may have changed."""
        at, known = self._recent.pop(key, (0.0, None))
        if known is None or self._clock() - at >= OWN_WRITE_SECONDS or not self._index.is_last(key, known.raw):
            return None
        self._recent[key] = (at, known)
        return known

    async def write_status(self, stored: StoredObject[ModelT], status: Status) -> StoredObject[ModelT]:
        """Write the difference, if there is one, against the version that was read. Raises ConflictError."""
        if stored.key.kind is ObjectKind.EXECUTION:
            return await self._replace_status(stored, status)
        change = difference(stored.model.status, status)
        if not change:
            return stored
        return await self._patch(
            stored, {"status": merge_patch(stored.raw.get("status") or {}, change)}, subresource="status"
        )

    async def _replace_status(self, stored: StoredObject[ModelT], status: Status) -> StoredObject[ModelT]:
        def replacement() -> tuple[Object, int]:
            change = difference(stored.model.status, status)
            if not change:
                return {}, 0
            new = replaced(stored.raw.get("status") or {}, change)
            return {**stored.raw, "status": new}, len(json.dumps(new))

        # In a thread, for a tree may have thousands of actions, and the other passes go on.
        item, size = await asyncio.to_thread(replacement)
        if not item:
            return stored
        began = self._clock()
        written = await self._write(stored, self._cluster.replace(stored.key.target, item, OWN, subresource="status"))
        self._costs.pop(stored.key, None)
        if isinstance(written.model, DRPlanExecution) and not written.ended and written.model.status.stages:
            self._costs[stored.key] = WriteCost(self._clock() - began, size)
        return written

    def cost(self, key: Key) -> WriteCost | None:
        """Return what the last write of the tree of a running execution cost; None where there was none."""
        return self._costs.get(key)

    async def write_metadata(self, stored: StoredObject[ModelT], change: Object) -> StoredObject[ModelT]:
        """Merge a change into the metadata, against the version that was read. Raises ConflictError."""
        return await self._patch(stored, {"metadata": change})

    async def checks_requests(self, stored: StoredObject[DRPlanExecution]) -> bool:
        """Return whether the API server refuses a request in another's name, as deploy/requests-admission.yaml has it.

        Asked by a dry run: a policy that is there but not bound, or changed, would not be seen otherwise.
        """
        annotations = {REQUEST_BY_ANNOTATION: "drplan:nobody", REQUEST_ID_ANNOTATION: "drplan:probe"}
        body = {"metadata": {"annotations": annotations}}
        try:
            await self._cluster.patch(stored.key.target, body, OWN, WriteOptions(dry_run=True))
        except ForbiddenError:
            return True
        return False

    async def _patch(self, stored: StoredObject[ModelT], body: Object, subresource: str = "") -> StoredObject[ModelT]:
        body = {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": stored.version}}
        return await self._write(stored, self._cluster.patch(stored.key.target, body, OWN, subresource=subresource))

    async def _write(self, stored: StoredObject[ModelT], call: Awaitable[Object]) -> StoredObject[ModelT]:
        key = stored.key
        try:
            with self._index.writing(key):
                raw = await call
                self._index.wrote(key, raw, stored.version)
        except ApiError as error:
            self._recent.pop(key, None)
            if isinstance(error, ConflictError | NotFoundError):
                self._index.doubt(key)
            raise
        self._recent.pop(key, None)
        written = read(raw, type(stored.model))
        if isinstance(written.model, DRPlanExecution) and not written.ended:
            self._recent[key] = (self._clock(), StoredObject(raw, written.model))
        return written


def difference(before: Model, after: Model) -> dict[str, Any]:
    """Return the fields that change, in the form in which they are stored; None for a field that is removed.

    Values that differ in the model alone are no change: stored times have whole seconds.
    """
    names = {name for name in type(after).model_fields if getattr(before, name) != getattr(after, name)}
    old, new = (
        status.model_dump(mode="json", by_alias=True, exclude_none=True, include=names) for status in (before, after)
    )
    aliases = (type(after).model_fields[name].alias or name for name in sorted(names))
    return {alias: new.get(alias) for alias in aliases if old.get(alias) != new.get(alias)}


def merge_patch(stored: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch of a change.

    It merges objects, so the fields that a new object lacks are set to null. Source: RFC 7386.
    """
    patch = {}
    for name, new in change.items():
        old = stored.get(name)
        patch[name] = {**dict.fromkeys(old), **new} if isinstance(old, dict) and isinstance(new, dict) else new
    return patch


def replaced(stored: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return the whole status after a change."""
    return {name: value for name, value in {**stored, **change}.items() if value is not None}
