"""The effect of a Job action: a Job created once, and its end.

A Job with a time to live may be gone before anybody has seen how it ended, and a repeat must not run it anew. So
when it was first asked for is kept beside the execution. Source: docs/spec/drworkflow.md, "Job"; Kubernetes,
"Automatic Cleanup for Finished Jobs".
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from activities.attempt.failures import EMPTY_RECORD, ActionError, action_error
from activities.attempt.heartbeat import Pulse
from activities.effects import outcomes
from activities.effects.create import Creation
from activities.effects.effect import Order
from activities.effects.objects import ObjectEffect
from activities.store.controller_revisions import Record, Revisions
from api.phases import Operation, Phase
from api.steps import ActionOutcome, ActionRecord, FailureType, Target
from kube.client import Cluster, Object
from kube.errors import ApiError, NotFoundError
from planning.effects import jobs
from planning.effects.jobs import Ending
from planning.messages import attempts as attempt_messages
from planning.messages.actions import bounded

_FIRST_PAUSE = 0.2
"""Seconds between the first two looks at a Job that goes on."""
_MOST_PODS = 200
"""Pods among which the one that failed last is looked for."""


class JobEffect:
    """Effect of the type Job."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._revisions = Revisions(cluster)
        self._objects = ObjectEffect(cluster)

    async def execute(self, order: Order, pulse: Pulse) -> ActionOutcome:
        """Create the Job, or find it created by an earlier attempt, and wait for its end."""
        if order.operation is Operation.DELETE:
            return await self._objects.execute(order, pulse)
        uid = pulse.said.made or await Start(self._cluster, self._revisions, order, pulse).run()
        pulse.say(made=uid)
        return await Run(self._cluster, order, uid).end(pulse)

    async def verify(self, order: Order) -> ActionOutcome:
        """Look whether the Job has completed; one that goes on is left to itself, and recorded."""
        if order.operation is Operation.DELETE:
            return await self._objects.verify(order)
        try:
            ours = await Creation(self._cluster, order).ours()
            if ours is None:
                return outcomes.canceled(attempt_messages.canceled_not_done(order.operation, order.subject))
            return await Run(self._cluster, order, ours["uid"]).stands()
        except ApiError as error:
            raise action_error(error, attempt_messages.canceled_unseen(order.subject, error.message)) from error


class Start:
    """The creation of an order's Job, which happens once. Methods raise ActionError."""

    def __init__(self, cluster: Cluster, revisions: Revisions, order: Order, pulse: Pulse) -> None:
        self._creation = Creation(cluster, order)
        self._revisions = revisions
        self._order = order
        self._pulse = pulse

    async def run(self) -> str:
        """Create the Job, or find the one that an earlier attempt created; give its uid."""
        self._pulse.wait_for("", outcomes.late_creation(self._order))
        asked = await self._asked()
        try:
            metadata = await self._creation.create()
        except ActionError as error:
            if asked is not None and error.record.outputs is None:
                await self._forget(asked)
            raise
        return str(metadata["uid"])

    async def _asked(self) -> Record | None:
        """Keep when the Job was first asked for, where it matters; refuse to ask anew for one that may have gone."""
        order, lives = self._order, jobs.time_to_live(self._order.content)
        if order.execution is None or lives is None:
            return None
        now, name = datetime.now(UTC), jobs.record_name(order.execution, order.mark)
        before = await self._revisions.record(order.execution.namespace, name)
        if before is None:
            return await self._revisions.keep_record(order.execution, name, jobs.record(now))
        if jobs.may_have_gone(before.data, lives, now) and await self._absent():
            raise _gone(order)
        return before

    async def _absent(self) -> bool:
        try:
            return await self._creation.present() is None
        except ApiError as error:
            raise outcomes.failed_by(self._order, error) from error

    async def _forget(self, asked: Record) -> None:
        """Take the record back of a Job that was surely not created; where that fails, the next attempt is careful."""
        if self._order.execution is not None:
            with suppress(ActionError):
                await self._revisions.forget(self._order.execution.namespace, asked)


