"""Creating one object so that a repeat knows its own work by the mark.

The mark is an annotation that only our POST writes: whoever finds it knows that the object is there
because of this very action. Source: docs/spec/drplanexecution.md, "What undoes an action".
"""

from activities.attempt.failures import ActionError, action_error
from activities.effects import outcomes
from activities.effects.effect import Order
from api.steps import FailureType
from kube.client import Cluster, Object
from kube.errors import AlreadyExistsError, ApiError, NotFoundError
from planning.effects import request_bodies
from planning.messages import actions as action_messages
from planning.messages import attempts as attempt_messages


class Creation:
    """The object of one order, created in its actor's name. Methods raise ActionError, unless they say otherwise."""

    def __init__(self, cluster: Cluster, order: Order) -> None:
        self._cluster = cluster
        self._order = order
        self._target = order.subject

    async def create(self) -> Object:
        """Create the object, or find it created by an earlier attempt; give its metadata."""
        try:
            return await self._post()
        except AlreadyExistsError:
            return await self._ours_or_error()
        except ApiError as error:
            raise outcomes.failed_by(self._order, error) from error

    async def create_if_absent(self) -> Object | None:
        """Create the object and give its metadata; None where there is one already, whosever it is."""
        try:
            return await self._post()
        except AlreadyExistsError:
            return None
        except ApiError as error:
            raise outcomes.failed_by(self._order, error) from error

    async def present(self) -> Object | None:
        """Give the object's metadata; None where it is absent. Raises ApiError."""
        try:
            return await self._cluster.metadata(self._target, self._order.actor)
        except NotFoundError:
            return None

    async def ours(self) -> Object | None:
        """Give the object's metadata where it is there because of this very action. Raises ApiError."""
        seen = await self.present()
        return seen if seen is not None and self.is_ours(seen) else None

    def is_ours(self, metadata: Object) -> bool:
        """Tell whether an object is there because of this very action."""
        return request_bodies.mark_of(metadata) == self._order.mark

    async def _post(self) -> Object:
        """Create the object with the mark; an answer that leaves the effect open is followed by a look."""
        order = self._order
        body = request_bodies.creation(order.content, self._target, order.mark)
        try:
            return dict((await self._cluster.create(self._target, body, order.actor))["metadata"])
        except ApiError as error:
            if not error.unclear:
                raise
            return await self._ours_after(error)

    async def _ours_after(self, error: ApiError) -> Object:
        """Give our object although its POST was answered by an error. Raises that error where it is not there."""
        try:
            seen = await self.ours()
        except ApiError:
            raise self._perhaps_made(error) from error
        if seen is not None:
            return seen
        raise self._perhaps_made(error) if error.may_still_come else error

    async def _ours_or_error(self) -> Object:
        """Tell whose the object is that has the name. Raises ActionError where it is not ours."""
        target = self._target
        try:
            seen = await self.present()
        except ApiError as error:
            raise outcomes.failed_by(self._order, error) from error
        if seen is None:
            raise outcomes.failed(self._order, FailureType.TRANSIENT, attempt_messages.changed_meanwhile(target))
        if self.is_ours(seen):
            return seen
        if seen.get("deletionTimestamp"):
            raise outcomes.failed(self._order, FailureType.TRANSIENT, attempt_messages.being_deleted(target))
        reason = attempt_messages.exists_of_another(target, request_bodies.mark_of(seen))
        raise outcomes.failed(self._order, FailureType.ALREADY_EXISTS, reason)

    def _perhaps_made(self, error: ApiError) -> ActionError:
        order = self._order
        reason = attempt_messages.perhaps_made(attempt_messages.naming(self._target, error.message))
        message = action_messages.failed_to(order.operation, self._target.kind, reason)
        return action_error(error, message, outcomes.perhaps_created(order))
