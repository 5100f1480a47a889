"""What a `valueFrom` finds in live objects: which object counts, and what its JSONPath gives, as kubectl prints it.

Source: docs/spec/drplan.md, "Values from live objects".
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.params import ManifestRef, Select
from planning.values import jsonpath
from planning.values.value_from import ManifestRead, Matches, Object, ParameterError, read_of, value_of
from tests.planning import fuzzed_readers as readers
from tests.planning.measured_child import measured

OBJECT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "site", "namespace": "d", "annotations": {"foo.bar/baz": "v"}, "labels": {"a-b": "1"}},
    "data": {"a": " east ", "blank": " \n", "empty": ""},
    "count": 3,
    "on": False,
    "nothing": None,
    "numbers": [1, 2.5, 100000.5, 1234567.5, 0.0001, 0.0000125],
    "mixed": [True, "t", {"b": "<&>", "a": [1, {}]}, []],
    "parts": [
        {"name": "p", "ready": True, "size": 5, "kind": "Ready"},
        {"name": "q", "size": 7, "kind": "O'x"},
        {"name": "r", "a.b": "z"},
    ],
}
FOUND = [
    ("{.metadata.name}", "site"),
    ("{$.metadata.name}", "site"),
    ("{ .metadata.name }", "site"),
    ("{.data.a}", "east"),
    ("{.count}", "3"),
    ("{.on}", "false"),
    ("{.numbers[*]}", "1 2.5 100000.5 1.2345675e+06 0.0001 1.25e-05"),
    ("{.numbers[0:2]}", "1 2.5"),
    ("{.mixed[*]}", 'true t {"a":[1,{}],"b":"\\u003c\\u0026\\u003e"} []'),
    ("{.parts[0]}", '{"kind":"Ready","name":"p","ready":true,"size":5}'),
    ("{.metadata.annotations.foo\\.bar/baz}", "v"),
    ("{.metadata.annotations['foo\\.bar/baz']}", "v"),
    ("{.metadata.labels.a-b}", "1"),
    ("{.parts[*].name}", "p q r"),
    ("{.parts[-1].name}", "r"),
    ("{.parts[::2].name}", "p r"),
    ("{.parts[0,2].name}", "p r"),
    ("{.parts[?(@.size>5)].name}", "q"),
    ("{.parts[?( @.size <= 7 )].name}", "p q"),
    ('{.parts[?(@.kind=="Ready")].size}', "5"),
    ("{.parts[?(@.kind=='Ready')].size}", "5"),
    ('{.parts[?(@.kind=="O\'x")].name}', "q"),
    ('{.parts[?(@.a\\.b=="z")].name}', "r"),
    ("{.parts[?(@.ready)].name}", "p"),
    ("{.parts[*].size}", "5 7"),
    ("{..size}", "5 7"),
    ("{.metadata.namespace}/{.metadata.name}", "d/site"),
    ('site={.metadata.name}{"\\n"}', "site=site"),
    ("{.metadata['name']}", "site"),
]


@pytest.mark.parametrize(("path", "text"), FOUND)
def test_a_path_gives_what_kubectl_prints(path: str, text: str) -> None:
    assert jsonpath.find(path, OBJECT) == text


def test_kubectl_itself_prints_the_same(tmp_path: Path) -> None:
    kubectl, body = Path(sys.executable).with_name("kubectl"), tmp_path / "object.json"
    body.write_text(json.dumps(OBJECT))
    # One program for all of them: each path is set off from the next by a line that no value holds.
    template = "{'\\n====\\n'}".join(path for path, _ in FOUND)
    command: list[str | Path] = [
        kubectl,
        "label",
        "--local",
        "--overwrite",
        "-f",
        body,
        "a-b=1",
        "-o",
        f"jsonpath={template}",
    ]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [text.strip() for text in printed.split("\n====\n")] == [text for _, text in FOUND]


@pytest.mark.parametrize("path", ["metadata.name", ".metadata.name", "$.metadata.name", " .metadata['name'] "])
def test_braces_may_be_left_out(path: str) -> None:
    assert jsonpath.find(path, OBJECT) == "site"


NOTHING = ["{.nope}", "{.metadata.name}-{.nope}", "{.data.empty}", "{.data.blank}", "{.nothing}", "{.parts[5].name}",
           "{.parts[?(@.size>50)].name}", "{.count.x}", "{.data.a[0]}", '{""}']  # fmt: skip


@pytest.mark.parametrize("path", NOTHING)
def test_what_is_missing_or_empty_is_an_error_that_names_path_and_object(path: str) -> None:
    with pytest.raises(ParameterError) as error:
        value_of(_ref(jsonPath=path), found([OBJECT]))
    assert str(error.value) == (
        f"{path} finds nothing in ConfigMap d/site; correct the path, or give the parameter a value"
    )
    assert error.value.field == "jsonPath"


NO_PATHS = ["", "{}", "{.}", "{.a", "a}", "{.a .b}", "{.a[}", "{.a[0}", "{.a[?(@.x=}", "{.a['x]}", "{.a..}",
            "{.items[?(@.x=~'y')]}", "[" * 5000]  # fmt: skip


@pytest.mark.parametrize("path", NO_PATHS)
def test_what_is_no_path_is_an_error_that_shows_one(path: str) -> None:
    with pytest.raises(jsonpath.PathError) as error:
        jsonpath.check(path)
    assert str(error.value).endswith("is not a JSONPath as Kubernetes knows it; write one such as {.metadata.name}")
    with pytest.raises(ParameterError):
        value_of(_ref(jsonPath=path), found([OBJECT]))


def test_a_loop_is_an_error_that_says_what_to_write_instead() -> None:
    with pytest.raises(jsonpath.PathError, match=r"has a range; write \[\*\] instead"):
        jsonpath.check("{range .items[*]}{.metadata.name}{end}")


KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda key: key == key.strip()
)


@given(keys=st.lists(KEYS, min_size=1, max_size=3), value=st.text(min_size=1).filter(str.strip))
def test_any_key_is_reached_with_its_signs_escaped(keys: list[str], value: str) -> None:
    body: Any = value
    for key in reversed(keys):
        body = {key: body}
    path = "".join(f".{''.join(sign if sign.isalnum() else chr(92) + sign for sign in key)}" for key in keys)
    assert jsonpath.find(f"{{{path}}}", body) == value.strip()


@given(text=st.text(alphabet="{}[].$@*?()'\"\\=<>!&|,:-0 ab", max_size=25))
def test_any_text_is_a_path_or_is_refused(text: str) -> None:
    try:
        jsonpath.find(text, {"a": [{"b": 1}], "b": "a"})
    except (jsonpath.PathError, jsonpath.NothingFoundError):
        return


# Limits.

LONG = {"a": {"a": {"a": {"a": {"a": {"a": {"a": "x"}}}}}}}
WIDE = {"data": {f"k{number}": "v" for number in range(1000)}, "list": [1] * 300_000, "name": "a" * 28 + "!"}


@pytest.mark.parametrize(
    "path",
    [
        '{.items[?search(@.name,"(a+)+$")].name}',
        '{.items[?match(@.name,"(a+)+$")].name}',
        "{.items[?length(@.name)>3]}",
        "{.items[?(@.name =~ /(a+)+$/)]}",
    ],
)
def test_there_are_no_functions_as_in_kubectl(path: str) -> None:
    with pytest.raises(jsonpath.PathError, match="is not a JSONPath as Kubernetes knows it"):
        jsonpath.check(path)


@pytest.mark.parametrize("path", ["{.items[?(@..x==1)]}", "{.items[?(@.x[*]==1)]}", "{.items[?(@.x[?(@.y)])]}"])
def test_a_filter_compares_single_values(path: str) -> None:
    with pytest.raises(jsonpath.PathError, match="has a filter with a path to several values"):
        jsonpath.check(path)


def test_a_filter_does_not_compare_objects() -> None:
    body = {"items": [{"x": {"a": 1}, "n": "p"}, {"x": 1, "n": "q"}], "b": {"a": 1}}
    with pytest.raises(jsonpath.NothingFoundError):
        jsonpath.find("{.items[?(@.x==$.b)].n}", body)
    assert jsonpath.find("{.items[?(@.x!=$.b)].n}", body) == "p q"


EXPENSIVE = [
    "{" + ("[" + ",".join(["'a'"] * 10) + "]") * 7 + "}",
    "{..[*,*,*,*,*,*,*,*,*,*]..*}",
    "{..*..*..*}",
    "{" + "[*,*,*,*,*,*,*,*]" * 6 + "}",
    "{['list'" + ",'list'" * 100 + "]..x}",
    "{['list'" + ",'list'" * 100 + "][?(@.x==1 && @.x==2)]}",
]


@pytest.mark.parametrize("path", EXPENSIVE)
def test_a_path_of_too_many_steps_is_refused(path: str) -> None:
    with pytest.raises(ParameterError, match="takes more than 500000 steps in this object") as error:
        value_of(_ref(jsonPath=path), found([WIDE | LONG]))
    assert error.value.field == "jsonPath"
    in_a_child = measured(readers.json_path, path, WIDE | LONG, expected=(jsonpath.PathError,))
    assert not in_a_child.ended_by
    assert in_a_child.expected
    assert "takes more than 500000 steps" in in_a_child.error
    assert in_a_child.growth < 64 << 20


def test_the_paths_of_all_parameters_share_their_steps() -> None:
    budget = jsonpath.Budget()
    assert jsonpath.find("{.list[0]}", WIDE, budget) == "1"
    with pytest.raises(jsonpath.PathError, match="takes more than"):
        jsonpath.find("{.list[0]}", WIDE, budget)


def test_a_path_and_its_result_have_limits() -> None:
    with pytest.raises(jsonpath.PathError, match="has more than 1000 characters"):
        jsonpath.check("{" + ".a" * 600 + "}")
    with pytest.raises(jsonpath.PathError, match="finds more than 1048576 characters"):
        jsonpath.find("{.a[*]}", {"a": ["x" * 1000] * 2000})


# Which object counts.


def found(objects: Sequence[Object]) -> Matches:
    return Matches().with_more(objects)


def _ref(**fields: Any) -> ManifestRef:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "jsonPath": "{.metadata.name}"} | fields
    return ManifestRef.model_validate(body)


def _object(name: str, second: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "creationTimestamp": f"2026-01-01T00:00:{second:02}Z"}}


OBJECTS = [_object("b", 2), _object("a", 3), _object("d", 3), _object("c", 1), _object("e", 2)]


@pytest.mark.parametrize(("select", "name"), [(None, "d"), ("Last", "d"), ("First", "c"), ("Any", "a")])
def test_one_of_several_is_picked_by_age_or_by_name(select: str | None, name: str) -> None:
    assert value_of(_ref(**({"select": select} if select else {})), found(OBJECTS)) == name


@given(objects=st.permutations(OBJECTS), select=st.sampled_from([Select.LAST, Select.FIRST, Select.ANY]))
def test_the_order_of_the_answer_does_not_matter(objects: list[dict[str, Any]], select: Select) -> None:
    ref = _ref(select=select)
    assert value_of(ref, found(objects)) == value_of(ref, found(OBJECTS))


@given(objects=st.permutations(OBJECTS), select=st.sampled_from([Select.LAST, Select.FIRST, Select.ANY]))
def test_of_many_objects_those_are_kept_that_may_be_picked(objects: list[dict[str, Any]], select: Select) -> None:
    matches = Matches()
    for each in objects:
        matches = matches.with_more([each])
    assert len(matches.objects) <= 3
    assert matches.number == len(OBJECTS)
    assert value_of(_ref(select=select), matches) == value_of(_ref(select=select), found(OBJECTS))


def test_single_means_one() -> None:
    ref = _ref(select="Single", namespace="d", labelSelector="app=web")
    assert value_of(ref, found(OBJECTS[:1])) == "b"
    with pytest.raises(ParameterError) as error:
        value_of(ref, found(OBJECTS))
    assert str(error.value) == (
        "5 objects match (ConfigMap in d with labels app=web); narrow labelSelector down, or let select be Last, First "
        "or Any"
    )
    assert error.value.field == "select"


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"name": "x", "namespace": "d"}, "ConfigMap d/x"),
        ({"name": "x"}, "ConfigMap x"),
        ({"labelSelector": "app=web", "namespace": "d"}, "ConfigMap in d with labels app=web"),
        ({"labelSelector": "app=web"}, "ConfigMap with labels app=web"),
        ({"namespace": "d"}, "ConfigMap in d"),
        ({}, "ConfigMap"),
    ],
)
def test_nothing_to_read_is_an_error_that_names_what_was_looked_for(fields: dict[str, str], what: str) -> None:
    with pytest.raises(ParameterError) as error:
        value_of(_ref(**fields), found([]))
    assert str(error.value) == f"there is no {what}; create it, or correct the reference"


def test_empty_fields_of_a_reference_mean_that_they_are_not_there() -> None:
    assert read_of(_ref(name="", namespace="", labelSelector="")) == ManifestRead("v1", "ConfigMap")
