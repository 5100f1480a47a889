"""One action in many clusters, side by side: an order for each of them, and how all of them go.

Each cluster's order is one like any other, with a mark of its own; what carries it out knows nothing of the others.
Source: docs/spec/drworkflow.md, "clusterExecutionMode".
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from activities.attempt.failures import ActionError
from activities.attempt.heartbeat import Pulse
from activities.concurrency import each
from activities.effects.effect import Order
from api.execution import ActionOutputs, ClusterActionStatus
from api.meta import ObjectReference
from api.phases import Operation, Phase
from api.steps import ActionOutcome, ActionRecord, FailureType, Heartbeat
from kube.errors import ApiError
from planning.definitions.action_types import kind_of
from planning.effects.per_cluster import ManagedCluster, within_bound
from planning.messages import actions as action_messages
from planning.messages import readiness as readiness_messages

AT_ONCE = 50
"""Clusters at a time. Source: docs/spec/drworkflow.md, "clusterExecutionMode"."""
_TELL = 0.5
"""Seconds between two reports of what all of them wait for."""


class ClusterPulse(Pulse):
    """What the attempt in one cluster tells; the action's own pulse beats for all of them."""

    def __init__(self, late: ActionError) -> None:
        super().__init__(late, found=Heartbeat())

    def beat(self) -> None:
        """Leave it to the action's own pulse."""


@dataclass
class Member:
    """One cluster: its order, and how far it is."""

    cluster: ManagedCluster
    order: Order
    known: ObjectReference | None = None
    """What an earlier attempt made for it."""
    begun: datetime | None = None
    ended: datetime | None = None
    outcome: ActionOutcome | None = None
    error: ActionError | None = None
    pulse: Pulse = field(init=False)

    def __post_init__(self) -> None:
        """Until it begins, it would fail by never having begun."""
        message = readiness_messages.child_not_begun(self.order.attempts.timeout)
        self.pulse = ClusterPulse(ActionError(FailureType.TIMED_OUT, message))

    async def run(self, work: "Work") -> None:
        """Carry the work to its end, and keep how it ended."""
        self.begun = _now()
        try:
            self.outcome = await work(self)
        except ActionError as error:
            self.error = error
        self.ended = _now()

    async def look_again(self) -> None:
        """Look once whether it was done all the same when the time ran out."""
        if self.ended is None and self.pulse.last_look is not None:
            with suppress(ApiError):
                self.outcome = await self.pulse.last_look()

    @property
    def problem(self) -> ActionError | None:
        """How it failed, or would fail now; None where it succeeded."""
        return None if self.outcome is not None else self.error or self.pulse.late

    @property
    def reference(self) -> ObjectReference | None:
        """The object that it made, may have made, or deleted; None where it only found one."""
        record = self.outcome or (self.problem.record if self.problem else None)
        if record is None or record.outputs is None:
            return self.known
        found_only = record.created is False and record.operation is not Operation.DELETE
        recorded: ObjectReference | None = getattr(record.outputs, kind_of(self.order.action).outputs[0])
        return None if found_only else recorded

    def status(self) -> ClusterActionStatus:
        """Give how it ended, or would end now."""
        if self.outcome is not None:
            succeeded = self.outcome.phase is Phase.SUCCEEDED
            return self._status(Phase.SUCCEEDED if succeeded else Phase.FAILED, self.outcome.message)
        return self._status(Phase.FAILED, self.problem.message if self.problem else "")

    def _status(self, phase: Phase, message: str) -> ClusterActionStatus:
        ended = self.ended or (_now() if self.begun else None)
        return status_of(self.cluster, phase, message, self.begun, ended)


Work = Callable[[Member], Awaitable[ActionOutcome]]
"""What is done in each cluster. Raises ActionError."""


@dataclass
class Left:
    """A cluster that is no target any more, and what an earlier attempt made for it."""

    cluster: ManagedCluster
    reference: ObjectReference
    message: str


