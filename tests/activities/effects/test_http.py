"""An HTTP action against a real server: what is sent, what is recorded, and where redirects lead."""

from collections.abc import AsyncIterator

import pytest

from activities.effects.http_client import system_resolver
from api.attempts import ActionOutcome
from api.failures import FailureType
from api.nodes import ActionOutputs, HttpResponse
from api.phases import Phase
from tests.activities.http_orders import MARK, Names, ask, effect, order, refusal
from tests.http_service import Reply, Service


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service.running() as running:
        yield running


@pytest.fixture
async def secure() -> AsyncIterator[Service]:
    async with Service.running(tls=True) as running:
        yield running


def at(service: Service, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
    return f"{scheme}://{host}:{service.port}{path}"


async def test_what_the_action_says_is_sent_and_the_answer_is_recorded(service: Service) -> None:
    service.replies_to("/hook", Reply(201, '{"id": 7}'))
    body = '{"event": "móve"}'
    given = order(at(service, "/hook?a=1"), method="POST", headers={"X-Who": "plan"}, body=body)
    outcome = await ask(given)
    assert outcome == ActionOutcome(
        phase=Phase.SUCCEEDED,
        message=f"HTTP POST {at(service, '/hook')} succeeded with status 201",
        outputs=ActionOutputs(http_response=HttpResponse(status_code=201, body='{"id": 7}')),
    )
    [sent] = service.received
    assert (sent.method, sent.path, sent.body) == ("POST", "/hook?a=1", body)
    assert sent.headers["x-who"] == "plan"
    assert sent.headers["idempotency-key"] == MARK
    assert sent.headers["host"] == f"127.0.0.1:{service.port}"
    assert "content-type" not in sent.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "POST"])
async def test_every_method_is_sent(service: Service, method: str) -> None:
    service.replies_to("/", Reply())
    outcome = await ask(order(at(service, "/"), method=method))
    assert service.count(method) == 1
    assert outcome.outputs is not None
    assert outcome.outputs.http_response is not None
    assert outcome.outputs.http_response.body == (None if method == "HEAD" else "fine")


async def test_success_codes_replace_the_usual_ones(service: Service) -> None:
    service.replies_to("/", Reply(404, "gone"))
    assert (await ask(order(at(service, "/"), successCodes=[404]))).phase is Phase.SUCCEEDED
    service.replies_to("/", Reply(200))
    error = await refusal(order(at(service, "/"), successCodes=[201, 404]))
    assert error.message == f"HTTP GET {at(service, '/')} failed: it was answered 200, not one of 201, 404: fine"
    assert (error.type, error.non_retryable) == (FailureType.HTTP_STATUS, False)


async def test_a_long_body_is_kept_in_part(service: Service) -> None:
    service.replies_to("/", Reply(200, "é" * 100_000))
    outcome = await ask(order(at(service, "/")))
    assert outcome.outputs is not None
    assert outcome.outputs.http_response == HttpResponse(status_code=200, body="é" * 1000)


async def test_a_body_in_another_charset_is_read(service: Service) -> None:
    service.replies_to("/", Reply(200, "切换完成".encode("gbk"), {"Content-Type": "text/plain; charset=GBK"}))
    outcome = await ask(order(at(service, "/")))
    assert outcome.outputs is not None
    assert outcome.outputs.http_response == HttpResponse(status_code=200, body="切换完成")


async def test_a_compressed_body_that_nobody_asked_for_is_not_kept(service: Service) -> None:
    service.replies_to("/", Reply(200, b"\x1f\x8b\x08", {"Content-Encoding": "gzip"}))
    outcome = await ask(order(at(service, "/")))
    assert outcome.outputs is not None
    assert outcome.outputs.http_response == HttpResponse(status_code=200)
    assert service.received[0].headers["accept-encoding"] == "identity"


async def test_a_body_that_breaks_off_does_not_undo_the_status(service: Service) -> None:
    service.replies_to("/", Reply(200, "half", announced=100))
    outcome = await ask(order(at(service, "/"), method="POST"))
    assert outcome.outputs is not None
    assert outcome.outputs.http_response == HttpResponse(status_code=200, body="half")


async def test_a_body_that_never_ends_does_not_undo_the_status_when_the_time_runs_out(service: Service) -> None:
    service.replies_to("/", Reply(200, "half", announced=100, stall=True))
    outcome = await ask(order(at(service, "/"), method="POST", timeout="1s"))
    assert outcome.message.endswith("succeeded with status 200")


async def test_redirects_are_followed_and_told(service: Service) -> None:
    service.replies_to("/a", Reply(302, headers={"Location": "/b?x=1"}))
    service.replies_to("/b", Reply(301, headers={"Location": at(service, "/c")}))
    service.replies_to("/c", Reply(200, "there"))
    outcome = await ask(order(at(service, "/a")))
    led = f" after a redirect to {at(service, '/c')}"
    assert outcome.message == f"HTTP GET {at(service, '/a')} succeeded with status 200{led}"
    assert [each.path for each in service.received] == ["/a", "/b?x=1", "/c"]


