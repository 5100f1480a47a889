"""What is a placeholder, what it is filled in with, and what is left to others.

Source: docs/spec/drworkflow.md, "Templates".
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.values.placeholders import (
    Escaped,
    Placeholder,
    PlaceholderKind,
    TemplateError,
    Values,
    as_text,
    has_template,
    pieces,
    placeholders,
)
from planning.values.rendering import render, render_value

VALUES = Values(
    params={"x": "4", "site-name": "east", "n_1": "", "quote": 'a"b\nc', "again": "$(params.x) {{ .params.x }}"},
    plan_name="shop",
    outputs={
        "move-2": {
            "phase": "Succeeded",
            "localizationRef": {"name": "loc", "namespace": "east"},
            "httpResponse": {"statusCode": 200, "body": ""},
            "subscriptionRefs": [{"name": "a"}, {"name": "b"}],
        }
    },
)
FILLED = [
    ("$(params.x)", "4"),
    ("$(params.site-name)/$(params.n_1)/$(planName)", "east//shop"),
    ("{{ .params.x }}{{.params.site-name}}{{  .planName\t}}", "4eastshop"),
    ("$(outputs.move-2.phase)", "Succeeded"),
    ("{{ .outputs.move-2.localizationRef.name }}", "loc"),
    ("$(outputs.move-2.httpResponse.statusCode)", "200"),
    ("[$(outputs.move-2.httpResponse.body)]", "[]"),
    ("$(outputs.move-2.subscriptionRefs.1.name)", "b"),
    ("$(outputs.move-2.localizationRef)", '{"name":"loc","namespace":"east"}'),
    ("value: $(params.quote)", 'value: a"b\nc'),
    ("$($(params.x))", "$(4)"),
    ("$(echo $(params.x))", "$(echo 4)"),
    ("${a:-$(params.x)} {{ b $(params.x) }}", "${a:-4} {{ b 4 }}"),
    ("${{ .params.x }}", "$4"),
]
ESCAPED = [
    ("$$(params.x)", "$(params.x)"),
    ("$$(a.b) $$(event.target).hide() $$(planName)", "$(a.b) $(event.target).hide() $(planName)"),
    ("$$$(params.x) $$$$(params.x) $$$$$(a.b.c", "$4 $$(params.x) $$$$$(a.b.c"),
    ("$${params.x} $$$${params.x}", "${params.x} $${params.x}"),
    ("$${{ .params.x }} $${{- params.x | quote }}", "{{ .params.x }} {{- params.x | quote }}"),
    ("$$${{ params.x }}", "${{ params.x }}"),
    ("$$(HOME) $$(date +%s) $$(run.sh --all) $$${HOME}", "$$(HOME) $$(date +%s) $$(run.sh --all) $$${HOME}"),
    ("$${{ .Values.x }}", "$${{ .Values.x }}"),
]


@pytest.mark.parametrize(("text", "filled"), FILLED)
def test_both_spellings_are_filled_in_as_text(text: str, filled: str) -> None:
    assert render(text, VALUES) == filled


@pytest.mark.parametrize(("text", "filled"), ESCAPED)
def test_what_is_escaped_is_literal_text(text: str, filled: str) -> None:
    assert render(text, VALUES) == filled


@pytest.mark.parametrize("text", ["$$(a.b)", "$${params.x}", "$${{ .params.x }}"])
def test_what_is_escaped_is_no_placeholder(text: str) -> None:
    assert not has_template(text)
    assert render(text, Values()) == render_value({"x": [text]}, Values(), "spec")["x"][0] != text


def test_what_a_value_holds_is_never_read_as_a_placeholder() -> None:
    assert render("{{ .params.again }}|$(params.again)", VALUES) == "|".join(["$(params.x) {{ .params.x }}"] * 2)


FOREIGN = [
    "$(date +%s)",
    "$(hostname)",
    "$(POD_NAME)",
    "$(timestamp)",
    "$(./run.sh)",
    "$( ls a.txt )",
    "$(params)",
    "$(outputs)",
    "$()",
    "$((1 + 2))",
    "$(1.5)",
    "$(params.sh --all)",
    "{{ .Values.image }}",
    "{{ .Release.Name }}",
    "{{ .params }}",
    "{{ .plan }}",
    '{{ include "x" . }}',
    "$(params.x",
    "{{ .params.x }",
    "{{ .Values.params.x }}",
    "{{ $.Values.outputs.x }}",
    "{{ $x.params.y }}",
    "{{ steps.a.outputs.b }}",
    "{{inputs.parameters.x}}",
    "${planName}",
    "${spring.profiles.active}",
    "${{ github.ref }}",
    "${HOME}",
    "$$",
    "$$$",
]


@pytest.mark.parametrize("text", FOREIGN)
def test_what_belongs_to_a_shell_kubernetes_or_helm_is_left_as_it_is(text: str) -> None:
    assert render(text, VALUES) == text
    assert not has_template(text)


UNKNOWN = [
    ("$(planname)", "$(planName)"),
    ("$(PlanName)", "$(planName)"),
    ("$( planName )", "$(planName)"),
    ("$(planName.x)", "$(planName)"),
    ("$(param.x)", "$(params.x)"),
    ("$(parameters.x)", "$(params.x)"),
    ("$(Params.x)", "$(params.x)"),
    ("$(run.sh)", ""),
    ("$( params.x )", "$(params.x)"),
    ("$(params.)", ""),
    ("$(params.x.y)", ""),
    ("$(params.größe)", ""),
    ("$(params.1x)", ""),
    ("$(params.x|upper)", "$(params.x)"),
    ("$(outputs.)", ""),
    ("$(outputs.move-2)", ""),
    ("$(outputs.move-2.)", ""),
    ("$(output.a.b)", "$(outputs.a.b)"),
    ("{{ .params.x.y }}", ""),
    ("{{ .outputs.move-2 }}", ""),
    ("{{- .params.x -}}", "$(params.x)"),
    ("{{-.params.x-}}", "$(params.x)"),
    ("{{ .params.x | quote }}", "$(params.x)"),
    ("{{ quote .params.x }}", "$(params.x)"),
    ('{{ default "3" .params.x }}', "$(params.x)"),
    ("{{ if .params.x }}", "$(params.x)"),
    ("{{ .Params.x }}", "$(params.x)"),
    ("{{ .param.x }}", "$(params.x)"),
    ("{{ .parameters.x }}", "$(params.x)"),
    ("{{ params.x }}", "$(params.x)"),
    ("{{params.x}}", "$(params.x)"),
    ("{{ $.params.x }}", "$(params.x)"),
    ("{{ .planname }}", "$(planName)"),
    ("{{ planName }}", "$(planName)"),
    ("{{ $.planName | quote }}", "$(planName)"),
    ("{{ .Outputs.a.b.c }}", "$(outputs.a.b.c)"),
    ("{{ output.a.phase }}", "$(outputs.a.phase)"),
    ("${params.x}", "$(params.x)"),
    ("${ params.x }", "$(params.x)"),
    ("${params.x:-3}", "$(params.x)"),
    ("${Params.x}", "$(params.x)"),
    ("${outputs.a.b}", "$(outputs.a.b)"),
    ('{{ index .params "x" }}', "$(params.x)"),
    ("{{ .params['x'] }}", "$(params.x)"),
    ("{{ with .params }}", ""),
    ("{{ range $k, $v := .Params }}", ""),
    ("$(params['x'])", "$(params.x)"),
    ('$(params["x"])', "$(params.x)"),
    ("$(params[''x''])", "$(params.x)"),
    ("$(globalParams.x)", "$(params.x)"),
    ("{{ .globalParams.x }}", "$(params.x)"),
]


@pytest.mark.parametrize(("text", "meant"), UNKNOWN)
def test_what_can_only_be_a_slip_is_an_error_that_repeats_it(text: str, meant: str) -> None:
    with pytest.raises(TemplateError) as error:
        render(f"a {text} b", VALUES)
    spelling = meant or "$(params.<name>), $(planName) or $(outputs.<action>.<field>)"
    escaped = f"$${text}" if text.startswith("{") else f"${text}"
    assert str(error.value) == f"{text} is no template; write {spelling}, or {escaped} for this very text"
    assert has_template(text)
    assert render(f"a {escaped} b", VALUES) == f"a {text} b"


UNDEFINED = [
    ("$(params.y)", 'there is no parameter "y"; declare it'),
    ("{{ .params.Y }}", 'there is no parameter "Y"; declare it'),
    ("$(outputs.move-3.phase)", 'there are no outputs of an action "move-3"; name an action'),
    ("$(outputs.move-2.jobRef.name)", 'action "move-2" has no output jobRef.name; name one'),
    ("$(outputs.move-2.phase.x)", 'action "move-2" has no output phase.x; name one'),
    ("$(outputs.move-2.subscriptionRefs.2.name)", 'action "move-2" has no output subscriptionRefs.2.name; name one'),
]


@pytest.mark.parametrize(("text", "words"), UNDEFINED)
def test_what_has_no_value_is_an_error_that_names_it(text: str, words: str) -> None:
    with pytest.raises(TemplateError, match=f"^{words}"):
        render(text, VALUES)


def test_an_error_in_a_value_says_where_it_stands() -> None:
    value = {"feeds": [{"name": "a"}, {"name": "$(params.y)"}]}
    with pytest.raises(TemplateError) as error:
        render_value(value, VALUES, "spec.actions[2].subscription.spec")
    assert error.value.path == "spec.actions[2].subscription.spec.feeds[1].name"
    assert str(error.value).startswith("spec.actions[2].subscription.spec.feeds[1].name: there is no parameter")


def test_an_error_is_a_line_however_long_what_it_repeats() -> None:
    with pytest.raises(TemplateError) as error:
        render(f"$(params.{'x' * 5000})", VALUES)
    assert len(str(error.value)) < 300


def test_values_keep_their_types_and_keys_their_names() -> None:
    value = {"$(params.x)": "$(params.x)", "n": 3, "t": True, "none": None, "list": ["$(planName)", 1.5]}
    filled = {"$(params.x)": "4", "n": 3, "t": True, "none": None, "list": ["shop", 1.5]}
    assert render_value(value, VALUES, "spec") == filled


def test_placeholders_are_found_in_their_order() -> None:
    found = placeholders("$(params.x) $(HOME) {{ .outputs.a.b.c }} $(planName) $(a.b)")
    assert [(each.kind.value, each.name, each.rest) for each in found] == [
        ("params", "x", ""),
        ("outputs", "a", "b.c"),
        ("planName", "", ""),
        ("unknown", "", ""),
    ]
    assert [each.text for each in found][1] == "{{ .outputs.a.b.c }}"


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)
TEXTS = st.text(alphabet="$(){}. \nparmsoutl-_Ax1é", max_size=60)


@given(
    pieces=st.lists(st.one_of(NAMES.map(lambda name: (name, True)), TEXTS.map(lambda text: (text, False)))),
    data=st.data(),
)
def test_a_text_is_its_pieces_with_the_values_between(pieces: list[tuple[str, bool]], data: st.DataObject) -> None:
    params = {name: data.draw(st.text()) for name, used in pieces if used}
    spell = st.sampled_from(["$(params.{})", "{{{{ .params.{} }}}}", "{{{{.params.{}}}}}"])
    plain = [(piece, used) for piece, used in pieces if used or not any(sign in piece for sign in "$({")]
    text = "".join(data.draw(spell).format(piece) if used else piece for piece, used in plain)
    expected = "".join(params[piece] if used else piece for piece, used in plain)
    assert render(text, Values(params)) == expected


@given(text=TEXTS)
def test_any_text_is_filled_in_or_refused_as_its_placeholders_say(text: str) -> None:
    found = placeholders(text)
    known = {each.name: "v" for each in found if each.kind is PlaceholderKind.PARAMS}
    values = Values(known)
    escaped = sum(len(each.text) - len(each.literal) for each in pieces(text) if isinstance(each, Escaped))
    if any(each.kind in (PlaceholderKind.UNKNOWN, PlaceholderKind.OUTPUTS) for each in found):
        with pytest.raises(TemplateError):
            render(text, values)
    elif found or escaped:
        assert len(render(text, values)) == len(text) - sum(_shrunk(each) for each in found) - escaped
    else:
        assert render(text, values) == text


def _shrunk(placeholder: Placeholder) -> int:
    return len(placeholder.text) - (1 if placeholder.kind is PlaceholderKind.PARAMS else 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(value=JSON)
def test_a_value_without_placeholders_comes_back_as_it_was(value: Any) -> None:
    if pieces(as_text(value)) == [as_text(value)]:
        assert render_value(value, Values(), "spec") == value
