"""Create one object so that a later attempt recognizes it by its mark.

The mark is an annotation that only our POST writes: an object that has it exists because of this very action.
Source: docs/spec/drplanexecution.md, "What undoes an action".
"""

from contextlib import suppress

from activities.effects import outcomes
from activities.effects.action import ResolvedAction
from activities.read import executions_of_marks
from api.failures import FailureType
from kube.client import Cluster, Object
from kube.errors import AlreadyExistsError, ApiError, NotFoundError
from planning.definitions.target import creation_body, mark_of
from planning.messages import actions as action_messages


class ObjectCreation:
    """The creation of one action's object, in its actor's name."""

    def __init__(self, cluster: Cluster, action: ResolvedAction) -> None:
        self._cluster = cluster
        self._action = action

    async def create(self) -> Object:
        """Create the object, or find it created by an earlier attempt; return its metadata. Raises ActionError."""
        metadata = await self.create_if_absent()
        return await self._own_or_error() if metadata is None else metadata

    async def create_if_absent(self) -> Object | None:
        """Create the object and return its metadata; None if one exists, whoever created it. Raises ActionError."""
        try:
            return await self._post()
        except AlreadyExistsError:
            return None
        except ApiError as error:
            raise outcomes.failed_by(self._action, error) from error

    async def validate(self) -> None:
        """Ask whether the API server would accept the object, if that can be known. Raises ActionError if it would not.

        For what deletes an object before it creates another one.
        """
        action = self._action
        body = creation_body(action.body, action.target, action.mark)
        try:
            await self._cluster.create(action.target, body, action.actor, action.write_options(dry_run=True))
        except ApiError as error:
            # An object that is there, a quota that it fills, a webhook that takes no dry run: only the creation tells.
            passes = error.failure is FailureType.ALREADY_EXISTS or error.repeatable or error.without_dry_run
            if not passes:
                raise outcomes.failed_by(action, error) from error

    async def metadata(self) -> Object | None:
        """Read the object's metadata; None if it is absent. Raises ApiError."""
        try:
            return await self._cluster.metadata(self._action.target, self._action.actor)
        except NotFoundError:
            return None

    async def own_metadata(self) -> Object | None:
        """Read the object's metadata if it exists because of this very action, else None. Raises ApiError."""
        metadata = await self.metadata()
        return metadata if metadata is not None and self.is_own(metadata) else None

    def is_own(self, metadata: Object) -> bool:
        """Return whether an object exists because of this very action."""
        return mark_of(metadata) == self._action.mark

    async def _post(self) -> Object:
        """Create the object with the mark; an answer that leaves the effect open is followed by a GET.

        Raises ApiError, or ActionError if it stays open.
        """
        action = self._action
        body = creation_body(action.body, action.target, action.mark)
        try:
            created = await self._cluster.create(action.target, body, action.actor, action.write_options())
            return dict(created["metadata"])
        except ApiError as error:
            if not error.unclear:
                raise
            try:
                metadata = await self.own_metadata()
            except ApiError:
                raise outcomes.perhaps_created_by(action, error) from error
            if metadata is not None:
                return metadata
            if error.may_still_come:
                raise outcomes.perhaps_created_by(action, error) from error
            raise

    async def _own_or_error(self) -> Object:
        """Return the metadata of the object that has the name, if it is our own. Raises ActionError."""
        action = self._action
        try:
            metadata = await self.metadata()
        except ApiError as error:
            raise outcomes.failed_by(action, error) from error
        if metadata is None:
            raise outcomes.changed_meanwhile(action)
        if self.is_own(metadata):
            return metadata
        if metadata.get("deletionTimestamp"):
            raise outcomes.being_deleted(action)
        mark = mark_of(metadata)
        names = list[str]()
        if mark and action.execution is not None:
            # Of any plan of the namespace, so that no label says which.
            with suppress(ApiError):
                names = await executions_of_marks(self._cluster, action.execution.namespace, [mark])
        reason = action_messages.exists_of_another(action.target, mark, names[0] if names else None)
        raise outcomes.failed(action, FailureType.ALREADY_EXISTS, reason)
