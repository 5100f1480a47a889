"""Names say what is secret in a text or in a JSON value; references and everything else stay as they are."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.values.secret_names import is_secret_field, is_secret_query
from planning.values.secret_parts import MARKER, hidden, secret_segments, secrets_in

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "name",
    ["SMTP_PASS", "DB_PASSWORD", "--api-key", "clientSecret", "X-Auth", "SLACK_WEBHOOK_URL", "mail.password"],
)
def test_names_of_fields_variables_and_options(name: str) -> None:
    assert is_secret_field(name)


@pytest.mark.parametrize(
    "name",
    [
        "secretName",
        "imagePullSecrets",
        "passwordFile",
        "maxTokens",
        "tokenEndpoint",
        "key",
        "code",
        "site",
        "author",
        "compass",
        "tokenTtlSeconds",
    ],
)
def test_names_that_say_nothing_or_refer_to_a_secret(name: str) -> None:
    assert not is_secret_field(name)


@pytest.mark.parametrize(
    "name", ["sig", "sign", "signature", "key", "code", "sas", "auth", "access_token", "X-Amz-Signature"]
)
def test_names_in_a_query(name: str) -> None:
    assert is_secret_query(name)
    assert secrets_in(f"see https://host/path?site=east&{name}={SECRET}#top") == [SECRET]


@pytest.mark.parametrize("name", ["site", "page", "q", "encode", "monkey"])
def test_other_names_in_a_query(name: str) -> None:
    assert secrets_in(f"https://host/path?{name}=east") == []


@pytest.mark.parametrize(
    "value",
    [
        {"password": SECRET},
        {"a": [{"oauth": {"clientSecret": SECRET}}]},
        {"tokens": [SECRET]},
        {"token": {"value": SECRET}},
        {"env": [{"name": "DB_PASSWORD", "value": SECRET}]},
        {"httpHeaders": [{"name": "Authorization", "value": SECRET}]},
        {"overrides": [{"value": json.dumps([{"op": "add", "path": "/data/password", "value": SECRET}])}]},
        {"command": ["sh", "-c", f"PGPASSWORD={SECRET} psql"]},
        {"args": ["--token", SECRET, "--db=shop"]},
        {"args": ["-u", f"shop:{SECRET}", "https://host/"]},
        {"args": [f"--api-key={SECRET}"]},
        {"data": {"app.properties": f"db.host=db\ndb.password={SECRET}\n"}},
        {"data": {"app.yaml": f"mail:\n  token: {SECRET}\n  port: 25"}},
        {"data": {"app.json": json.dumps({"apiKey": SECRET})}},
        {"data": {"app.xml": f"<mail><password>{SECRET}</password></mail>"}},
        {"annotations": {"last": json.dumps({"env": [{"name": "API_TOKEN", "value": SECRET}]})}},
        f"curl -H 'Authorization: Bearer {SECRET}' https://host/",
        f"curl --user shop:{SECRET} https://host/",
        f"mail=a&password={SECRET}&site=east",
        f'{{"site": $(params.n), "password": "{SECRET}"}}',
        f"postgres://shop:{SECRET}@db:5432/shop?sslmode=require",
        f"https://hooks.example.com/services/T00/{SECRET}",
        f"login --password {SECRET} --site east",
    ],
    ids=str,
)
def test_a_secret_is_found_and_nothing_else(value: Any) -> None:
    assert secrets_in(value) == [SECRET]
    assert SECRET not in json.dumps(hidden(value, lambda _: MARKER))


@pytest.mark.parametrize(
    "value",
    [
        {"env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]},
        {"env": [{"name": "TOKEN", "value": "$(params.token)"}, {"name": "SITE", "value": "east"}]},
        {"volumes": [{"name": "token", "secret": {"secretName": "db"}}, {"name": "x", "configMap": {"name": "x"}}]},
        {"imagePullSecrets": [{"name": "registry"}], "automountServiceAccountToken": False},
        {"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": ["shop"]}]},
        {"command": ["sh", "-c", "psql --password=$(DB_PASSWORD) && echo $TOKEN ${API_KEY}"]},
        {"args": ["--password-file=/run/db", "--token", "--db=shop"]},
        {"ports": [{"name": "http", "containerPort": 80}], "image": "registry.example.com:5000/shop:1"},
        "https://shop.example.com/health?site=east",
        "the password is required: see the page about secrets",
        "password: $(params.password)",
        "time: 10:00, url: http://host:8080/a@b",
    ],
    ids=str,
)
def test_what_must_stay_stays(value: Any) -> None:
    assert secrets_in(value) == []
    assert hidden(value, lambda _: MARKER) == value


def test_the_segments_of_a_path_that_may_be_secret_are_those_that_are_no_plain_words() -> None:
    assert secret_segments("services/T00/B00/abcdefXYZ123") == ["abcdefXYZ123"]
    assert secret_segments("hook/canary-of-words") == ["canary-of-words"]
    assert secret_segments("api/v1/failover/$(params.site)") == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["password=abc", MARKER, "a: b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "value", "password", "kind", "data", "token"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON)
def test_what_was_hidden_once_is_hidden_for_good(value: Any) -> None:
    once = hidden(value, lambda _: MARKER)
    assert hidden(once, lambda _: MARKER) == once


UNITS = [
    "a",
    "password=",
    "password: ",
    '"',
    "--a ",
    "a:",
    "://",
    "a://",
    "?a=",
    "-u a",
    "<a>",
    ",",
    "token=,",
    "a.",
    " ",
]


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_takes_long(unit: str) -> None:
    begin = time.process_time()
    hidden(unit * (250_000 // len(unit)), lambda _: MARKER)
    assert time.process_time() - begin < 2


def test_a_json_patch_of_a_secret_hides_what_it_writes_and_not_its_words() -> None:
    patch = [
        {"op": "add", "path": "/data/c", "value": SECRET},
        {"op": "replace", "path": "/data", "value": {"d": "x1"}},
    ]
    body = {"kind": "Secret", "metadata": {"name": "s"}, "patch": patch}
    assert secrets_in(body) == [SECRET, "x1"]
