"""YAML and JSON mean what they mean to kubectl: compared with the real program, over a table and generated documents.

`label --local` reads files as every command of kubectl does, and needs no server. What kubectl accepts is the same
here, with one exception: of duplicate keys kubectl drops all but the last, and here they are an error.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from planning.definitions.manifest import parse_manifest
from planning.definitions.yaml_scalars import ManifestError

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n"
REFUSED = object()

SCALARS = [
    ("=", "="),
    ("0.0", 0),
    ("-0.0", 0),
    ("8e1", 80),
    ("1e3", 1000),
    ("1.", 1),
    ("1.50", 1.5),
    ("1_000", 1000),
    ("1_000.5", 1000.5),
    (".5", 0.5),
    (".5_0", 0.5),
    (".5__0", ".5__0"),
    ("._5", "._5"),
    (".5_", ".5_"),
    ("_1", "_1"),
    ("1e400", "1e400"),
    ("-1e400", "-1e400"),
    ("1e-400", 0),
    ("0x_", "0x_"),
    ("0x1F", 31),
    ("0XfF", 255),
    ("0b11", 3),
    ("-0b11", -3),
    ("0B11", 3),
    ("0o17", 15),
    ("0O17", 15),
    ("017", 15),
    ("08", 8),
    ("0o8", "0o8"),
    ("9223372036854775807", 9223372036854775807),
    ("9223372036854775808", 9223372036854775808.0),
    ("18446744073709551616", 18446744073709551616.0),
    ("0x1ffffffffffffffffff", "0x1ffffffffffffffffff"),
    ("4611686018427387904.0", 4611686018427388000),
    ("1e21", 1e21),
    ("+5", 5),
    ("+", "+"),
    ("-", REFUSED),
    ("12:30", "12:30"),
    ("190:20:30", "190:20:30"),
    ("2020-01-01", "2020-01-01"),
    ("2020-01-01 10:00:00", "2020-01-01 10:00:00"),
    ("y", True),
    ("No", False),
    ("oN", "oN"),
    ("NULL", None),
    ("nULL", "nULL"),
    ("", None),
    ("<<", "<<"),
    ("NaN", "NaN"),
    ("Infinity", "Infinity"),
    (".inf", REFUSED),
    ("-.INF", REFUSED),
    (".NaN", REFUSED),
    (".iNf", ".iNf"),
    ("!!binary aGVsbG8=", "hello"),
    ("!!binary '8J+YgA=='", "\U0001f600"),
    ("!!binary /+KC", "\ufffd\ufffd\ufffd"),
    ("!!binary YQ", REFUSED),
    ("!!binary YQ===", REFUSED),
    ("!local 5", "5"),
    ("!local true", "true"),
    ("!local {a: 1}", {"a": 1}),
    ("!!set {a, b}", {"a": None, "b": None}),
    ("!!omap [a: 1]", [{"a": 1}]),
    ("!<tag:example.com,2026:x> 1", "1"),
    ("!!str 5", "5"),
    ("!!int '5'", 5),
    ("!!int 5.0", REFUSED),
    ("!!int x", REFUSED),
    ("!!float 5", 5),
    ("!!float 0x10", 16),
    ("!!float x", REFUSED),
    ("!!bool yes", True),
    ("!!bool 1", REFUSED),
    ("!!null ''", None),
    ("!!null x", REFUSED),
    ("!!timestamp 2020-01-01", "2020-01-01"),
    ("!!timestamp 5", REFUSED),
    ("! 5", "5"),
    ('! "5"', "5"),
    ("'5'", "5"),
    ('"\\x41\\u0042\\U0001f600\\e"', "AB\U0001f600\x1b"),
    ('"\\ud83d\\ude00"', REFUSED),
    ("[a, b,]", ["a", "b"]),
    ("{a, b: 1}", {"a": None, "b": 1}),
    ("{a:b}", {"a:b": None}),
    ("[http://x.y/z]", ["http://x.y/z"]),
    ("{1: a, 1.5: b, true: c, 0x10: d}", {"1": "a", "1.5": "b", "true": "c", "16": "d"}),
    ("{123456789.5: a}", {"1.2345679e+08": "a"}),
    ("{1e3: a, 1e6: b, 0.00001: c}", {"1000": "a", "1e+06": "b", "1e-05": "c"}),
    ("{.inf: a, -.INF: b, .nan: c}", {".inf": "a", "-.inf": "b", ".nan": "c"}),
    ("{1e39: d}", {".inf": "d"}),
    ("{2020-01-01: a}", {"2020-01-01": "a"}),
    ("{~: a}", REFUSED),
    ("{[a]: b}", REFUSED),
    ("{18446744073709551615: a}", REFUSED),
    ("{? a : b}", {"a": "b"}),
    ("{<<: {a: 1}, b: 2}", {"a": 1, "b": 2}),
    ("{b: 2, <<: {b: 1}}", {"b": 1}),
    ("{<<: {b: 1}, b: 2}", {"b": 2}),
    ("{<<: [{b: 1}, {b: 2, c: 3}]}", {"b": 1, "c": 3}),
    ("{<<: {a: 1}, <<: {b: 2}}", {"a": 1, "b": 2}),
    ("{'<<': {a: 1}}", {"<<": {"a": 1}}),
    ("{!!merge <<: {a: 1}}", {"a": 1}),
    ("{<<: 5}", REFUSED),
    ("[&a [1], {<<: *a}]", REFUSED),
    ("[&a {b: 1}, *a, &a 2, *a]", [{"b": 1}, {"b": 1}, 2, 2]),
    ("&a [*a]", REFUSED),
    ("*nothing", REFUSED),
    ("|\n  a\n  b\n", "a\nb\n"),
    (">-\n  a\n  b\n\n  c\n", "a b\nc"),
    ("|+\n  a\n\n", "a\n\n\n"),
]
"""The text of one value, and what kubectl takes it for."""

TEXTS = [
    ('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"app"},"x":"\\ud83d\\ude00"}', "\U0001f600"),
    ('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"app"},"x":"\\ud83d-"}', "\ufffd-"),
    (
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"app"},"x":[0.0, 8e1, 1.5, 1E2, -0]}',
        [0, 80, 1.5, 100, 0],
    ),
    ('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"app"},"x":NaN}', "NaN"),
    ('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"app"},"x":1e400}', REFUSED),
    ('\n {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"app"},"x":1}\n---\n', 1),
    ('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"app"},"x":1,}', 1),
    ('# a\n{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"app"},"x":"\\ud83d\\ude00"}', REFUSED),
    (f"# a\n---\n{HEAD}x: 1\n---\n# b\n", 1),
    (f"---\n{HEAD}x: 1\n...\n", 1),
    (f"{HEAD}x:\t1\n", 1),
    (f"{HEAD}x: # a\n- 1\n-   b:\n      c\n", [1, {"b": "c"}]),
    (f"{HEAD}x: a\n  b\n", "a b"),
    (f"{HEAD}x: a\r\n", "a"),
    (f"{HEAD}x: a: b\n", REFUSED),
    (f"{HEAD}\tx: a\n", REFUSED),
    (f"{HEAD}x: @a\n", REFUSED),
    (f"{HEAD}x: `a\n", REFUSED),
    (f"{HEAD}x: %a\n", REFUSED),
    (f"{HEAD}x: [a\n", REFUSED),
    (f"{HEAD}x: a\u2028b\u0085c\n", REFUSED),
    (f"\ufeff{HEAD}x: 1\n", 1),
    (f"{HEAD}x: \u0007\n", REFUSED),
]
"""A whole text, and the value of `x` in its object."""


KUBECTL = str(Path(sys.executable).with_name("kubectl"))
LOCAL = [KUBECTL, "label", "--local", "--kubeconfig=/dev/null", "a=b"]


def as_kubectl(texts: Sequence[str], command: Sequence[str] = LOCAL) -> list[Any]:
    """Return the object that kubectl reads in each of some texts, or REFUSED."""
    with TemporaryDirectory() as folder:
        for number, text in enumerate(texts):
            (Path(folder) / f"{number}.yaml").write_bytes(text.replace("app", f"app-{number}", 1).encode())
        whole = [*command, f"--filename={folder}", "--output=json"]
        printed = subprocess.run(whole, capture_output=True, text=True, check=False).stdout
    read: dict[str, Any] = {}
    end = 0
    while (start := printed.find("{", end)) >= 0:
        body, end = json.JSONDecoder().raw_decode(printed, start)
        read[body["metadata"]["name"]] = {**body, "metadata": {"name": "app"}}
    return [comparable(read.get(f"app-{number}", REFUSED)) for number in range(len(texts))]


def ours(text: str) -> Any:
    try:
        return comparable(json.loads(json.dumps(parse_manifest(text))))
    except ManifestError:
        return REFUSED


def comparable(value: Any) -> Any:
    """Return a value in which numbers that no integer of 64 bits is are floating-point numbers, as they are to Go."""
    if isinstance(value, dict):
        return {name: comparable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if type(value) is int and not -(1 << 63) <= value < 1 << 63:
        return float(value)
    return value


def with_types(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=lambda _: "refused")


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_a_value(text: str, value: Any) -> None:
    found = ours(f"{HEAD}x: {text}\n")
    assert with_types(found if found is REFUSED else found["x"]) == with_types(value)


@pytest.mark.parametrize(("text", "value"), TEXTS)
def test_a_text(text: str, value: Any) -> None:
    found = ours(text)
    assert with_types(found if found is REFUSED else found["x"]) == with_types(value)


def test_kubectl_reads_the_table_in_the_same_way() -> None:
    texts = [f"{HEAD}x: {text}\n" for text, _ in SCALARS] + [text for text, _ in TEXTS]
    for text, theirs in zip(texts, as_kubectl(texts), strict=True):
        assert (text, with_types(ours(text))) == (text, with_types(theirs))


# Generated documents.

known = st.sampled_from([text for text, _ in SCALARS if "\n" not in text])
booleans = st.sampled_from(["yes", "off", "True", "n"])
numbers = st.text("0123456789._eExXbBoO+-", min_size=1, max_size=9) | st.from_regex(
    r"[-+]?(0[xXbBoO]?)?[0-9_]{1,20}(\.[0-9_]{0,4})?([eE][-+]?[0-9]{1,3})?", fullmatch=True
)
words = st.text("ab =<>!@%&*-?:,#'\"[]{}|~.\\\u00e9\U0001f600\t", max_size=8)
quoted = words.map(json.dumps) | words.map(lambda text: "'" + text.replace("'", "''") + "'")
tags = st.sampled_from(
    ["", "", "", "", "!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!binary ", "!local ", "! "]
)
names = st.sampled_from(["a", "b", "c", "'d'", "y", "1", "2.50", "0x3", "~", "<<", "{}", "? e"])
anchors = st.sampled_from(["", "", "", "&one ", "&two "])
texts_of_scalars = st.one_of(known, numbers, booleans, quoted, words)
scalars = st.tuples(anchors, tags, texts_of_scalars).map("".join) | st.sampled_from(["*one", "*two"])


def _flow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
    pairs = st.tuples(names, inner).map(": ".join)
    return lists | st.lists(pairs, max_size=3).map(lambda items: f"{{{', '.join(items)}}}")


def _block(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def indented(text: str) -> str:
        return text.replace("\n", "\n  ")

    lists = st.lists(inner.map(lambda text: f"\n- {indented(text)}"), min_size=1, max_size=3)
    mappings = st.lists(st.tuples(names, inner.map(indented)).map(lambda each: f"\n{': '.join(each)}"), max_size=3)
    lines = st.lists(words, max_size=3).map(lambda each: "\n".join(["", *each]))
    blocks = st.tuples(st.sampled_from(["|", ">", "|-", ">+", "|2"]), lines).map("".join)
    return (lists | mappings).map("".join) | blocks


values = st.recursive(
    scalars, lambda inner: st.tuples(anchors, _flow(inner) | _block(inner)).map("".join), max_leaves=8
)


number_values = st.tuples(tags, numbers).map("".join) | numbers.map(lambda text: f"{{{text}: 1}}")


@seed(20261128)
@settings(max_examples=6, deadline=None, suppress_health_check=[*HealthCheck])
@given(st.lists(number_values, min_size=150, max_size=150))
def test_kubectl_reads_generated_numbers_in_the_same_way(generated: list[str]) -> None:
    texts = [f"{HEAD}x: {value}\n" for value in generated]
    for text, theirs in zip(texts, as_kubectl(texts), strict=True):
        assert (text, with_types(ours(text))) == (text, with_types(theirs))


@seed(20261128)
@settings(max_examples=15, deadline=None, suppress_health_check=[*HealthCheck])
@given(st.lists(values, min_size=60, max_size=60))
def test_kubectl_reads_generated_documents_in_the_same_way(generated: list[str]) -> None:
    texts = ["{}x: {}\n".format(HEAD, value.replace("\n", "\n  ")) for value in generated]
    for text, theirs in zip(texts, as_kubectl(texts), strict=True):
        if not is_duplicate(text):
            assert (text, with_types(ours(text))) == (text, with_types(theirs))


def is_duplicate(text: str) -> bool:
    """Tell whether a text is refused for keys that are there twice."""
    try:
        parse_manifest(text)
    except ManifestError as error:
        return "duplicate key" in str(error)
    return False


def test_values_of_every_kind_are_generated() -> None:
    kinds: set[type] = set()

    @seed(20261128)
    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=[*HealthCheck])
    @given(values)
    def collect(value: str) -> None:
        found = ours("{}x: {}\n".format(HEAD, value.replace("\n", "\n  ")))
        kinds.add(type(found if found is REFUSED else found.get("x")))

    collect()
    assert kinds >= {str, int, float, bool, list, dict, type(None), object}
