"""From a text to the documents in it, as kubectl reads YAML and JSON; each scalar may be filled in on the way.

A text is read event by event, so that its depth and the number of its values are bounded before they take time or
memory. What kubectl accepts means the same here, but for duplicate keys, of which it drops all but one.
Source: k8s.io/apimachinery, pkg/util/yaml, decoder.go; go.yaml.in/yaml/v2, decode.go; docs/spec/drworkflow.md,
"Manifests" and "Limits".
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import yaml

from planning.definitions.yaml_scalars import (
    LONGEST_NUMBER,
    TAG,
    ManifestError,
    as_json_number,
    key_text,
    plain,
    plain_key,
    plain_value,
    tagged,
)
from planning.messages import files as file_messages

MAX_DEPTH = 100
MAX_VALUES = 100_000
"""Values in one manifest, aliases counted as often as they are used: a few bytes of YAML can expand to very many."""
MAX_TEXT = 2 * 1024 * 1024
"""Characters of all its keys and values, counted alike. Source: etcd accepts requests of 1.5 MiB."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BLANK = re.compile(r"\s*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HELM = re.compile(r"\{\{[^{}\n]*\}\}")


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


def documents_in(text: str, fill: Fill | None = None) -> list[Any]:
    """Read all documents of a text that are not empty, as JSON. Raises ManifestError.

    With `fill`, the text of every scalar is replaced after the structure was read: it adds nothing to that.
    """
    # JSON is YAML but for its escapes: YAML has no surrogate pairs.
    values, rest = _json_values(text)
    reader = _Json(fill)
    found = [reader.read(value, 1) for value in values]
    if not rest.strip():
        return found
    try:
        return [*found, *(each for each in _Yaml(fill).documents(rest) if each is not None)]
    except (yaml.YAMLError, ManifestError) as error:
        if (line := _helm_line(rest, error)) is not None:
            raise ManifestError(file_messages.helm_template(line)) from None
        raise _manifest_error(error) from None
    except UnicodeError:
        raise ManifestError(file_messages.NOT_UNICODE) from None


def _manifest_error(error: yaml.YAMLError | ManifestError) -> ManifestError:
    """Return the error without the text around the mistake: a manifest may be a Secret."""
    if isinstance(error, ManifestError):
        return error
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return ManifestError(file_messages.not_yaml((mark.line + 1, mark.column + 1) if mark else None, problem))


def _helm_line(text: str, error: yaml.YAMLError | ManifestError) -> int | None:
    """Return the line of a template of Helm that is the cause of an error: without templates, there is none."""
    lines = text.split("\n")
    places = [number for number, line in enumerate(lines, 1) if _HELM.search(line)]
    if not places:
        return None
    # A line of nothing but templates, such as {{- if … }}, has no value.
    without = [_HELM.sub("x", line) if _HELM.sub("", line).strip() else _HELM.sub("", line) for line in lines]
    try:
        list(_Yaml(None).documents("\n".join(without)))
    except ManifestError:
        if isinstance(error, ManifestError):
            return None  # Otherwise the two branches of an {{ else }}, which have the same keys.
    except (yaml.YAMLError, UnicodeError):
        return None
    mark = getattr(error, "problem_mark", None)
    last = error.line if isinstance(error, ManifestError) else mark.line + 1 if mark else None
    return max((place for place in places if place <= (last or 0)), default=places[0])


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


# JSON.


class _Json:
    """Fills the texts of JSON values in."""

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
        # An escape that is half a character is a replacement character to Go.
        text = _SURROGATE.sub("\ufffd", text)
        text = text if self._fill is None else self._fill(text, style)
        self._size.add(0, len(text))
        return text


