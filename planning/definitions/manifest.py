"""From the text of a manifest to the one object in it.

YAML is read in the way of Kubernetes' own tools: no dates, no base-60 numbers, keys are strings, no duplicate keys. It
is read event by event, so that its depth and the number of its values are bounded before they take time or memory.
Source: Kubernetes, "Objects in Kubernetes", required fields; docs/spec/drworkflow.md, "Limits".
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import yaml

from api.steps import Target
from planning.definitions.identifiers import is_path_segment
from planning.messages import files as file_messages

MAX_DEPTH = 100
MAX_VALUES = 100_000
"""Values in one manifest, aliases counted as often as they are used: a few bytes of YAML can expand to very many."""
MAX_TEXT = 2 * 1024 * 1024
"""Characters of all its keys and values, counted alike. Source: etcd accepts requests of 1.5 MiB."""
LONGEST_NUMBER = 300
"""Characters. A longer number is none that JSON readers agree on."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"})
_FALSE = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"})
_INT = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)")
_SURROGATE = re.compile("[\ud800-\udfff]")


class ManifestError(ValueError):
    """A manifest is not one object; the message says why, and the remedy."""


class ScalarStyle(StrEnum):
    """How a scalar is written, and where."""

    KEY = "key"
    PLAIN = "plain"
    """Without quotes: its text decides its type."""
    QUOTED = "quoted"
    BLOCK = "block"
    """After `|`."""


Fill = Callable[[str, ScalarStyle], Any]
"""Returns the text to read in place of a scalar's; in place of a plain one also a list or a mapping."""


def parse_manifest(text: str) -> dict[str, Any]:
    """Read one object from YAML text.

    Raises ManifestError when it is not YAML, not one object, or has no apiVersion, kind or name.
    """
    body = one_document(text)
    _validate_head(body)
    return body


def one_document(text: str, fill: Fill | None = None) -> dict[str, Any]:
    """Read one mapping, whatever its fields. Raises ManifestError."""
    documents = documents_in(text, fill)
    if not documents:
        raise ManifestError(file_messages.EMPTY_MANIFEST)
    if len(documents) > 1:
        raise ManifestError(file_messages.several_documents(len(documents)))
    if not isinstance(documents[0], dict):
        raise ManifestError(file_messages.NOT_AN_OBJECT)
    return documents[0]


