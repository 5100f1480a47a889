"""What an HTTP action fails by, and what is repeated: a request that changes something is not made twice by itself."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.attempts import ActionOutcome
from api.failures import FailureType
from api.phases import Phase
from api.reasons import Reason
from tests.activities.http_orders import Names, ask, effect, order, refusal
from tests.activities.live_namespace import Attempt
from tests.http_service import Reply, Service

OWN_POLICY: dict[str, Any] = {"retryPolicy": {"limit": 2, "interval": "1s"}}
HINT = "; it is not repeated, for the action sets no retryPolicy of its own"
CHANGING = ["POST", "PATCH"]
HARMLESS = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service.running() as running:
        yield running


def url(service: Service) -> str:
    return f"http://127.0.0.1:{service.port}/"


async def reason(given: Any, **more: Any) -> tuple[str, FailureType, bool]:
    """Give a failure's reason, its type, and whether it is repeated."""
    error = await refusal(given, **more)
    assert error.type is not None
    return error.message.partition(" failed: ")[2], FailureType(error.type), not error.non_retryable


@pytest.mark.parametrize("method", HARMLESS)
async def test_a_harmless_request_is_repeated_whatever_befell_it(service: Service, method: str) -> None:
    service.replies_to("/", Reply(500, "oh"), Reply(404, "oh"), Reply(cut=True), Reply(stall=True))
    excerpt = "" if method == "HEAD" else ": oh"
    given = order(url(service), method=method, timeout="1s")
    assert await reason(given) == (f"it was answered 500{excerpt}", FailureType.HTTP_STATUS, True)
    assert await reason(given) == (f"it was answered 404{excerpt}", FailureType.HTTP_STATUS, True)
    broken = "the connection broke before the answer was there"
    assert await reason(given) == (broken, FailureType.TRANSIENT, True)
    assert await reason(given) == ("no answer within 1s", FailureType.TIMED_OUT, True)


@pytest.mark.parametrize("method", CHANGING)
async def test_an_unknown_outcome_of_a_changing_request_is_not_repeated(service: Service, method: str) -> None:
    service.replies_to("/", Reply(500, "oh"), Reply(cut=True), Reply(stall=True))
    given = order(url(service), method=method, timeout="1s")
    for cause in (
        "it was answered 500: oh",
        "the connection broke before the answer was there",
        "no answer within 1s",
    ):
        assert await reason(given) == (f"outcome unknown: {cause}{HINT}", FailureType.OUTCOME_UNKNOWN, False)


@pytest.mark.parametrize("method", CHANGING)
async def test_an_unknown_outcome_is_repeated_where_the_action_sets_a_policy(service: Service, method: str) -> None:
    service.replies_to("/", Reply(500, "oh"), Reply(cut=True), Reply(stall=True), Reply(409, "taken"))
    given = order(url(service), method=method, timeout="1s", **OWN_POLICY)
    expected = [
        ("outcome unknown: it was answered 500: oh", FailureType.HTTP_STATUS, True),
        ("outcome unknown: the connection broke before the answer was there", FailureType.TRANSIENT, True),
        ("outcome unknown: no answer within 1s", FailureType.TIMED_OUT, True),
        ("it was answered 409: taken", FailureType.HTTP_STATUS, True),
    ]
    assert [await reason(given) for _ in expected] == expected


@pytest.mark.parametrize("method", CHANGING)
async def test_a_refusal_of_a_changing_request_is_not_repeated(service: Service, method: str) -> None:
    service.replies_to("/", Reply(409, "taken"))
    given = order(url(service), method=method)
    assert await reason(given) == ("it was answered 409: taken", FailureType.HTTP_REFUSED, False)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_service_that_puts_a_request_off_is_asked_again_when_it_says(service: Service, status: int) -> None:
    service.replies_to("/", Reply(status, "later", {"Retry-After": "7"}))
    error = await refusal(order(url(service), method="POST"))
    assert (error.type, error.non_retryable) == (FailureType.HTTP_STATUS, False)
    assert error.next_retry_delay is not None
    assert error.next_retry_delay.total_seconds() == 7


