"""What an HTTP action sends to say who asks is seen by nobody else: message, outputs, failure, beats, log."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError

from api.attempts import ActionOutcome
from planning.values.omission import secrets_of
from process.logs import limit_libraries
from tests.activities.http_orders import Names, ask, effect, order, refusal
from tests.activities.live_namespace import Attempt
from tests.http_service import Reply, Service
from workflows.converter import DATA_CONVERTER

TOKEN = "c0rrect-h0rse-battery-staple"
PASSWORD = "0pen-sesame"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "X-Api-Key": TOKEN, "Accept": "text/plain"}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service.running() as running:
        yield running


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """As much as in a worker whose log level is debug."""
    caplog.set_level(logging.DEBUG)
    limit_libraries()


def url(service: Service, path: str = "/") -> str:
    return f"http://shop:{PASSWORD}@127.0.0.1:{service.port}{path}?token={TOKEN}"


async def as_temporal_keeps_it(error: ApplicationError) -> str:
    """Give a failure with its causes and stack traces as it stands in a history."""
    failure = Failure()
    await DATA_CONVERTER.encode_failure(error, failure)
    return str(failure)


def shown(outcome: ActionOutcome) -> str:
    return json.dumps(outcome.to_object())


def assert_hidden(*texts: str) -> None:
    for text in texts:
        assert TOKEN not in text
        assert PASSWORD not in text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_service_that_tells_all_that_it_was_sent(
    service: Service, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    service.replies_to("/", Reply(echo=True))
    attempt = Attempt()
    outcome = await ask(order(url(service), method=method, headers=HEADERS), attempt=attempt)
    assert TOKEN in service.received[0].headers["authorization"]
    assert "•••" in shown(outcome).encode().decode("unicode_escape")
    assert_hidden(shown(outcome), caplog.text, str(attempt.beats))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, echo=True),
        Reply(500, echo=True),
        Reply(200, TOKEN * 4000),
        Reply(cut=True),
        Reply(stall=True),
        Reply(302, headers={"Location": f"/{TOKEN}?{TOKEN}"}),
        Reply(302, headers={"Location": f"http://169.254.169.254/?{TOKEN}"}),
        Reply(302, headers={"Location": f"http://{TOKEN}.test/"}),
    ],
    ids=["refused", "broke", "repeats it", "cut", "stalls", "led on", "led astray", "led nowhere"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_failure_shows_nothing(
    service: Service, method: str, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    service.replies_to("/", reply)
    attempt = Attempt()
    given = order(url(service), method=method, headers=HEADERS, timeout="1s", successCodes=[204])
    error = await refusal(given, attempt=attempt)
    assert_hidden(await as_temporal_keeps_it(error), error.message, caplog.text, str(attempt.beats))


async def test_a_header_that_cannot_be_sent_is_named_without_its_value(caplog: pytest.LogCaptureFixture) -> None:
    error = await refusal(order("http://shop.test/", headers={"Authorization": f"Bearer {TOKEN}\r\nX: y"}))
    assert 'header "Authorization" cannot be sent' in error.message
    assert_hidden(await as_temporal_keeps_it(error), caplog.text)


async def test_a_url_that_cannot_be_read_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    error = await refusal(order(f"http://shop:{PASSWORD}@shop test:x/{TOKEN}"))
    assert_hidden(await as_temporal_keeps_it(error), caplog.text)


async def test_a_value_that_was_left_out_of_what_is_kept_is_not_shown_wherever_it_stands(service: Service) -> None:
    service.replies_to(f"/hooks/{TOKEN}", Reply(echo=True), Reply(500, echo=True))
    hidden = frozenset({TOKEN, PASSWORD})
    path = f"http://127.0.0.1:{service.port}/hooks/{TOKEN}"
    attempt = Attempt()
    outcome = await ask(order(path, secrets=hidden, method="PUT", body=f"is {PASSWORD}"), attempt=attempt)
    error = await refusal(order(path, secrets=hidden, method="PUT", body=f"is {PASSWORD}"))
    canceled = await effect().verify(order(path, secrets=hidden))
    assert outcome.message == f"HTTP PUT http://127.0.0.1:{service.port}/hooks/••• succeeded with status 200"
    assert_hidden(shown(outcome), await as_temporal_keeps_it(error), shown(canceled), str(attempt.beats))


async def test_what_a_broken_resolver_says_is_not_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Names):
        async def __call__(self, host: str, port: int) -> list[str]:
            raise RuntimeError(TOKEN)

    error = await refusal(order("http://shop.test/", headers=HEADERS), effect(names=Broken()))
    assert_hidden(error.message)


async def test_the_path_of_a_webhook_is_shown_on_request_only(service: Service) -> None:
    path = "/services/T00/s3cret-of-the-hook"
    service.replies_to(
        path, Reply(echo=True), Reply(404, f"Cannot POST {path}"), Reply(404, "no hook s3cret-of-the-hook")
    )
    address = f"http://127.0.0.1:{service.port}"
    attempt = Attempt()
    outcome = await ask(order(address + path, method="POST", showPath=None), attempt=attempt)
    failures = [await refusal(order(address + path, method="POST", showPath=None)) for _ in range(2)]
    canceled = await effect().verify(order(address + path, showPath=None))
    assert outcome.message == f"HTTP POST {address} succeeded with status 200"
    assert failures[0].message == f"HTTP POST {address} failed: it was answered 404: Cannot POST /•••"
    assert failures[1].message == f"HTTP POST {address} failed: it was answered 404: no hook •••"
    texts = [
        shown(outcome),
        shown(canceled),
        str(attempt.beats),
        *[await as_temporal_keeps_it(one) for one in failures],
    ]
    assert not any("s3cret" in text for text in texts)


async def test_a_user_agent_is_a_credential_unless_it_is_ours(service: Service) -> None:
    service.replies_to("/", Reply(302, headers={"Location": f"http://other.test:{service.port}/next"}))
    service.replies_to("/next", Reply(body="hello canary-agent"))
    names = Names({"other.test": ["127.0.0.1"]})
    outcome = await ask(
        order(f"http://127.0.0.1:{service.port}/", headers={"User-Agent": "canary-agent"}), effect(names=names)
    )
    assert [one.headers["user-agent"] for one in service.received] == ["canary-agent", "drplan"]
    assert "canary-agent" not in shown(outcome)


async def test_what_a_body_names_as_secret_is_hidden_and_the_rest_stays(service: Service) -> None:
    service.replies_to("/", Reply(500, "the site east refused hunter2-hunter2"))
    body = json.dumps({"site": "east", "password": "hunter2-hunter2", "user": "the site"})
    given = order(f"http://127.0.0.1:{service.port}/", body=body)
    error = await refusal(replace(given, secrets=frozenset(secrets_of(given.definition.to_object()))))
    assert error.message.endswith("it was answered 500: the site east refused •••")
