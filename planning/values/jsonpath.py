"""JSONPath as Kubernetes writes it: `{.metadata.name}`, `.spec.a`, `{.a}-{.b\\.c}`, evaluated as kubectl does.

The content of braces is translated to RFC 9535 and evaluated by a library; braces, escaped dots, and how a result is
printed are Kubernetes' own. As in kubectl there are no functions (a regular expression may take for ever), and a filter
compares single scalars. So the cost of a path is its steps, and these are counted while they are made.
Source: Kubernetes, "JSONPath Support"; docs/spec/drplan.md, "Values from live objects".
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import jsonpath

from planning.messages import parameters as parameter_messages

_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
_TOKEN = re.compile(rf"\{{(?P<inner>(?:{_QUOTED}|\\.|[^{{}}\"'\\])*)\}}|(?P<literal>[^{{}}]+)", re.DOTALL)
_STRING = re.compile(_QUOTED, re.DOTALL)
_LOOP = re.compile(r"range\b|end$")
_FIELD = re.compile(r"(?:\\.|[^\s.,\[\]$@{}\\])+", re.DOTALL)
_FIELD_IN_FILTER = re.compile(r"(?:\\.|[^\s.,\[\]$@{}\\=<>!()&|])+", re.DOTALL)
_ONE_VALUE = re.compile(r'\[\s*(?:-?[0-9]+|"(?:[^"\\]|\\.)*")\s*\]')
"""A step, translated, to a field or a position."""
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SIGNS = {"n": "\n", "t": "\t", "r": "\r"}
_NO_SIGNS: Mapping[str, str] = {}
LONGEST_PATH = 1000
"""Characters."""
MOST_STEPS = 500_000
"""Values that a path passes, each counted as often as a filter compares something; about a second."""
LONGEST_VALUE = 1024 * 1024
"""Characters of a result."""
_HTML = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}
"""What Go's JSON writes in another way."""


class _Environment(jsonpath.JSONPathEnvironment):
    """The library without its functions."""

    def setup_function_extensions(self) -> None:
        """Know no functions."""

    def compare(self, left: object, operator: str, right: object) -> bool:
        """Compare scalars. Objects and lists differ from everything: comparing them may cost as much as they hold."""
        if operator not in ("&&", "||") and any(type(each) in (dict, list) for each in (left, right)):
            return operator == "!="
        return super().compare(left, operator, right)


_ENVIRONMENT = _Environment(strict=True)


class Budget:
    """Steps that are left to paths."""

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def spend(self, steps: int) -> None:
        """Take steps away. Raises _TooExpensiveError where there are none left."""
        self._left -= steps
        if self._left < 0:
            raise _TooExpensiveError


class _TooExpensiveError(Exception):
    """A path takes more steps than are left."""


class _Node(jsonpath.JSONPathMatch):
    """A value on the way of a path. The library asks for the context of a node for each child that it examines."""

    def filter_context(self) -> Mapping[str, Any]:
        """Count a step."""
        context = super().filter_context()
        context["budget"].spend(context["cost"])
        return context

    def new_child(self, obj: object, key: int | str) -> jsonpath.JSONPathMatch:
        """Return a child without its path, which would be as long as the names in it."""
        context = self.filter_context()
        if isinstance(obj, dict | list):
            context["budget"].spend(len(obj))  # the next step may examine all of them
        return _Node(filter_context=context, obj=obj, parent=None, path="", parts=(), root=self.root)

    def add_child(self, *children: jsonpath.JSONPathMatch) -> None:
        """Keep nothing."""


class PathError(ValueError):
    """A text is not a JSONPath; the message contains the remedy."""


class NothingFoundError(LookupError):
    """A JSONPath, or one path of several in it, leads to nothing."""


def check(text: str) -> None:
    """Raise PathError where a text is not a JSONPath."""
    list(_parts(text))


