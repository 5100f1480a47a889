"""What an HTTP action sends, where a redirect leads it, and what an answer or silence means for a repeat."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.actions import Action
from api.failures import FailureType
from planning.effects.http_request import (
    ActionRequest,
    Method,
    RequestError,
    failure_of_silence,
    failure_of_status,
    idempotency_key,
    leaves_open,
    redirected,
    request_of,
    safe_url,
)

MARK = "uid-1/sites/shop/notify"
OWN_POLICY = {"limit": 2}


def asked(url: str = "https://shop.example.com/health", policy: Any = None, **http: Any) -> ActionRequest:
    action = {"name": "notify", "type": "HTTP", "http": {"url": url, **http}}
    if policy is not None:
        action["retryPolicy"] = policy
    return request_of(Action.model_validate(action), MARK)


def headers(request: ActionRequest) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers}


def test_a_request_carries_the_mark_as_its_key() -> None:
    assert headers(asked())["idempotency-key"] == MARK


def test_a_key_of_the_actions_own_is_left_as_it_is() -> None:
    assert headers(asked(headers={"idempotency-KEY": "mine"}))["idempotency-key"] == "mine"


@given(st.lists(st.text(min_size=1), min_size=4, max_size=4).map("/".join))
def test_any_mark_makes_a_key_that_a_header_can_hold(mark: str) -> None:
    key = idempotency_key(mark)
    assert len(key) <= 255
    assert key.isascii()
    assert key.isprintable()


def test_two_long_marks_that_differ_at_the_end_make_two_keys() -> None:
    assert idempotency_key("x" * 300 + "a") != idempotency_key("x" * 300 + "b")


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade"])
def test_headers_of_the_connection_are_not_the_actions_to_set(name: str) -> None:
    assert name.lower() not in headers(asked(headers={name: "1"}))


def test_the_line_break_at_the_end_of_a_secret_is_not_sent() -> None:
    assert headers(asked(headers={"X-Token": "abcdef\n"}))["x-token"] == "abcdef"


def test_who_asks_is_taken_from_the_url_into_a_header() -> None:
    request = asked("https://me:pass-word@shop.example.com/")
    assert headers(request)["authorization"] == "Basic bWU6cGFzcy13b3Jk"
    assert str(request.url) == "https://shop.example.com/"
    assert "pass-word" in request.secrets


def test_a_value_in_the_query_whose_name_says_so_is_a_secret() -> None:
    secrets = asked("https://shop.example.com/?access_token=open-sesame&site=east-1").secrets
    assert "open-sesame" in secrets
    assert "east-1" not in secrets


@pytest.mark.parametrize(
    ("http", "reason"),
    [
        ({"url": "shop.example.com/health"}, "its url is not a URL"),
        ({"url": "ftp://shop.example.com"}, "its url is not a URL"),
        ({"url": "https:///health"}, "its url is not a URL"),
        ({"url": "https://shop:99999/"}, "its url is not a URL"),
        ({"url": "https://sh\x00op/"}, "its url is not a URL"),
        ({"url": "https://shop/", "method": "BREW"}, "its method is none of GET"),
        ({"url": "https://shop/", "headers": {"X Y": "secret"}}, 'header "X Y" cannot be sent'),
        ({"url": "https://shop/", "headers": {"X": "se\r\ncret: 1"}}, 'header "X" cannot be sent'),
    ],
)
def test_what_makes_no_request_is_refused_without_its_value(http: dict[str, Any], reason: str) -> None:
    action = Action.model_validate({"name": "notify", "type": "HTTP", "http": http})
    with pytest.raises(RequestError) as caught:
        request_of(action, MARK)
    assert str(caught.value).startswith(reason)
    assert "secret" not in str(caught.value)


def test_a_url_is_shown_without_who_asks_and_without_its_query() -> None:
    request = asked("https://me:secret@shop.example.com:8443/a/b%20c?token=secret#secret")
    assert safe_url(request) == "https://shop.example.com:8443"
    assert safe_url(replace(request, show_path=True)) == "https://shop.example.com:8443/a/b%20c"


@pytest.mark.parametrize("status", [200, 204, 299])
def test_without_success_codes_every_2xx_is_a_success(status: int) -> None:
    assert asked().succeeded(status)
    assert not asked(successCodes=[418]).succeeded(status)
    assert asked(successCodes=[418]).succeeded(418)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
@pytest.mark.parametrize("status", [200, 302, 404, 429, 500, 503])
def test_a_wrong_status_of_a_harmless_request_is_repeated(method: str, status: int) -> None:
    request = asked(method=method, successCodes=[418])
    assert failure_of_status(request, status) is FailureType.HTTP_STATUS
    assert not leaves_open(request, status)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    ("status", "failure", "leaves"),
    [
        (200, FailureType.HTTP_REFUSED, False),
        (303, FailureType.HTTP_REFUSED, False),
        (400, FailureType.HTTP_REFUSED, False),
        (404, FailureType.HTTP_REFUSED, False),
        (429, FailureType.HTTP_STATUS, False),
        (500, FailureType.OUTCOME_UNKNOWN, True),
        (502, FailureType.OUTCOME_UNKNOWN, True),
        (503, FailureType.HTTP_STATUS, False),
        (504, FailureType.OUTCOME_UNKNOWN, True),
    ],
)
def test_a_wrong_status_of_a_request_that_changes_something(
    method: str, status: int, failure: FailureType, leaves: bool
) -> None:
    request = asked(method=method, successCodes=[201])
    assert failure_of_status(request, status) is failure
    assert leaves_open(request, status) is leaves
    own = asked(method=method, successCodes=[201], policy=OWN_POLICY)
    assert failure_of_status(own, status) is FailureType.HTTP_STATUS
    assert leaves_open(own, status) is leaves


def test_a_policy_of_no_retries_allows_no_repeat() -> None:
    assert not asked(method="POST", policy={"limit": 0}).may_repeat
    assert asked(method="POST", policy={}).may_repeat, "the action says retryPolicy, and leaves the rest to defaults"
    assert asked(method="PUT", policy={"limit": 0}).may_repeat


@pytest.mark.parametrize(
    ("method", "sent", "late", "failure"),
    [
        ("GET", False, False, FailureType.TRANSIENT),
        ("GET", True, False, FailureType.TRANSIENT),
        ("GET", True, True, FailureType.TIMED_OUT),
        ("POST", False, False, FailureType.TRANSIENT),
        ("POST", False, True, FailureType.TIMED_OUT),
        ("POST", True, False, FailureType.OUTCOME_UNKNOWN),
        ("POST", True, True, FailureType.OUTCOME_UNKNOWN),
    ],
)
def test_silence_leaves_open_only_what_was_sent_and_must_not_be_repeated(
    method: str, sent: bool, late: bool, failure: FailureType
) -> None:
    assert failure_of_silence(asked(method=method), sent=sent, late=late) is failure
    repeated = failure_of_silence(asked(method=method, policy=OWN_POLICY), sent=sent, late=late)
    assert repeated is (FailureType.TIMED_OUT if late else FailureType.TRANSIENT)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", list(Method))
def test_which_redirects_are_followed(method: Method, status: int) -> None:
    following = redirected(asked(method=method.value, body="text"), status, "/next?x=1")
    if not method.repeatable and status not in (307, 308):
        assert following is None
        return
    assert following is not None
    assert str(following.url) == "https://shop.example.com/next?x=1"
    becomes_get = status == 303 and method is not Method.HEAD
    assert following.method is (Method.GET if becomes_get else method)
    assert following.body == (b"" if becomes_get else b"text")


@pytest.mark.parametrize("location", [None, "", "ftp://x/", "http://[", "https://x:0/"])
def test_a_redirect_to_nowhere_is_an_answer(location: str | None) -> None:
    assert redirected(asked(), 302, location) is None


def test_a_redirect_that_counts_as_success_is_not_followed() -> None:
    assert redirected(asked(successCodes=[302]), 302, "/next") is None


@pytest.mark.parametrize(
    ("start", "location", "keeps"),
    [
        ("https://shop.example.com/a", "/b", True),
        ("https://shop.example.com/a", "https://shop.example.com:443/b", True),
        ("http://shop.example.com/a", "https://shop.example.com/a", True),
        ("https://shop.example.com/a", "http://shop.example.com/a", False),
        ("https://shop.example.com/a", "https://shop.example.com:8443/a", False),
        ("https://shop.example.com/a", "https://www.shop.example.com/a", False),
        ("https://shop.example.com/a", "//evil.example.net/a", False),
    ],
)
def test_what_may_name_who_asks_goes_to_no_other_place(start: str, location: str, keeps: bool) -> None:
    request = asked(start, headers={"Authorization": "Bearer token", "X-Any": "value", "Content-Type": "text/plain"})
    following = redirected(request, 307, location)
    assert following is not None
    kept = headers(following)
    assert ("authorization" in kept, "x-any" in kept) == (keeps, keeps)
    assert kept["content-type"] == "text/plain"
    assert kept["idempotency-key"] == MARK


def test_a_redirect_cannot_bring_credentials() -> None:
    following = redirected(asked(), 302, "https://me:pass@shop.example.com/next")
    assert following is not None
    assert str(following.url) == "https://shop.example.com/next"
    assert "authorization" not in headers(following)