def _validate_head(body: dict[str, Any]) -> None:
    """Raise ManifestError where a field that every object needs is missing or has the wrong type."""
    for name in ("apiVersion", "kind"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise ManifestError(file_messages.no_text(name))
    if not all(is_path_segment(part) for part in body["apiVersion"].split("/", 1)):
        raise ManifestError(file_messages.not_in_a_path("apiVersion"))
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise ManifestError(file_messages.NO_OBJECT_NAME)
    if not isinstance(metadata.get("namespace") or "", str):
        raise ManifestError(file_messages.not_text("metadata.namespace"))
    for name in ("name", "namespace"):
        if metadata.get(name) and not is_path_segment(metadata[name]):
            raise ManifestError(file_messages.not_in_a_path(f"metadata.{name}"))
    _validate_texts(metadata)


def _validate_texts(metadata: dict[str, Any]) -> None:
    for name in ("annotations", "labels"):
        path, values = f"metadata.{name}", metadata.get(name)
        if values is not None and not isinstance(values, dict):
            raise ManifestError(file_messages.not_a_mapping(path))
        # YAML's numbers and booleans, which the API server would refuse.
        wrong = next((key for key, item in (values or {}).items() if not isinstance(item, str | None)), None)
        if wrong is not None:
            raise ManifestError(file_messages.not_text(f"{path}.{wrong}"))


def target_of(manifest: dict[str, Any]) -> Target:
    """Return the object of a manifest that `parse_manifest` returned."""
    metadata = manifest["metadata"]
    return Target(
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        name=metadata["name"],
        namespace=metadata.get("namespace") or None,
    )


def documents_in(text: str, fill: Fill | None = None) -> list[Any]:
    """Read all documents of a YAML text that are not empty, as JSON. Raises ManifestError.

    With `fill`, the text of every scalar is replaced after the structure was read: it adds nothing to that.
    """
    if text.lstrip()[:1] == "{":
        try:
            # JSON is YAML but for its escapes: YAML has no surrogate pairs.
            value = json.loads(
                text, object_pairs_hook=_pairs, parse_int=_int, parse_float=_float, parse_constant=_float
            )
            return [_Json(fill).read(value, 1)]
        except ManifestError:
            raise
        except (ValueError, RecursionError):
            pass  # The error is that of YAML, which has a line.
    try:
        return [document for document in _Yaml(fill).documents(text) if document is not None]
    except yaml.YAMLError as error:
        # Without the text around the mistake: a manifest may be a Secret.
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        position = (mark.line + 1, mark.column + 1) if mark else None
        raise ManifestError(file_messages.not_yaml(position, problem)) from None
    except UnicodeError:
        raise ManifestError(file_messages.NOT_UNICODE) from None


@dataclass
class _Size:
    """How much of a text has been read: number of values, and characters."""

    values: int = 0
    text: int = 0

    def add(self, values: int, text: int) -> None:
        """Count more. Raises ManifestError beyond a limit."""
        self.values += values
        self.text += text
        if self.values > MAX_VALUES:
            raise ManifestError(file_messages.too_many_values(MAX_VALUES))
        if self.text > MAX_TEXT:
            raise ManifestError(file_messages.too_much_text(MAX_TEXT))

    def add_whole(self, value: Any, depth: int) -> None:
        """Count a JSON value that is to be at this depth. Raises ManifestError."""
        if depth > MAX_DEPTH:
            raise ManifestError(file_messages.too_deep(MAX_DEPTH))
        self.add(1, len(value) if isinstance(value, str) else 0)
        if isinstance(value, dict):
            self.add(0, sum(map(len, value)))
            value = [*value.values()]
        for item in value if isinstance(value, list) else ():
            self.add_whole(item, depth + 1)


class _Json:
    """Fills the texts of a JSON value in."""

    def __init__(self, fill: Fill | None) -> None:
        self._fill = fill
        self._size = _Size()

    def read(self, value: Any, depth: int) -> Any:
        """Return the value filled in. Raises ManifestError."""
        if depth > MAX_DEPTH:
            raise ManifestError(file_messages.too_deep(MAX_DEPTH))
        self._size.add(1, 0)
        if isinstance(value, dict):
            pairs = [(self._text(key, ScalarStyle.KEY), self.read(item, depth + 1)) for key, item in value.items()]
            return _pairs(pairs, quoted=self._fill is None)
        if isinstance(value, list):
            return [self.read(item, depth + 1) for item in value]
        return self._text(value, ScalarStyle.QUOTED) if isinstance(value, str) else value

    def _text(self, text: str, style: ScalarStyle) -> str:
        if _SURROGATE.search(text):
            raise ManifestError(file_messages.NOT_UNICODE)
        text = text if self._fill is None else self._fill(text, style)
        self._size.add(0, len(text))
        return text


@dataclass
class _Collection:
    """A list or mapping whose end has not been read."""

    event: Any
    values_before: int
    text_before: int
    items: list[Any] = field(default_factory=list)
    """Of a mapping: keys and values in turn."""

    @property
    def is_mapping(self) -> bool:
        """Whether its items are keys and values."""
        return isinstance(self.event, yaml.MappingStartEvent)

    @property
    def key_comes(self) -> bool:
        """Whether the next item is a key."""
        return self.is_mapping and len(self.items) % 2 == 0

    def value(self, *, quoted: bool) -> Any:
        """Return the list or mapping. Raises ManifestError, which quotes keys or not."""
        if not self.is_mapping:
            return self.items
        line = self.event.start_mark.line + 1
        keys, values = self.items[::2], self.items[1::2]
        merged: dict[str, Any] = {}
        for place in [place for place, key in enumerate(keys) if key is _MERGE]:
            others = values[place] if isinstance(values[place], list) else [values[place]]
            if merged or not all(isinstance(other, dict) for other in others):
                raise ManifestError(file_messages.not_a_merge(line))
            for other in reversed(others):
                merged |= other
        own = [(_key(key), value) for key, value in zip(keys, values, strict=True) if key is not _MERGE]
        return merged | _pairs(own, line, quoted=quoted)


_MERGE = object()
"""The key `<<`: the fields of its value are added."""


class _Yaml:
    """Reads YAML. What an alias stands for is counted each time, and not copied."""

    def __init__(self, fill: Fill | None) -> None:
        self._fill = fill
        self._size = _Size()
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        """By name: the value, and its size in values and characters."""
        self._open: list[_Collection] = []

    def documents(self, text: str) -> Iterator[Any]:
        """Yield every document. Raises ManifestError and yaml.YAMLError."""
        for event in yaml.parse(text, Loader=_Loader):
            values, characters = self._size.values, self._size.text
            if isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
                continue
            if isinstance(event, yaml.ScalarEvent):
                value = self._scalar(event)
            elif isinstance(event, yaml.AliasEvent):
                value = self._alias(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                closed = self._open.pop()
                event, values, characters = closed.event, closed.values_before, closed.text_before
                value = closed.value(quoted=self._fill is None)
            else:
                if isinstance(event, yaml.DocumentStartEvent):
                    self._anchors.clear()
                continue
            if event.anchor and not isinstance(event, yaml.AliasEvent):
                self._anchors[event.anchor] = value, self._size.values - values, self._size.text - characters
            if self._open:
                self._open[-1].items.append(value)
            else:
                yield value

    def _begin(self, event: Any) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise ManifestError(file_messages.too_deep(MAX_DEPTH))
        if event.tag not in (None, "!", f"{_TAG}map", f"{_TAG}seq"):
            raise ManifestError(file_messages.unknown_tag(event.tag))
        self._open.append(_Collection(event, self._size.values, self._size.text))
        self._size.add(1, 0)

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise ManifestError(file_messages.undefined_alias(event.start_mark.line + 1))
        value, values, characters = self._anchors[event.anchor]
        self._size.add(values, characters)
        return value

    def _scalar(self, event: Any) -> Any:
        """Return the value of a scalar, filled in."""
        is_key = bool(self._open) and self._open[-1].key_comes
        plain = not event.style and event.tag is None
        if is_key and plain and event.value == "<<":
            return _MERGE
        text = event.value
        if self._fill is not None:
            other = {"|": ScalarStyle.BLOCK, None: ScalarStyle.PLAIN, "": ScalarStyle.PLAIN}
            text = self._fill(text, ScalarStyle.KEY if is_key else other.get(event.style, ScalarStyle.QUOTED))
        if not isinstance(text, str):
            self._size.add_whole(text, len(self._open) + 1)
            return text
        self._size.add(1, len(text))
        if text != event.value and plain:
            return text if is_key else plain_value(text)
        return _resolved(text) if plain else _tagged(text, event.tag)


def plain_value(text: str) -> Any:
    """Return what YAML takes the text of a plain scalar for: a number, a boolean, null, else the text as it is."""
    try:
        value = _resolved(text.strip())
    except ManifestError:
        return text
    return text if isinstance(value, str) else value


def _tagged(text: str, tag: str | None) -> Any:
    """Return the value of a scalar that is not plain, or has a tag. Raises ManifestError."""
    if tag in (None, "!", f"{_TAG}str"):
        return text
    kinds: dict[str, tuple[type, ...]] = {"int": (int,), "float": (float, int), "bool": (bool,), "null": (type(None),)}
    name, value = (tag or "").removeprefix(_TAG), _resolved(text)
    if type(value) not in kinds.get(name, ()):
        raise ManifestError(file_messages.unknown_tag(tag or ""))
    return float(value) if name == "float" else value


def _resolved(text: str) -> Any:
    """Return the value of a plain scalar. Raises ManifestError."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] in "+-.0123456789":
        if _INT.fullmatch(text):
            return _int(text)
        if _FLOAT.fullmatch(text):
            return _float(text)
    return text


def _int(text: str) -> int | str:
    """Read an integer, `0o17` and `017` alike as base 8. Raises ManifestError."""
    if len(text) > LONGEST_NUMBER:
        raise ManifestError(file_messages.number_too_long(LONGEST_NUMBER))
    digits = text.replace("_", "").lower()
    bare = digits.lstrip("+-")
    if bare.startswith("0") and bare.isdigit() and len(bare) > 1:
        digits = digits.replace("0", "0o", 1)
    try:
        return int(digits, 0)
    except ValueError:
        return text  # `0x_`


def _float(text: str) -> float:
    """Read a number; `Infinity` and its like come from JSON. Raises ManifestError."""
    if len(text) > LONGEST_NUMBER:
        raise ManifestError(file_messages.number_too_long(LONGEST_NUMBER))
    value = float(text)
    if not math.isfinite(value):
        raise ManifestError(file_messages.not_a_number(value))
    return value


def _key(key: Any) -> str:
    """Return a key as text, as Kubernetes' tools do."""
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, str | int | float):
        return str(key)
    raise ManifestError(file_messages.strange_key(type(key)))


def _pairs(pairs: list[tuple[str, Any]], line: int | None = None, *, quoted: bool = True) -> dict[str, Any]:
    """Return a mapping. Raises ManifestError for a duplicate key: one of the values would be lost."""
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        seen: set[str] = set()
        duplicate = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ManifestError(file_messages.duplicate_key(duplicate if quoted else None, line))
    return mapping
