"""A Subscription for each managed cluster in place of one for all of them, where a definition asks for that.

What is done for one cluster is done by the effect of any Subscription, under a mark that ends in the cluster's
name: so a later attempt, whatever the clusters are by then, finds what earlier ones made.
Source: docs/spec/drworkflow.md, "clusterExecutionMode".
"""

from activities.attempt.failures import ActionError
from activities.attempt.heartbeat import Pulse
from activities.concurrency import each
from activities.effects import outcomes
from activities.effects.cluster_targets import Roster
from activities.effects.clusters import Fleet, Member
from activities.effects.effect import Effect, Order
from activities.effects.hook_cleanup import CleaningEffect
from activities.effects.wait_ready import WaitingEffect
from api.phases import Operation, Phase
from api.steps import ActionOutcome, FailureType
from kube.client import Cluster
from kube.errors import ApiError, NotFoundError
from planning.definitions.action_types import is_per_cluster
from planning.messages import attempts as attempt_messages
from planning.messages import readiness as readiness_messages


class PerClusterEffect:
    """An effect on Subscriptions that has one for each cluster, where their definition asks for that."""

    def __init__(self, effect: Effect, cluster: Cluster) -> None:
        self._once = effect
        self._in_each = CleaningEffect(FleetEffect(effect, cluster), cluster)

    async def execute(self, order: Order, pulse: Pulse) -> ActionOutcome:
        """Carry the order out once, or in each cluster."""
        return await self._effect(order).execute(order, pulse)

    async def verify(self, order: Order) -> ActionOutcome:
        """Look whether it was carried out."""
        return await self._effect(order).verify(order)

    def _effect(self, order: Order) -> Effect:
        return self._in_each if is_per_cluster(order.action) else self._once


class FleetEffect:
    """An effect in each managed cluster that an order is about."""

    def __init__(self, effect: Effect, cluster: Cluster) -> None:
        self._effect = effect
        self._cluster = cluster
        self._found = WaitingEffect(FoundEffect(cluster), cluster)

    async def execute(self, order: Order, pulse: Pulse) -> ActionOutcome:
        """Carry the order out in every cluster, whatever becomes of the others."""
        fleet = await self._fleet(order)
        await fleet.run(self._carry_out, pulse)
        if fleet.failures:
            raise fleet.failure()
        return fleet.outcome(fleet.done())

    async def verify(self, order: Order) -> ActionOutcome:
        """Look whether it was carried out in every cluster."""
        fleet = await self._fleet(order)
        await each(fleet.members, lambda member: member.run(self._verify))
        if passing := next((error for error in fleet.problems if error.type.repeatable), None):
            raise passing
        return fleet.verified()

    async def _fleet(self, order: Order) -> Fleet:
        roster = Roster(self._cluster, order)
        return await (roster.of_present() if order.operation is Operation.DELETE else roster.of_targets())

    async def _carry_out(self, member: Member) -> ActionOutcome:
        """Do it for one cluster. A Subscription that is there already is taken as it is, and waited for as well."""
        if not member.cluster.id and member.order.operation is not Operation.DELETE:
            raise ActionError(FailureType.INVALID, readiness_messages.NO_CLUSTER_ID)
        try:
            return await self._effect.execute(member.order, member.pulse)
        except ActionError as error:
            if error.type is not FailureType.ALREADY_EXISTS or _makes_room(member.order):
                raise
            return await self._found.execute(member.order, member.pulse)

    async def _verify(self, member: Member) -> ActionOutcome:
        """Look at one cluster."""
        outcome = await self._effect.verify(member.order)
        ours = outcome.phase is Phase.SUCCEEDED or outcome.created or member.order.operation is Operation.DELETE
        return outcome if ours or _makes_room(member.order) else await self._found.verify(member.order)


class FoundEffect:
    """Takes an object as it is, whosever it is, and records that nothing was made."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def execute(self, order: Order, _: Pulse) -> ActionOutcome:
        """Find the object."""
        try:
            found = await self._cluster.metadata(order.subject, order.actor)
        except NotFoundError as error:
            raise outcomes.failed(
                order, FailureType.TRANSIENT, attempt_messages.changed_meanwhile(order.subject)
            ) from error
        except ApiError as error:
            raise outcomes.failed_by(order, error) from error
        return _taken(order, found["uid"])

    async def verify(self, order: Order) -> ActionOutcome:
        """Look whether there is one."""
        try:
            found = await self._cluster.metadata(order.subject, order.actor)
        except NotFoundError:
            return outcomes.canceled(attempt_messages.canceled_not_done(order.operation, order.subject))
        except ApiError as error:
            raise outcomes.failed_by(order, error) from error
        return _taken(order, found["uid"])


def _taken(order: Order, uid: str) -> ActionOutcome:
    return ActionOutcome(
        phase=Phase.SUCCEEDED,
        message=readiness_messages.existed(order.subject),
        operation=order.operation,
        created=False,
        outputs=order.outputs(uid),
    )


def _makes_room(order: Order) -> bool:
    """Tell whether what bears the name is removed first, so that nothing is ever taken as it is."""
    return bool(order.action.hook_cleanup and order.action.hook_cleanup.before_create)