def find(text: str, value: Any, budget: Budget | None = None) -> str:
    """Evaluate a JSONPath on an object, and return what kubectl prints, without blanks around it.

    Several results are joined by a space. Raises PathError when the text is no JSONPath or exceeds a limit,
    NothingFoundError when one of its paths leads to nothing or to null.
    """
    cost = 1 + sum(text.count(sign) for sign in "@$=<>&|!")
    context = {"budget": budget or Budget(), "cost": cost}
    printed, length = list[str](), 0
    for part in _parts(text):
        texts = [part] if isinstance(part, str) else _printed(part, value, context, text, LONGEST_VALUE - length)
        printed += texts
        length += sum(map(len, texts))
    found = "".join(printed).strip()
    if not found:
        raise NothingFoundError
    return found


def _printed(path: jsonpath.JSONPath, value: Any, context: Mapping[str, Any], text: str, most: int) -> list[str]:
    """Return the results of one path as they are printed, with the spaces between them."""
    root = _Node(filter_context=context, obj=value, parent=None, path="", parts=(), root=value)
    nodes: Iterable[jsonpath.JSONPathMatch] = [root]
    for segment in path.segments:
        nodes = segment.resolve(nodes)
    printed, found = list[str](), False
    try:
        for node in nodes:
            printed += [" " if printed else "", as_kubectl_prints(node.obj)]
            found |= node.obj is not None
            most -= len(printed[-2]) + len(printed[-1])
            if most < 0:
                raise PathError(parameter_messages.result_too_long(text, LONGEST_VALUE))
    except _TooExpensiveError:
        raise PathError(parameter_messages.path_too_expensive(text, MOST_STEPS)) from None
    except (jsonpath.JSONPathError, RecursionError):
        raise PathError(parameter_messages.not_a_path(text)) from None
    if not found:
        raise NothingFoundError
    return printed


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


def _parts(text: str) -> Iterator[str | jsonpath.JSONPath]:
    """Return the literal texts and the compiled paths of a template, in their order."""
    if len(text) > LONGEST_PATH:
        raise PathError(parameter_messages.path_too_long(text, LONGEST_PATH))
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
        raise PathError(parameter_messages.not_a_path(text))


def _action(inner: str, text: str) -> str | jsonpath.JSONPath:
    """Read the content of one pair of braces: a quoted text, or a path."""
    if _LOOP.match(inner):
        raise PathError(parameter_messages.path_with_range(text))
    return _unquoted(inner) if _STRING.fullmatch(inner) else _compiled(inner, text)


def _compiled(path: str, text: str) -> jsonpath.JSONPath:
    path = path.strip()
    try:
        steps = path[1:] if path[:1] in ("$", "@") else path
        translated = "$" + "".join(_steps(steps if steps[:1] in (".", "[") else f".{steps}", _FIELD, text))
        compiled = _ENVIRONMENT.compile(translated)
    except (jsonpath.JSONPathError, RecursionError):
        raise PathError(parameter_messages.not_a_path(text)) from None
    if not isinstance(compiled, jsonpath.JSONPath):
        raise PathError(parameter_messages.not_a_path(text))
    return compiled


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
        raise PathError(parameter_messages.not_a_path(text))
    deep = path.startswith("..", place)
    place += 1 + deep
    dots = ".." if deep else ""
    if path.startswith("[", place):
        return dots, place
    if path.startswith("*", place):
        return f"{dots}[*]", place + 1
    name = field.match(path, place)
    if name is None:
        raise PathError(parameter_messages.not_a_path(text))
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
    raise PathError(parameter_messages.not_a_path(text))


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
    """Find where a path in a filter ends. Raises PathError for one that may lead to several values."""
    while place < len(inner) and inner[place] in ".[":
        step, place = _step(inner, place, _FIELD_IN_FILTER, text)
        if not _ONE_VALUE.fullmatch(step):
            raise PathError(parameter_messages.path_in_filter(text))
    return place


def _unquoted(string: str) -> str:
    """Read a text in quotes, of either kind."""
    return _unescaped(string[1:-1], _SIGNS)


def _unescaped(text: str, signs: Mapping[str, str] = _NO_SIGNS) -> str:
    """Remove backslashes; `signs` maps the characters after a backslash that mean another one."""
    return _ESCAPE.sub(lambda match: signs.get(match[1], match[1]), text)
