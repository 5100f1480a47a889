"""One action in many clusters in parallel: the action of each of them, and how all of them together end.

The action in one cluster is one like any other, with a mark of its own, and its effect knows nothing of the other
clusters. Source: docs/spec/drworkflow.md, "clusterExecutionMode".
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from activities.attempt import RunningAttempt
from activities.effects.action import ResolvedAction
from activities.errors import ActionError
from api.attempts import ActionOutcome, ActionRecord
from api.failures import FailureType
from api.meta import ObjectReference
from api.nodes import ActionOutputs, ClusterActionStatus
from api.phases import Operation, Phase
from api.steps import Attempts
from kube.concurrency import parallel
from kube.errors import ApiError
from planning.definitions.action_types import row_of
from planning.effects.per_cluster import ManagedCluster, within_bound
from planning.messages import actions as action_messages
from planning.messages import effects as effect_messages
from planning.messages import preview as preview_messages
from planning.messages import readiness as readiness_messages
from planning.messages.text import bounded

CLUSTERS_AT_ONCE = 50
"""Source: docs/spec/drworkflow.md, "clusterExecutionMode"."""
_REPORT_INTERVAL = 0.5
"""Seconds between two reports of what all clusters wait for."""


class ClusterAttempt(RunningAttempt):
    """The attempt in one cluster. The attempt at the whole action sends the heartbeats for all of them."""

    def __init__(self, limits: Attempts) -> None:
        super().__init__(limits, part=True)
        # While it waits for its turn.
        message = effect_messages.child_not_begun(limits.timeout)
        self.timeout_error = ActionError(FailureType.TIMED_OUT, message)

    def send_heartbeat(self) -> None:
        """Leave it to the attempt at the whole action."""


@dataclass
class ClusterRun:
    """The action in one cluster, and its progress."""

    cluster: ManagedCluster
    action: ResolvedAction
    known: ObjectReference | None = None
    """What an earlier attempt created for it."""
    begun: datetime | None = None
    ended: datetime | None = None
    outcome: ActionOutcome | None = None
    error: ActionError | None = None
    attempt: RunningAttempt = field(init=False)

    def __post_init__(self) -> None:
        self.attempt = ClusterAttempt(self.action.attempts)

    async def run(self, work: "Work") -> None:
        """Do the work, and record how it ended."""
        self.begun = _now()
        try:
            self.outcome = await work(self)
        except ActionError as error:
            self.error = error
        self.ended = _now()

    async def final_check(self) -> None:
        """Check once, after the time has run out, whether the action was done after all."""
        if self.ended is None and self.attempt.final_check is not None:
            with suppress(ApiError):
                self.outcome = await self.attempt.final_check()

    @property
    def problem(self) -> ActionError | None:
        """How it failed, or would fail now; None if it succeeded."""
        return None if self.outcome is not None else self.error or self.attempt.timeout_error

    @property
    def reference(self) -> ObjectReference | None:
        """The object that it created, may have created, or deleted; None if it only found one."""
        record = self.outcome or (self.problem.record if self.problem else None)
        if record is None or record.outputs is None:
            return self.known
        found_only = record.created is False and record.operation is not Operation.DELETE
        recorded: ObjectReference | None = getattr(record.outputs, row_of(self.action.definition).outputs[0])
        return None if found_only else recorded

    def status(self) -> ClusterActionStatus:
        """Return how it ended, or would end now."""
        phase, message = Phase.FAILED, self.problem.message if self.problem else ""
        if self.outcome is not None:
            message = self.outcome.message
            phase = Phase.SUCCEEDED if self.outcome.phase is Phase.SUCCEEDED else Phase.FAILED
        return _status(self.cluster, phase, message, self.begun, self.ended or (_now() if self.begun else None))


Work = Callable[[ClusterRun], Awaitable[ActionOutcome]]
"""What is done in each cluster. Raises ActionError."""


@dataclass
class FormerTarget:
    """A cluster that is no longer selected, and what an earlier attempt created for it."""

    cluster: ManagedCluster
    reference: ObjectReference
    message: str


@dataclass
class ClusterRuns:
    """One action in all its clusters."""

    action: ResolvedAction
    operation: Operation
    """What is done in each of them, whatever the definition names."""
    members: Sequence[ClusterRun]
    former: Sequence[FormerTarget]

    async def run(self, work: Work, attempt: RunningAttempt) -> None:
        """Do the same in every cluster, and return when all have ended, by success or failure."""
        attempt.final_check = partial(self._final_check, attempt)
        self._report(attempt)

        async def keep_reporting() -> None:
            while True:
                await asyncio.sleep(_REPORT_INTERVAL)
                self._report(attempt)

        reporting = asyncio.create_task(keep_reporting())
        try:
            await parallel(self.members, lambda member: member.run(work), CLUSTERS_AT_ONCE)
        finally:
            reporting.cancel()
            await asyncio.wait({reporting})

    @property
    def failures(self) -> list[ClusterRun]:
        """The clusters in which it failed, or would fail now."""
        return [member for member in self.members if member.problem is not None]

    @property
    def problems(self) -> list[ActionError]:
        """How it failed in each of them."""
        return [member.problem for member in self.members if member.problem is not None]

    def statuses(self) -> list[ClusterActionStatus]:
        """Return the status of every cluster, sorted by name."""
        statuses = [member.status() for member in self.members]
        statuses += [_status(each.cluster, Phase.SKIPPED, each.message) for each in self.former]
        return within_bound(sorted(statuses, key=lambda status: status.cluster))

    def record(self) -> ActionRecord:
        """Return what was done, however the action ends."""
        references = [member.reference for member in self.members] + [each.reference for each in self.former]
        recorded = sorted((each for each in references if each is not None), key=lambda each: each.name or "")
        created = self.operation is not Operation.DELETE and bool(recorded)
        # Without any uid it is not even known whether something was created.
        known = not created or any(each.uid for each in recorded)
        return ActionRecord(
            operation=self.operation,
            created=created if known else None,
            outputs=ActionOutputs(subscription_refs=recorded) if recorded else None,
            cluster_statuses=self.statuses(),
        )

    def outcome(self, message: str, phase: Phase = Phase.SUCCEEDED) -> ActionOutcome:
        """Return how the action ended."""
        return ActionOutcome(phase=phase, message=bounded(message), **self.record().record_fields())

    def failure(self) -> ActionError:
        """Return the failure of the action: a repeat helps only if it does so in every cluster that failed."""
        problems = self.problems
        decisive = next((each for each in problems if not each.type.repeatable), problems[0])
        reasons = [
            readiness_messages.in_cluster(each.cluster.binding, each.status().message or "") for each in self.failures
        ]
        reason = effect_messages.failed_in_clusters(reasons, len(self.members))
        words = preview_messages.would_fail_to if self.action.preview else action_messages.failed_to
        message = words(self.action.operation, self.action.target.kind, reason)
        retry_after = max((each.retry_after for each in problems if each.retry_after is not None), default=None)
        return ActionError(decisive.type, message, self.record(), retry_after, decisive.reason)

    def done(self) -> str:
        """Return the message that it is done in all clusters."""
        if self.action.preview:
            return preview_messages.in_clusters(
                preview_messages.would(self.operation, self.action.target), len(self.members)
            )
        if self.operation is Operation.DELETE:
            return effect_messages.deleted_in_clusters(self.action.target, len(self.members))
        created = [member for member in self.members if member.outcome and member.outcome.created]
        return effect_messages.done_in_clusters(self.action.target, len(created), len(self.members) - len(created))

    def verified(self) -> ActionOutcome:
        """Return what a check after a cancel found."""
        done = [each for each in self.members if each.outcome and each.outcome.phase is Phase.SUCCEEDED]
        if len(done) == len(self.members):
            return self.outcome(self.done())
        text = effect_messages.canceled_in_clusters(self.action.target, len(done), len(self.members))
        return self.outcome(text, Phase.CANCELED)

    def _report(self, attempt: RunningAttempt) -> None:
        """Report what is waited for, and how the action ends if the time runs out now."""
        if not self.failures:
            return
        waiting = [member for member in self.members if member.ended is None]
        reasons = [
            readiness_messages.in_cluster(each.cluster.binding, each.attempt.heartbeat.waiting_for)
            for each in waiting
            if each.begun
        ]
        target, total = self.action.target, len(self.members)
        text = effect_messages.waiting_in_clusters(target, reasons, len(waiting), total) if waiting else ""
        attempt.wait_for(text, self.failure())

    async def _final_check(self, attempt: RunningAttempt) -> ActionOutcome | None:
        """Check every cluster that has not ended; what was seen is in the failure, too."""
        await parallel(self.members, ClusterRun.final_check)
        self._report(attempt)
        return None if self.failures else self.outcome(self.done())


def _status(
    cluster: ManagedCluster, phase: Phase, message: str, begun: datetime | None = None, ended: datetime | None = None
) -> ClusterActionStatus:
    """Return the status of one cluster; the id of one without an id is its name, as in the older controller."""
    return ClusterActionStatus(
        cluster=cluster.binding,
        cluster_id=cluster.id or cluster.binding,
        phase=phase,
        message=message,
        start_time=begun,
        completion_time=ended,
    )


def _now() -> datetime:
    """Return the time in whole seconds, as objects store it."""
    return datetime.now(UTC).replace(microsecond=0)
