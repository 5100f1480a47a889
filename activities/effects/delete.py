"""Delete one very object and wait until it is gone.

One request does that for an object that is as it was observed: a DELETE with its uid and resourceVersion, whose answer
says that it is gone. Otherwise there is a GET before the DELETE, and there are GETs until it is absent.

An attempt may be killed anywhere and started again: what an earlier attempt found is deleted once, an object that is
being deleted is not deleted again, an answer that leaves the effect open is followed by a GET, and an object that was
created since is left alone. Source: docs/spec/drplanexecution.md, "The observation"; docs/spec/drworkflow.md,
"Operations"; Kubernetes, "Object names and IDs" and "Finalizers".
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from activities.attempt import RunningAttempt
from activities.effects import outcomes
from activities.effects.action import ResolvedAction
from activities.effects.obstacles import RemovalObstacles
from activities.effects.prior_state import PriorStateStore
from activities.errors import ActionError
from activities.read import object_if_present
from api.failures import FailureType
from api.objects import Actor, Target
from api.phases import Operation
from api.steps import Deletion
from kube.client import Cluster, Object
from kube.errors import ApiError, ConflictError, KindGoneError, NotFoundError
from planning.definitions.target import is_job
from planning.effects import removal
from planning.effects.prior_state import version_of
from planning.messages import actions as action_messages
from planning.messages import preview as preview_messages
from planning.messages import removal as removal_messages

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
"""Seconds between two GETs of an object that is being deleted."""

ROUNDS = 3
"""How often one attempt starts over if somebody changes the object meanwhile."""

Failed = Callable[[FailureType, str], ActionError]
"""Returns a failure for a reason."""


async def metadata_if_present(cluster: Cluster, target: Target, actor: Actor) -> Object | None:
    """Read an object's metadata; None if it is gone, alone or with its kind. Raises ApiError."""
    try:
        return await cluster.metadata(target, actor)
    except (NotFoundError, KindGoneError):
        return None


class ObjectDeletion:
    """The deletion of one object under its uid."""

    def __init__(
        self,
        cluster: Cluster,
        deletion: Deletion,
        actor: Actor,
        attempt: RunningAttempt,
        *,
        timeout: str | None = None,
        version: str | None = None,
        failed: Failed | None = None,
    ) -> None:
        """`timeout` is quoted in messages; without it, that of the attempt is.

        With `version`, a resourceVersion, an object that has changed since is kept: `run` raises ConflictError.
        `failed` returns a failure for a reason; without it, that of a deletion.
        """
        self._cluster = cluster
        self._deletion = deletion
        self._target = deletion.target
        self._actor = actor
        self._attempt = attempt
        self._timeout = timeout or attempt.limits.timeout
        self._version = version
        self._failed = failed
        self._replaced_by: str | None = None
        self._obstacles = RemovalObstacles(cluster, self._target, actor)

    async def run(self, metadata: Object | None = None) -> str | None:
        """Return once the object is gone, whoever deleted it. Raises ApiError.

        `metadata` is the object's, if it was read just now. Returns the uid of a new object of that name, which is left
        alone; None if none was seen.
        """
        self._wait_for("", FailureType.TIMED_OUT, action_messages.no_answer(self._target, self._timeout))
        if self._deletion.version and metadata is None:
            gone = await self._delete_as_observed(self._deletion.version)
        else:
            gone = await self._look_and_delete(metadata)
        if not gone:
            await self._wait_until_gone()
        return self._replaced_by

    async def preview(self) -> str | None:
        """Ask whether the object would be deleted, and return the uid of another one of its name. Raises ApiError.

        The cluster has to be one that takes dry runs only. Raises ActionError where finalizers would keep the object.
        """
        metadata = await self._metadata()
        if metadata is None:
            return self._replaced_by
        deleting = bool(metadata.get("deletionTimestamp"))
        if not deleting:
            await self._look_and_delete(metadata)
        if held := removal.holding(metadata.get("finalizers") or [], deleting=deleting):
            raise self._error(FailureType.FINALIZERS, preview_messages.held(self._target, held, deleting=deleting))
        return None

    async def _metadata(self) -> Object | None:
        """Return the object's metadata while it exists."""
        metadata = await metadata_if_present(self._cluster, self._target, self._actor)
        if metadata is not None and metadata["uid"] != self._deletion.uid:
            self._replaced_by = metadata["uid"]
            return None
        return metadata

    async def _delete_as_observed(self, version: str) -> bool:
        """Delete the object if it still is what the Revert observed; return whether it is known to be gone."""
        try:
            return await self._delete(version)
        except ConflictError:
            # Somebody has changed or deleted it since, or an earlier attempt has.
            return await self._look_and_delete()

    async def _look_and_delete(self, metadata: Object | None = None) -> bool:
        """Delete the object unless it is being deleted; return whether it is known to be gone."""
        metadata = metadata or await self._metadata()
        if metadata is None:
            return True
        if metadata.get("deletionTimestamp"):
            return False
        try:
            return await self._delete(self._version)
        except ConflictError:
            if not await self._took_effect():
                raise
            return False

    async def _delete(self, version: str | None) -> bool:
        """Ask for the deletion, and return whether the object is known to be gone. Raises ApiError."""
        foreground, uid = self._deletion.foreground, self._deletion.uid
        try:
            return await self._cluster.delete(
                self._target, uid, self._actor, version=version, foreground=foreground, warn=self._warn
            )
        except (NotFoundError, KindGoneError):
            return True
        except ConflictError:
            raise
        except ApiError as error:
            if not error.repeatable or not await self._took_effect():
                raise
            return False

    def _warn(self, text: str) -> None:
        self._attempt.add_note(action_messages.api_warning(text))

    async def _took_effect(self) -> bool:
        """Return, after an unclear answer or a 409, whether the object is being deleted or gone after all."""
        try:
            metadata = await self._metadata()
        except ApiError:
            return False
        return metadata is None or bool(metadata.get("deletionTimestamp"))

    async def _wait_until_gone(self) -> None:
        """Wait, and report for what; an API server that is unavailable for a while is waited for as well."""
        pause = _FIRST_PAUSE
        while True:
            try:
                metadata = await self._metadata()
            except ApiError as error:
                if not error.repeatable:
                    raise
                reason = action_messages.unseen(self._target, self._timeout, error.message)
                self._wait_for(action_messages.waiting_for_server(error.message), FailureType.TIMED_OUT, reason)
            else:
                if metadata is None:
                    return
                finalizers = metadata.get("finalizers") or []
                obstacle = await self._obstacles.now()
                reason = removal_messages.still_there(self._target, self._timeout, finalizers, obstacle)
                waiting = removal_messages.waiting_for_removal(self._target, finalizers, obstacle)
                self._wait_for(waiting, FailureType.DELETION_TIMED_OUT, reason)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _wait_for(self, what: str, kind: FailureType, reason: str) -> None:
        self._attempt.wait_for(what, self._error(kind, reason))

    def _error(self, kind: FailureType, reason: str) -> ActionError:
        if self._failed is not None:
            return self._failed(kind, reason)
        return ActionError(kind, action_messages.failed_to(Operation.DELETE, self._target.kind, reason))


