"""Parameters: which layer gives the value, what is to be read for it, and what is wrong.

Source: docs/spec/drplan.md, "Parameters".
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.execution import DRPlanExecution
from api.params import Parameter
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.validation.parameters import parameter_errors
from planning.values.parameters import Layers, Resolved, kept_layers, layers, reads, resolve
from planning.values.value_from import Answers, ManifestRead, Matches, UnreadableManifest

Entries = list[dict[str, Any]]


def stack(
    workflow: Entries = [],  # noqa: B006 - never changed
    plan: Entries = [],  # noqa: B006
    stage: Entries = [],  # noqa: B006
    execution: Entries = [],  # noqa: B006
    *,
    mode: str | None = None,
    operation: str = "Execute",
) -> Layers:
    """Give the layers of DRWorkflow default/w as the second of the first stage of DRPlan default/shop."""
    use = {"workflowRef": {"name": "w"}}
    stages = [{"name": "s", "workflows": [use, use | {"params": stage}]}]
    spec = {"planRef": "shop", "operationType": operation, "mode": mode, "params": execution}
    return layers(
        DRPlan.model_validate({"metadata": {"name": "shop"}, "spec": {"globalParams": plan, "stages": stages}}),
        0,
        1,
        DRWorkflow.model_validate(
            {"metadata": {"name": "w"}, "spec": {"parameters": workflow, "actions": [{"name": "a", "type": "HTTP"}]}}
        ),
        DRPlanExecution.model_validate({"metadata": {"name": "move"}, "spec": spec}),
    )


def literal(name: str, value: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": value, **more}


def read(parameter: str, **ref: Any) -> dict[str, Any]:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "jsonPath": "{.data.v}"} | ref
    return {"name": parameter, "valueFrom": {"manifestRef": body}}


def config(value: str) -> Matches:
    return Matches().with_more(
        [{"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "d"}, "data": {"v": value}}]
    )


def messages(resolved: Resolved) -> list[str]:
    return [error.text for error in resolved.errors]


# Precedence.


def test_a_higher_layer_wins() -> None:
    low, high = literal("x", "low"), literal("x", "high")
    assert resolve(stack([low], [high]), {}).values == {"x": "high"}
    assert resolve(stack([], [low], [high]), {}).values == {"x": "high"}
    assert resolve(stack([], [], [low], [high]), {}).values == {"x": "high"}


NAMES = st.sampled_from(["a", "b", "c"])
LAYER = st.dictionaries(NAMES, st.text(max_size=3))


@given(lists=st.tuples(LAYER, LAYER, LAYER, LAYER))
def test_every_value_is_that_of_the_highest_layer_that_has_one(lists: tuple[dict[str, str], ...]) -> None:
    entries: list[Entries] = [[literal(*item) for item in each.items()] for each in lists]
    expected: dict[str, str] = {}
    for each in lists:
        expected |= each
    found = resolve(stack(*entries), {})
    assert (found.values, found.errors, found.reads) == (expected, [], [])


def test_an_entry_without_a_value_only_declares() -> None:
    declared = {"name": "x", "type": "number", "required": True}
    assert resolve(stack([literal("x", "1")], [declared]), {}).values == {"x": "1"}
    assert resolve(stack([{"name": "x"}]), {}).values == {}


def test_a_default_counts_where_the_value_is_empty_or_missing() -> None:
    entries = [{"name": "a", "default": "1"}, {"name": "b", "default": "1", "value": ""}, {"name": "c", "value": ""}]
    assert resolve(stack(entries), {}).values == {"a": "1", "b": "1", "c": ""}
    assert resolve(stack([literal("a", "0")], entries), {}).values["a"] == "1"


def test_a_value_is_never_filled_in() -> None:
    assert resolve(stack([literal("a", "1"), literal("b", "$(params.a)\n{{ .planName }}")]), {}).values == {
        "a": "1",
        "b": "$(params.a)\n{{ .planName }}",
    }


def test_the_mode_is_a_parameter_that_nothing_replaces() -> None:
    assert resolve(stack([literal("mode", "x")], mode="Install"), {}).values == {"mode": "install"}
    assert resolve(stack([], [], [], [literal("mode", "x")], mode="Install"), {}).values == {"mode": "install"}
    assert resolve(stack(operation="Revert"), {}).values == {"mode": "rollback"}
    assert resolve(stack(), {}).values == {}


def test_a_revert_works_with_the_kept_values_and_its_own_on_top() -> None:
    own = DRPlanExecution.model_validate(
        {"spec": {"planRef": "shop", "operationType": "Revert", "params": [literal("a", "2")]}}
    )
    found = resolve(kept_layers("shop", {"a": "1", "b": "$(params.a)", "mode": "install"}, (), own), {})
    assert found.values == {"a": "2", "b": "$(params.a)", "mode": "rollback"}


# What is wrong.


def test_a_required_parameter_without_a_value_is_an_error_where_it_is_declared() -> None:
    declared = {"name": "site", "required": True}
    missing = 'parameter "site" is required and has no value; give it one in the plan or in the execution'
    assert messages(resolve(stack([literal("x", ""), declared]), {})) == [
        f"spec.parameters[1] of DRWorkflow default/w: {missing}"
    ]
    assert messages(resolve(stack([], [], [declared]), {})) == [
        f"spec.stages[0].workflows[1].params[0] of DRPlan default/shop: {missing}"
    ]
    assert messages(resolve(stack([declared], [], [], [literal("site", "east")]), {})) == []


@pytest.mark.parametrize("text", ["3", "-1.5", "1e9", "0", "0.10"])
def test_numbers_are_as_json_writes_them(text: str) -> None:
    assert resolve(stack([{"name": "n", "type": "number"}], [literal("n", text)]), {}).values == {"n": text}


@pytest.mark.parametrize("text", ["", "03", "+1", "1.", ".5", "0x10", "1_000", "NaN", " 1", "1\n", "one", "٣"])
def test_what_is_no_number_is_an_error_where_the_value_stands(text: str) -> None:
    found = resolve(stack([{"name": "n", "type": "number"}], [literal("n", text)]), {})
    shown = text.replace("\n", "\\n")
    assert messages(found) == [
        f'spec.globalParams[0].value of DRPlan default/shop: "{shown}" is not a number such as 3 or 1.5, as DRWorkflow '
        "default/w declares; correct one of them"
    ]


@pytest.mark.parametrize("text", ["True", "yes", "1", "", "true "])
def test_what_is_neither_true_nor_false_is_an_error(text: str) -> None:
    found = resolve(stack([{"name": "b", "type": "boolean", "default": "true"}], [], [literal("b", text)]), {})
    [message] = messages(found)
    assert message.startswith("spec.stages[0].workflows[1].params[0].value of DRPlan default/shop: ")
    assert f'"{text}" is not true or false, as DRWorkflow default/w declares' in message


def test_an_error_does_not_repeat_a_secret_value() -> None:
    found = resolve(stack([{"name": "dbPassword", "type": "number"}], [literal("dbPassword", "hunter2")]), {})
    assert "hunter2" not in messages(found)[0]
    assert "the value is not a number" in messages(found)[0]


FAULTS = [
    ({"name": ""}, ".name", '"" is not a name of a parameter'),
    ({"name": "1x"}, ".name", '"1x" is not a name of a parameter'),
    ({"name": "a.b"}, ".name", '"a.b" is not a name of a parameter'),
    ({"name": "mode", "value": "x"}, ".name", 'the name "mode" is reserved; write the mode into spec.mode'),
    ({"name": "n", "type": "number", "value": "x"}, ".value", "the value is not a number"),
    ({"name": "n", "type": "boolean", "default": "x"}, ".default", "the value is not true or false"),
    (read("x") | {"value": "1"}, "", "value and valueFrom are mutually exclusive"),
    ({"name": "x", "valueFrom": {}}, ".valueFrom", "is empty; write manifestRef"),
    (read("x", kind=""), ".valueFrom.manifestRef.kind", "is empty; a value cannot be read without it"),
    (read("x", apiVersion=" "), ".valueFrom.manifestRef.apiVersion", "is empty"),
    (read("x", jsonPath=""), ".valueFrom.manifestRef.jsonPath", "is empty"),
    (read("x", jsonPath="{.a"), ".valueFrom.manifestRef.jsonPath", "{.a is not a JSONPath"),
    (
        read("x", name="a", labelSelector="b=c"),
        ".valueFrom.manifestRef",
        "name and labelSelector are mutually exclusive",
    ),
    (read("x", name="$(param.x)"), ".valueFrom.manifestRef.name", "$(param.x) is no template"),
    (
        read("x", labelSelector="a=$(outputs.a.b)"),
        ".valueFrom.manifestRef.labelSelector",
        "$(outputs.a.b) is not known",
    ),
]


@pytest.mark.parametrize(("entry", "path", "words"), FAULTS)
def test_what_is_wrong_with_an_entry_in_itself_is_found_without_reading(
    entry: dict[str, Any], path: str, words: str
) -> None:
    found = list(parameter_errors([Parameter.model_validate(entry)], "spec.params", of_execution=True))
    assert [(place, message[: len(words)]) for place, message, _ in found] == [(f"spec.params[0]{path}", words)]


def test_a_name_stands_once_in_a_list_and_mode_is_reserved_in_executions_only() -> None:
    entries = [Parameter(name=name, value="") for name in ("a", "mode", "a")]
    found = list(parameter_errors(entries, "spec.globalParams", of_execution=False))
    assert [place for place, _, _ in found] == ["spec.globalParams[2].name"]
    assert 'duplicate name "a"' in found[0][1]


# Reads.

SITE = ManifestRead("v1", "ConfigMap", "d", "site")


def test_a_value_is_read_from_a_live_object() -> None:
    of = stack([], [read("x", name="site", namespace="d")])
    assert reads([of, of], {}) == [SITE]
    assert resolve(of, {}).values == {}
    found = resolve(of, {SITE: config("east")})
    assert (found.values, found.reads, found.errors) == ({"x": "east"}, [], [])


def test_what_a_higher_layer_replaces_is_never_read() -> None:
    of = stack([], [read("x", name="site")], [], [literal("x", "1")])
    assert (resolve(of, {}).reads, resolve(of, {}).values) == ([], {"x": "1"})


def test_a_reference_uses_values_of_lower_layers_in_both_spellings() -> None:
    low = [literal("ns", "east"), literal("app", "web")]
    of = stack(low, [literal("ns", "west"), read("x", namespace="$(params.ns)", labelSelector="app={{ .params.app }}")])
    # The plan's own `ns` is no lower layer of the plan.
    assert resolve(of, {}).reads == [ManifestRead("v1", "ConfigMap", "east", None, "app=web")]
    assert resolve(stack([], [read("x", name="$(planName)-site")]), {}).reads == [
        ManifestRead("v1", "ConfigMap", None, "shop-site")
    ]


def test_reads_go_in_rounds_and_each_is_made_once() -> None:
    of = stack([read("a", name="a")], [read("b", name="$(params.a)")], [read("c", name="$(params.b)-$(params.a)")])
    answers: dict[ManifestRead, Matches] = {}
    rounds = []
    while needed := reads([of], answers):
        rounds.append([each.name for each in needed])
        answers |= {each: config(f"{each.name}!") for each in needed}
    assert rounds == [["a"], ["a!"], ["a!!-a!"]]
    assert resolve(of, answers).values == {"a": "a!", "b": "a!!", "c": "a!!-a!!"}


def failing(entry: dict[str, Any], answers: Answers | None = None, workflow: Entries | None = None) -> str:
    [message] = messages(resolve(stack(workflow or [], [literal("y", "1"), entry]), answers or {}))
    start = "spec.globalParams[1].valueFrom.manifestRef"
    assert message.startswith(start)
    return message.removeprefix(start)


def test_a_read_that_fails_is_an_error_with_its_reason() -> None:
    entry = read("x", name="site", namespace="d")
    assert failing(entry, {SITE: UnreadableManifest("forbidden")}) == (
        " of DRPlan default/shop: ConfigMap d/site cannot be read: forbidden"
    )
    assert failing(entry, {SITE: Matches()}) == (
        " of DRPlan default/shop: there is no ConfigMap d/site; create it, or correct the reference"
    )
    assert failing(entry, {SITE: Matches().with_more([{"metadata": {"name": "site"}}])}) == (
        ".jsonPath of DRPlan default/shop: {.data.v} finds nothing in ConfigMap site; correct the path, or give the "
        "parameter a value"
    )


def test_a_placeholder_in_a_reference_that_cannot_be_filled_in_is_an_error_at_its_field() -> None:
    assert failing(read("x", namespace="$(params.y)")) == (
        '.namespace of DRPlan default/shop: parameter "y" has no value in a layer below this one; a reference can use '
        "none but those"
    )
    assert failing(read("x", name="$(outputs.a.b)")).startswith(".name of DRPlan default/shop: $(outputs.a.b) is not")
    assert failing(read("x", labelSelector="$(PARAMS.y)")).startswith(".labelSelector of DRPlan default/shop: $(PAR")


def test_a_name_that_is_empty_once_filled_in_does_not_become_all_objects() -> None:
    assert failing(read("x", name="$(params.n)"), workflow=[literal("n", "")]) == (
        ".name of DRPlan default/shop: is empty once its placeholders are filled in; give them values"
    )


def test_one_error_is_said_once_and_not_again_for_what_rests_on_it() -> None:
    of = stack([read("a", name="a")], [read("b", name="$(params.a)"), literal("a", "1")], [], [literal("a", "2")])
    found = resolve(of, {ManifestRead("v1", "ConfigMap", None, "a"): UnreadableManifest("forbidden")})
    assert messages(found) == [
        "spec.parameters[0].valueFrom.manifestRef of DRWorkflow default/w: ConfigMap a cannot be read: forbidden"
    ]
    assert found.values == {"a": "2"}


def test_a_value_that_was_read_has_to_be_of_its_type_too() -> None:
    of = stack([{"name": "x", "type": "number"}], [read("x", name="site", namespace="d")])
    [message] = messages(resolve(of, {SITE: config("many")}))
    assert message.startswith('spec.globalParams[0].valueFrom.manifestRef of DRPlan default/shop: "many" is not a num')


# Secrets.


def test_a_value_is_secret_by_its_name_or_because_it_comes_from_a_secret() -> None:
    entries = [read("x", kind="Secret", name="s"), literal("api-key", "k"), literal("plain", "p")]
    answers = {ManifestRead("v1", "Secret", None, "s"): config("hush")}
    found = resolve(stack([literal("x", "1")], entries), answers)
    assert found.left_out == {"x", "api-key"}
    assert found.values == {"x": "hush", "api-key": "k", "plain": "p"}
    assert found.shown == {"x": "•••", "api-key": "•••", "plain": "p"}


def test_the_error_of_a_read_does_not_repeat_a_secret_value_in_its_name() -> None:
    of = stack([literal("apiKey", "hunter2")], [read("x", name="a-$(params.apiKey)", namespace="d")])
    answers = {ManifestRead("v1", "ConfigMap", "d", "a-hunter2"): UnreadableManifest("a-hunter2 is forbidden")}
    [message] = messages(resolve(of, answers))
    assert message.endswith("ConfigMap d/a-••• cannot be read: a-••• is forbidden")


def test_what_replaces_a_value_from_a_secret_is_not_secret_itself() -> None:
    of = stack([], [read("x", kind="Secret", name="s")], [], [literal("x", "1")])
    assert resolve(of, {}).left_out == frozenset()


# Fragments, and what an execution may not set.

CUSTOM = {"apiVersion": "example.com/v1", "kind": "Database", "name": "d"}


def test_a_fragment_is_declared_by_the_dr_workflow_or_by_the_plan_and_never_by_an_execution() -> None:
    fragment = {"name": "a", "type": "yaml"}
    for of in (stack(workflow=[fragment]), stack(plan=[fragment]), stack(stage=[fragment])):
        assert resolve(of, {}).fragments == {"a"}
    assert resolve(stack([literal("a", "1")], execution=[literal("a", "{b: 1}", type="yaml")]), {}).fragments == set()


def test_a_fragment_comes_from_an_execution_only_where_the_dr_workflow_allows_it() -> None:
    given_by = [literal("a", "{b: 1}")]
    fragment = {"name": "a", "type": "yaml", "default": "{}"}
    refused = (
        'parameter "a" is of type yaml, and an execution cannot set it; set it in the plan, or let the DRWorkflow '
        "declare it with allowFromExecution: true"
    )
    assert messages(resolve(stack([fragment], execution=given_by), {})) == [
        f"spec.params[0].value of DRPlanExecution default/move: {refused}"
    ]
    allowing_plan = [{**fragment, "allowFromExecution": True}]
    assert len(resolve(stack([fragment], allowing_plan, execution=given_by), {}).errors) == 1
    allowed = resolve(stack(allowing_plan, execution=given_by), {})
    assert (allowed.errors, allowed.values["a"], [*allowed.fragments]) == ([], "{b: 1}", ["a"])


def test_an_execution_reads_no_secret_unless_the_dr_workflow_allows_it() -> None:
    refused = (
        'parameter "x" is read from a secret, which an execution cannot do; read it in the plan, or let the DRWorkflow '
        "declare the parameter with allowFromExecution: true"
    )
    at = "spec.params[0].valueFrom.manifestRef of DRPlanExecution default/move: "
    password = {"name": "x", "valueFrom": {"manifestRef": {**CUSTOM, "jsonPath": "{.spec.password}"}}}
    for entry in (read("x", kind="Secret", name="s"), password):
        for lower in ([literal("x", "1")], [{"name": "x", "allowFromExecution": False}]):
            assert messages(resolve(stack(lower, execution=[entry]), {})) == [at + refused]
        assert resolve(stack([{"name": "x", "allowFromExecution": True}], execution=[entry]), {}).errors == []
        assert resolve(stack([literal("x", "1")], [entry]), {}).errors == []
    assert resolve(stack([literal("x", "1")], execution=[read("x", kind="ConfigMap", name="s")]), {}).errors == []


def test_a_revert_cannot_replace_a_fragment() -> None:
    own = DRPlanExecution.model_validate(
        {
            "metadata": {"name": "back"},
            "spec": {"planRef": "shop", "operationType": "Revert", "params": [literal("a", "{b: 1}")]},
        }
    )
    for values in ({"a": "{}"}, {}):
        found = resolve(kept_layers("shop", values, ["a"], own), {})
        assert [error.path for error in found.errors] == ["spec.params[0].value"]
        assert found.fragments == {"a"}


@pytest.mark.parametrize(("value", "good"), [("{a: 1}", True), ("", True), ("a\n---\nb", False), ("{a", False)])
def test_the_value_of_a_fragment_is_yaml(value: str, good: bool) -> None:
    assert (resolve(stack([literal("a", value, type="yaml")]), {}).errors == []) is good
