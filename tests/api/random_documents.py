"""Objects that a structural schema accepts, drawn by hypothesis from that schema.

Values stay within what an API server accepts for the schema, and go as far as it does: nulls where it
prunes them, any text, whole ranges of numbers. Times are those that Go's own clients can read as well.
Source: Kubernetes docs, "Extend the Kubernetes API with CustomResourceDefinitions".
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.api.documents import Document, Schema, reference, schema, walk

Values = st.SearchStrategy[Any]
Target = tuple[str, ...]
"""A field as the steps that lead to it: `("status", "stageStatuses", "[]", "phase")`."""

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
BOUNDS = {"int32": 2**31, "int64": 2**63}

JSON_VALUES: Values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)


@st.composite
def objects(draw: st.DrawFn, plural: str) -> Document:
    """Draw spec and status of an object that the older CRD accepts.

    A few fields, drawn from all that the schema knows however deep, are certain to be there, so that deep ones
    come up as often as others.
    """
    fields = _schema(plural)["properties"]
    targets = draw(st.lists(st.sampled_from(_targets(plural)), max_size=4))
    parts = {part: values(fields[part], _below(targets, part)) for part in ("spec", "status")}
    return draw(st.fixed_dictionaries(parts))


# The definitions are long: a copy of one takes longer than to draw an object.
@cache
def _schema(plural: str) -> Schema:
    return schema(reference(plural))


@cache
def _targets(plural: str) -> list[Target]:
    paths = (path for path, _ in walk(_schema(plural)))
    return [
        tuple(re.findall(r"\[\]|\{\}|[^.\[\]{}]+", path)) for path in paths if path.startswith((".spec", ".status"))
    ]


def _below(targets: Sequence[Target], step: str) -> list[Target]:
    """Give what remains of the targets that lie in this direction."""
    return [target[1:] for target in targets if target[:1] == (step,)]


_BY_NODE: dict[int, Values] = {}
"""What draws values without targets, by the id of a node of `_schema`. To make a strategy takes longer than to draw."""


def values(node: Schema, targets: Sequence[Target] = ()) -> Values:
    """Draw a value that the schema accepts, with the targets in it."""
    if targets:
        return _values(node, targets)
    if id(node) not in _BY_NODE:
        _BY_NODE[id(node)] = _values(node, ())
    return _BY_NODE[id(node)]


def _values(node: Schema, targets: Sequence[Target]) -> Values:
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if node.get("x-kubernetes-int-or-string"):
        return st.integers(0, 2**31 - 1) | _texts(node)
    match node["type"]:
        case "object":
            return _mappings(node, targets)
        case "array":
            return _lists(node, targets)
        case "string":
            return _times() if node.get("format") == "date-time" else _texts(node)
        case "integer":
            return _integers(node)
        case "boolean":
            return st.booleans()
    raise AssertionError(f"no values for {node}")


def _mappings(node: Schema, targets: Sequence[Target]) -> Values:
    if node.get("x-kubernetes-preserve-unknown-fields"):
        return st.dictionaries(TEXT, JSON_VALUES, max_size=3)
    if "additionalProperties" in node:
        inner, below = values(node["additionalProperties"]), _below(targets, "{}")
        return st.dictionaries(TEXT, inner, min_size=1 if below else 0, max_size=2)
    return _fields(node, targets)


@st.composite
def _fields(draw: st.DrawFn, node: Schema, targets: Sequence[Target]) -> Document:
    """Draw all required fields, those on the way to a target and a few others, now and then a null."""
    properties = node.get("properties", {})
    wanted = {*node.get("required", []), *(target[0] for target in targets if target)}
    others = [name for name in properties if name not in wanted]
    chosen = draw(_some(tuple(others))) if others else []
    null = chosen[0] if chosen and draw(st.integers(0, 9)) == 9 else None
    drawn = [name for name in properties if name in wanted or name in chosen]
    return {name: None if name == null else draw(values(properties[name], _below(targets, name))) for name in drawn}


def _lists(node: Schema, targets: Sequence[Target]) -> Values:
    below = _below(targets, "[]")
    least = node.get("minItems", 1 if below else 0)
    most = min(node.get("maxItems", least + 2), least + 2)
    items = node["items"]
    drawn = values(items, below)
    match node.get("x-kubernetes-list-type"):
        case "map":
            keys = {key: items["properties"][key].get("default") for key in node["x-kubernetes-list-map-keys"]}
            return st.lists(drawn, min_size=least, max_size=most, unique_by=lambda item: _key(item, keys))
        case "set":
            return st.lists(drawn, min_size=least, max_size=most, unique_by=json.dumps)
    return st.lists(drawn, min_size=least, max_size=most)


def _key(item: Document, keys: dict[str, Any]) -> str:
    """Give what must be unique in a list that is a map; a missing key counts as its default."""
    given = {key: default if item.get(key) is None else item[key] for key, default in keys.items()}
    return json.dumps(given, sort_keys=True)


def _texts(node: Schema) -> Values:
    if "pattern" not in node:
        return _any_text(node.get("minLength", 0))
    return _matching(node["pattern"], node.get("maxLength", 1000))


@cache
def _some(names: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), unique=True, max_size=3)


@cache
def _any_text(least: int) -> Values:
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=least, max_size=least + 20)


@cache
def _matching(pattern: str, longest: int) -> Values:
    # `$` of Python's matches before a final newline too, Go's does not.
    texts = st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
    return texts.filter(lambda text: len(text) <= longest and text[-1:] != "\n")


def _integers(node: Schema) -> Values:
    bound = BOUNDS[node.get("format", "int64")]
    return _between(max(node.get("minimum", -bound), -bound), min(node.get("maximum", bound), bound - 1))


@cache
def _between(least: int, most: int) -> Values:
    return st.integers(least, most)


_OFFSETS = st.just(0) | st.integers(-14 * 60, 14 * 60)
_CLOCKS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))  # noqa: DTZ001 - the offset follows
_FRACTIONS = st.just("") | st.from_regex(r"\.[0-9]{1,9}", fullmatch=True)
_ZONES = st.sampled_from(["Z", "+00:00"])


@st.composite
def _times(draw: st.DrawFn) -> str:
    """Draw a time as RFC 3339 allows it: any offset, any fraction. Whole days from the ends of the calendar."""
    minutes, clock = draw(_OFFSETS), draw(_CLOCKS)
    text = clock.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes))).isoformat()
    return text[:19] + draw(_FRACTIONS) + (text[19:] if minutes else draw(_ZONES))


def complete(node: Schema) -> Any:
    """Give a value in which every field that the schema knows stands once."""
    if "enum" in node:
        return node["enum"][-1]
    if node.get("x-kubernetes-int-or-string"):
        return "1" if "pattern" in node else 8080
    match node["type"]:
        case "array":
            return [complete(node["items"])]
        case "object":
            return _complete_object(node)
        case "string":
            return _complete_text(node)
        case "integer":
            return int(node.get("minimum", 1))
    return True


def _complete_object(node: Schema) -> Document:
    if node.get("x-kubernetes-preserve-unknown-fields"):
        return {"anything": {"deep": [1, "two", None, {"three": 3.5}]}}
    if "additionalProperties" in node:
        return {"any/key": complete(node["additionalProperties"])}
    return {name: complete(field) for name, field in node.get("properties", {}).items()}


def _complete_text(node: Schema) -> str:
    if node.get("format") == "date-time":
        return "2026-02-03T10:10:00Z"
    samples = ("text", "https://charts.example.com/stable")
    return next(sample for sample in samples if re.search(node.get("pattern", ""), sample))
