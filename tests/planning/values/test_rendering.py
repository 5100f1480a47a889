"""A value never becomes structure: in manifests, in JSON inside a text, in patches and in the bodies of requests.

Source: docs/spec/drworkflow.md, "Templates"; docs/decisions/0019-a-value-never-becomes-structure.md.
"""

import json
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from api.actions import Action
from planning.definitions.manifest import parse_manifest
from planning.definitions.target import body_of_action
from planning.definitions.yaml_documents import MAX_TEXT
from planning.definitions.yaml_scalars import ManifestError
from planning.validation.actions import rendered_errors
from planning.values.placeholders import PlaceholderKind, TemplateError, Values, has_template, placeholders
from planning.values.rendering import render, render_manifest, render_value, rendered_action, validate_manifest_template
from tests.api.documents import REPOSITORY

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n"
INJECTIONS = [
    "harmless\nimmutable: true",
    "x:1\n      hostPID: true",
    "victim, namespace: other",
    "a: b",
    "a # b",
    "- a\n- b",
    "[a, b]",
    "{a: b}",
    '"',
    "'",
    "\\",
    '", "admin": true, "x": "',
    "a\n---\nkind: Other",
    "&anchor a",
    "*anchor",
    "!!python/object:x y",
    "<<",
    "? a",
    "|\n a",
    "$(params.v)",
    "{{ .params.v }}",
    "\x00",
    "\u2028",
    "\x85",
    "\U0001f600",
    " ",
    "\t",
    "%",
    "@",
    "`",
    "]}",
]
TEMPLATES = [
    "x: {}\n",
    'x: "{}"\n',
    "x: '{}'\n",
    "x: |\n  {}\n",
    "x: |-\n  a\n    {}\n  b\n",
    "x: >\n  {}\n",
    "x: [{}, b, '{}']\n",
    'x: {{a: {}, b: "{}"}}\n',
    "x: pre-{}-post\n",
    "x:\n  - {}\n  - name: {}\n",
    "{}: v\n",
    "'{}': v\n",
    "x: {{{}: v}}\n",
    "x: &a {}\ny: *a\n",
    "x: !!str {}\n",
    'x: \'{{"a": "{}", "b": {}}}\'\n',
    "# {}\nx: a\n",
]
"""With `{}` in place of a placeholder, as str.format has it."""
SPELLINGS = ["$(params.v)", "{{ .params.v }}"]


def filled(template: str, value: str, spelling: str = SPELLINGS[0]) -> dict[str, Any]:
    text = HEAD + template.format(*[spelling] * template.count("{}"))
    return parse_manifest(render_manifest(text, Values({"v": value})))


def shape(value: Any) -> Any:
    """Return keys in their number, types of containers and number of items, without the values of scalars."""
    if isinstance(value, dict):
        return {"": len(value), **dict(enumerate(map(shape, value.values())))}
    return [shape(item) for item in value] if isinstance(value, list) else None


@given(
    template=st.sampled_from(TEMPLATES),
    value=st.sampled_from(INJECTIONS)
    | st.text(max_size=40)
    | st.text("{}[]&*!|>%@`'\"?:-,#\n\t ab01.<=~", max_size=40),
    spelling=st.sampled_from(SPELLINGS),
)
@example(template=TEMPLATES[0], value="1" * 5000, spelling=SPELLINGS[0])
@example(template=TEMPLATES[0], value="1e400", spelling=SPELLINGS[0])
def test_no_value_changes_the_structure_of_a_manifest(template: str, value: str, spelling: str) -> None:
    assert shape(filled(template, value, spelling)) == shape(filled(template, "harmless", spelling))


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("value", INJECTIONS)
def test_what_is_in_quotes_or_in_a_block_arrives_as_it_is(value: str, spelling: str) -> None:
    assert filled('x: "{}"\n', value, spelling)["x"] == value
    assert filled("x: 'a {} b'\n", value, spelling)["x"] == f"a {value} b"
    assert filled("x: |\n  {}\n", value, spelling)["x"] == f"{value}\n"
    assert filled("x: !!str {}\n", value, spelling)["x"] == value
    assert filled("{}: v\n", value, spelling)[value] == "v"


def test_two_lines_in_a_block_add_no_field() -> None:
    body = filled("data:\n  x: |\n    {}\n", "harmless\nimmutable: true")
    assert body["data"] == {"x": "harmless\nimmutable: true\n"}
    assert "immutable" not in body


def test_a_value_of_several_lines_keeps_the_indentation_of_its_line_in_a_block() -> None:
    text = "x: |\n  server:\n    $(params.v)\n  after: $(params.v)\n"
    body = parse_manifest(render_manifest(HEAD + text, Values({"v": "a: 1\n\nb: 2"})))
    assert body["x"] == "server:\n  a: 1\n\n  b: 2\nafter: a: 1\n\nb: 2\n"


