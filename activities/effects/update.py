"""Change one object that exists: its prior state is stored, then the change is sent with that resourceVersion.

What the change is going to leave is known from a dry run, and stored with that: after a worker was lost right behind
the change, nobody could tell it from what others have changed since. Whether an earlier attempt has made the change
already is known from a dry run as well: then nothing would change. A JSON patch may change more each time that it is
sent, so there the prior state tells.
Source: docs/spec/drworkflow.md, "Operations"; Kubernetes, "Concurrency Control" and "Dry-run".
"""

import asyncio

from activities.effects import outcomes
from activities.effects.action import ResolvedAction
from activities.effects.prior_state import PriorStateStore
from activities.errors import ActionError
from activities.read import object_if_present
from api.failures import FailureType
from api.phases import Operation, PatchType
from kube.client import Cluster, Object
from kube.errors import ApiError, ConflictError, NotFoundError
from kube.request import FIELD_MANAGER
from planning.definitions import json_patch, merge_patch
from planning.definitions.target import change_body
from planning.definitions.yaml_scalars import ManifestError
from planning.effects import managed_fields
from planning.effects.prior_state import PriorState, doubtful, same_apart_from_status, same_state, version_of
from planning.messages import actions as action_messages
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
        if found is None or found["metadata"]["uid"] != uid:
            return None
        return found if await self._in_effect(found, await self._prior.read()) else None

    async def change(self, found: Object) -> Object | None:
        """Change the object that was found, unless an earlier attempt has done so; None if it changed meanwhile.

        Returns the whole object as it is then.
        """
        try:
            stored = await self._prior.read()
            if (owners := self._to_hand_over(found)) is not None:
                if stored is None:
                    await self._prior.store(found)
                found = await self._hand_over(found, owners)
            stored = await self._prior.read()
            if stored is not None and _moved(stored, found) and await self._in_effect(found, stored):
                if stored.left is None and same_apart_from_status(stored.found, found):
                    # Only the owners have changed since, by the handover: a Revert is to return that as well.
                    await self._prior.note_left(found)
                return found
            if stored is None or stored.version != version_of(found):
                doubt = self._doubt(stored, found)
                stored = await self._prior.store_with_left(found, self._expected, doubt)
            if stored.version != version_of(found):
                return None
            changed = await self._send(found, stored)
        except (ConflictError, NotFoundError):
            return None
        await self._note_losses(found, changed)
        return changed

    def _to_hand_over(self, found: Object) -> list[Object] | None:
        """Return the owners of the object's fields as they must be before it is applied; None if they are that."""
        if self._action.operation is not Operation.APPLY:
            return None
        return managed_fields.handed_over(found, FIELD_MANAGER)

    async def _hand_over(self, found: Object, owners: list[Object]) -> Object:
        """Make the Apply own what our POST set, so that a field which the manifest no longer names goes."""
        condition = {name: found["metadata"][name] for name in ("uid", "resourceVersion")}
        body = {"metadata": {**condition, "managedFields": owners}}
        return await self._cluster.patch(self._action.target, body, self._action.actor)

    async def _in_effect(self, found: Object, stored: PriorState | None) -> bool:
        """Return whether the object is as the change would leave it; nothing is changed. Raises ActionError."""
        if self._to_hand_over(found) is not None:
            return False
        if self._operations is not None:
            return await self._json_patch_in_effect(self._operations, found, stored)
        try:
            return same_state(found, await self._request(found, dry_run=True))
        except ApiError as error:
            if error.repeatable:
                raise
            # An admission webhook that refuses dry runs, for example: then the change itself has to show it.
            return False

    async def _expected(self, found: Object) -> Object | None:
        """Return the object as the change would leave it; None if the API server does not say. Raises ApiError."""
        try:
            return await self._request(found, dry_run=True)
        except ApiError as error:
            if error.repeatable:
                raise
            # The change itself has to show what is wrong.
            return None

    async def _json_patch_in_effect(self, operations: list[Object], found: Object, stored: PriorState | None) -> bool:
        if stored is not None and stored.complete:
            # In a thread: a megabyte holds thousands of operations.
            return await asyncio.to_thread(json_patch.in_effect, operations, stored.found, found)
        if stored is None or self._prior.stored_now:
            return False
        # An earlier attempt may have sent it, and it must not be sent twice.
        reason = action_messages.perhaps_patched_before(self._action.target)
        raise outcomes.failed(self._action, FailureType.OUTCOME_UNKNOWN, reason)

    def _doubt(self, stored: PriorState | None, found: Object) -> str:
        """Return why the state that is stored now may not be that before the change, if so."""
        perhaps_ours = (
            stored is not None and _moved(stored, found) and not self._prior.stored_now and doubtful(stored, found)
        )
        return run_messages.RECORD_DOUBTFUL if perhaps_ours else ""

    async def _send(self, found: Object, stored: PriorState) -> Object:
        """Send the change; an answer that leaves the effect open is followed by a GET."""
        try:
            changed = await self._request(found)
        except ApiError as error:
            if not error.unclear:
                raise
            self.unknown = True
            try:
                seen = await self._cluster.get(self._action.target, self._action.actor)
                done = version_of(seen) != version_of(found) and await self._in_effect(seen, stored)
            except (ApiError, ActionError):
                raise error from None
            self.unknown = not done and error.may_still_come
            if not done:
                raise
            return seen
        await self._prior.note_left(changed)
        return changed

    async def _request(self, found: Object, *, dry_run: bool = False) -> Object:
        action = self._action
        target, actor, options = action.target, action.actor, action.write_options(dry_run=dry_run)
        if self._operations is not None:
            operations = json_patch.body_of(self._operations, found)
            return await self._cluster.patch(target, operations, actor, options, patch_type=PatchType.JSON)
        body = change_body(action.body, target, found)
        if action.operation is Operation.APPLY:
            return await self._cluster.apply(target, body, actor, options)
        return await self._cluster.patch(target, body, actor, options, patch_type=action.patch_type)

    @property
    def _operations(self) -> list[Object] | None:
        """The operations of a JSON patch; None for any other change. Raises ActionError."""
        if self._action.operation is not Operation.PATCH or self._action.patch_type is not PatchType.JSON:
            return None
        try:
            return json_patch.operations_of(self._action.body)
        except ManifestError as error:
            raise outcomes.failed(self._action, FailureType.INVALID, str(error)) from None

    async def _note_losses(self, found: Object, changed: Object) -> None:
        """Say in the action's message what went with the lists that a merge patch replaced."""
        action = self._action
        if action.operation is Operation.PATCH and action.patch_type is PatchType.MERGE:
            paths = await asyncio.to_thread(lambda: [*merge_patch.lost(action.body, found, changed)])
            if paths:
                action.add_note(action_messages.lost_with_lists(paths))


def _moved(stored: PriorState, found: Object) -> bool:
    """Return whether the very object whose state is stored has changed since."""
    uid, version = version_of(found)
    return stored.uid == uid and stored.resource_version != version
