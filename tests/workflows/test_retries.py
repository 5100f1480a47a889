"""Attempts: what is repeated, how often, and what the status says of it."""

from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.errors import taken_away
from api.actions import RetryPolicy
from api.attempts import ActionOutcome, AttemptFailure, Heartbeat
from api.failures import FailureType
from api.reasons import Reason
from api.steps import Attempts
from tests.eventually import eventually
from tests.workflows.decisions import ONCE, execute, find, revert, stage, workflow
from tests.workflows.engine import DevEngine
from tests.workflows.fake_activities import FakeAttempt, fails, fails_at_first
from workflows import action_calls


async def test_an_error_that_a_repeat_mends_costs_retries_and_no_more(engine: DevEngine) -> None:
    run = await engine.start(revert(stage("s", workflow("w", "a"))), a=fails_at_first(2))
    state = await run.end()
    assert state.phase == "Succeeded"
    assert (find(state, "a").retries, find(state, "a").retry_count) == (2, 2)
    assert run.begun == ["a", "a", "a"]


async def test_after_limit_retries_the_action_failed(engine: DevEngine) -> None:
    run = await engine.start(
        revert(stage("s", workflow("w", "a"))), a=fails("the server was away", FailureType.TRANSIENT)
    )
    state = await run.end()
    assert (find(state, "a").phase, find(state, "a").retries) == ("Failed", 2)
    assert run.begun == ["a", "a", "a"]


async def test_with_limit_zero_the_first_error_is_the_last(engine: DevEngine) -> None:
    run = await engine.start(revert(stage("s", workflow("w", "a")), attempts=ONCE), a=fails_at_first(1))
    state = await run.end()
    assert (find(state, "a").phase, find(state, "a").retries) == ("Failed", 0)
    assert run.begun == ["a"]


async def test_a_cause_that_no_repeat_mends_is_not_repeated(engine: DevEngine) -> None:
    run = await engine.start(execute(stage("s", workflow("w", "a"))), a=fails("no", FailureType.ALREADY_EXISTS))
    action = find(await run.end(), "a")
    assert (action.retries, action.reason) == (0, Reason.ALREADY_EXISTS)
    assert run.begun == ["a"]


async def test_the_reason_of_a_failure_may_say_more_than_its_type(engine: DevEngine) -> None:
    async def misspelt(_: FakeAttempt) -> ActionOutcome:
        details = AttemptFailure(errors=1, reason=Reason.KIND_MISSPELT)
        raise ApplicationError("no kind configmap", details, type=FailureType.INVALID, non_retryable=True)

    run = await engine.start(execute(stage("s", workflow("w", "a"))), a=misspelt)
    assert find(await run.end(), "a").reason is Reason.KIND_MISSPELT


async def test_an_attempt_taken_away_from_its_worker_uses_up_no_retry(engine: DevEngine) -> None:
    taken = 3

    async def behave(attempt: FakeAttempt) -> ActionOutcome:
        nonlocal taken
        if taken:
            taken -= 1
            raise ApplicationError("Activity cancelled due to worker shutdown", type="WorkerShutdown")
        return attempt.done()

    run = await engine.start(revert(stage("s", workflow("w", "a")), attempts=ONCE), a=behave)
    state = await run.end()
    assert (find(state, "a").phase, find(state, "a").retries) == ("Succeeded", 3)


async def test_errors_stay_counted_when_the_last_attempt_is_taken_away_from_its_worker(engine: DevEngine) -> None:
    """The server allows three attempts; two errors and an attempt taken away leave one more."""
    seen: list[int] = []

    async def behave(attempt: FakeAttempt) -> ActionOutcome:
        seen.append(attempt.errors)
        number = activity.info().attempt
        if number == 3:
            raise taken_away(number, Heartbeat(errors=2))
        raise attempt.failure("away", FailureType.TRANSIENT, attempt.errors + number)

    run = await engine.start(revert(stage("s", workflow("w", "a"))), a=behave)
    state = await run.end()
    assert seen == [0, 0, 0, 2]
    assert (find(state, "a").phase, find(state, "a").retries) == ("Failed", 3)