def _json_values(text: str) -> tuple[list[Any], str]:
    """Return the JSON objects with which a text begins, and the rest of it. Raises ManifestError."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_pairs, parse_int=_json_int, parse_float=_json_float, parse_constant=_no_json
    )
    values, end = [], 0
    while text.startswith("{", start := _after_blanks(text, end)):
        try:
            value, end = decoder.raw_decode(text, start)
        except ManifestError:
            raise
        except (ValueError, RecursionError):
            break  # The error is that of YAML, which has a line.
        values.append(value)
    # The rest keeps the numbers of its lines.
    return values, "\n" * text.count("\n", 0, end) + text[end:]


def _after_blanks(text: str, start: int) -> int:
    match = _BLANK.match(text, start)
    return match.end() if match else start


def _json_int(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ManifestError(file_messages.number_too_long(LONGEST_NUMBER))
    return int(text)


def _json_float(text: str) -> int | float:
    if len(text) > LONGEST_NUMBER:
        raise ManifestError(file_messages.number_too_long(LONGEST_NUMBER))
    if not math.isfinite(value := float(text)):
        raise ManifestError(file_messages.not_a_number(text))
    return as_json_number(value)


def _no_json(text: str) -> Any:
    raise ValueError(text)  # to YAML, `NaN` is a word


# YAML.

_MERGE = object()
"""The key `<<`: the fields of its value are added."""


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

    @property
    def merge_comes(self) -> bool:
        """Whether the next item is the value of `<<`."""
        return self.is_mapping and len(self.items) % 2 == 1 and self.items[-1] is _MERGE

    def value(self, *, quoted: bool) -> Any:
        """Return the list or mapping. Raises ManifestError, which quotes keys or not."""
        if not self.is_mapping:
            return self.items
        line = self.event.start_mark.line + 1
        pairs = zip(self.items[::2], self.items[1::2], strict=True)
        own = [(key if key is _MERGE else key_text(key, line), value) for key, value in pairs]
        _pairs([(key, value) for key, value in own if isinstance(key, str)], line, quoted=quoted)
        merged: dict[str, Any] = {}
        for key, value in own:  # what comes later counts: kubectl knows no precedence of merged fields
            if isinstance(key, str):
                merged[key] = value
                continue
            others = value if isinstance(value, list) else [value]
            if not all(isinstance(other, dict) for other in others):
                raise ManifestError(file_messages.not_a_merge(line))
            for other in reversed(others):
                merged |= other
        return merged


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
        """Open a list or mapping. Its tag, if it has one, means nothing to JSON."""
        if len(self._open) >= MAX_DEPTH:
            raise ManifestError(file_messages.too_deep(MAX_DEPTH))
        self._anchors.pop(event.anchor, None)  # until its end, the name is that of no value
        self._open.append(_Collection(event, self._size.values, self._size.text))
        self._size.add(1, 0)

    def _alias(self, event: Any) -> Any:
        line = event.start_mark.line + 1
        if event.anchor not in self._anchors:
            raise ManifestError(file_messages.undefined_alias(line))
        value, values, characters = self._anchors[event.anchor]
        if self._open and self._open[-1].merge_comes and not isinstance(value, dict):
            raise ManifestError(file_messages.not_a_merge(line))
        self._size.add(values, characters)
        return value

    def _scalar(self, event: Any) -> Any:
        """Return the value of a scalar, filled in."""
        is_key = bool(self._open) and self._open[-1].key_comes
        tag, is_plain = event.tag, not event.style and event.tag is None
        if is_key and event.value == "<<" and (is_plain or tag == f"{TAG}merge"):
            return _MERGE
        text = event.value
        if self._fill is not None:
            other = {"|": ScalarStyle.BLOCK, None: ScalarStyle.PLAIN, "": ScalarStyle.PLAIN}
            text = self._fill(text, ScalarStyle.KEY if is_key else other.get(event.style, ScalarStyle.QUOTED))
        if not isinstance(text, str):
            self._size.add_whole(text, len(self._open) + 1)
            return text
        self._size.add(1, len(text))
        if text != event.value and is_plain:
            return text if is_key else plain_value(text)
        if is_plain:
            return plain_key(text, event.start_mark.line + 1) if is_key else plain(text)
        return text if tag is None else tagged(text, tag)


def _pairs(pairs: list[tuple[str, Any]], line: int | None = None, *, quoted: bool = True) -> dict[str, Any]:
    """Return a mapping. Raises ManifestError for a duplicate key: one of the values would be lost."""
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        seen: set[str] = set()
        duplicate = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ManifestError(file_messages.duplicate_key(duplicate if quoted else None, line))
    return mapping
