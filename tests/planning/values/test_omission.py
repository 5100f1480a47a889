"""What is kept of definitions holds no secrets, and is filled in again only from the same definition.

Source: docs/spec/drplan.md, "Secret values".
"""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from api.actions import Action
from planning.definitions.manifest import parse_manifest
from planning.values.omission import Changed, fill, is_complete, leave_out_action
from planning.values.secret_names import is_secret_name
from planning.values.secret_parts import MARKER

SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "type": "Opaque",
    "metadata": {"name": "s", "namespace": "d", "labels": {"a": "b"}, "annotations": {"last-applied": "hunter2"}},
    "data": {"password": "aHVudGVyMg=="},
    "stringData": {"user": "hunter2", "port": 1},
}
KEPT_SECRET = SECRET | {
    "metadata": {"name": "s", "namespace": "d", "labels": {"a": "b"}, "annotations": {"last-applied": MARKER}},
    "data": {"password": MARKER},
    "stringData": {"user": MARKER, "port": MARKER},
}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"site": "east"}}


def resource(manifest: str) -> dict[str, Any]:
    return {"name": "a", "type": "KubernetesResource", "resource": {"operation": "Apply", "manifest": manifest}}


def http(**fields: Any) -> dict[str, Any]:
    return {"name": "a", "type": "HTTP", "http": {"url": "https://x/y", "method": "GET"} | fields}


def kept_manifest(body: Any) -> Any:
    kept = leave_out_action(resource(body if isinstance(body, str) else yaml.safe_dump(body)))["resource"]["manifest"]
    return kept if kept == MARKER else parse_manifest(kept)


@pytest.mark.parametrize("name", ["password", "dbPassword", "DB_PASSWD", "api-key", "apiKey", "accessToken", "x.secret",
                                  "Credentials", "private_key", "userPwd"])  # fmt: skip
def test_some_names_say_that_a_value_is_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "secretName",
        "token-ref",
        "passwordFile",
        "replicas",
        "site",
        "key",
        "author",
        "pass",
        "keyspace",
        "api",
        "private",
    ],
)
def test_other_names_do_not(name: str) -> None:
    assert not is_secret_name(name)


def test_the_data_of_a_secret_is_left_out_and_its_name_is_kept() -> None:
    assert kept_manifest(SECRET) == KEPT_SECRET
    assert kept_manifest(json.dumps(SECRET)) == KEPT_SECRET


def test_a_secret_inside_another_object_is_left_out_too() -> None:
    outer = {"apiVersion": "x/v1", "kind": "Manifest", "metadata": {"name": "m"}, "template": SECRET, "list": [SECRET]}
    assert kept_manifest(outer) == outer | {"template": KEPT_SECRET, "list": [KEPT_SECRET]}
    spec = {"name": "a", "type": "Subscription", "subscription": {"name": "x", "spec": {"objects": [SECRET]}}}
    assert leave_out_action(spec)["subscription"]["spec"] == {"objects": [KEPT_SECRET]}


def test_an_override_of_a_secret_is_left_out() -> None:
    def action(kind: str, value: str) -> dict[str, Any]:
        spec = {"feed": {"kind": kind, "name": "s"}, "overrides": [{"name": "n", "value": value}]}
        return {"name": "a", "type": "Localization", "localization": {"name": "x", "spec": spec}}

    kept = leave_out_action(action("Secret", "hunter2"))["localization"]["spec"]
    assert kept == {"feed": {"kind": "Secret", "name": "s"}, "overrides": [{"name": MARKER, "value": MARKER}]}
    assert leave_out_action(action("Deployment", "x")) == action("Deployment", "x")


def test_what_may_become_a_secret_when_it_is_filled_in_counts_as_one() -> None:
    assert kept_manifest(SECRET | {"kind": "$(params.kind)"})["data"] == {"password": MARKER}


@pytest.mark.parametrize("text", ["kind: Secret\ndata: [", "{{ if .x }}\nkind: 'Secret'", "kind: Secret\n---\na: 1"])
def test_a_manifest_that_cannot_be_read_and_speaks_of_a_secret_is_left_out_whole(text: str) -> None:
    assert leave_out_action(resource(text))["resource"]["manifest"] == MARKER


@pytest.mark.parametrize("text", [yaml.safe_dump(CONFIG), "# a comment\n" + yaml.safe_dump(CONFIG), "kind: [", ""])
def test_other_manifests_are_kept_to_the_letter(text: str) -> None:
    assert leave_out_action(resource(text)) == resource(text)


def test_a_reference_to_a_secret_is_no_secret() -> None:
    spec = {"feeds": [{"apiVersion": "v1", "kind": "Secret", "name": "s", "namespace": "d"}]}
    action = {"name": "a", "type": "Subscription", "subscription": {"name": "x", "spec": spec}}
    assert leave_out_action(action) == action


KEPT_HEADERS = {
    "Content-Type": "application/json",
    "ACCEPT": "text/plain",
    "Authorization": "Bearer $(params.token)",
    "X-Api-Key": "$(params.key)",
    "X-Older": "{{ .params.key }}",
    "X-Two": "$(params.a)$(params.b)",
}
LEFT_OUT_HEADERS = {
    "Authorization": "Bearer abc",
    "X-Api-Key": "abc",
    "X-Word": "hunter2 $(params.token)",
    "X-Half": "$(params.a)abc",
    "X-Shell": "$(TOKEN)",
    "Cookie": "a=b",
    "X-Site": "east",
    "X-Empty": "",
}


