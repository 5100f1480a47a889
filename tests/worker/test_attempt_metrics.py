"""Each attempt is counted by how it ended; a worker is ready once Temporal sees it poll."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.taskqueue.v1 import PollerInfo
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from api.metrics import ATTEMPT_SECONDS, ATTEMPTS
from tests.process.recorded_metrics import RecordedMetrics
from worker.attempt_metrics import AttemptMetrics
from worker.queue_watch import SILENT, QueueWatch

ME = "7@worker-1"


def ends_with(error: BaseException | None) -> ActivityInboundInterceptor:
    class Inner(ActivityInboundInterceptor):
        def __init__(self) -> None:
            pass

        async def execute_activity(self, input: ExecuteActivityInput) -> str:  # noqa: A002 - the name in the SDK
            if error is not None:
                raise error
            return "done"

    return Inner()


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, "Succeeded"),
        (ApplicationError("no", type="NotFound"), "NotFound"),
        (ApplicationError("no"), "Unexpected"),
        (asyncio.CancelledError(), "Canceled"),
        (ValueError("no"), "Unexpected"),
    ],
)
async def test_an_attempt_is_counted_by_its_result(error: BaseException | None, result: str) -> None:
    metrics = RecordedMetrics()
    measured = AttemptMetrics(metrics).intercept_activity(ends_with(error))
    environment = ActivityEnvironment()
    call = environment.run(measured.execute_activity, cast(ExecuteActivityInput, None))
    if error is None:
        assert await call == "done"
    else:
        with pytest.raises(type(error)):
            await call
    name = environment.info.activity_type
    assert metrics.of(ATTEMPTS, name, result) == 1
    assert len(metrics.observed[ATTEMPT_SECONDS.name, name]) == 1


Answer = Callable[[DescribeTaskQueueRequest], DescribeTaskQueueResponse]


def watching(answer: Answer) -> QueueWatch:
    async def describe_task_queue(request: DescribeTaskQueueRequest) -> DescribeTaskQueueResponse:
        return answer(request)

    service = SimpleNamespace(describe_task_queue=describe_task_queue)
    client = SimpleNamespace(namespace="default", identity=ME, workflow_service=service)
    return QueueWatch(cast(Client, client), "drplan")


def polled(*identities: str, ago: float = 1.0) -> DescribeTaskQueueResponse:
    at = Timestamp()
    at.FromDatetime(datetime.now(UTC) - timedelta(seconds=ago))
    return DescribeTaskQueueResponse(pollers=[PollerInfo(identity=each, last_access_time=at) for each in identities])


def refused(code: RPCStatusCode) -> Answer:
    def answer(_: DescribeTaskQueueRequest) -> DescribeTaskQueueResponse:
        raise RPCError("no", code, b"")

    return answer


async def finding_after(answer: Answer) -> tuple[bool, str]:
    watch = watching(answer)
    asked = asyncio.create_task(watch.run())
    for _ in range(10):
        await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    return watch.finding()


@pytest.mark.parametrize(
    ("answer", "ok", "text"),
    [
        (lambda _: polled(ME, "8@other"), True, "drplan is polled"),
        (lambda _: polled("8@other"), False, "drplan is not polled for workflows"),
        (lambda _: polled(ME, ago=SILENT + 60), False, "drplan is not polled for workflows"),
        (
            lambda request: polled(*([ME] if request.task_queue_type == 1 else [])),
            False,
            "drplan is not polled for activities",
        ),
        (refused(RPCStatusCode.PERMISSION_DENIED), True, "not known: PERMISSION_DENIED"),
        (refused(RPCStatusCode.UNAVAILABLE), False, "not polled yet"),
    ],
)
async def test_a_worker_polls_where_temporal_says_so(answer: Answer, ok: bool, text: str) -> None:
    assert await finding_after(answer) == (ok, text)


async def test_an_outage_of_temporal_leaves_the_last_answer() -> None:
    answers: list[Answer] = [lambda _: polled(ME), lambda _: polled(ME), refused(RPCStatusCode.UNAVAILABLE)]

    def answer(request: DescribeTaskQueueRequest) -> DescribeTaskQueueResponse:
        return answers.pop(0)(request)

    watch = watching(answer)
    again: Awaitable[Any]
    for again in (watch._ask(), watch._ask()):
        watch._finding = await again
    assert watch.finding() == (True, "drplan is polled")
