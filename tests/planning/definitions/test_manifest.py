"""A manifest is read as Kubernetes' own tools read it, and no text whatever breaks the reader."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.steps import Target
from planning.definitions.manifest import ManifestError, parse_manifest, target_of
from planning.definitions.target import body_of_action, target_of_action
from tests.planning.builders import CLUSTERNET, action, localized, manifest

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n"

VALUES = [
    ("22:22", "22:22"),
    ("2020-01-01", "2020-01-01"),
    ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
    ("yes", True),
    ("off", False),
    ("y", True),
    ("N", False),
    ("0755", 493),
    ("0o17", 15),
    ("0x1F", 31),
    ("1_000", 1000),
    ("-7", -7),
    ("1.5", 1.5),
    ("1e3", 1000.0),
    (".5", 0.5),
    ("1.2.3", "1.2.3"),
    ("~", None),
    ("'5'", "5"),
    (".inf", ".inf"),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_scalars(text: str, value: object) -> None:
    assert parse_manifest(f"{HEAD}x: {text}\n")["x"] == value


def test_keys_are_texts() -> None:
    assert parse_manifest(f"{HEAD}data: {{1: a, true: b, 1.5: c}}\n")["data"] == {"1": "a", "true": "b", "1.5": "c"}


def test_aliases_and_merges_are_resolved() -> None:
    body = parse_manifest(f"{HEAD}x: &x {{a: 1}}\nw: {{<<: *x, b: 2}}\nz: *x\n")
    assert (body["w"], body["z"]) == ({"a": 1, "b": 2}, {"a": 1})


def test_empty_documents_around_the_object_are_passed_over() -> None:
    assert parse_manifest(f"---\n---\n{HEAD}---\n# nothing\n")["kind"] == "ConfigMap"


def test_aliases_that_multiply_are_refused() -> None:
    lines = "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
    )
    with pytest.raises(ManifestError, match="aliases"):
        parse_manifest(f"{HEAD}a: &a [1, 1, 1, 1, 1, 1, 1, 1]\n{lines}")


@given(st.text(alphabet=st.sampled_from("{}[]&*!|>%@`'\"?:-,#\n\t ab01.<=~") | st.characters(), max_size=80))
@example("a: !!timestamp 5")
@example("a: !!bool maybe")
@example("&a [*a]")
@example("? [a]\n: b")
@example("a: !!int x")
def test_any_text_is_an_object_or_a_clear_error(text: str) -> None:
    body, error = read(HEAD + text)
    if body is None:
        assert error
    else:
        assert json.loads(json.dumps(body)) == body
        assert target_of(body).name == "app"


def read(text: str) -> tuple[dict[str, Any] | None, str]:
    try:
        return parse_manifest(text), ""
    except ManifestError as error:
        return None, str(error)


texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_json_is_read_as_it_is(value: object) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "x": value}
    assert parse_manifest(json.dumps(body, ensure_ascii=False)) == body


def test_an_object_is_named_with_its_namespace() -> None:
    assert target_of_action(action(manifest("app"))) == Target(
        api_version="v1", kind="ConfigMap", name="app", namespace="default"
    )
    assert target_of(parse_manifest(HEAD)).namespace is None


def test_a_localization_becomes_a_whole_object() -> None:
    assert body_of_action(action(localized("nginx"))) == {
        "apiVersion": CLUSTERNET,
        "kind": "Localization",
        "metadata": {"name": "nginx", "namespace": "default"},
        "spec": {"overridePolicy": "ApplyNow"},
    }


def test_a_globalization_has_no_namespace() -> None:
    defined = action({"name": "a", "type": "Globalization", "globalization": {"name": "x"}})
    assert target_of_action(defined) == Target(api_version=CLUSTERNET, kind="Globalization", name="x")
    assert body_of_action(defined)["metadata"] == {"name": "x"}


def test_http_is_about_no_object() -> None:
    defined = action({"name": "a", "type": "HTTP", "http": {"url": "http://x"}})
    assert target_of_action(defined) is None
    with pytest.raises(ManifestError, match="has no object"):
        body_of_action(defined)
