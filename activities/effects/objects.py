"""The effect on one object: create, apply, patch, delete or replace it.

Source: docs/spec/drplanexecution.md, "What undoes an action" and "Cancel"; docs/spec/drworkflow.md, "Operations".
"""

from typing import assert_never

from activities.attempt import RunningAttempt
from activities.effects import outcomes
from activities.effects.action import ResolvedAction
from activities.effects.create import ObjectCreation
from activities.effects.delete import ROUNDS, TargetDeletion
from activities.effects.prior_state import PriorStateStore
from activities.effects.update import ObjectUpdate
from activities.errors import ActionError, action_error
from activities.store import RevisionStore
from api.attempts import ActionOutcome
from api.failures import FailureType
from api.phases import Operation
from kube.client import Cluster
from kube.errors import ApiError
from planning.messages import actions as action_messages


class ObjectEffect:
    """Effect of the types whose definition is one object: the Clusternet kinds and KubernetesResource."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._revisions = RevisionStore(cluster)

    async def execute(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Bring the object into the state that the operation asks for."""
        work = _ObjectAttempt(self._cluster, action, PriorStateStore(self._revisions, action), attempt)
        match action.operation:
            case Operation.CREATE:
                return await work.create()
            case Operation.APPLY | Operation.PATCH:
                return await work.change()
            case Operation.DELETE:
                return await work.delete()
            case Operation.REPLACE:
                return await work.replace()
            case _:
                assert_never(action.operation)

    async def preview(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Ask for the same by dry runs."""
        return await self.execute(action, attempt)

    async def verify(self, action: ResolvedAction) -> ActionOutcome:
        """Check whether the object is as the operation leaves it."""
        try:
            return await _verify(self._cluster, action, PriorStateStore(self._revisions, action))
        except ApiError as error:
            raise action_error(error, action_messages.canceled_unseen(action.target, error.message)) from error


class _ObjectAttempt:
    """One attempt at an action, by operation. Methods raise ActionError."""

    def __init__(
        self, cluster: Cluster, action: ResolvedAction, prior: PriorStateStore, attempt: RunningAttempt
    ) -> None:
        self._action = action
        self._prior = prior
        self._attempt = attempt
        self._creation = ObjectCreation(cluster, action)
        self._update = ObjectUpdate(cluster, action, prior)
        self._deletion = TargetDeletion(cluster, action, prior, attempt)

    async def create(self) -> ActionOutcome:
        """Create the object."""
        self._expect_creation()
        return outcomes.created(self._action, await self._creation.create())

    async def change(self) -> ActionOutcome:
        """Apply or patch: create the object if Apply finds none, else change the one that exists."""
        self._attempt.wait_for("", outcomes.timed_out(self._action))
        try:
            for _ in range(ROUNDS):
                if (outcome := await self._change_once()) is not None:
                    return outcome
        except ApiError as error:
            raise outcomes.failed_by(self._action, error) from error
        raise outcomes.changed_meanwhile(self._action)

    async def delete(self) -> ActionOutcome:
        """Delete the object that exists now; if there is none, that is a success as well."""
        result = await self._deletion.run()
        if result.uid is None:
            return outcomes.already_absent(self._action)
        return outcomes.deleted(self._action, result.uid, result.replaced_by)

    async def replace(self) -> ActionOutcome:
        """Delete the object that exists now, and create it again."""
        try:
            own = await self._creation.own_metadata()
        except ApiError as error:
            raise outcomes.failed_by(self._action, error) from error
        if own is not None:
            await self._note_replaced()
            return outcomes.created(self._action, own, existed=await self._prior.read() is not None)
        existed = (await self._deletion.run(self._creation.validate)).uid is not None
        if existed and self._action.preview:
            # The dry run of a deletion leaves the object, and the creation was validated before it.
            return outcomes.created(self._action, {}, existed=True)
        self._expect_creation(existed=existed)
        try:
            created = await self._creation.create()
        except ActionError as error:
            raise (outcomes.half_replaced(self._action, error) if existed else error) from error
        await self._note_replaced()
        return outcomes.created(self._action, created, existed=existed)

    async def _note_replaced(self) -> None:
        """Store the new object as a Replace leaves it, as long as nobody has changed it."""
        if await self._prior.read() is None:
            return
        try:
            found = await self._update.find()
        except ApiError as error:
            raise outcomes.failed_by(self._action, error) from error
        if found is not None and self._creation.is_own(found["metadata"]) and found["metadata"].get("generation") == 1:
            await self._prior.note_left(found)

    async def _change_once(self) -> ActionOutcome | None:
        """Return how it ended; None if the object was created, changed or deleted meanwhile."""
        found = await self._update.find()
        if found is None:
            if self._action.operation is Operation.PATCH:
                reason = action_messages.not_found(self._action.target)
                raise outcomes.failed(self._action, FailureType.NOT_FOUND, reason)
            self._expect_creation()
            created = await self._creation.create_if_absent()
            return None if created is None else outcomes.created(self._action, created)
        metadata = found["metadata"]
        if self._action.operation is Operation.APPLY and self._creation.is_own(metadata):
            return outcomes.created(self._action, metadata)
        if metadata.get("deletionTimestamp"):
            raise outcomes.being_deleted(self._action)
        self._expect_change(metadata["uid"])
        try:
            result = await self._update.change(found)
        except ApiError as error:
            if not self._update.unknown:
                raise
            raise outcomes.perhaps_changed_by(self._action, error, metadata["uid"]) from error
        return None if result is None else outcomes.changed(self._action, result)

    def _expect_creation(self, *, existed: bool = False) -> None:
        """Set how the attempt ends if its time runs out after a new object was asked for."""

        async def check() -> ActionOutcome | None:
            own = await self._creation.own_metadata()
            return None if own is None else outcomes.created(self._action, own, existed=existed)

        error = outcomes.creation_timed_out(self._action)
        self._attempt.final_check = check
        self._attempt.wait_for("", outcomes.half_replaced(self._action, error) if existed else error)

    def _expect_change(self, uid: str) -> None:
        """Set how the attempt ends if its time runs out after a change was asked for."""

        async def check() -> ActionOutcome | None:
            changed = await self._update.find_changed(uid)
            return None if changed is None else outcomes.changed(self._action, changed)

        self._attempt.final_check = check
        self._attempt.wait_for("", outcomes.change_timed_out(self._action, uid))


async def _verify(cluster: Cluster, action: ResolvedAction, prior: PriorStateStore) -> ActionOutcome:
    """Return, without changing anything, whether an action was carried out. Raises ApiError or ActionError."""
    update, creation = ObjectUpdate(cluster, action, prior), ObjectCreation(cluster, action)
    found, stored = await update.find(), await prior.read()
    if action.operation is Operation.DELETE:
        if found is not None:
            done = outcomes.canceled(action_messages.canceled_still_there(action.target))
            is_ours = stored is not None and stored.uid == found["metadata"]["uid"]
            if not is_ours or not found["metadata"].get("deletionTimestamp"):
                return done
            return done.model_copy(update=outcomes.perhaps_deleted(action, found["metadata"]["uid"]).record_fields())
        return outcomes.deleted(action, stored.uid if stored else None)
    if found is not None and action.operation is not Operation.PATCH and creation.is_own(found["metadata"]):
        return outcomes.created(action, found["metadata"], existed=stored is not None)
    if action.operation is Operation.REPLACE and found is None and stored is not None:
        return outcomes.canceled(action_messages.canceled_half_replaced(action.target))
    # No change is sent before the prior state is stored: without one, the object is as somebody else left it.
    changes = action.operation in (Operation.APPLY, Operation.PATCH)
    changed = await update.find_changed(stored.uid) if changes and stored is not None else None
    if changed is not None:
        return outcomes.changed(action, changed)
    return outcomes.canceled(action_messages.canceled_not_done(action.operation, action.target))