class Run:
    """A Job that was created. Methods raise ActionError, unless they say otherwise."""

    def __init__(self, cluster: Cluster, order: Order, uid: str) -> None:
        self._cluster = cluster
        self._order = order
        self._target = order.subject
        self._uid = uid

    async def end(self, pulse: Pulse) -> ActionOutcome:
        """Wait until the Job has ended, and give its outcome."""
        self._tell(pulse, attempt_messages.JOB_NOT_LOOKED_AT)
        pulse.last_look = self._last_look
        pause, longest = _FIRST_PAUSE, jobs.longest_pause(self._order.content)
        while (outcome := await self._looked(pulse)) is None:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, longest)
        return outcome

    async def stands(self) -> ActionOutcome:
        """Say after a cancel how the Job stands. Raises ApiError."""
        job = await self._job()
        if job is None:
            return self._outcome(Phase.CANCELED, attempt_messages.canceled_job(attempt_messages.job_gone(self._target)))
        ending = jobs.ending(job)
        if ending is Ending.COMPLETE:
            return self._outcome(Phase.SUCCEEDED, attempt_messages.job_completed(self._target))
        if ending is Ending.FAILED:
            reason = jobs.failure(job, await self._pods(job))
            return self._outcome(
                Phase.CANCELED, attempt_messages.canceled_job(attempt_messages.job_failed(self._target, reason))
            )
        going_on = attempt_messages.job_unfinished_at_cancel(self._target, jobs.progress(job))
        return self._outcome(Phase.CANCELED, attempt_messages.canceled_job(going_on))

    async def _looked(self, pulse: Pulse) -> ActionOutcome | None:
        """Look once; None while the Job goes on. An API server that is away for a while is waited for as well."""
        try:
            job = await self._job()
        except ApiError as error:
            self._unseen(error, pulse)
            return None
        if job is None:
            raise _gone(self._order, self._record)
        ending = jobs.ending(job)
        if ending is Ending.COMPLETE:
            return self._outcome(Phase.SUCCEEDED, attempt_messages.job_completed(self._target))
        if ending is Ending.FAILED:
            raise await self._failed(job)
        self._tell(pulse, jobs.progress(job))
        return None

    async def _last_look(self) -> ActionOutcome | None:
        job = await self._job()
        done = job is not None and jobs.ending(job) is Ending.COMPLETE
        return self._outcome(Phase.SUCCEEDED, attempt_messages.job_completed(self._target)) if done else None

    async def _job(self) -> Object | None:
        """Read the very Job that was created; None where it is gone. Raises ApiError."""
        try:
            found = await self._cluster.get(self._target, self._order.actor)
        except NotFoundError:
            return None
        return found if found["metadata"]["uid"] == self._uid else None

    async def _failed(self, job: Object) -> ActionError:
        reason = jobs.failure(job, await self._pods(job))
        return ActionError(FailureType.JOB_FAILED, attempt_messages.job_failed(self._target, reason), self._record)

    async def _pods(self, job: Object) -> list[Object]:
        """Read the Job's pods; none where the actor may not, for a reason is then missing and nothing else."""
        found: list[Object] = []
        selector = jobs.pod_selector(job)
        kind = Target(api_version="v1", kind="Pod", name="", namespace=self._target.namespace)
        with suppress(ApiError):
            async for page in self._cluster.pages(kind, selector, self._order.actor):
                found += page.items
                if len(found) >= _MOST_PODS:
                    break
        return found if selector else []

    def _tell(self, pulse: Pulse, progress: str) -> None:
        late = attempt_messages.job_unfinished(self._target, self._order.attempts.timeout, progress)
        pulse.wait_for(attempt_messages.waiting_for_job(self._target, progress), self._late(late))

    def _unseen(self, error: ApiError, pulse: Pulse) -> None:
        if not error.repeatable:
            message = attempt_messages.job_not_to_be_seen(self._target, error.message)
            raise action_error(error, message, self._record) from error
        late = attempt_messages.job_unseen(self._target, self._order.attempts.timeout, error.message)
        pulse.wait_for(attempt_messages.waiting_for_server(error.message), self._late(late))

    def _late(self, message: str) -> ActionError:
        return ActionError(FailureType.TIMED_OUT, message, self._record)

    @property
    def _record(self) -> ActionRecord:
        return ActionRecord(operation=self._order.operation, created=True, outputs=self._order.outputs(self._uid))

    def _outcome(self, phase: Phase, message: str) -> ActionOutcome:
        return ActionOutcome(phase=phase, message=bounded(message), **self._record.record_fields())


def _gone(order: Order, record: ActionRecord = EMPTY_RECORD) -> ActionError:
    return ActionError(FailureType.OUTCOME_UNKNOWN, attempt_messages.job_gone(order.subject), record)
