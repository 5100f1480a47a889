"""The effect of a Job action: a Job that is created once, and its end.

A Job with a time to live may be gone before anybody has seen how it ended, and a later attempt must not run it again.
So when it was first asked for is stored beside the execution. Source: docs/spec/drworkflow.md, "Job"; Kubernetes,
"Automatic Cleanup for Finished Jobs".
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from activities.attempt import RunningAttempt
from activities.effects import outcomes
from activities.effects.action import ResolvedAction
from activities.effects.create import ObjectCreation
from activities.effects.objects import ObjectEffect
from activities.effects.obstacles import ReadinessObstacles
from activities.errors import EMPTY_RECORD, ActionError, action_error
from activities.read import object_if_present
from activities.store import Revision, RevisionStore
from api.attempts import ActionOutcome, ActionRecord
from api.failures import FailureType
from api.phases import Operation, Phase
from kube.client import Cluster, Object
from kube.errors import ApiError
from planning.definitions.identifiers import RecordKind, record_name
from planning.effects import jobs
from planning.effects.jobs import JobResult
from planning.messages import actions as action_messages
from planning.messages import effects as effect_messages
from planning.messages import readiness as readiness_messages
from planning.messages.text import bounded

_FIRST_PAUSE = 0.2
"""Seconds between the first two reads of a Job that is running."""


class JobEffect:
    """Effect of the type Job."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._revisions = RevisionStore(cluster)
        self._objects = ObjectEffect(cluster)

    async def execute(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Create the Job, or find it created by an earlier attempt, and wait for its end."""
        if action.operation is Operation.DELETE:
            return await self._objects.execute(action, attempt)
        uid = attempt.heartbeat.job or await self._create(action, attempt)
        attempt.report(job=uid)
        return await _CreatedJob(self._cluster, action, uid).wait_for_end(attempt)

    async def preview(self, action: ResolvedAction, attempt: RunningAttempt) -> ActionOutcome:
        """Ask whether the Job would be created; how it would end, nobody knows."""
        if action.operation is Operation.DELETE:
            return await self._objects.preview(action, attempt)
        return outcomes.created(action, await ObjectCreation(self._cluster, action).create())

    async def verify(self, action: ResolvedAction) -> ActionOutcome:
        """Check whether the Job has completed; one that is running continues, and is recorded."""
        if action.operation is Operation.DELETE:
            return await self._objects.verify(action)
        try:
            own = await ObjectCreation(self._cluster, action).own_metadata()
            if own is None:
                return outcomes.canceled(action_messages.canceled_not_done(action.operation, action.target))
            return await _CreatedJob(self._cluster, action, own["uid"]).verify()
        except ApiError as error:
            raise action_error(error, action_messages.canceled_unseen(action.target, error.message)) from error

    async def _create(self, action: ResolvedAction, attempt: RunningAttempt) -> str:
        """Create the Job, or find the one that an earlier attempt created; return its uid."""
        attempt.wait_for("", outcomes.creation_timed_out(action))
        creation = ObjectCreation(self._cluster, action)
        asked = await self._store_request(action, creation)
        try:
            metadata = await creation.create()
        except ActionError as error:
            if asked is not None and action.execution is not None and error.record.outputs is None:
                # The Job was surely not created. If this fails, the next attempt is careful.
                name = record_name(action.execution, RecordKind.ASKED, action.mark)
                with suppress(ActionError):
                    await self._revisions.create(action.execution, name, jobs.WITHDRAWN, instead_of=asked)
            raise
        return str(metadata["uid"])

    async def _store_request(self, action: ResolvedAction, creation: ObjectCreation) -> Revision | None:
        """Store when the Job was first asked for, if that matters. Raises ActionError if it may have run and gone."""
        lives = jobs.time_to_live(action.body)
        if action.execution is None or lives is None:
            return None
        now, name = datetime.now(UTC), record_name(action.execution, RecordKind.ASKED, action.mark)
        before = await self._revisions.latest(action.execution, name)
        if before is None or before.data == jobs.WITHDRAWN:
            return await self._revisions.create(action.execution, name, jobs.record(now), instead_of=before)
        if jobs.may_have_gone(before.data, lives, now):
            try:
                metadata = await creation.metadata()
            except ApiError as error:
                raise outcomes.failed_by(action, error) from error
            if metadata is None:
                raise _gone(action, EMPTY_RECORD)
        return before


class _CreatedJob:
    """A Job that was created. Methods raise ActionError, unless they say otherwise."""

    def __init__(self, cluster: Cluster, action: ResolvedAction, uid: str) -> None:
        self._cluster = cluster
        self._action = action
        self._target = action.target
        self._uid = uid
        self._obstacles = ReadinessObstacles(cluster, action.actor)
        self._record = ActionRecord(operation=action.operation, created=True, outputs=action.outputs(uid))

    async def wait_for_end(self, attempt: RunningAttempt) -> ActionOutcome:
        """Wait until the Job has ended, and return its outcome."""
        self._report(attempt, effect_messages.JOB_NOT_LOOKED_AT)
        attempt.final_check = self._final_check
        pause, longest = _FIRST_PAUSE, jobs.longest_pause(self._action.body)
        while (outcome := await self._check(attempt)) is None:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, longest)
        return outcome

    async def verify(self) -> ActionOutcome:
        """Return, after a cancel, the state of the Job. Raises ApiError."""
        job = await self._read()
        ending = None if job is None else jobs.job_result(job)
        if job is None:
            message = effect_messages.job_gone(self._target)
        elif ending is JobResult.COMPLETE:
            return self._completed()
        elif ending is JobResult.FAILED:
            message = effect_messages.job_failed(self._target, jobs.failure(job, await self._obstacles.pods(job)))
        else:
            message = effect_messages.job_unfinished_at_cancel(self._target, jobs.progress(job))
        return self._outcome(Phase.CANCELED, effect_messages.canceled_job(message))

    async def _check(self, attempt: RunningAttempt) -> ActionOutcome | None:
        """Read once; None while the Job is running. An API server that is unavailable is waited for as well."""
        try:
            job = await self._read()
        except ApiError as error:
            if not error.repeatable:
                message = effect_messages.job_not_to_be_seen(self._target, error.message)
                raise action_error(error, message, self._record) from error
            late = effect_messages.job_unseen(self._target, attempt.limits.timeout, error.message)
            attempt.wait_for(action_messages.waiting_for_server(error.message), self._timed_out(late))
            return None
        if job is None:
            raise _gone(self._action, self._record)
        ending = jobs.job_result(job)
        if ending is JobResult.COMPLETE:
            return self._completed()
        if ending is JobResult.FAILED:
            message = effect_messages.job_failed(self._target, jobs.failure(job, await self._obstacles.pods(job)))
            raise ActionError(FailureType.JOB_FAILED, message, self._record)
        self._report(attempt, readiness_messages.with_cause(jobs.progress(job), await self._obstacles.of(job)))
        return None

    async def _final_check(self) -> ActionOutcome | None:
        job = await self._read()
        return self._completed() if job is not None and jobs.job_result(job) is JobResult.COMPLETE else None

    async def _read(self) -> Object | None:
        """Read the very Job that was created; None if it is gone. Raises ApiError."""
        found = await object_if_present(self._cluster, self._target, self._action.actor)
        return found if found is not None and found["metadata"]["uid"] == self._uid else None

    def _report(self, attempt: RunningAttempt, progress: str) -> None:
        late = effect_messages.job_unfinished(self._target, attempt.limits.timeout, progress)
        attempt.wait_for(effect_messages.waiting_for_job(self._target, progress), self._timed_out(late))

    def _timed_out(self, message: str) -> ActionError:
        return ActionError(FailureType.TIMED_OUT, message, self._record)

    def _completed(self) -> ActionOutcome:
        return self._outcome(Phase.SUCCEEDED, effect_messages.job_completed(self._target))

    def _outcome(self, phase: Phase, message: str) -> ActionOutcome:
        return ActionOutcome(phase=phase, message=bounded(message), **self._record.record_fields())


def _gone(action: ResolvedAction, record: ActionRecord) -> ActionError:
    return ActionError(FailureType.OUTCOME_UNKNOWN, effect_messages.job_gone(action.target), record)
