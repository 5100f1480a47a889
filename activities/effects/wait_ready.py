"""Waiting until an object is ready, in an actor's name: look, tell what is missing, look again.

Nothing is touched here, so an attempt that was killed while it waited is simply begun again.
Source: docs/spec/drworkflow.md, "waitReady".
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from activities.attempt.failures import ActionError, action_error
from activities.attempt.heartbeat import Pulse
from activities.concurrency import each
from activities.effects import outcomes
from activities.effects.effect import Effect, Order
from api.phases import Operation, Phase
from api.steps import ActionOutcome, Actor, FailureType, Target
from kube.client import Cluster, Object
from kube.errors import ApiError, NotFoundError
from planning.definitions.action_types import CLUSTERNET
from planning.effects.readiness import Readiness, Verdict, never, not_yet, readiness
from planning.effects.subscription import (
    SUBSCRIPTION_UID_LABEL,
    bound_clusters,
    distribution,
    is_subscription,
    namespace_of,
)
from planning.messages import readiness as readiness_messages
from planning.messages.actions import bounded

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 3.0
"""Seconds between two looks at what is not ready yet."""


class WaitingEffect:
    """An effect whose actions are done only once their object is ready, where their definition asks for that."""

    def __init__(self, effect: Effect, cluster: Cluster) -> None:
        self._effect = effect
        self._cluster = cluster

    async def execute(self, order: Order, pulse: Pulse) -> ActionOutcome:
        """Carry the order out, or find it carried out, and wait for its object."""
        outcome = await self._effect.execute(order, pulse)
        return await _Wait(self._cluster, order, outcome).run(pulse) if _waits(order) else outcome

    async def verify(self, order: Order) -> ActionOutcome:
        """Look whether it was carried out, and whether its object is ready."""
        outcome = await self._effect.verify(order)
        if outcome.phase is not Phase.SUCCEEDED or not _waits(order):
            return outcome
        return await _Wait(self._cluster, order, outcome).once()


class _Wait:
    """The wait for the object of an order that was carried out. Methods raise ActionError."""

    def __init__(self, cluster: Cluster, order: Order, done: ActionOutcome) -> None:
        self._cluster = cluster
        self._order = order
        self._done = done
        self._uid = outcomes.uid_of(order, done)

    async def run(self, pulse: Pulse) -> ActionOutcome:
        """Return once the object is ready; `pulse` says what is missing."""

        def tell(reason: str) -> None:
            late = readiness_messages.not_ready_within(self._done.message, self._order.attempts.timeout, reason)
            pulse.wait_for(
                readiness_messages.waiting(self._order.subject, reason), self._failed(FailureType.TIMED_OUT, late)
            )

        tell(readiness_messages.NOT_LOOKED_AT)
        pulse.last_look = self._last_look
        try:
            found = await until_decided(self._look, tell)
        except ApiError as error:
            raise action_error(
                error, readiness_messages.not_seen(self._done.message, error.message), self._done
            ) from error
        if found.verdict is Verdict.NEVER:
            raise self._failed(FailureType.NOT_READY, readiness_messages.never_ready(self._done.message, found.reason))
        return self._ready()

    async def once(self) -> ActionOutcome:
        """Look after a cancel: Succeeded where the object is ready, else Canceled, with what was made."""
        try:
            found = await self._look()
        except ApiError as error:
            raise action_error(
                error, readiness_messages.not_seen(self._done.message, error.message), self._done
            ) from error
        if found.verdict is Verdict.READY:
            return self._ready()
        message = bounded(readiness_messages.canceled_not_ready(self._done.message, found.reason))
        return self._done.model_copy(update={"phase": Phase.CANCELED, "message": message})

    async def _look(self) -> Readiness:
        return await look(self._cluster, self._order.subject, self._uid, self._order.actor)

    async def _last_look(self) -> ActionOutcome | None:
        return self._ready() if (await self._look()).verdict is Verdict.READY else None

    def _ready(self) -> ActionOutcome:
        return self._done.model_copy(update={"message": bounded(readiness_messages.and_ready(self._done.message))})

    def _failed(self, kind: FailureType, message: str) -> ActionError:
        return ActionError(kind, message, self._done)


def _waits(order: Order) -> bool:
    return order.action.wait_ready and order.operation is not Operation.DELETE


async def until_decided(ask: Callable[[], Awaitable[Readiness]], tell: Callable[[str], None]) -> Readiness:
    """Ask until the answer is for good, and tell what is missing meanwhile. Raises ApiError."""
    pause = FIRST_PAUSE
    while (found := await asked(ask)).verdict is Verdict.NOT_YET:
        tell(found.reason)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return found


async def asked(ask: Callable[[], Awaitable[Readiness]]) -> Readiness:
    """Ask once; an API server that is away for a while is waited for as well. Raises ApiError."""
    try:
        return await ask()
    except ApiError as error:
        if not error.repeatable:
            raise
        return not_yet(readiness_messages.unanswered(error.message))


async def look(cluster: Cluster, target: Target, uid: str, actor: Actor) -> Readiness:
    """Judge the object with this uid. Raises ApiError."""
    try:
        found = await cluster.get(target, actor)
    except NotFoundError:
        return never(readiness_messages.GONE)
    if found["metadata"]["uid"] != uid:
        return never(readiness_messages.replaced(found["metadata"]["uid"]))
    if not is_subscription(found):
        return readiness(found)
    return distribution(found, await _descriptions(cluster, uid, bound_clusters(found), actor))


async def _descriptions(cluster: Cluster, uid: str, clusters: Sequence[str], actor: Actor) -> dict[str, list[Object]]:
    """Read what Clusternet prepared for a Subscription in each of some clusters."""

    async def of(name: str) -> list[Object]:
        if (namespace := namespace_of(name)) is None:
            return []
        kind = Target(api_version=CLUSTERNET, kind="Description", name="", namespace=namespace)
        pages = cluster.pages(kind, f"{SUBSCRIPTION_UID_LABEL}={uid}", actor)
        return [item async for page in pages for item in page.items]

    return dict(zip(clusters, await each(clusters, of), strict=True))
