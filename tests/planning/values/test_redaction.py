"""What was sent is taken out of what is shown, in whatever form a service gives it back."""

import base64
import html
import json
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.values.redaction import BODY_BOUND, HIDDEN, excerpt, kept_body, redacted, secret_forms

TOKEN = 'c0rrect-h0rse/ba"ttery&staple'


@pytest.mark.parametrize(
    "echo",
    [
        TOKEN,
        f"Bearer {TOKEN}",
        json.dumps({"authorization": f"Bearer {TOKEN}"}),
        html.escape(TOKEN),
        quote_plus(TOKEN),
    ],
)
def test_a_token_is_hidden_in_each_form(echo: str) -> None:
    clean = redacted(f"you sent {echo}!", secret_forms([f"Bearer {TOKEN}"]))
    assert "c0rrect" not in clean
    assert HIDDEN in clean


def test_what_a_basic_pair_encodes_is_hidden_as_well() -> None:
    pair = base64.b64encode(b"shop:open-sesame").decode()
    clean = redacted(f"{pair} shop:open-sesame open-sesame", secret_forms([f"Basic {pair}"]))
    assert clean == f"{HIDDEN} {HIDDEN} {HIDDEN}"


def test_each_value_of_a_cookie_is_hidden() -> None:
    clean = redacted("session abcdef123 and ghijkl456", secret_forms(["a=abcdef123; b=ghijkl456"]))
    assert clean == f"session {HIDDEN} and {HIDDEN}"


def test_words_that_hide_nothing_stay() -> None:
    assert redacted("Bearer of 1 ring", secret_forms(["1", "Bearer of-all-rings"])) == "Bearer of 1 ring"


def test_a_secret_that_begins_where_reading_ended_is_cut_off() -> None:
    secrets = secret_forms([TOKEN])
    assert kept_body(f"text {TOKEN[:12]}", secrets, whole=False) == "text "
    assert kept_body(f"text {TOKEN[:12]}", secrets, whole=True) == f"text {TOKEN[:12]}"


def test_a_body_is_bounded_after_what_is_secret_was_taken_out() -> None:
    text = "x" * (BODY_BOUND - 5) + TOKEN + "end"
    kept = kept_body(text, secret_forms([TOKEN]), whole=True)
    assert len(kept) == BODY_BOUND
    assert "c0rre" not in kept


def test_signs_that_steer_a_terminal_are_taken_out() -> None:
    assert kept_body("a\x1b[31m\x00b\nc", (), whole=True) == "a [31m b\nc"


def test_an_excerpt_is_one_short_line() -> None:
    assert excerpt("a\n  b\tc") == "a b c"
    assert excerpt("x" * 300) == "x" * 200 + " …"


@given(
    st.text(), st.lists(st.text(min_size=4).filter(lambda t: len(t.strip()) >= 4), min_size=1, max_size=3), st.text()
)
def test_no_secret_survives_whatever_stands_around_it(before: str, secrets: list[str], after: str) -> None:
    forms = secret_forms(secrets)
    text = before + "".join(secret.strip() for secret in secrets) + after
    clean = redacted(text, forms)
    assert all(secret.strip() not in clean.replace(HIDDEN, "\n\t\n") for secret in secrets)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ('{"access_token": "abcdef", "site": "east"}', '{"access_token": "•••", "site": "east"}'),
        ('{"user": {"password": "abcdef"}, "access_token": "ghi', '{"user": {"password": "•••"}, "access_token": "•••'),
        ("token=abcdef&site=east", "token=•••&site=east"),
        ('{"site": "east", "status": "the token is valid"}', '{"site": "east", "status": "the token is valid"}'),
    ],
)
def test_what_a_service_calls_secret_is_not_kept(body: str, kept: str) -> None:
    assert kept_body(body, (), whole=False) == kept
