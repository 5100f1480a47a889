"""Wait until an object is ready, in an actor's name: read it, report what is missing, read it again.

Nothing is changed here, so an attempt that was killed while it waited simply starts over.
Source: docs/spec/drworkflow.md, "waitReady".
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from activities.attempt import RunningAttempt
from activities.effects import outcomes
from activities.effects.action import Effect, ResolvedAction
from activities.effects.obstacles import ReadinessObstacles
from activities.errors import ActionError, action_error
from api.attempts import ActionOutcome
from api.failures import FailureType
from api.objects import Actor, Target
from api.phases import Operation, Phase
from api.reasons import Reason
from kube.client import Cluster, Object
from kube.concurrency import parallel
from kube.errors import ApiError, KindGoneError, NotFoundError
from planning.definitions.action_types import CLUSTERNET
from planning.effects.readiness import (
    NO_WAIT,
    Readiness,
    ReadinessState,
    StatusWait,
    never,
    not_yet,
    readiness,
)
from planning.effects.subscription import (
    SUBSCRIPTION_UID_LABEL,
    bound_clusters,
    distribution,
    is_subscription,
    namespace_of,
)
from planning.messages import readiness as readiness_messages
from planning.messages.text import bounded

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 3.0
"""Seconds between two reads of an object that is not ready yet."""
_STATUS_PATIENCE = 30.0
"""Seconds for which a controller's first status is waited for, or half of the action's timeout if that is shorter."""


class WaitReadyEffect:
    """An effect that has ended only once its object is ready, if the definition asks for that."""

    def __init__(self, effect: Effect, cluster: Cluster) -> None:
        self._effect = effect
        self._cluster = cluster

    async def execute(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Carry the action out, or find it carried out, and wait for its object."""
        outcome = await self._effect.execute(action, attempt)
        return await _ReadyWait(self._cluster, action, outcome).run(attempt) if _waits(action) else outcome

    async def preview(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Ask what would be carried out; whether its object becomes ready, nobody knows."""
        return await self._effect.preview(action, attempt)

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
        self._obstacles = ReadinessObstacles(cluster, action.actor)
        self._wait = StatusWait(_STATUS_PATIENCE, over=False)

    async def run(self, attempt: RunningAttempt) -> ActionOutcome:
        """Return once the object is ready; an API server that is unavailable for a while is waited for as well."""
        self._report(attempt, not_yet(readiness_messages.NOT_LOOKED_AT))
        attempt.final_check = self._final_check
        now = asyncio.get_running_loop().time
        patience = min(_STATUS_PATIENCE, attempt.time_limit.total_seconds() / 2)
        self._wait, deadline, pause = StatusWait(patience, over=False), now() + patience, _FIRST_PAUSE
        while (found := await self._read_patiently()).state is ReadinessState.NOT_YET:
            self._report(attempt, found)
            left = deadline - now()
            await asyncio.sleep(min(pause, left) if left > 0 else pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            self._wait = replace(self._wait, over=now() >= deadline)
        if found.state is ReadinessState.NEVER:
            message = readiness_messages.never_ready(self._done.message, found.reason)
            raise ActionError(FailureType.NOT_READY, message, self._done)
        return self._ended(found)

    async def verify(self) -> ActionOutcome:
        """Check after a cancel: Succeeded if the object is ready, else Canceled, with what was created."""
        try:
            found = await self._read()
        except ApiError as error:
            raise self._not_seen(error) from error
        if found.ends_waiting:
            return self._ended(found)
        message = bounded(readiness_messages.canceled_not_ready(self._done.message, found.reason))
        return self._done.model_copy(update={"phase": Phase.CANCELED, "message": message})

    def _report(self, attempt: RunningAttempt, found: Readiness) -> None:
        late = readiness_messages.not_ready_within(self._done.message, attempt.limits.timeout, found.reason)
        waiting = readiness_messages.waiting(self._action.target, found.reason)
        attempt.wait_for(waiting, ActionError(FailureType.TIMED_OUT, late, self._done, reason=found.why))

    async def _final_check(self) -> ActionOutcome | None:
        self._wait = replace(self._wait, over=True)
        found = await self._read()
        return self._ended(found) if found.ends_waiting else None

    async def _read_patiently(self) -> Readiness:
        try:
            return await self._read()
        except ApiError as error:
            if not error.repeatable:
                raise self._not_seen(error) from error
            return not_yet(readiness_messages.unanswered(error.message))

    async def _read(self) -> Readiness:
        """Return whether the object with this uid is ready, with what keeps it if it is not. Raises ApiError."""
        actor = self._action.actor
        try:
            found = await self._cluster.get(self._action.target, actor)
        except (NotFoundError, KindGoneError):
            return never(readiness_messages.GONE)
        if found["metadata"]["uid"] != self._uid:
            return never(readiness_messages.replaced_since(found["metadata"]["uid"]))
        if is_subscription(found):
            clusters = bound_clusters(found)
            descriptions = await _descriptions(self._cluster, self._uid, clusters, actor)
            # In a thread: they contain every object that goes to a cluster.
            return await asyncio.to_thread(distribution, found, descriptions)
        has_status = await self._cluster.has_status(self._action.target)
        result = readiness(found, self._wait if has_status else NO_WAIT)
        if result.ends_waiting:
            return result
        reason = readiness_messages.with_cause(result.reason, await self._obstacles.of(found))
        return replace(result, reason=reason)

    def _ended(self, found: Readiness) -> ActionOutcome:
        """Return the outcome when there is nothing more to wait for."""
        done = self._done.message
        if found.state is ReadinessState.READY:
            return self._done.model_copy(update={"message": bounded(readiness_messages.and_ready(done))})
        message = bounded(readiness_messages.and_not_known(done, found.reason))
        return self._done.model_copy(update={"message": message, "reason": Reason.READINESS_UNKNOWN})

    def _not_seen(self, error: ApiError) -> ActionError:
        return action_error(error, readiness_messages.not_seen(self._done.message, error.message), self._done)


async def _descriptions(cluster: Cluster, uid: str, clusters: Sequence[str], actor: Actor) -> dict[str, list[Object]]:
    """Read what Clusternet prepared for a Subscription in each of some clusters. Raises ApiError."""

    async def of(name: str) -> list[Object]:
        if (namespace := namespace_of(name)) is None:
            return []
        kind = Target(api_version=CLUSTERNET, kind="Description", name="", namespace=namespace)
        pages = cluster.pages(kind, f"{SUBSCRIPTION_UID_LABEL}={uid}", actor)
        return [item async for page in pages for item in page.items]

    return dict(zip(clusters, await parallel(clusters, of), strict=True))