@dataclass
class Fleet:
    """All clusters of one order."""

    order: Order
    operation: Operation
    """What is done in each of them, whatever the definition names."""
    members: Sequence[Member]
    left: Sequence[Left]

    async def run(self, work: Work, pulse: Pulse) -> None:
        """Do the same in every cluster, some at a time, and return when all have ended, whatever became of each."""
        pulse.last_look = partial(self._last_look, pulse)
        self._tell(pulse)
        reporting = asyncio.create_task(self._report(pulse))
        try:
            await self._side_by_side(work)
        finally:
            reporting.cancel()
            await asyncio.wait({reporting})

    @property
    def failures(self) -> list[Member]:
        """The clusters in which it failed, or would fail now."""
        return [member for member in self.members if member.problem is not None]

    @property
    def problems(self) -> list[ActionError]:
        """How it failed in each of them."""
        return [member.problem for member in self.members if member.problem is not None]

    def statuses(self) -> list[ClusterActionStatus]:
        """Give how it goes in every cluster, by name."""
        found = [member.status() for member in self.members]
        found += [status_of(each.cluster, Phase.SKIPPED, each.message) for each in self.left]
        return within_bound(sorted(found, key=lambda status: status.cluster))

    def outcome(self, message: str, phase: Phase = Phase.SUCCEEDED) -> ActionOutcome:
        """Give how the action ended."""
        return ActionOutcome(phase=phase, message=action_messages.bounded(message), **self.record().record_fields())

    def record(self) -> ActionRecord:
        """Give what is recorded of it, however it ends."""
        references = [member.reference for member in self.members] + [each.reference for each in self.left]
        made = sorted((each for each in references if each is not None), key=lambda each: each.name or "")
        created = self.operation is not Operation.DELETE and bool(made)
        # Without any uid it is not even known whether something was made.
        known = not created or any(each.uid for each in made)
        outputs = ActionOutputs(subscription_refs=made) if made else None
        return ActionRecord(
            operation=self.operation,
            created=created if known else None,
            outputs=outputs,
            cluster_statuses=self.statuses(),
        )

    def failure(self) -> ActionError:
        """Give the failure of the action: a repeat is of use only where it is so for every cluster that failed."""
        problems = self.problems
        decisive = next((each for each in problems if not each.type.repeatable), problems[0])
        said = [
            readiness_messages.in_cluster(each.cluster.binding, each.status().message or "") for each in self.failures
        ]
        reason = readiness_messages.failed_in_clusters(said, len(self.members))
        message = action_messages.failed_to(self.order.operation, self.order.subject.kind, reason)
        retry_after = max((each.retry_after for each in problems if each.retry_after is not None), default=None)
        return ActionError(decisive.type, message, self.record(), retry_after)

    async def _side_by_side(self, work: Work) -> None:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(member: Member) -> None:
            async with room:
                await member.run(work)

        tasks = [asyncio.create_task(one(member)) for member in self.members]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _report(self, pulse: Pulse) -> None:
        while True:
            await asyncio.sleep(_TELL)
            self._tell(pulse)

    def _tell(self, pulse: Pulse) -> None:
        """Say what is waited for, and how it would end if the time ran out now."""
        waiting = [member for member in self.members if member.ended is None]
        said = [
            readiness_messages.in_cluster(each.cluster.binding, each.pulse.said.waiting_for)
            for each in waiting
            if each.begun
        ]
        if not self.failures:
            return
        text = (
            readiness_messages.waiting_in_clusters(self.order.subject, said, len(waiting), len(self.members))
            if waiting
            else ""
        )
        pulse.wait_for(text, self.failure())

    async def _last_look(self, pulse: Pulse) -> ActionOutcome | None:
        """Look once more at every cluster that has not ended; what was seen stands in the failure, too."""
        await each(self.members, Member.look_again)
        self._tell(pulse)
        return None if self.failures else self.outcome(self.done())

    def done(self) -> str:
        """Say that it is done in all clusters."""
        if self.operation is Operation.DELETE:
            return readiness_messages.deleted_in_clusters(self.order.subject, len(self.members))
        created = [member for member in self.members if member.outcome and member.outcome.created]
        return readiness_messages.done_in_clusters(self.order.subject, len(created), len(self.members) - len(created))

    def verified(self) -> ActionOutcome:
        """Give what a look after a cancel found."""
        done = [each for each in self.members if each.outcome and each.outcome.phase is Phase.SUCCEEDED]
        if len(done) == len(self.members):
            return self.outcome(self.done())
        text = readiness_messages.canceled_in_clusters(self.order.subject, len(done), len(self.members))
        return self.outcome(text, Phase.CANCELED)


def status_of(
    cluster: ManagedCluster, phase: Phase, message: str, begun: datetime | None = None, ended: datetime | None = None
) -> ClusterActionStatus:
    """Give the status of one cluster; one without an id is known by its name, as the older controller has it."""
    return ClusterActionStatus(
        cluster=cluster.binding,
        cluster_id=cluster.id or cluster.binding,
        phase=phase,
        message=message,
        start_time=begun,
        completion_time=ended,
    )


def _now() -> datetime:
    """Give the time as objects hold it."""
    return datetime.now(UTC).replace(microsecond=0)
