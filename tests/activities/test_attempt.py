"""One attempt: errors are counted over attempts, its time is kept, and a cancel lets it end."""

import asyncio
import json
from collections.abc import Callable

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.exceptions import ApplicationError

from activities.attempt import RunningAttempt, run_attempt
from activities.errors import ActionError
from api.actions import RetryPolicy
from api.attempts import ActionOutcome, AttemptFailure, Heartbeat, RollbackInput
from api.failures import FailureType
from api.phases import Phase
from api.steps import Attempts
from tests.activities.believed_inputs import unprepared
from tests.activities.live_namespace import HOLD, Attempt, LiveNamespace, config_map
from tests.eventually import eventually
from tests.faulty_server import Answer, FaultyServer

DONE = ActionOutcome(phase=Phase.SUCCEEDED, message="done")


class Work:
    """Something to do that ends when the test says so."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun, self.end, self.given_up = asyncio.Event(), asyncio.Event(), False
        self._error = error

    async def __call__(self, _: None) -> ActionOutcome:
        self.begun.set()
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        if self._error:
            raise self._error
        return DONE

    def within(self, attempts: Attempts, errors: int = 0) -> Callable[[None], asyncio.Future[ActionOutcome]]:
        async def activity(_: None) -> ActionOutcome:
            running = RunningAttempt(attempts, errors)
            running.timeout_error = ActionError(FailureType.TIMED_OUT, "too late")
            return await run_attempt(running, unprepared, self)

        return activity  # type: ignore[return-value]


def failing(kind: FailureType = FailureType.TRANSIENT) -> Work:
    work = Work(ActionError(kind, "it failed"))
    work.end.set()
    return work


async def failure(attempt: Attempt, work: Work, limit: int, errors: int = 0) -> ApplicationError:
    attempts = Attempts(retry=RetryPolicy(limit=limit))
    with pytest.raises(ApplicationError) as caught:
        await attempt.run(work.within(attempts, errors), None)
    return caught.value


async def test_an_outcome_carries_the_number_of_its_attempt() -> None:
    work = Work()
    work.end.set()
    assert (await Attempt(number=4).run(work.within(Attempts()), None)).attempt == 4


async def test_an_error_is_counted_where_the_next_attempt_finds_it() -> None:
    first, second = Attempt(), Attempt(number=2)
    error = await failure(first, failing(), limit=3)
    assert error.details == (AttemptFailure(errors=1, attempt=1),)
    second.left = first.beats[-1]
    assert (await failure(second, failing(), limit=3)).details == (AttemptFailure(errors=2, attempt=2),)


async def test_lost_attempts_do_not_count() -> None:
    error = await failure(Attempt(number=9, left=Heartbeat(errors=1)), failing(), limit=2)
    assert error.details == (AttemptFailure(errors=2, attempt=9),)
    assert not error.non_retryable


async def test_errors_under_earlier_schedules_count() -> None:
    error = await failure(Attempt(), failing(), limit=2, errors=2)
    assert error.details == (AttemptFailure(errors=3, attempt=1),)
    assert error.non_retryable


async def test_the_first_error_is_the_last_without_retries() -> None:
    assert (await failure(Attempt(), failing(), limit=0)).non_retryable


async def test_the_time_of_an_attempt_is_kept_inside_it() -> None:
    work = Work()
    with pytest.raises(ApplicationError, match="too late") as caught:
        await Attempt().run(work.within(Attempts(timeout="50ms")), None)
    assert caught.value.type == FailureType.TIMED_OUT
    assert work.given_up


async def test_a_fault_of_ours_is_an_error_like_others_and_keeps_its_text_to_itself() -> None:
    work = Work(ValueError("correct-horse"))
    work.end.set()
    error = await failure(Attempt(), work, limit=3)
    assert (error.type, error.details) == (FailureType.TRANSIENT, (AttemptFailure(errors=1, attempt=1),))
    assert "unexpected ValueError" in error.message
    assert "correct-horse" not in error.message


async def _cancelled(attempt: Attempt, work: Work, **why: bool) -> "asyncio.Task[ActionOutcome]":
    running = asyncio.create_task(attempt.run(work.within(Attempts()), None))
    await work.begun.wait()
    attempt.environment.cancel(ActivityCancellationDetails(**why))
    await asyncio.sleep(0)
    return running


async def test_a_running_attempt_ends_as_it_would_have_when_a_person_cancels() -> None:
    attempt, work = Attempt(), Work()
    running = await _cancelled(attempt, work, cancel_requested=True)
    work.end.set()
    assert await running == DONE
    assert not work.given_up


async def test_an_attempt_that_fails_after_a_cancel_reports_its_failure() -> None:
    attempt, work = Attempt(), Work(ActionError(FailureType.FORBIDDEN, "it failed"))
    running = await _cancelled(attempt, work, cancel_requested=True)
    work.end.set()
    with pytest.raises(ApplicationError, match="it failed"):
        await running


@pytest.mark.parametrize("why", ["not_found", "timed_out", "paused", "reset"])
async def test_an_attempt_that_nobody_waits_for_is_given_up(why: str) -> None:
    attempt, work = Attempt(), Work()
    running = await _cancelled(attempt, work, **{why: True})
    with pytest.raises(asyncio.CancelledError):
        await running
    assert work.given_up


async def test_an_attempt_whose_worker_shuts_down_is_no_error_and_keeps_those_before_it_counted() -> None:
    attempt, work = Attempt(number=3, left=Heartbeat(errors=1, not_begun=1)), Work()
    running = await _cancelled(attempt, work, worker_shutdown=True)
    with pytest.raises(ApplicationError) as caught:
        await running
    assert work.given_up
    assert (caught.value.type, caught.value.non_retryable) == ("WorkerShutdown", False)
    assert caught.value.details == (AttemptFailure(errors=1, attempt=3, not_begun=1),)


async def test_a_heartbeat_counts_the_attempts_that_never_ended() -> None:
    attempt, work = Attempt(number=5, left=Heartbeat(errors=3, not_begun=1)), Work()
    running = asyncio.create_task(attempt.run(work.within(Attempts(retry=RetryPolicy(limit=9)), errors=1), None))
    await eventually(lambda: attempt.beats == [Heartbeat(errors=3, not_begun=1, lost=1)], "the count is recorded")
    work.end.set()
    assert (await running).phase is Phase.SUCCEEDED


async def test_a_cancelled_attempt_does_not_keep_its_worker_from_ending() -> None:
    attempt, work = Attempt(), Work()
    running = await _cancelled(attempt, work, cancel_requested=True)
    attempt.environment.worker_shutdown()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert work.given_up


async def test_a_cancelled_attempt_may_still_end_by_itself_when_its_worker_is_told_to() -> None:
    attempt, work = Attempt(), Work()
    running = await _cancelled(attempt, work, cancel_requested=True)
    attempt.environment.worker_shutdown()
    work.end.set()
    assert await running == DONE


async def test_a_waiting_attempt_beats_again_and_again(ns: LiveNamespace) -> None:
    uid = ns.config_map("app", finalizers=[HOLD])
    ns.delete("configmap", "app", wait=False)
    attempt = Attempt()
    given = RollbackInput(step=ns.deletion(config_map("app", ns.namespace), uid), actor=ns.actor)
    running = asyncio.create_task(attempt.run(ns.rollbacks.rollback_action, given))
    await eventually(lambda: sum(HOLD in beat.waiting_for for beat in attempt.beats) >= 3, "three equal beats")
    ns.let_go("configmap", "app")
    assert (await running).phase is Phase.SUCCEEDED


async def test_errors_of_real_attempts_add_up_to_the_limit(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    uid = faulty_ns.config_map("app")
    faulty.fault("DELETE", "/configmaps/app", Answer(503, json.dumps({"message": "away"})), times=9)
    step = faulty_ns.deletion(config_map("app", faulty_ns.namespace), uid, retry=RetryPolicy(limit=1))
    given, left, ends = RollbackInput(step=step, actor=faulty_ns.actor), None, []
    for number in (1, 2):
        attempt = Attempt(number, left)
        with pytest.raises(ApplicationError, match="Failed to delete ConfigMap: app: away") as caught:
            await attempt.run(faulty_ns.rollbacks.rollback_action, given)
        ends.append(caught.value.non_retryable)
        left = attempt.beats[-1]
    assert ends == [False, True]