async def test_a_time_to_come_back_may_be_a_date(service: Service) -> None:
    in_a_minute = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
    service.replies_to("/", Reply(503, "later", {"Retry-After": in_a_minute}))
    error = await refusal(order(url(service)))
    assert error.next_retry_delay is not None
    assert 50 < error.next_retry_delay.total_seconds() <= 60


@pytest.mark.parametrize("method", [*CHANGING, "GET"])
async def test_a_request_that_reached_nobody_is_repeated(service: Service, method: str) -> None:
    nowhere = Names({"nowhere.test": ["127.0.0.9"]})
    given = order(f"http://nowhere.test:{service.port}/", method=method)
    refused = f"no connection to nowhere.test:{service.port}: Connection refused"
    assert await reason(given, by=effect(names=nowhere)) == (refused, FailureType.TRANSIENT, True)
    unknown = "the name nobody.test cannot be resolved: Name or service not known"
    assert await reason(order("http://nobody.test/", method=method)) == (unknown, FailureType.TRANSIENT, True)


async def test_a_changing_request_that_was_redirected_before_nobody_took_it_is_repeated(service: Service) -> None:
    service.replies_to("/", Reply(307, "", {"Location": "http://127.0.0.9:1/"}))
    said = await reason(order(url(service), method="POST"))
    assert said == ("no connection to 127.0.0.9:1: Connection refused", FailureType.TRANSIENT, True)


@pytest.mark.parametrize("method", CHANGING)
async def test_after_a_lost_attempt_a_changing_request_is_not_made_again(service: Service, method: str) -> None:
    service.replies_to("/", Reply())
    said = await reason(order(url(service), method=method, lost=True))
    lost = f"outcome unknown: an attempt was lost with its worker{HINT}"
    assert said == (lost, FailureType.OUTCOME_UNKNOWN, False)
    assert service.connections == 0


async def test_after_a_lost_attempt_it_is_made_again_where_that_does_no_harm(service: Service) -> None:
    service.replies_to("/", Reply())
    await ask(order(url(service), method="POST", lost=True, **OWN_POLICY))
    await ask(order(url(service), method="PUT", lost=True))
    assert [each.method for each in service.received] == ["POST", "PUT"]


async def test_every_attempt_of_an_action_has_the_same_key(service: Service) -> None:
    service.replies_to("/", Reply(500), Reply(200))
    given = order(url(service), method="POST", **OWN_POLICY)
    await refusal(given)
    await ask(given)
    assert len({each.headers["idempotency-key"] for each in service.received}) == 1


async def test_what_is_waited_for_is_told(service: Service) -> None:
    service.replies_to("/", Reply(stall=True))
    attempt = Attempt()
    await refusal(order(url(service) + "?token=secret", timeout="1s"), attempt=attempt)
    told = [beat.waiting_for for beat in attempt.beats]
    assert f"Waiting for a connection to 127.0.0.1:{service.port}" in told
    assert f"Waiting for {url(service)} to answer" in told


async def test_a_slow_answer_within_the_time_is_waited_for_with_signs_of_life(service: Service) -> None:
    release = asyncio.Event()

    async def later() -> None:
        await asyncio.sleep(3.5)
        release.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        service.replies_to("/", Reply(wait=release.wait))
        attempt = Attempt()
        outcome = await ask(order(url(service)), attempt=attempt)
    assert outcome.phase is Phase.SUCCEEDED
    assert len(attempt.beats) >= 3


async def test_a_cancel_between_attempts_leaves_open_what_was_done(service: Service) -> None:
    outcome = await effect().verify(order(url(service) + "?token=secret", method="POST"))
    expected = f"Canceled between two attempts: whether HTTP POST {url(service)} had its effect is not known"
    assert outcome == ActionOutcome(phase=Phase.CANCELED, reason=Reason.OUTCOME_UNKNOWN, message=expected)
    assert service.connections == 0
