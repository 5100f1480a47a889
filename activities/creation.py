"""Creating or applying one object so that a repeat knows its own work by the mark.

The mark is an annotation that only our POST writes: whoever finds it knows that the object is there
because of this very action. Source: docs/spec/drplanexecution.md, "What undoes an action"; Kubernetes,
"Server-Side Apply".
"""

from dataclasses import dataclass

from activities.cluster import Cluster, Object
from activities.effects import Order
from activities.errors import AlreadyExistsError, ApiError, ConflictError, NotFoundError
from activities.failures import ActionError, Remains, action_error
from api.meta import CREATED_BY_ANNOTATION
from api.steps import FailureType
from planning import causes, messages

_ROUNDS = 3
"""How often one attempt of an Apply begins anew when somebody creates or deletes meanwhile."""

_MAY_STILL_COME = (0, 504)
"""No answer, and the API server's own time limit: the object may appear after a look that missed it."""


@dataclass(frozen=True)
class Made:
    """An object after a Create or Apply: its metadata, and whether it is there because of the action."""

    metadata: Object
    created: bool


class Creation:
    """The object of one order, created or applied in its actor's name. Methods raise ActionError."""

    def __init__(self, cluster: Cluster, order: Order) -> None:
        self._cluster = cluster
        self._order = order
        self._target = order.subject

    async def create(self) -> Made:
        """Create the object, or find it created by an earlier attempt."""
        try:
            made = await self._post()
        except AlreadyExistsError:
            return await self._ours_or_error()
        except ApiError as error:
            raise self._failed(error) from error
        return Made(made, True)

    async def apply(self) -> Made:
        """Create the object where it is absent, else apply the definition to it."""
        for _ in range(_ROUNDS):
            try:
                if (made := await self._apply_once()) is not None:
                    return made
            except ApiError as error:
                raise self._failed(error) from error
        raise self._error(FailureType.TRANSIENT, causes.changed_meanwhile(self._target))

    async def present(self) -> Object | None:
        """Give the object's metadata; None where it is absent. Raises ApiError."""
        try:
            return await self._cluster.metadata(self._target, self._order.actor)
        except NotFoundError:
            return None

    def is_ours(self, metadata: Object) -> bool:
        """Tell whether the object is there because of this very action."""
        return _mark(metadata) == self._order.mark

    async def _apply_once(self) -> Made | None:
        """Give what was made; None where the object came or went meanwhile."""
        seen = await self.present()
        if seen is None:
            return await self._post_if_absent()
        if self.is_ours(seen):
            return Made(seen, True)
        if seen.get("deletionTimestamp"):
            raise self._error(FailureType.TRANSIENT, causes.being_deleted(self._target))
        applied = await self._apply_to(seen["uid"])
        return None if applied is None else Made(applied, self.is_ours(applied))

    async def _apply_to(self, uid: str) -> Object | None:
        """Apply to the object with this uid; None where it is gone, or another has its name."""
        try:
            return await self._cluster.apply(self._target, _without_mark(self._body(), uid), self._order.actor)
        except (ConflictError, NotFoundError):
            return None
        except ApiError:
            # Another uid is answered as an invalid change of an immutable field.
            if (seen := await self.present()) is not None and seen["uid"] == uid:
                raise
            return None

    async def _post_if_absent(self) -> Made | None:
        try:
            return Made(await self._post(), True)
        except AlreadyExistsError:
            return None

    async def _post(self) -> Object:
        """Create the object with the mark; an answer that leaves the effect open is followed by a look."""
        order = self._order
        try:
            return await self._cluster.create(self._target, _with_mark(self._body(), order.mark), self._order.actor)
        except ApiError as error:
            if not _unclear(error):
                raise
            return await self._ours_after(error)

    async def _ours_after(self, error: ApiError) -> Object:
        """Give our object although its POST was answered by an error. Raises that error where it is not there."""
        try:
            seen = await self.present()
        except ApiError:
            raise self._perhaps_made(error) from error
        if seen is not None and self.is_ours(seen):
            return seen
        raise self._perhaps_made(error) if error.status in _MAY_STILL_COME else error

    async def _ours_or_error(self) -> Made:
        """Tell whose the object is that has the name. Raises ActionError where it is not ours."""
        target = self._target
        try:
            seen = await self.present()
        except ApiError as error:
            raise self._failed(error) from error
        if seen is None:
            raise self._error(FailureType.TRANSIENT, causes.changed_meanwhile(target))
        if self.is_ours(seen):
            return Made(seen, True)
        if seen.get("deletionTimestamp"):
            raise self._error(FailureType.TRANSIENT, causes.being_deleted(target))
        raise self._error(FailureType.ALREADY_EXISTS, causes.exists_of_another(target, _mark(seen)))

    def _body(self) -> Object:
        """Give the definition's object in its namespace."""
        metadata = {**self._order.content["metadata"]}
        if self._target.namespace is not None:
            metadata["namespace"] = self._target.namespace
        annotations = metadata.get("annotations") or {}
        if not isinstance(annotations, dict):
            raise self._error(FailureType.INVALID, causes.bad_annotations(self._target))
        return {**self._order.content, "metadata": metadata | {"annotations": annotations}}

    def _failed(self, error: ApiError) -> ActionError:
        reason = causes.naming(self._target, error.message)
        return action_error(error, messages.failed_to(self._order.operation, self._target.kind, reason))

    def _perhaps_made(self, error: ApiError) -> ActionError:
        order = self._order
        reason = causes.perhaps_made(causes.naming(self._target, error.message))
        message = messages.failed_to(order.operation, self._target.kind, reason)
        return action_error(error, message, Remains(order.operation, None, order.outputs(None)))

    def _error(self, kind: FailureType, reason: str) -> ActionError:
        return ActionError(kind, messages.failed_to(self._order.operation, self._target.kind, reason))


def _unclear(error: ApiError) -> bool:
    """Tell whether the request may have had its effect all the same."""
    return error.status == 0 or error.status >= 500


def _mark(metadata: Object) -> str | None:
    annotations = metadata.get("annotations") or {}
    return annotations.get(CREATED_BY_ANNOTATION)


def _with_mark(body: Object, mark: str) -> Object:
    annotations = {**body["metadata"]["annotations"], CREATED_BY_ANNOTATION: mark}
    return {**body, "metadata": {**body["metadata"], "annotations": annotations}}


def _without_mark(body: Object, uid: str) -> Object:
    """Leave the mark of whoever created the object alone, and change only that very object."""
    annotations = {key: value for key, value in body["metadata"]["annotations"].items() if key != CREATED_BY_ANNOTATION}
    return {**body, "metadata": {**body["metadata"], "annotations": annotations, "uid": uid}}
