"""JSONPath as Kubernetes writes it: `{.metadata.name}`, `.spec.a`, `{.a}-{.b\\.c}`, evaluated as kubectl does.

The content of braces is translated to RFC 9535 and evaluated by a library; braces, escaped dots, and how a result is
printed are Kubernetes' own. Source: Kubernetes, "JSONPath Support"; docs/spec/drplan.md, "Parameters".
"""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import jsonpath

from planning.messages import fields as field_messages

_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
_TOKEN = re.compile(rf"\{{(?P<inner>(?:{_QUOTED}|\\.|[^{{}}\"'\\])*)\}}|(?P<literal>[^{{}}]+)", re.DOTALL)
_STRING = re.compile(_QUOTED, re.DOTALL)
_LOOP = re.compile(r"range\b|end$")
_FIELD = re.compile(r"(?:\\.|[^\s.,\[\]$@{}\\])+", re.DOTALL)
_FIELD_IN_FILTER = re.compile(r"(?:\\.|[^\s.,\[\]$@{}\\=<>!()&|])+", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SIGNS = {"n": "\n", "t": "\t", "r": "\r"}
_NO_SIGNS: Mapping[str, str] = {}
_ENVIRONMENT = jsonpath.JSONPathEnvironment(strict=True)
_HTML = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}
"""What Go's JSON writes in another way."""

Path = jsonpath.JSONPath | jsonpath.CompoundJSONPath


class PathError(ValueError):
    """A text is not a JSONPath; the message contains the remedy."""


class NothingFoundError(LookupError):
    """A JSONPath, or one path of several in it, leads to nothing."""


def check(text: str) -> None:
    """Raise PathError where a text is not a JSONPath."""
    list(_parts(text))


def find(text: str, value: Any) -> str:
    """Evaluate a JSONPath on an object, and return what kubectl prints, without blanks around it.

    Several results are joined by a space. Raises PathError when the text is no JSONPath, NothingFoundError when one of
    its paths leads to nothing or to null.
    """
    found = "".join(part if isinstance(part, str) else _printed(part, value, text) for part in _parts(text)).strip()
    if not found:
        raise NothingFoundError
    return found


def _printed(path: Path, value: Any, text: str) -> str:
    try:
        results = path.findall(value)
    except (jsonpath.JSONPathError, RecursionError):
        raise PathError(field_messages.not_a_path(text)) from None
    if all(result is None for result in results):
        raise NothingFoundError
    return " ".join(as_kubectl_prints(result) for result in results)


def as_kubectl_prints(value: Any) -> str:
    """Write a JSON value as kubectl does: texts bare, objects as JSON with sorted keys, 1234567.5 as 1.2345675e+06."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).translate(_HTML)


def _number(value: float) -> str:
    """Write a number as Go's %v does: no exponent between 1e-4 and 1e6."""
    number = Decimal(repr(value)).normalize()
    exponent = number.adjusted()
    if -4 <= exponent < 6 or not number:
        return f"{number:f}"
    mantissa = f"{number.scaleb(-exponent):f}"
    return f"{mantissa}e{exponent:+03d}"


def _parts(text: str) -> Iterator[str | Path]:
    """Return the literal texts and the compiled paths of a template, in their order."""
    if "{" not in text and "}" not in text:
        yield _compiled(text, text)
        return
    end = 0
    for match in _TOKEN.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        yield match["literal"] if match["inner"] is None else _action(match["inner"].strip(), text)
    if end != len(text):
        raise PathError(field_messages.not_a_path(text))


def _action(inner: str, text: str) -> str | Path:
    """Read the content of one pair of braces: a quoted text, or a path."""
    if _LOOP.match(inner):
        raise PathError(field_messages.path_with_range(text))
    return _unquoted(inner) if _STRING.fullmatch(inner) else _compiled(inner, text)


def _compiled(path: str, text: str) -> Path:
    path = path.strip()
    try:
        steps = path[1:] if path[:1] in ("$", "@") else path
        translated = "$" + "".join(_steps(steps if steps[:1] in (".", "[") else f".{steps}", _FIELD, text))
        return _ENVIRONMENT.compile(translated)
    except (jsonpath.JSONPathError, RecursionError):
        raise PathError(field_messages.not_a_path(text)) from None


def _steps(path: str, field: re.Pattern[str], text: str) -> Iterator[str]:
    """Translate the steps of a path. Raises PathError."""
    place = 0
    while place < len(path):
        step, place = _step(path, place, field, text)
        yield step


def _step(path: str, place: int, field: re.Pattern[str], text: str) -> tuple[str, int]:
    """Translate one step; return where the next begins."""
    if path[place] == "[":
        end = _closing(path, place, text)
        return f"[{_selector(path[place + 1 : end], text)}]", end + 1
    if path[place] != ".":
        raise PathError(field_messages.not_a_path(text))
    deep = path.startswith("..", place)
    place += 1 + deep
    dots = ".." if deep else ""
    if path.startswith("[", place):
        return dots, place
    if path.startswith("*", place):
        return f"{dots}[*]", place + 1
    name = field.match(path, place)
    if name is None:
        raise PathError(field_messages.not_a_path(text))
    return f"{dots}[{json.dumps(_unescaped(name[0]))}]", name.end()


def _closing(path: str, place: int, text: str) -> int:
    """Find the bracket that closes the one at `place`, texts in quotes passed over."""
    depth = 0
    while place < len(path):
        string = _STRING.match(path, place)
        if string:
            place = string.end()
            continue
        depth += {"[": 1, "]": -1}.get(path[place], 0)
        if not depth:
            return place
        place += 1
    raise PathError(field_messages.not_a_path(text))


def _selector(inner: str, text: str) -> str:
    """Translate the content of brackets: names in quotes, positions, or a filter with paths."""
    found, place = "", 0
    while place < len(inner):
        string = _STRING.match(inner, place)
        if string:
            found += json.dumps(_unquoted(string[0]))
            place = string.end()
        elif inner[place] in "@$":
            end = _end_of_path(inner, place + 1, text)
            found += inner[place] + "".join(_steps(inner[place + 1 : end], _FIELD_IN_FILTER, text))
            place = end
        else:
            found += inner[place]
            place += 1
    return found


def _end_of_path(inner: str, place: int, text: str) -> int:
    """Find where a path in a filter ends."""
    while place < len(inner) and inner[place] in ".[":
        _, place = _step(inner, place, _FIELD_IN_FILTER, text)
    return place


def _unquoted(string: str) -> str:
    """Read a text in quotes, of either kind."""
    return _unescaped(string[1:-1], _SIGNS)


def _unescaped(text: str, signs: Mapping[str, str] = _NO_SIGNS) -> str:
    """Remove backslashes; `signs` maps the characters after a backslash that mean another one."""
    return _ESCAPE.sub(lambda match: signs.get(match[1], match[1]), text)