PLAIN = [
    ("3", 3),
    ("3\n", 3),
    ("-1.5", -1.5),
    ("1e3", 1000),
    ("0x1F", 31),
    ("true", True),
    ("no", False),
    ("null", None),
    ("", None),
    ("east", "east"),
    ("2026-11-27", "2026-11-27"),
    ("22:22", "22:22"),
    ('"3"', '"3"'),
    ("=", "="),
    ("<<", "<<"),
]


@pytest.mark.parametrize(("value", "expected"), PLAIN)
def test_a_plain_scalar_gets_the_type_that_yaml_gives_its_value(value: str, expected: object) -> None:
    for spelling in SPELLINGS:
        found = filled("replicas: {}\nlist: [{}]\n", value, spelling)
        assert (found["replicas"], found["list"]) == (expected, [expected])
        assert type(found["replicas"]) is type(expected)


def test_a_plain_scalar_around_a_placeholder_gets_the_type_of_the_whole() -> None:
    assert filled("x: 1.{}\nv: v{}\nz: {}0\n", "5") == {
        **parse_manifest(HEAD),
        "x": 1.5,
        "v": "v5",
        "z": 50,
    }


def test_keys_that_become_equal_are_refused() -> None:
    with pytest.raises(ManifestError, match="duplicate key"):
        render_manifest(f"{HEAD}data: {{$(params.a): x, $(params.b): y}}\n", Values({"a": "k", "b": "k"}))


def test_a_key_never_merges() -> None:
    body = filled("x: {{{}: {{a: 1}}}}\n", "<<")
    assert body["x"] == {"<<": {"a": 1}}


def test_placeholders_of_others_and_of_no_value_stay_as_they_are() -> None:
    text = f"{HEAD}x: $(HOSTNAME) {{{{ .Values.x }}}}\nu: $(params.gone)\nz: $(params.v)\n"
    body = parse_manifest(render_manifest(text, Values({"v": "1"}), partly=True))
    assert (body["x"], body["u"], body["z"]) == ("$(HOSTNAME) {{ .Values.x }}", "$(params.gone)", 1)
    with pytest.raises(TemplateError, match='no parameter "gone"'):
        render_manifest(text, Values({"v": "1"}))


def test_what_is_escaped_in_a_manifest_is_text_wherever_it_is() -> None:
    text = (
        f"{HEAD}a: $${{{{ .params.v }}}}\nb: [$${{{{ params.v }}}}, $$(a.b), $$$(params.v)]\n$$(c.d): |\n  $$(a.b)\n"
        'd: \'{"x": "$$(a.b)", "y": $$(params.v)}\'\n'
    )
    body = parse_manifest(render_manifest(text, Values({"v": "1"})))
    assert body["a"] == "{{ .params.v }}"
    assert body["b"] == ["{{ params.v }}", "$(a.b)", "$1"]
    assert body["$(c.d)"] == "$(a.b)\n"
    assert json.loads(body["d"]) == {"x": "$(a.b)", "y": "$(params.v)"}


def test_a_manifest_without_placeholders_stays_as_it_is() -> None:
    assert render_manifest(HEAD + "x: $(HOSTNAME) # a\n", Values()) == HEAD + "x: $(HOSTNAME) # a\n"


@pytest.mark.parametrize("text", ["{ $(params.whole) ", "$(params.whole)", f"{HEAD}$(params.more)\n", "- $(params.x)"])
def test_a_placeholder_outside_of_a_value_is_refused_before_anything_starts(text: str) -> None:
    with pytest.raises(ManifestError):
        validate_manifest_template(text)


# Fragments.


def test_a_parameter_of_type_yaml_is_a_fragment_where_it_is_the_whole_value() -> None:
    values = Values({"v": "{cpu: 2, list: [a, b]}", "n": "5"}, fragments=frozenset({"v", "n"}))
    text = f'{HEAD}x: $(params.v)\nu: "$(params.v)"\nz: a $(params.v)\nw: [$(params.n)]\n$(params.n): k\n'
    body = parse_manifest(render_manifest(text, values))
    assert body["x"] == {"cpu": 2, "list": ["a", "b"]}
    assert (body["u"], body["z"]) == ("{cpu: 2, list: [a, b]}", "a {cpu: 2, list: [a, b]}")
    assert (body["w"], body["5"]) == ([5], "k")


@pytest.mark.parametrize("value", ["{a", "a: 1\n---\nb: 2", "*x"])
def test_a_fragment_is_one_document(value: str) -> None:
    with pytest.raises(TemplateError, match='the value of parameter "v" is not YAML'):
        render_manifest(f"{HEAD}x: $(params.v)\n", Values({"v": value}, fragments=frozenset({"v"})))


