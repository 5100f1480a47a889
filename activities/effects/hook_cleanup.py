"""Removing a hook's object around its action: what bears the name before, the action's own after it ended.

An attempt may be killed between success and removal: how the action ended is kept first, so that the next one
goes on with the removal and does not run the hook again. Source: docs/spec/drworkflow.md, "hookCleanup".
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from activities.attempt.failures import ActionError, action_error, failure_type
from activities.attempt.heartbeat import Pulse
from activities.concurrency import each
from activities.effects import outcomes
from activities.effects.cluster_targets import Roster
from activities.effects.create import Creation
from activities.effects.delete import Removal
from activities.effects.effect import Effect, Order
from activities.effects.make_room import Clearing
from activities.effects.prior_state import Past
from activities.store.controller_revisions import Revisions
from api.actions import HookCleanup
from api.meta import CREATED_BY_ANNOTATION
from api.phases import Operation, Phase
from api.steps import ActionOutcome, Deletion, FailureType
from kube.client import Cluster
from kube.errors import ApiError
from planning.definitions.action_types import is_per_cluster
from planning.definitions.identifiers import Kept, record_name
from planning.definitions.rollback import cleanup_of
from planning.messages import actions as action_messages
from planning.messages import attempts as attempt_messages

_AFTER_FAILURE = 15.0
"""Seconds; within the margin that start-to-close leaves above the action's own time."""
_WITHIN = "15s"
"""The same, for people."""

Failed = Callable[[FailureType, str], ActionError]
"""Makes a failure of a reason."""


class CleaningEffect:
    """An effect whose objects are removed around it, where their definition asks for that."""

    def __init__(self, effect: Effect, cluster: Cluster) -> None:
        self._effect = effect
        self._cluster = cluster
        self._revisions = Revisions(cluster)

    async def execute(self, order: Order, pulse: Pulse) -> ActionOutcome:
        """Carry the order out between what is removed before and what is removed after it."""
        asked = cleanup_of(order.action, order.operation)
        cleanup = Cleanup(self._cluster, self._revisions, order)
        done = await cleanup.done_before() if asked.on_success else None
        if done is None:
            done = await self._carry_out(order, pulse, asked, cleanup)
        return await cleanup.after_success(done, pulse) if asked.on_success else done

    async def verify(self, order: Order) -> ActionOutcome:
        """Look whether it was carried out, and whether what is to be removed after it is gone."""
        if not cleanup_of(order.action, order.operation).on_success:
            return await self._effect.verify(order)
        cleanup = Cleanup(self._cluster, self._revisions, order)
        done = await cleanup.done_before() or await self._effect.verify(order)
        return await cleanup.verified(done) if done.phase is Phase.SUCCEEDED else done

    async def _carry_out(self, order: Order, pulse: Pulse, asked: HookCleanup, cleanup: "Cleanup") -> ActionOutcome:
        if asked.on_failure:
            pulse.after_failure.append(partial(cleanup.after_failure, pulse))
        if asked.before_create:
            await cleanup.before_create(pulse)
        return await self._effect.execute(order, pulse)


class Cleanup:
    """What is removed around one order. Methods raise ActionError."""

    def __init__(self, cluster: Cluster, revisions: Revisions, order: Order) -> None:
        self._cluster = cluster
        self._revisions = revisions
        self._order = order

    async def before_create(self, pulse: Pulse) -> None:
        """Remove the object that bears the name, kept as before every change, unless it is the action's own."""
        # A Replace does the same by itself, and of many Subscriptions each makes its own room.
        if self._order.operation is Operation.REPLACE or is_per_cluster(self._order.action):
            return
        try:
            ours = await self._ours()
        except ApiError as error:
            raise outcomes.failed_by(self._order, error) from error
        if not ours:
            await Clearing(self._cluster, self._order, Past(self._revisions, self._order), pulse).run()

    async def done_before(self) -> ActionOutcome | None:
        """Give how the action ended by an earlier attempt, which may not have removed its object."""
        execution = self._order.execution
        if execution is None:
            return None
        record = await self._revisions.record(execution.namespace, record_name(execution, Kept.DONE, self._order.mark))
        return None if record is None else ActionOutcome.model_validate(record.data)

    async def after_success(self, done: ActionOutcome, pulse: Pulse) -> ActionOutcome:
        """Remove what an action that succeeded made itself."""
        if not done.created:
            return done
        await self._keep(done)
        pulse.last_look = None
        failed = partial(_not_removed, done)
        try:
            await self._remove(outcomes.made_by(self._order, done), pulse, self._order.attempts.timeout, failed)
        except ApiError as error:
            raise failed(failure_type(error), attempt_messages.naming(self._order.subject, error.message)) from error
        return _removed(done)

    async def after_failure(self, pulse: Pulse, error: ActionError) -> ActionError:
        """Remove what the action made after its last attempt failed; give the failure with what came of that."""
        try:
            async with asyncio.timeout(_AFTER_FAILURE):
                if not (ours := await self._ours()):
                    return error
                await self._remove(ours, pulse, _WITHIN)
        except TimeoutError:
            return _with_message(error, action_messages.and_not_removed(error.message, pulse.late.message))
        except (ApiError, ActionError) as problem:
            return _with_message(error, action_messages.and_not_removed(error.message, problem.message))
        return _with_message(error, action_messages.and_removed(error.message))

    async def verified(self, done: ActionOutcome) -> ActionOutcome:
        """Look whether what an action that succeeded made is gone; nothing is touched."""
        if not done.created:
            return done
        try:
            ours = await self._ours()
        except ApiError as error:
            raise action_error(error, attempt_messages.canceled_unseen(self._order.subject, error.message)) from error
        if not ours:
            return _removed(done)
        message = action_messages.bounded(attempt_messages.canceled_still_there(self._order.subject))
        return done.model_copy(update={"phase": Phase.CANCELED, "message": message})

    async def _keep(self, done: ActionOutcome) -> None:
        execution = self._order.execution
        if execution is not None:
            annotations = {CREATED_BY_ANNOTATION: self._order.mark}
            name = record_name(execution, Kept.DONE, self._order.mark)
            await self._revisions.keep_record(execution, name, done.to_object(), {}, annotations)

    async def _ours(self) -> list[Deletion]:
        """Give what is there because of this very action. Raises ApiError or ActionError."""
        if is_per_cluster(self._order.action):
            return await Roster(self._cluster, self._order).made()
        ours = await Creation(self._cluster, self._order).ours()
        return [] if ours is None else [Deletion(target=self._order.subject, uid=ours["uid"])]

    async def _remove(
        self, objects: Sequence[Deletion], pulse: Pulse, within: str, failed: Failed | None = None
    ) -> None:
        """Remove objects side by side. Raises ApiError or ActionError."""

        async def remove(deletion: Deletion) -> None:
            await Removal(self._cluster, deletion, self._order.actor, pulse, within, failed=failed).run()

        await each(objects, remove)


def _removed(done: ActionOutcome) -> ActionOutcome:
    return done.model_copy(update={"message": action_messages.bounded(action_messages.and_removed(done.message))})


def _not_removed(done: ActionOutcome, kind: FailureType, reason: str) -> ActionError:
    """Give the failure of an action that succeeded and whose object did not go."""
    message = action_messages.and_not_removed(done.message, reason)
    return ActionError(kind, message, done)


def _with_message(error: ActionError, message: str) -> ActionError:
    return replace(error, message=message)
