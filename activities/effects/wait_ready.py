"""Wait until an object is ready, in an actor's name: read it, report what is missing, read it again.

Nothing is changed here, so an attempt that was killed while it waited simply starts over.
Source: docs/spec/drworkflow.md, "waitReady".
"""

import asyncio
from collections.abc import Sequence

from activities.attempt import RunningAttempt
from activities.effects import outcomes
from activities.effects.action import Effect, ResolvedAction
from activities.errors import ActionError, action_error
from api.phases import Operation, Phase
from api.steps import ActionOutcome, Actor, FailureType, Target
from kube.client import Cluster, Object
from kube.concurrency import parallel
from kube.errors import ApiError, KindGoneError, NotFoundError
from planning.definitions.action_types import CLUSTERNET
from planning.effects.readiness import Readiness, ReadinessState, never, not_yet, readiness
from planning.effects.subscription import (
    SUBSCRIPTION_UID_LABEL,
    bound_clusters,
    distribution,
    is_subscription,
    namespace_of,
)
from planning.messages import effects as effect_messages
from planning.messages.text import bounded

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 3.0
"""Seconds between two reads of an object that is not ready yet."""


class WaitReadyEffect:
    """An effect that has ended only once its object is ready, if the definition asks for that."""

    def __init__(self, effect: Effect, cluster: Cluster) -> None:
        self._effect = effect
        self._cluster = cluster

    async def execute(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Carry the action out, or find it carried out, and wait for its object."""
        outcome = await self._effect.execute(action, attempt)
        return await _ReadyWait(self._cluster, action, outcome).run(attempt) if _waits(action) else outcome

    async def verify(self, action: ResolvedAction) -> ActionOutcome:
        """Check whether it was carried out, and whether its object is ready."""
        outcome = await self._effect.verify(action)
        if outcome.phase is not Phase.SUCCEEDED or not _waits(action):
            return outcome
        return await _ReadyWait(self._cluster, action, outcome).verify()


def _waits(action: ResolvedAction) -> bool:
    return action.definition.wait_ready and action.operation is not Operation.DELETE


class _ReadyWait:
    """The wait for the object of an action that was carried out. Methods raise ActionError."""

    def __init__(self, cluster: Cluster, action: ResolvedAction, done: ActionOutcome) -> None:
        self._cluster = cluster
        self._action = action
        self._done = done
        self._uid = outcomes.uid_of(action, done)

    async def run(self, attempt: RunningAttempt) -> ActionOutcome:
        """Return once the object is ready; an API server that is unavailable for a while is waited for as well."""
        self._report(attempt, effect_messages.NOT_LOOKED_AT)
        attempt.final_check = self._final_check
        pause = _FIRST_PAUSE
        while (found := await self._read_patiently()).state is ReadinessState.NOT_YET:
            self._report(attempt, found.reason)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        if found.state is ReadinessState.NEVER:
            raise self._failed(FailureType.NOT_READY, effect_messages.never_ready(self._done.message, found.reason))
        return self._ready()

    async def verify(self) -> ActionOutcome:
        """Check after a cancel: Succeeded if the object is ready, else Canceled, with what was created."""
        try:
            found = await self._read()
        except ApiError as error:
            raise self._not_seen(error) from error
        if found.state is ReadinessState.READY:
            return self._ready()
        message = bounded(effect_messages.canceled_not_ready(self._done.message, found.reason))
        return self._done.model_copy(update={"phase": Phase.CANCELED, "message": message})

    def _report(self, attempt: RunningAttempt, reason: str) -> None:
        late = effect_messages.not_ready_within(self._done.message, attempt.limits.timeout, reason)
        waiting = effect_messages.waiting(self._action.target, reason)
        attempt.wait_for(waiting, self._failed(FailureType.TIMED_OUT, late))

    async def _final_check(self) -> ActionOutcome | None:
        return self._ready() if (await self._read()).state is ReadinessState.READY else None

    async def _read_patiently(self) -> Readiness:
        try:
            return await self._read()
        except ApiError as error:
            if not error.repeatable:
                raise self._not_seen(error) from error
            return not_yet(effect_messages.unanswered(error.message))

    async def _read(self) -> Readiness:
        """Return whether the object with this uid is ready. Raises ApiError."""
        actor = self._action.actor
        try:
            found = await self._cluster.get(self._action.target, actor)
        except (NotFoundError, KindGoneError):
            return never(effect_messages.GONE)
        if found["metadata"]["uid"] != self._uid:
            return never(effect_messages.replaced_since(found["metadata"]["uid"]))
        if not is_subscription(found):
            return readiness(found)
        clusters = bound_clusters(found)
        return distribution(found, await _descriptions(self._cluster, self._uid, clusters, actor))

    def _ready(self) -> ActionOutcome:
        return self._done.model_copy(update={"message": bounded(effect_messages.and_ready(self._done.message))})

    def _not_seen(self, error: ApiError) -> ActionError:
        return action_error(error, effect_messages.not_seen(self._done.message, error.message), self._done)

    def _failed(self, kind: FailureType, message: str) -> ActionError:
        return ActionError(kind, message, self._done)


async def _descriptions(cluster: Cluster, uid: str, clusters: Sequence[str], actor: Actor) -> dict[str, list[Object]]:
    """Read what Clusternet prepared for a Subscription in each of some clusters. Raises ApiError."""

    async def of(name: str) -> list[Object]:
        if (namespace := namespace_of(name)) is None:
            return []
        kind = Target(api_version=CLUSTERNET, kind="Description", name="", namespace=namespace)
        pages = cluster.pages(kind, f"{SUBSCRIPTION_UID_LABEL}={uid}", actor)
        return [item async for page in pages for item in page.items]

    return dict(zip(clusters, await parallel(clusters, of), strict=True))
