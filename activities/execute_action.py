"""Execute one action: resolve its definition and pass it to the effect of its type.

Source: docs/spec/drplanexecution.md, "What undoes an action" and "Cancel"; docs/spec/drworkflow.md.
"""

from collections.abc import Mapping
from dataclasses import replace

from temporalio import activity

from activities.attempt import RunningAttempt, run_attempt
from activities.effects.action import Effect, ResolvedAction
from activities.errors import ActionError, application_error
from activities.resolve_action import ActionResolver
from api.phases import ActionType, Phase
from api.reasons import Reason
from api.steps import ActionOutcome, ExecuteInput, FailureType
from kube.client import Cluster
from planning.messages import actions as action_messages
from planning.messages.text import bounded

EffectsByType = Mapping[ActionType, Effect]


class ExecuteActivities:
    """Activities for the actions of an Execute."""

    def __init__(self, cluster: Cluster, effects: EffectsByType) -> None:
        self._resolver = ActionResolver(cluster)
        self._effects = effects

    @activity.defn
    async def execute_action(self, request: ExecuteInput) -> ActionOutcome:
        """Read an action's definition and carry it out, unless an earlier attempt has done so."""
        attempt = RunningAttempt(request.step.attempts, request.errors, request.heartbeat)
        return await run_attempt(attempt, lambda: self.carry_out(request, attempt))

    @activity.defn
    async def verify_action(self, request: ExecuteInput) -> ActionOutcome:
        """Check, without changing anything, whether the action was carried out: Succeeded, else Canceled."""
        attempt = RunningAttempt(request.step.attempts)
        async with attempt.heartbeats():
            return await self.verify(request, attempt)

    async def carry_out(self, request: ExecuteInput, attempt: RunningAttempt) -> ActionOutcome:
        """Do what the step says, within an attempt that is running. Raises ActionError."""
        action = await self._resolver.resolve(request, attempt)
        return await self._effect(action).execute(action, attempt)

    async def verify(self, request: ExecuteInput, attempt: RunningAttempt) -> ActionOutcome:
        """Check whether the step was carried out. Raises ApplicationError if another check may succeed."""
        try:
            action = await self._resolver.resolve(request, attempt)
            return attempt.redact_outcome(await self._effect(action).verify(action))
        except ActionError as error:
            message = bounded(attempt.redact(error.message))
            if not error.type.repeatable:
                return ActionOutcome(phase=Phase.CANCELED, reason=Reason.OUTCOME_UNKNOWN, message=message)
            # Without its cause: Temporal would show that as well, and it may quote what is redacted here.
            raise application_error(replace(error, message=message), activity.info().attempt) from None

    def _effect(self, action: ResolvedAction) -> Effect:
        effect = self._effects.get(action.definition.type)
        if effect is None:
            raise ActionError(FailureType.UNSUPPORTED, action_messages.no_effect(action.definition.type))
        return effect
