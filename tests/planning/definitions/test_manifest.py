"""A manifest is read as Kubernetes' own tools read it, and no text whatever breaks the reader."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.objects import Target
from planning.definitions.manifest import parse_manifest, server_fields, target_of
from planning.definitions.target import body_of_action, target_of_action
from planning.definitions.yaml_scalars import ManifestError
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


LISTS = [
    ("apiVersion: v1\nkind: List\nitems: [{a: 1}, {b: 2}]\n", "2 objects"),
    ("apiVersion: v1\nkind: ConfigMapList\nmetadata: {resourceVersion: ''}\nitems:\n- a: 1\n", "1 object"),
    ("apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleList\nitems: []\n", "0 objects"),
    ("apiVersion: v1\nkind: List\n", "0 objects"),
    ('{"apiVersion": "x.y/v1", "kind": "ThingList", "metadata": {"name": "a"}, "items": [{}]}', "1 object"),
]


@pytest.mark.parametrize(("text", "number"), LISTS)
def test_a_list_is_named_as_such(text: str, number: str) -> None:
    assert read(text)[1] == f"it is a list of {number}: put each into an action of its own"


def test_a_kind_whose_name_ends_in_list_is_an_object() -> None:
    body, _ = read("apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {items: [b]}\n")
    assert body


SEVERAL = [
    (f"{HEAD}---\n{HEAD}", 2),
    ("{}\n{}\n{}", 3),
    (f"{{}}\n---\n{HEAD}---\na: b\n", 3),
]


@pytest.mark.parametrize(("text", "number"), SEVERAL)
def test_several_documents_are_counted(text: str, number: int) -> None:
    assert read(text)[1] == f"it holds {number} documents: put each into an action of its own"


@pytest.mark.parametrize("name", ["20261127", "1.5", "on", "y", "true", "0x1F", "1e3", "08", "[a]"])
@pytest.mark.parametrize("field", ["apiVersion", "kind", "metadata.name", "metadata.namespace"])
def test_a_name_that_yaml_takes_for_something_else_is_to_be_put_in_quotes(field: str, name: str) -> None:
    fields = {"apiVersion": "v1", "kind": "X", "metadata.name": "a", "metadata.namespace": "b", field: name}
    metadata = f"{{name: {fields['metadata.name']}, namespace: {fields['metadata.namespace']}}}"
    text = f"apiVersion: {fields['apiVersion']}\nkind: {fields['kind']}\nmetadata: {metadata}\n"
    assert read(text)[1] == f"its {field} is not text: put it in quotes"


@pytest.mark.parametrize("metadata", ["{}", "{name: }", "{name: ''}", "{generateName: a-}", "[]", "a"])
def test_a_name_that_is_missing_is_to_be_written(metadata: str) -> None:
    assert read(f"apiVersion: v1\nkind: X\nmetadata: {metadata}\n")[1].startswith("it has no metadata.name")


HELM = [
    (f"{HEAD}spec:\n  replicas: {{{{ .Values.replicas }}}}\n", 5),
    (f'{HEAD}data:\n  a: "{{{{ $labels.x }}}}"\n  b: {{{{ .Values.b | quote }}}}\n', 6),
    (f"{{{{- if .Values.on }}}}\n{HEAD}{{{{- end }}}}\n", 1),
    (f"{HEAD}data:\n  a: b\n{{{{- with .Values.x }}}}\n  c: d\n{{{{- end }}}}\n", 6),
    (f'{HEAD}data:\n  {{{{- include "a" . | nindent 2 }}}}\n', 5),
    ("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-app\n", 4),
    (f"{HEAD}{{{{- if .Values.a }}}}\nx: 1\n{{{{- else }}}}\nx: 2\n{{{{- end }}}}\n", 4),
]


@pytest.mark.parametrize(("text", "line"), HELM)
def test_a_template_of_helm_is_named_with_its_line(text: str, line: int) -> None:
    assert read(text)[1] == f"line {line} holds a template of Helm: render it first (helm template)"


def test_a_template_of_helm_that_is_not_the_cause_is_not_named() -> None:
    text = f'{HEAD}data:\n  a: "{{{{ $labels.x }}}}"\n  b: [\n'
    assert read(text)[1].startswith("it is not YAML (line ")
    assert read(f'{HEAD}data: {{a: 1, a: "{{{{ x }}}}"}}\n')[1] == 'duplicate key "a" in a mapping (line 4)'
    assert read(f'{HEAD}data:\n  a: "{{{{ $labels.x }}}}"\n')[1] == ""


EXPORTED = """
apiVersion: v1
kind: ConfigMap
metadata:
  annotations: {a: b}
  creationTimestamp: "2026-01-01T00:00:00Z"
  finalizers: [example.com/x]
  generation: 3
  managedFields: [{manager: kubectl}]
  name: app
  namespace: default
  resourceVersion: "12345"
  selfLink: /api/v1/x
  uid: 11111111-2222-3333-4444-555555555555
data: {a: b}
"""


def test_what_only_the_api_server_sets_is_not_sent() -> None:
    defined = action({"name": "a", "type": "KubernetesResource", "resource": {"manifest": EXPORTED}})
    assert body_of_action(defined) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "annotations": {"a": "b"},
            "finalizers": ["example.com/x"],
            "name": "app",
            "namespace": "default",
        },
        "data": {"a": "b"},
    }


def test_server_fields_are_listed() -> None:
    names = ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"]
    assert server_fields(parse_manifest(EXPORTED)) == [f"metadata.{name}" for name in names]
    assert server_fields(parse_manifest(HEAD)) == []


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
# Between 2^53 and 2^63 kubectl makes an integer of the shortest digits of a number: see test_yaml_as_kubectl.
floats = st.floats(allow_nan=False, allow_infinity=False).filter(lambda each: not 2**53 < abs(each) < 2**63)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | texts,
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
