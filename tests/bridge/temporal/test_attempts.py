"""What the engine says of attempts, read from Temporal's own description of an activity."""

from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import PendingActivityState, TimeoutType
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure, TimeoutFailureInfo
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.converter import DataConverter

from bridge.status.merge import PendingActivity
from bridge.temporal.answers import pending_activity

FAILED = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)


async def seen(failure: Failure, pause: timedelta = timedelta(seconds=5)) -> PendingActivity:
    scheduled = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    info = PendingActivityInfo(activity_id="action-0", state=scheduled, attempt=2, last_failure=failure)
    info.last_attempt_complete_time.FromDatetime(FAILED)
    info.next_attempt_schedule_time.FromDatetime(FAILED + pause)
    return await pending_activity(DataConverter.default, 0, info)


async def test_an_attempt_that_its_worker_lost_or_gave_back_is_no_error_as_one_that_failed() -> None:
    silent = TimeoutFailureInfo(timeout_type=TimeoutType.TIMEOUT_TYPE_HEARTBEAT)
    assert (await seen(Failure(message="activity Heartbeat timeout", timeout_failure_info=silent))).lost
    for kind, lost in (("WorkerShutdown", True), ("ActivityReset", True), ("TransientError", False)):
        failed = Failure(message="why", application_failure_info=ApplicationFailureInfo(type=kind))
        assert (await seen(failed)).lost is lost
    assert not (await seen(Failure(message="no luck"))).lost


async def test_a_person_is_told_when_the_next_attempt_begins_if_that_is_not_soon() -> None:
    failure = Failure(message="no luck")
    assert (await seen(failure, timedelta(seconds=10))).next_attempt is None
    assert (await seen(failure, timedelta(seconds=11))).next_attempt == FAILED + timedelta(seconds=11)
