"""Change one object that exists: its prior state is stored, then the change is sent with that resourceVersion.

Whether an earlier attempt has made the change already is known from a dry run: then nothing would change.
Source: docs/spec/drworkflow.md, "Operations"; Kubernetes, "Concurrency Control" and "Dry-run".
"""

from activities.effects.action import ResolvedAction
from activities.effects.prior_state import PriorStateStore
from activities.read import object_if_present
from api.phases import Operation
from kube.client import Cluster, Object
from kube.errors import ApiError, ConflictError, NotFoundError
from kube.request import WriteOptions
from planning.definitions.target import change_body
from planning.effects.prior_state import PriorState, doubtful, same_state, version_of
from planning.messages import runs as run_messages


class ObjectUpdate:
    """The change of one action's object by Apply or Patch. Methods raise ApiError or ActionError."""

    def __init__(self, cluster: Cluster, action: ResolvedAction, prior: PriorStateStore) -> None:
        self._cluster = cluster
        self._action = action
        self._prior = prior
        self.unknown = False
        """Whether the change may have had its effect although an error is raised."""

    async def find(self) -> Object | None:
        """Read the whole object as it is now; None if it is absent."""
        return await object_if_present(self._cluster, self._action.target, self._action.actor)

    async def find_changed(self, uid: str) -> Object | None:
        """Read the object with this uid; None if it is not as the change would leave it."""
        found = await self.find()
        changed = found is not None and found["metadata"]["uid"] == uid and await self._in_effect(found)
        return found if changed else None

    async def change(self, found: Object) -> Object | None:
        """Change the object that was found, unless an earlier attempt has done so; None if it changed meanwhile.

        Returns the whole object as it is then.
        """
        try:
            stored = await self._prior.read()
            if stored is not None and _moved(stored, found) and await self._in_effect(found):
                return found
            if stored is None or stored.version != version_of(found):
                stored = await self._prior.store(found, self._doubt(stored, found))
            return await self._send(found) if stored.version == version_of(found) else None
        except (ConflictError, NotFoundError):
            return None

    async def _in_effect(self, found: Object) -> bool:
        """Return whether the object is as the change would leave it; nothing is changed."""
        try:
            return same_state(found, await self._request(found, dry_run=True))
        except ApiError as error:
            if error.repeatable:
                raise
            # An admission webhook that refuses dry runs, for example: then the change itself has to show it.
            return False

    def _doubt(self, stored: PriorState | None, found: Object) -> str:
        """Return why the state that is stored now may not be that before the change, if so."""
        perhaps_ours = (
            stored is not None and _moved(stored, found) and not self._prior.stored_now and doubtful(stored, found)
        )
        return run_messages.RECORD_DOUBTFUL if perhaps_ours else ""

    async def _send(self, found: Object) -> Object:
        """Send the change; an answer that leaves the effect open is followed by a GET."""
        try:
            return await self._request(found)
        except ApiError as error:
            if not error.unclear:
                raise
            self.unknown = True
            try:
                seen = await self._cluster.get(self._action.target, self._action.actor)
                done = version_of(seen) != version_of(found) and await self._in_effect(seen)
            except ApiError:
                raise error from None
            self.unknown = not done and error.may_still_come
            if not done:
                raise
            return seen

    async def _request(self, found: Object, *, dry_run: bool = False) -> Object:
        action = self._action
        body = change_body(action.body, action.target, found)
        send = self._cluster.patch if action.operation is Operation.PATCH else self._cluster.apply
        return await send(action.target, body, action.actor, WriteOptions(dry_run=dry_run))


def _moved(stored: PriorState, found: Object) -> bool:
    """Return whether the very object whose state is stored has changed since."""
    uid, version = version_of(found)
    return stored.uid == uid and stored.resource_version != version