# JSON in texts.


@given(value=st.sampled_from(INJECTIONS) | st.text(max_size=40), spelling=st.sampled_from(SPELLINGS))
def test_no_value_changes_the_structure_of_json(value: str, spelling: str) -> None:
    template = f'{{"plan": "a {spelling}", {spelling}: {spelling}, "list": [ {spelling} , "{spelling}"]}}'
    for path in ("http.body", "localization.spec.overrides[0].value", "localization.spec.x"):
        found = json.loads(render_value(template, Values({"v": value}), path))
        assert found["plan"] == f"a {value}"
        assert found["list"][1] == value
        assert shape(found) == shape(json.loads(render_value(template, Values({"v": "harmless"}), path)))


def test_a_bare_placeholder_in_json_has_the_type_of_its_value() -> None:
    template = '{"a":$(params.n),"b":$(params.t),"c": $(params.x) ,"d":$(params.f)}'
    values = Values({"n": "4", "t": "true", "x": "east", "f": "[1]"}, fragments=frozenset({"f"}))
    assert render_value(template, values, "http.body") == '{"a":4,"b":true,"c": "east" ,"d":[1]}'


def test_a_body_with_a_placeholder_outside_of_a_value_is_refused() -> None:
    for body in ('{"a": 1 $(params.v)}', '{"a": $(params.v)$(params.v)}', "{$(params.v)}"):
        with pytest.raises(TemplateError, match=r"^http\.body: is not JSON around its placeholders"):
            render_value(body, Values({"v": ', "b": 2'}), "http.body")
    assert render_value("$(params.v)", Values({"v": '{"b": 2}'}), "http.body") == '{"b": 2}'


def test_a_patch_in_yaml_stays_what_it_is() -> None:
    path = "localization.spec.overrides[0].value"
    patch = render_value("spec:\n  image: $(params.v)\n  size: $(params.n)\n", Values({"v": "a\nb: c", "n": "2"}), path)
    assert json.loads(patch) == {"spec": {"image": "a\nb: c", "size": 2}}
    assert render_value("$(params.v)", Values({"v": "a: b"}), path) == "a: b"
    with pytest.raises(TemplateError, match="the patch is not usable"):
        render_value("a: {$(params.v)", Values({"v": "x"}), path)


# Actions.


def test_an_action_names_the_field_of_a_manifest_that_cannot_be_read() -> None:
    action = Action.model_validate(
        {"name": "a", "type": "KubernetesResource", "resource": {"manifest": HEAD + "$(params.v)\n"}}
    )
    (error,) = rendered_errors(action, Values({"v": "x: y"}), ())
    assert (error.path, error.message[:30]) == ("resource.manifest", "the manifest is not usable: it")
    assert rendered_action(action, Values({"v": "x: y"}), partly=True) == action


def test_the_object_of_a_filled_action_has_the_values() -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: $(params.v)}\nspec: {image: $(params.i), size: $(params.n)}\n"
    action = Action.model_validate({"name": "a", "type": "KubernetesResource", "resource": {"manifest": text}})
    whole = rendered_action(action, Values({"v": "app", "i": "x:1\n  hostPID: true", "n": "3"}))
    assert body_of_action(whole)["spec"] == {"image": "x:1\n  hostPID: true", "size": 3}


# Examples.


def manifests_of_examples() -> list[str]:
    documents = [
        document
        for path in sorted((REPOSITORY / "examples").rglob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]
    actions = [each for one in documents if one["kind"] == "DRWorkflow" for each in one["spec"]["actions"]]
    parts = [part for each in actions for part in (each, each.get("rollback") or {})]
    return [part["resource"]["manifest"] for part in parts if "manifest" in part.get("resource", {})]


@pytest.mark.parametrize("value", ["4", "east", "no", "1.5"])
def test_every_manifest_of_the_examples_is_the_object_that_its_text_with_the_values_in_it_is(value: str) -> None:
    templates = [text for text in manifests_of_examples() if has_template(text)]
    assert templates
    for text in templates:
        used = placeholders(text)
        outputs = {each.name: _nested(each.rest, value) for each in used if each.kind is PlaceholderKind.OUTPUTS}
        params = {each.name: value for each in used if each.kind is PlaceholderKind.PARAMS}
        values = Values(params, "shop", outputs)
        assert parse_manifest(render_manifest(text, values)) == parse_manifest(render(text, values))


def _nested(path: str, value: str) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: _nested(rest, value) if rest else value}


# Numbers and booleans in Jobs and in Clusternet's specs.

