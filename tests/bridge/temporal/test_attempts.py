"""What the engine says of attempts, read from Temporal's own description of a workflow."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from temporalio.api.enums.v1 import PendingActivityState, TimeoutType
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure, TimeoutFailureInfo
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client

from bridge.status.merge import PendingActivity
from bridge.temporal.client import TemporalClient

FAILED = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)


class Described:
    """A client whose every workflow has one pending activity, and a handle and description of it at once."""

    def __init__(self, failure: Failure, pause: timedelta) -> None:
        scheduled = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
        info = PendingActivityInfo(activity_id="action-0", state=scheduled, attempt=2, last_failure=failure)
        info.last_attempt_complete_time.FromDatetime(FAILED)
        info.next_attempt_schedule_time.FromDatetime(FAILED + pause)
        self.raw_description = DescribeWorkflowExecutionResponse(pending_activities=[info])

    def get_workflow_handle(self, workflow_id: str, run_id: str | None = None) -> "Described":
        return self

    async def describe(self, **_: Any) -> "Described":
        return self


async def seen(failure: Failure, pause: timedelta = timedelta(seconds=5)) -> PendingActivity:
    [attempt] = await TemporalClient(cast(Client, Described(failure, pause)), "queue").pending_activities("work")
    return attempt


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
