"""Carrying out an action of an Execute: its definition made ready, and handed to the effect of its type.

Source: docs/spec/drplanexecution.md, "What undoes an action" and "Cancel"; docs/spec/drworkflow.md.
"""

from collections.abc import Mapping

from temporalio import activity

from activities.attempt import run_attempt
from activities.cluster import Cluster
from activities.effects import Effect, Order
from activities.failures import ActionError, application_error
from activities.heartbeat import Pulse
from activities.orders import Orders
from api.phases import ActionType, Phase
from api.steps import ActionOutcome, ExecuteInput, FailureType
from planning import causes, messages

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
        return await run_attempt(given.step.attempts, pulse, lambda: self._execute(given, pulse))

    @activity.defn
    async def verify_action(self, given: ExecuteInput) -> ActionOutcome:
        """Tell, without touching anything, whether the action was carried out: Succeeded, else Canceled."""
        pulse = Pulse(_not_begun(given))
        async with pulse.beating():
            try:
                return await self._verify(given, pulse)
            except ActionError as error:
                if error.type.repeatable:
                    raise application_error(error, 0, 0, activity.info().attempt) from error
                return ActionOutcome(phase=Phase.CANCELED, message=messages.bounded(error.message))

    async def _execute(self, given: ExecuteInput, pulse: Pulse) -> ActionOutcome:
        order = await self._orders.order(given, pulse)
        return await effect_of(self._effects, order).execute(order, pulse)

    async def _verify(self, given: ExecuteInput, pulse: Pulse) -> ActionOutcome:
        order = await self._orders.order(given, pulse)
        return await effect_of(self._effects, order).verify(order)


def effect_of(effects: Effects, order: Order) -> Effect:
    """Give what carries an order out. Raises ActionError where no effect is registered for its type."""
    effect = effects.get(order.action.type)
    if effect is None:
        raise ActionError(FailureType.UNSUPPORTED, causes.no_effect(order.action.type))
    return effect


def _not_begun(given: ExecuteInput) -> ActionError:
    return ActionError(FailureType.TIMED_OUT, causes.ran_out_of_time(given.step.attempts.timeout))