VALUES = Values({"n": "3", "t": "true", "f": "1.5", "w": "http", "i": "9e1", "y": "off"})
TYPED = [
    ({"backoffLimit": "$(params.n)"}, {"backoffLimit": 3}),
    ({"backoffLimit": "{{ .params.n }}"}, {"backoffLimit": 3}),
    ({"backoffLimit": "1$(params.n)"}, {"backoffLimit": 13}),
    ({"backoffLimit": "$(params.i)"}, {"backoffLimit": 90}),
    ({"backoffLimit": "$(params.w)"}, {"backoffLimit": "http"}),
    ({"backoffLimit": "$(params.t)"}, {"backoffLimit": "true"}),
    ({"backoffLimit": "3"}, {"backoffLimit": "3"}),
    ({"suspend": "$(params.t)"}, {"suspend": True}),
    ({"suspend": "$(params.y)"}, {"suspend": False}),
    ({"suspend": "$(params.n)"}, {"suspend": "3"}),
    ({"x": [{"port": "$(params.n)"}, {"port": "$(params.w)"}]}, {"x": [{"port": 3}, {"port": "http"}]}),
    ({"env": [{"name": "port", "value": "$(params.n)"}]}, {"env": [{"name": "port", "value": "3"}]}),
    ({"args": ["$(params.n)"], "command": "$(params.t)"}, {"args": ["3"], "command": "true"}),
    ({"nodeSelector": {"priority": "$(params.n)", "a.b/weight": "$(params.n)"}},
     {"nodeSelector": {"priority": "3", "a.b/weight": "3"}}),
    ({"metadata": {"labels": {"port": "$(params.n)"}}}, {"metadata": {"labels": {"port": "3"}}}),
    ({"supplementalGroups": ["$(params.n)", 4]}, {"supplementalGroups": [3, 4]}),
    ({"onExitCodes": {"values": ["$(params.n)"]}}, {"onExitCodes": {"values": [3]}}),
    ({"matchExpressions": [{"values": ["$(params.n)"]}]}, {"matchExpressions": [{"values": ["3"]}]}),
    ({"limits": {"cpu": "$(params.n)"}}, {"limits": {"cpu": "3"}}),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), TYPED)
def test_a_field_of_a_number_or_a_boolean_gets_one(spec: dict[str, Any], expected: dict[str, Any]) -> None:
    job = Action.model_validate({"name": "a", "type": "Job", "job": {"template": {"spec": spec}}})
    assert json.dumps(body_of_action(rendered_action(job, VALUES), "m")["spec"]) == json.dumps(expected)
    named = {"name": "a", "namespace": "b", "spec": spec}
    subscription = Action.model_validate({"name": "a", "type": "Subscription", "subscription": named})
    assert json.dumps(body_of_action(rendered_action(subscription, VALUES))["spec"]) == json.dumps(expected)


def test_numbers_of_clusternet_reach_its_objects() -> None:
    spec = {
        "priority": "$(params.n)",
        "overrideChart": "$(params.t)",
        "overrides": [{"name": "$(params.n)", "value": "$(params.n)"}],
    }
    named = {"name": "$(params.n)", "namespace": "$(params.n)", "spec": spec}
    action = Action.model_validate({"name": "a", "type": "Localization", "localization": named})
    body = body_of_action(rendered_action(action, VALUES))
    assert body["metadata"] == {"name": "3", "namespace": "3"}
    assert body["spec"] == {"priority": 3, "overrideChart": True, "overrides": [{"name": "3", "value": "3"}]}


def test_a_header_is_a_text_whatever_its_name_is() -> None:
    http = {"url": "http://x", "headers": {"weight": "$(params.n)", "wait": "$(params.t)"}}
    action = rendered_action(Action.model_validate({"name": "a", "type": "HTTP", "http": http}), VALUES)
    assert action.http is not None
    assert action.http.headers == {"weight": "3", "wait": "true"}


# Limits.


def test_a_text_that_would_be_too_long_is_refused_before_it_is_made() -> None:
    many, long = "$(params.v)" * 10_000, Values({"v": "x" * 30_000})
    for render_it in (
        lambda: render(many, long),
        lambda: render_value({"x": [many]}, long, "spec"),
        lambda: render_manifest(f"{HEAD}x: {many}\n", long),
    ):
        with pytest.raises(TemplateError, match=f"more than {MAX_TEXT} characters once its placeholders"):
            render_it()


def test_a_fragment_that_is_used_very_often_is_refused() -> None:
    values = Values({"v": f"[{'a,' * 1000}]"}, fragments=frozenset({"v"}))
    with pytest.raises(ManifestError, match="more than 100000 values"):
        render_manifest(f"{HEAD}x: [{'$(params.v),' * 1000}]\n", values)
