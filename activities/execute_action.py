"""Execute one action: resolve its definition and pass it to the effect of its type.

Source: docs/spec/drplanexecution.md, "What undoes an action" and "Cancel"; docs/spec/drworkflow.md.
"""

from collections.abc import Mapping

from temporalio import activity

from activities.attempt import RunningAttempt, run_attempt, run_check
from activities.authorize import Authorizer
from activities.effects.action import Effect, ResolvedAction
from activities.errors import ActionError
from activities.resolve_action import ActionResolver
from activities.store import SnapshotStore
from api.attempts import ActionOutcome, ExecuteInput
from api.failures import FailureType
from api.phases import ActionType
from kube.client import Cluster
from planning.messages import actions as action_messages

EffectsByType = Mapping[ActionType, Effect]


class ExecuteActivities:
    """Activities for the actions of an Execute."""

    def __init__(
        self,
        cluster: Cluster,
        effects: EffectsByType,
        authorizer: Authorizer,
        snapshots: SnapshotStore | None = None,
    ) -> None:
        self._resolver = ActionResolver(cluster, snapshots or SnapshotStore.of(cluster))
        self._effects = effects
        self._authorizer = authorizer

    @activity.defn
    async def execute_action(self, request: ExecuteInput) -> ActionOutcome:
        """Read an action's definition and carry it out, unless an earlier attempt has done so."""
        attempt = RunningAttempt(request.attempts, request.errors, request.heartbeat)
        return await run_attempt(
            attempt,
            lambda: self._authorizer.action(request, attempt),
            lambda authorized: self.carry_out(authorized, attempt),
        )

    @activity.defn
    async def verify_action(self, request: ExecuteInput) -> ActionOutcome:
        """Check, without changing anything, whether the action was carried out: Succeeded, else Canceled."""
        attempt = RunningAttempt(request.step.attempts)
        return await run_check(
            attempt,
            lambda: self._authorizer.action(request, attempt),
            lambda authorized: self.verify(authorized, attempt),
        )

    async def carry_out(self, request: ExecuteInput, attempt: RunningAttempt) -> ActionOutcome:
        """Do what an authorized step says, within an attempt that is running. Raises ActionError."""
        action = await self._resolver.resolve(request, attempt)
        return await self._effect(action).execute(action, attempt)

    async def verify(self, request: ExecuteInput, attempt: RunningAttempt) -> ActionOutcome:
        """Check whether an authorized step was carried out. Raises ActionError."""
        action = await self._resolver.resolve(request, attempt)
        return await self._effect(action).verify(action)

    def _effect(self, action: ResolvedAction) -> Effect:
        effect = self._effects.get(action.definition.type)
        if effect is None:
            raise ActionError(FailureType.UNSUPPORTED, action_messages.no_effect(action.definition.type))
        return effect
