"""Restore one object to its state before an action: a dry run, the change, then the owners of its fields.

An attempt may be killed anywhere and started again: what is restored already needs no change, and an object that an
earlier attempt created again is known by its mark. Each request names the object's uid and resourceVersion.
Source: docs/spec/drplanexecution.md, "What is restored"; Kubernetes, "Server-Side Apply" and "Dry-run".
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from activities.attempt import RunningAttempt
from activities.effects.delete import ROUNDS
from activities.errors import ActionError, action_error, words_of
from activities.read import object_if_present
from activities.store import RevisionStore
from api.attempts import ActionOutcome
from api.failures import FailureType
from api.meta import RESTORED_BY_ANNOTATION
from api.objects import Actor
from api.phases import Operation, PatchType, Phase
from api.steps import Restoration
from kube.client import Cluster, Object
from kube.errors import AlreadyExistsError, ApiError, ConflictError, NotFoundError
from kube.request import WriteOptions
from planning.definitions.action_types import is_override
from planning.effects import managed_fields, prior_state, restoration
from planning.effects.object_fields import applies_later
from planning.effects.prior_state import PriorState
from planning.messages import actions as action_messages
from planning.messages import records as record_messages
from planning.messages import rollback as rollback_messages
from planning.messages.text import bounded
from planning.snapshot.documents import digest

RESTORE_MANAGER = "drplan-restore"
"""Who owns the fields that a restoration sets, until they are handed back."""
_OPTIONS = WriteOptions(RESTORE_MANAGER)
_DRY = replace(_OPTIONS, dry_run=True)
_Send = Callable[[WriteOptions], Awaitable[Object]]
"""Sends one request."""


class ObjectRestoration:
    """The restoration of one object. Methods raise ActionError."""

    def __init__(self, cluster: Cluster, step: Restoration, actor: Actor) -> None:
        self._cluster = cluster
        self._revisions = RevisionStore(cluster)
        self._step = step
        self._target = step.target
        self._actor = actor

    async def run(self, attempt: RunningAttempt) -> ActionOutcome:
        """Return once the object is as it was before the action, but for what others have changed elsewhere in it."""
        reason = action_messages.no_answer(self._target, attempt.limits.timeout)
        attempt.wait_for("", self._failed(FailureType.TIMED_OUT, reason))
        prior = await self._prior_state()
        try:
            for _ in range(ROUNDS):
                if (found := await self._once(prior)) is not None:
                    if is_override(self._target) and applies_later(found):
                        attempt.add_note(rollback_messages.restored_for_later(self._target))
                    message = bounded(rollback_messages.restored(self._target))
                    return ActionOutcome(phase=Phase.SUCCEEDED, message=message)
        except ApiError as error:
            message = rollback_messages.restoring_failed(self._target, words_of(error, self._target))
            raise action_error(error, message) from error
        raise self._failed(FailureType.TRANSIENT, action_messages.changed_meanwhile(self._target))

    async def verify(self) -> ActionOutcome:
        """Check, without changing anything, whether the object is restored: Succeeded, else Canceled."""
        prior = await self._prior_state()
        try:
            found = await object_if_present(self._cluster, self._target, self._actor)
            if found is not None and not await self._operations(prior, found):
                message = rollback_messages.restored(self._target)
                return ActionOutcome(phase=Phase.SUCCEEDED, message=bounded(message))
        except ApiError as error:
            raise action_error(error, action_messages.canceled_unseen(self._target, error.message)) from error
        except ActionError as error:
            return ActionOutcome(phase=Phase.CANCELED, message=error.message)
        return ActionOutcome(phase=Phase.CANCELED, message=rollback_messages.canceled_not_restored(self._target))

    async def preview(self) -> str | None:
        """Ask whether the object could be restored now, without changing anything, and return its uid, if it exists.

        The API server is asked by a dry run.
        """
        prior = await self._prior_state()
        try:
            found = await object_if_present(self._cluster, self._target, self._actor)
            if found is None and self._step.operation is Operation.DELETE:
                await self._creation(prior)(_DRY)
                return None
            if found is None:
                raise self._failed(FailureType.NOT_FOUND, action_messages.not_found(self._target))
            if found["metadata"].get("deletionTimestamp"):
                # A dry run says nothing of it: the API server takes changes until the object is gone.
                raise self._failed(FailureType.TRANSIENT, action_messages.being_deleted(self._target))
            if operations := await self._operations(prior, found):
                await self._patch(operations, found)(_DRY)
            return str(found["metadata"]["uid"])
        except ApiError as error:
            message = rollback_messages.restoring_failed(self._target, words_of(error, self._target))
            raise action_error(error, message) from error

    async def _prior_state(self) -> PriorState:
        """Read the record that the Revert decided on."""
        name = self._step.record.name
        revision = await self._revisions.read(self._step.execution, name)
        if revision is None:
            raise self._failed(FailureType.UNDEFINED, record_messages.snapshot_gone(name))
        prior = prior_state.read(revision.data)
        if prior is None or await asyncio.to_thread(digest, revision.data) != self._step.record.sha256:
            raise self._failed(FailureType.UNDEFINED, record_messages.snapshot_altered(name))
        return prior

    async def _once(self, prior: PriorState) -> Object | None:
        """Restore the object as it is found, and return it; None if somebody changed it meanwhile. Raises ApiError."""
        found = await object_if_present(self._cluster, self._target, self._actor)
        try:
            if found is None and self._step.operation is Operation.DELETE:
                found = await self._after_dry_run(self._creation(prior))
            if found is None:
                raise self._failed(FailureType.NOT_FOUND, action_messages.not_found(self._target))
            if found["metadata"].get("deletionTimestamp"):
                raise self._failed(FailureType.TRANSIENT, action_messages.being_deleted(self._target))
            if self._was_not_deleted(found):
                return found
            if operations := await self._operations(prior, found):
                found = await self._after_dry_run(self._patch(operations, found))
            await self._hand_back(prior, found)
        except (AlreadyExistsError, ConflictError, NotFoundError) as error:
            if isinstance(error, NotFoundError) and found is None:
                raise  # its namespace is gone
            return None
        return found

    async def _after_dry_run(self, send: _Send) -> Object:
        await self._dry_run(send)
        return await send(_OPTIONS)

    async def _dry_run(self, send: _Send) -> None:
        """Raise ApiError where the API server would not accept a request, as far as it says so."""
        try:
            await send(_DRY)
        except ApiError as error:
            if not error.without_dry_run:
                raise

    def _creation(self, prior: PriorState) -> _Send:
        body = restoration.body_of_former(prior.found, self._target, self._step.mark)
        return lambda options: self._cluster.create(self._target, body, self._actor, options)

    def _patch(self, operations: list[Object], found: Object) -> _Send:
        condition = [
            {"op": "replace", "path": f"/metadata/{name}", "value": value} for name, value in _condition(found).items()
        ]
        body = [*operations, *condition]
        return lambda options: self._cluster.patch(self._target, body, self._actor, options, patch_type=PatchType.JSON)

    async def _operations(self, prior: PriorState, found: Object) -> list[Object]:
        """Return what makes the object as it was; nothing where it is that. Raises ActionError if it may not be."""
        uid, annotations = found["metadata"]["uid"], found["metadata"].get("annotations") or {}
        mark = annotations.get(RESTORED_BY_ANNOTATION, "")
        if self._step.operation is Operation.DELETE:
            if mark != self._step.mark and not self._was_not_deleted(found):
                raise self._failed(FailureType.ALREADY_EXISTS, rollback_messages.exists_again(self._target, uid))
            return []
        # What a later action of the original had deleted was created again by a Revert of that.
        if uid != self._step.uid and not mark.startswith(f"{self._step.execution.uid}/"):
            raise self._failed(FailureType.WRONG_UID, rollback_messages.wrong_uid(self._target, self._step.uid, uid))
        if prior.left is None:
            raise self._failed(FailureType.UNDEFINED, record_messages.snapshot_altered(self._step.record.name))
        # In a thread: a large object takes longer than the event loop may be kept busy.
        wanted, changed = await asyncio.to_thread(restoration.restored, prior.found, prior.left.found, found)
        if changed:
            reason = rollback_messages.changed_since(self._target, changed)
            raise self._failed(FailureType.CHANGED_SINCE, reason)
        return list(restoration.operations(restoration.content(found), wanted))

    def _was_not_deleted(self, found: Object) -> bool:
        """Return whether the object that an action was to delete is there: the deletion was never carried out."""
        return self._step.operation is Operation.DELETE and found["metadata"]["uid"] == self._step.uid

    async def _hand_back(self, prior: PriorState, found: Object) -> None:
        """Return the fields that the action took over to those who owned them before."""
        before, left = prior.owners or [], prior.left.owners if prior.left else []
        if self._step.operation is Operation.DELETE:
            # A new object has no status yet.
            before = [each for each in before if each.get("subresource") != "status"]
        now = found["metadata"].get("managedFields") or []
        owners = await asyncio.to_thread(managed_fields.handed_back, before, left, now, RESTORE_MANAGER)
        if owners is not None:
            body = {"metadata": {**_condition(found), "managedFields": owners}}
            await self._cluster.patch(self._target, body, self._actor, _OPTIONS)

    def _failed(self, kind: FailureType, reason: str) -> ActionError:
        return ActionError(kind, rollback_messages.restoring_failed(self._target, reason))


def _condition(found: Object) -> Object:
    """Return the metadata that only the very object has, unchanged since it was read."""
    return {name: found["metadata"][name] for name in ("uid", "resourceVersion")}
