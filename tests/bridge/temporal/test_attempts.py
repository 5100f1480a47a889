"""What the engine says of attempts, read from Temporal's own description of a workflow."""

from typing import Any, cast

from temporalio.api.enums.v1 import PendingActivityState, TimeoutType
from temporalio.api.failure.v1 import Failure, TimeoutFailureInfo
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client

from bridge.status.merge import PendingActivity
from bridge.temporal.client import TemporalClient


class Described:
    """A client whose every workflow has one pending activity, and a handle and description of it at once."""

    def __init__(self, failure: Failure) -> None:
        scheduled = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
        info = PendingActivityInfo(activity_id="action-0", state=scheduled, attempt=2, last_failure=failure)
        self.raw_description = DescribeWorkflowExecutionResponse(pending_activities=[info])

    def get_workflow_handle(self, workflow_id: str, run_id: str | None = None) -> "Described":
        return self

    async def describe(self, **_: Any) -> "Described":
        return self


async def seen(failure: Failure) -> PendingActivity:
    [attempt] = await TemporalClient(cast(Client, Described(failure)), "queue").pending_activities("work")
    return attempt


async def test_an_attempt_that_stopped_beating_was_lost_and_one_that_failed_was_not() -> None:
    silent = TimeoutFailureInfo(timeout_type=TimeoutType.TIMEOUT_TYPE_HEARTBEAT)
    assert (await seen(Failure(message="activity Heartbeat timeout", timeout_failure_info=silent))).lost
    assert not (await seen(Failure(message="no luck"))).lost