@dataclass(frozen=True)
class DeletionResult:
    """The uid of the object that was deleted, and that of a new one of its name, which was left alone."""

    uid: str | None
    replaced_by: str = ""


class TargetDeletion:
    """The deletion of whatever object has the name of an action's target; its prior state is stored first."""

    def __init__(
        self, cluster: Cluster, action: ResolvedAction, prior: PriorStateStore, attempt: RunningAttempt
    ) -> None:
        self._cluster = cluster
        self._action = action
        self._prior = prior
        self._attempt = attempt

    async def run(self, before: Callable[[], Awaitable[None]] | None = None) -> DeletionResult:
        """Return once the object is gone. Raises ActionError.

        `before` is called only if there is an object to delete, and keeps it by raising ActionError.
        """
        try:
            for _ in range(ROUNDS):
                if (result := await self._once(before)) is not None:
                    return result
        except ApiError as error:
            raise outcomes.failed_by(self._action, error) from error
        raise outcomes.changed_meanwhile(self._action)

    async def _once(self, before: Callable[[], Awaitable[None]] | None) -> DeletionResult | None:
        """Delete what is there now; None if it changed meanwhile."""
        action = self._action
        found = await object_if_present(self._cluster, action.target, action.actor)
        stored = await self._prior.read()
        found_before = self._attempt.heartbeat.deleting or (stored.uid if stored else "")
        if found is None:
            return DeletionResult(found_before or None)
        uid, version = version_of(found)
        if found_before not in ("", uid):
            # What an earlier attempt found is gone; somebody else created this one since.
            return DeletionResult(found_before, replaced_by=uid)
        if before is not None and not found["metadata"].get("deletionTimestamp"):
            await before()
        # The state of an object that is being deleted was stored before its deletion was asked for.
        if stored is None or (stored.version != (uid, version) and not found["metadata"].get("deletionTimestamp")):
            stored = await self._prior.store(found)
            if stored.version != (uid, version):
                return None
        self._attempt.report(deleting=uid)
        deletion = Deletion(target=action.target, uid=uid, foreground=is_job(action.target))
        failed = partial(outcomes.failed, action, record=outcomes.perhaps_deleted(action, uid))
        deleting = ObjectDeletion(self._cluster, deletion, action.actor, self._attempt, version=version, failed=failed)
        try:
            await (deleting.preview() if action.preview else deleting.run(found["metadata"]))
        except ConflictError:
            return None
        return DeletionResult(uid)
