"""Delete a hook's object around its action: an existing one of its name before, the action's own after it ended.

An attempt may be killed between success and deletion: how the action ended is stored first, so that the next one
continues with the deletion and does not run the hook again. Source: docs/spec/drworkflow.md, "hookCleanup".
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from activities.attempt import RunningAttempt
from activities.effects import outcomes
from activities.effects.action import Effect, ResolvedAction
from activities.effects.create import ObjectCreation
from activities.effects.delete import Failed, ObjectDeletion, TargetDeletion
from activities.effects.per_cluster import ClusterTargets
from activities.effects.prior_state import PriorStateStore
from activities.errors import ActionError, action_error, words_of
from activities.store import RevisionStore
from api.attempts import ActionOutcome
from api.failures import FailureType
from api.meta import CREATED_BY_ANNOTATION
from api.phases import Operation, Phase
from api.steps import Deletion
from kube.client import Cluster
from kube.concurrency import parallel
from kube.errors import ApiError
from planning.definitions.action_list import cleanup_of
from planning.definitions.action_types import is_per_cluster
from planning.definitions.identifiers import RecordKind, record_name
from planning.messages import actions as action_messages
from planning.messages import preview as preview_messages
from planning.messages.text import bounded

_AFTER_FAILURE = 15.0
"""Seconds; within the margin that start-to-close leaves above the action's own time."""
_AFTER_FAILURE_TEXT = "15s"
"""The same, for people."""


class HookCleanupEffect:
    """An effect whose objects are deleted before and after it, if their definition asks for that."""

    def __init__(self, effect: Effect, cluster: Cluster) -> None:
        self._effect = effect
        self._cluster = cluster
        self._revisions = RevisionStore(cluster)

    async def execute(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Carry the action out between what is deleted before and what is deleted after it."""
        wanted = cleanup_of(action.definition, action.operation)
        done = await self._stored_outcome(action) if wanted.on_success else None
        if done is None:
            if wanted.on_failure:
                attempt.after_failure.append(partial(self._after_failure, action, attempt))
            if wanted.before_create:
                await self._before_create(action, attempt)
            done = await self._effect.execute(action, attempt)
        return await self._after_success(action, done, attempt) if wanted.on_success and done.created else done

    async def preview(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Ask for the deletion before the action, and for the action; with that deletion its creation was asked for."""
        wanted = cleanup_of(action.definition, action.operation)
        deleted = wanted.before_create and await self._before_create(action, attempt)
        done = outcomes.created(action, {}) if deleted else await self._effect.preview(action, attempt)
        if not wanted.on_success:
            return done
        return done.model_copy(update={"message": bounded(preview_messages.and_removed(done.message))})

    async def verify(self, action: ResolvedAction) -> ActionOutcome:
        """Check whether it was carried out, and whether what is deleted after it is gone."""
        if not cleanup_of(action.definition, action.operation).on_success:
            return await self._effect.verify(action)
        done = await self._stored_outcome(action) or await self._effect.verify(action)
        if done.phase is not Phase.SUCCEEDED or not done.created:
            return done
        try:
            own = await self._own_objects(action)
        except ApiError as error:
            raise action_error(error, action_messages.canceled_unseen(action.target, error.message)) from error
        if not own:
            return _removed(done)
        message = bounded(action_messages.canceled_still_there(action.target))
        return done.model_copy(update={"phase": Phase.CANCELED, "message": message})

    async def _before_create(self, action: ResolvedAction, attempt: RunningAttempt) -> bool:
        """Delete the object that has the name, its prior state stored, unless it is the action's own.

        Returns whether there was one.
        """
        # A Replace does the same by itself, and for many Subscriptions each action in a cluster does it.
        if action.operation is Operation.REPLACE or is_per_cluster(action.definition):
            return False
        try:
            own = await self._own_objects(action)
        except ApiError as error:
            raise outcomes.failed_by(action, error) from error
        if own:
            return False
        deletion = TargetDeletion(self._cluster, action, PriorStateStore(self._revisions, action), attempt)
        return (await deletion.run(ObjectCreation(self._cluster, action).validate)).uid is not None

    async def _stored_outcome(self, action: ResolvedAction) -> ActionOutcome | None:
        """Return how the action ended in an earlier attempt, which may not have deleted its object."""
        if action.execution is None:
            return None
        name = record_name(action.execution, RecordKind.DONE, action.mark)
        revision = await self._revisions.read(action.execution, name)
        return None if revision is None else ActionOutcome.model_validate(revision.data)

    async def _after_success(
        self, action: ResolvedAction, done: ActionOutcome, attempt: RunningAttempt
    ) -> ActionOutcome:
        """Delete what an action that succeeded created itself."""
        if action.execution is not None:
            name, annotations = (
                record_name(action.execution, RecordKind.DONE, action.mark),
                {CREATED_BY_ANNOTATION: action.mark},
            )
            await self._revisions.create(action.execution, name, done.to_object(), annotations=annotations)
        attempt.final_check = None

        def failed(kind: FailureType, reason: str) -> ActionError:
            return ActionError(kind, action_messages.and_not_removed(done.message, reason), done)

        try:
            await self._delete(action, outcomes.recorded_objects(action, done), attempt, failed=failed)
        except ApiError as error:
            raise failed(error.failure, words_of(error, action.target)) from error
        return _removed(done)

    async def _after_failure(self, action: ResolvedAction, attempt: RunningAttempt, error: ActionError) -> ActionError:
        """Delete what the action created after its last attempt failed; return the failure with the result of that."""
        try:
            async with asyncio.timeout(_AFTER_FAILURE):
                if not (own := await self._own_objects(action)):
                    return error
                await self._delete(action, own, attempt, within=_AFTER_FAILURE_TEXT)
        except TimeoutError:
            message = action_messages.and_not_removed(error.message, attempt.timeout_error.message)
        except (ApiError, ActionError) as problem:
            message = action_messages.and_not_removed(error.message, problem.message)
        else:
            message = action_messages.and_removed(error.message)
        return replace(error, message=message)

    async def _own_objects(self, action: ResolvedAction) -> list[Deletion]:
        """Return what exists because of this very action. Raises ApiError or ActionError."""
        if is_per_cluster(action.definition):
            return await ClusterTargets(self._cluster, action).own_subscriptions()
        own = await ObjectCreation(self._cluster, action).own_metadata()
        return [] if own is None else [Deletion(target=action.target, uid=own["uid"])]

    async def _delete(
        self,
        action: ResolvedAction,
        objects: Sequence[Deletion],
        attempt: RunningAttempt,
        *,
        within: str | None = None,
        failed: Failed | None = None,
    ) -> None:
        """Delete objects in parallel. Raises ApiError or ActionError."""

        async def delete(deletion: Deletion) -> None:
            deleting = ObjectDeletion(self._cluster, deletion, action.actor, attempt, timeout=within, failed=failed)
            await deleting.run()

        await parallel(objects, delete)


def _removed(done: ActionOutcome) -> ActionOutcome:
    return done.model_copy(update={"message": bounded(action_messages.and_removed(done.message))})