async def test_five_redirects_are_followed_and_six_are_not(service: Service) -> None:
    for place in range(9):
        service.replies_to(f"/{place}", Reply(302, headers={"Location": f"/{place + 1}"}))
    service.replies_to("/9", Reply(200))
    assert (await ask(order(at(service, "/4")))).phase is Phase.SUCCEEDED
    error = await refusal(order(at(service, "/3")))
    assert error.message == f"HTTP GET {at(service, '/3')} failed: it was redirected more than 5 times"
    assert error.type == FailureType.HTTP_STATUS


async def test_a_post_is_not_sent_anew_by_a_302_and_is_by_a_307(service: Service) -> None:
    service.replies_to("/a", Reply(302, "", {"Location": "/b"}))
    service.replies_to("/b", Reply(200))
    error = await refusal(order(at(service, "/a"), method="POST", body="text"))
    assert error.message == f"HTTP POST {at(service, '/a')} failed: it was answered 302"
    assert (error.type, error.non_retryable) == (FailureType.HTTP_REFUSED, True)
    service.replies_to("/a", Reply(307, "", {"Location": "/b"}))
    await ask(order(at(service, "/a"), method="POST", body="text"))
    assert [(each.method, each.path, each.body) for each in service.received[1:]] == [
        ("POST", "/a", "text"),
        ("POST", "/b", "text"),
    ]


async def test_a_token_does_not_go_to_the_host_to_which_a_redirect_leads(service: Service) -> None:
    names = Names({"one.test": ["127.0.0.1"], "two.test": ["127.0.0.1"]})
    service.replies_to("/a", Reply(307, "", {"Location": at(service, "/b", "two.test")}))
    service.replies_to("/b", Reply(307, "", {"Location": "/c"}))
    service.replies_to("/c", Reply(200))
    given = order(at(service, "/a", "one.test"), headers={"Authorization": "Bearer token-1", "X-Key": "key-1"})
    await ask(given, effect(names=names))
    first, *others = service.received
    assert first.headers["authorization"] == "Bearer token-1"
    assert [each.headers["host"].partition(":")[0] for each in service.received] == ["one.test", "two.test", "two.test"]
    assert all({"authorization", "x-key"}.isdisjoint(each.headers) for each in others)


async def test_the_connection_goes_to_the_address_and_the_name_stays(secure: Service) -> None:
    secure.replies_to("/", Reply())
    names = Names({"east.shop.test": ["127.0.0.1"]})
    await ask(order(at(secure, "/", "east.shop.test", "https")), effect(names=names))
    assert secure.names == ["east.shop.test"]
    assert secure.received[0].headers["host"] == f"east.shop.test:{secure.port}"
    assert names.asked == ["east.shop.test"]


async def test_a_certificate_for_another_name_is_refused(secure: Service) -> None:
    secure.replies_to("/", Reply())
    names = Names({"other.test": ["127.0.0.1"]})
    error = await refusal(order(at(secure, "/", "other.test", "https"), method="POST"), effect(names=names))
    assert "certificate verify failed: Hostname mismatch" in error.message
    assert (error.type, error.non_retryable) == (FailureType.TRANSIENT, False), "nothing was sent"
    assert secure.received == []


async def test_a_certificate_that_nobody_vouches_for_is_refused_unless_the_action_says_so(secure: Service) -> None:
    secure.replies_to("/", Reply())
    url = at(secure, "/", scheme="https")
    error = await refusal(order(url), effect(trusting=False))
    place = f"127.0.0.1:{secure.port}"
    assert error.message == (
        f"HTTP GET {url} failed: no connection to {place}: certificate verify failed: self-signed certificate"
    )
    outcome = await ask(order(url, insecureSkipVerify=True), effect(trusting=False))
    assert outcome.phase is Phase.SUCCEEDED


async def test_a_plain_server_where_tls_is_expected_is_no_connection(service: Service) -> None:
    error = await refusal(order(at(service, "/", scheme="https"), method="POST"))
    assert f"no connection to 127.0.0.1:{service.port}: " in error.message
    assert error.type == FailureType.TRANSIENT


async def test_proxies_of_the_environment_are_not_used(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    service.replies_to("/", Reply())
    assert (await ask(order(at(service, "/")))).phase is Phase.SUCCEEDED


async def test_the_next_address_of_a_name_is_tried_when_one_does_not_answer(service: Service) -> None:
    service.replies_to("/", Reply())
    names = Names({"shop.test": ["127.0.0.2", "127.0.0.1"]})
    assert (
        await ask(order(at(service, "/", "shop.test"), method="POST"), effect(names=names))
    ).phase is Phase.SUCCEEDED


async def test_a_definition_that_makes_no_request_fails_without_a_repeat() -> None:
    error = await refusal(order("shop.test/health"))
    assert error.message.startswith("The request of action ask cannot be made: its url is not a URL")
    assert (error.type, error.non_retryable) == (FailureType.INVALID, True)


async def test_names_are_resolved_as_the_system_does() -> None:
    assert "127.0.0.1" in await system_resolver("localhost", 80)