async def test_errors_are_carried_over_when_the_server_counted_lost_attempts(engine: DevEngine) -> None:
    """The server allows three attempts; the first was lost, so two errors later one is still owed."""
    seen: list[int] = []

    async def behave(attempt: FakeAttempt) -> ActionOutcome:
        seen.append(attempt.errors)
        lost = 1 if attempt.errors == 0 else 0
        errors = attempt.errors + activity.info().attempt - lost
        details = AttemptFailure(errors=errors, attempt=activity.info().attempt)
        raise ApplicationError("away", details, type=FailureType.TRANSIENT)

    run = await engine.start(revert(stage("s", workflow("w", "a"))), a=behave)
    state = await run.end()
    assert seen == [0, 0, 0, 2]
    assert (find(state, "a").phase, find(state, "a").retries) == ("Failed", 3)


async def test_while_an_owed_attempt_waits_the_answer_says_so(engine: DevEngine) -> None:
    """It waits in the workflow, where the server knows nothing of it."""
    attempts = Attempts(retry=RetryPolicy(limit=2, interval="1h"))

    async def behave(attempt: FakeAttempt) -> ActionOutcome:
        details = AttemptFailure(errors=1, attempt=activity.info().attempt)
        soon = timedelta(milliseconds=10)
        raise ApplicationError("away", details, type=FailureType.TRANSIENT, next_retry_delay=soon)

    run = await engine.start(revert(stage("s", workflow("w", "a")), attempts=attempts), a=behave)

    async def said() -> bool:
        if len(run.begun) < 3:
            return False
        action = (await run.workflow_state((0, "s"), (0, "w"))).actions[0]
        told = (action.message or "").startswith("Retrying (1 of 2): away; next attempt at 2")
        return action.phase == "Running" and told

    await eventually(said, "the answer says that an attempt is owed")
    await run.handle.cancel()
    state = await run.end()
    assert run.begun == ["a", "a", "a", "look at a"]
    assert (find(state, "a").phase, find(state, "a").retries) == ("Canceled", 2)


async def test_what_a_failed_action_made_is_kept(engine: DevEngine) -> None:
    async def behave(attempt: FakeAttempt) -> ActionOutcome:
        made = attempt.done()
        details = AttemptFailure(errors=1, operation=made.operation, created=True, outputs=made.outputs)
        raise ApplicationError("not ready", details, type=FailureType.INVALID, non_retryable=True)

    run = await engine.start(execute(stage("s", workflow("w", "a"))), a=behave)
    failed = find(await run.end(), "a")
    assert (failed.phase, failed.operation, failed.created) == ("Failed", "Create", True)
    assert failed.outputs is not None


async def test_an_error_that_is_no_ones_ends_failed_with_its_words(engine: DevEngine) -> None:
    async def behave(attempt: FakeAttempt) -> ActionOutcome:
        raise KeyError(attempt.action)

    run = await engine.start(revert(stage("s", workflow("w", "a"))), a=behave)
    state = await run.end()
    assert (find(state, "a").phase, find(state, "a").message) == ("Failed", "'a'")


@pytest.mark.parametrize(
    ("policy", "errors", "expected"),
    [
        (RetryPolicy(), 0, (4, 5.0, 2.0)),
        (RetryPolicy(limit=0), 0, (1, 5.0, 2.0)),
        (RetryPolicy(limit=3), 2, (2, 5.0, 2.0)),
        (RetryPolicy(limit=2**31 - 1), 0, (2**31 - 1, 5.0, 2.0)),
        (RetryPolicy(interval="0s", backoff_multiplier="0.5"), 0, (4, 0.001, 1.0)),
        (RetryPolicy(interval="10m"), 0, (4, 300.0, 2.0)),
        (RetryPolicy(interval="soon", backoff_multiplier="twice", limit=-1), 0, (1, 5.0, 2.0)),
        (RetryPolicy(backoff_multiplier="nan"), 0, (4, 5.0, 1.0)),
    ],
)
def test_a_retry_policy_becomes_one_that_temporal_takes(
    policy: RetryPolicy, errors: int, expected: tuple[int, float, float]
) -> None:
    given = action_calls.retry_options(policy, errors)
    assert (given.maximum_attempts, given.initial_interval.total_seconds(), given.backoff_coefficient) == expected
    assert given.maximum_interval == timedelta(minutes=5)
    given._validate()