@pytest.mark.parametrize(("name", "value"), KEPT_HEADERS.items())
def test_a_header_is_kept_if_it_is_harmless_or_says_nothing_by_itself(name: str, value: str) -> None:
    action = http(headers={name: value})
    assert leave_out_action(action) == action


@pytest.mark.parametrize(("name", "value"), LEFT_OUT_HEADERS.items())
def test_what_any_other_header_says_literally_is_left_out(name: str, value: str) -> None:
    assert leave_out_action(http(headers={name: value}))["http"]["headers"] == {name: MARKER}


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://host/a?site=east", True),
        ("https://$(params.user):$(params.password)@host/", True),
        ("https://host/?token=$(params.token)", True),
        ("https://host/a@b", True),
        ("https://user:hunter2@host/", False),
        ("$(params.scheme)://hunter2@host/", False),
        ("https://host/?a=1&api_key=hunter2", False),
    ],
)
def test_a_url_with_a_secret_is_left_out(url: str, kept: bool) -> None:
    assert leave_out_action(http(url=url))["http"]["url"] == (url if kept else MARKER)


def test_a_custom_rollback_is_treated_as_an_action() -> None:
    action = resource("x: y") | {"rollback": http(headers={"Cookie": "hunter2"}) | {"rollback": resource("Secret [")}}
    kept = leave_out_action(action)["rollback"]
    assert kept["http"]["headers"] == {"Cookie": MARKER}
    assert kept["rollback"]["resource"]["manifest"] == MARKER


WORDS = st.sampled_from(["hunter2", "Secret", "$(params.x)", "kind", "", "https://a:b@c/"])
FIELDS = ["kind", "data", "metadata", "feed", "overrides", "http", "url", "headers", "resource", "manifest", "rollback"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=15,
)
HEAD = st.fixed_dictionaries(
    {
        "apiVersion": st.just("v1"),
        "kind": st.sampled_from(["Secret", "List", "$(params.x)"]),
        "metadata": st.just({"name": "x"}),
    }
)
MANIFESTS = st.one_of(
    st.text(max_size=20),
    JSON.map(json.dumps),
    st.tuples(HEAD, st.dictionaries(st.sampled_from(["data", "items"]), JSON)).map(
        lambda two: json.dumps(two[0] | two[1])
    ),
)
ACTIONS = st.fixed_dictionaries(
    {"name": st.just("a"), "type": st.just("HTTP")},
    optional={
        "localization": st.fixed_dictionaries({"name": st.just("x"), "spec": st.dictionaries(st.just("spec"), JSON)}),
        "job": st.fixed_dictionaries({"template": st.dictionaries(st.just("spec"), JSON)}),
        "resource": st.fixed_dictionaries({"manifest": MANIFESTS}),
        "http": st.fixed_dictionaries(
            {"url": st.text(max_size=20) | WORDS},
            optional={"headers": st.dictionaries(WORDS, st.text(max_size=9) | WORDS)},
        ),
        "rollback": st.dictionaries(st.sampled_from(FIELDS), JSON),
    },
)


@given(action=ACTIONS)
def test_what_is_kept_is_an_action_still_and_nothing_more_is_left_out_of_it(action: dict[str, Any]) -> None:
    kept = leave_out_action(action)
    assert leave_out_action(kept) == kept
    Action.model_validate(kept)


@given(action=ACTIONS)
def test_an_action_is_filled_in_from_its_own_definition(action: dict[str, Any]) -> None:
    assert fill(leave_out_action(action), action) == action


@given(data=JSON, string_data=JSON, nested=st.booleans())
def test_nothing_of_a_secret_is_kept(data: Any, string_data: Any, nested: bool) -> None:
    secret = SECRET | {"data": {"a": data, "b": "hunter2"}, "stringData": string_data}
    body = {"apiVersion": "v1", "kind": "List", "metadata": {"name": "l"}, "items": [secret]} if nested else secret
    assert "hunter2" not in json.dumps(leave_out_action(resource(json.dumps(body))))


def test_a_definition_that_changed_in_its_secret_parts_alone_is_used_as_it_is_now() -> None:
    kept, rotated = leave_out_action(http(headers={"Cookie": "old"})), http(headers={"Cookie": "new"})
    assert fill(kept, rotated) == rotated


def test_a_definition_that_changed_otherwise_is_not_used() -> None:
    kept = leave_out_action(http(headers={"Cookie": "old"}))
    for live in (http(headers={"Cookie": "old"}, url="https://elsewhere"), None):
        with pytest.raises(Changed):
            fill(kept, live)


def test_a_definition_without_secrets_needs_no_live_one() -> None:
    action = resource(yaml.safe_dump(CONFIG))
    assert is_complete(leave_out_action(action))
    assert fill(leave_out_action(action), None) == action


def test_what_an_older_release_kept_is_filled_in_although_more_is_left_out_now() -> None:
    live = http(headers={"Cookie": "old"}, body='{"password": "hunter2"}')
    kept = http(headers={"Cookie": MARKER}, body='{"password": "hunter2"}')
    assert fill(kept, live) == live
    with pytest.raises(Changed):
        fill(kept, http(headers={"Cookie": "old"}, body='{"password": "another"}'))
