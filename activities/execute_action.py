"""Carrying out an action of an Execute: its definition made ready, and handed to the effect of its type.

Source: docs/spec/drplanexecution.md, "What undoes an action" and "Cancel"; docs/spec/drworkflow.md.
"""

from collections.abc import Mapping
from dataclasses import replace

from temporalio import activity

from activities.attempt.attempt import discreet, run_attempt
from activities.attempt.failures import ActionError, application_error
from activities.attempt.heartbeat import Pulse
from activities.effects.effect import Effect, Order
from activities.effects.order import Orders
from api.phases import ActionType, Phase
from api.steps import ActionOutcome, ExecuteInput, FailureType
from kube.client import Cluster
from planning.messages import actions as action_messages
from planning.messages import attempts as attempt_messages

Effects = Mapping[ActionType, Effect]
"""What carries out each type of action."""


class Executions:
    """Activities of an Execute's actions."""

    def __init__(self, cluster: Cluster, effects: Effects) -> None:
        self._orders = Orders(cluster)
        self._effects = effects

    @activity.defn
    async def execute_action(self, given: ExecuteInput) -> ActionOutcome:
        """Read an action's definition and carry it out, or find it carried out by an earlier attempt."""
        pulse = Pulse(_not_begun(given), given.errors)
        return await run_attempt(given.step.attempts, pulse, lambda: self.carry_out(given, pulse))

    @activity.defn
    async def verify_action(self, given: ExecuteInput) -> ActionOutcome:
        """Tell, without touching anything, whether the action was carried out: Succeeded, else Canceled."""
        pulse = Pulse(_not_begun(given))
        async with pulse.beating():
            return await self.look(given, pulse)

    async def carry_out(self, given: ExecuteInput, pulse: Pulse) -> ActionOutcome:
        """Do what the step says within an attempt that runs already. Raises ActionError."""
        order = await self._orders.order(given, pulse)
        return await effect_of(self._effects, order).execute(order, pulse)

    async def look(self, given: ExecuteInput, pulse: Pulse) -> ActionOutcome:
        """Tell whether the step was carried out. Raises ApplicationError where another look may succeed."""
        try:
            order = await self._orders.order(given, pulse)
            return discreet(await effect_of(self._effects, order).verify(order), pulse)
        except ActionError as error:
            message = action_messages.bounded(pulse.hidden(error.message))
            if not error.type.repeatable:
                return ActionOutcome(phase=Phase.CANCELED, message=message)
            # Without its cause: Temporal would show that as well, and it may quote what is hidden here.
            raise application_error(replace(error, message=message), 0, 0, activity.info().attempt) from None


def effect_of(effects: Effects, order: Order) -> Effect:
    """Give what carries an order out. Raises ActionError where no effect is registered for its type."""
    effect = effects.get(order.action.type)
    if effect is None:
        raise ActionError(FailureType.UNSUPPORTED, attempt_messages.no_effect(order.action.type))
    return effect


def _not_begun(given: ExecuteInput) -> ActionError:
    return ActionError(FailureType.TIMED_OUT, attempt_messages.ran_out_of_time(given.step.attempts.timeout))
