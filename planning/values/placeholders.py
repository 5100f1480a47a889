"""Placeholders in texts: `$(params.x)`, `$(planName)`, `$(outputs.a.b)`, and the older `{{ .params.x }}`.

What belongs to somebody else (a shell, Kubernetes, Helm) is left as it is, and `$$(a.b)` is the text `$(a.b)`. How a
text is filled in is in `rendering`. Source: docs/spec/drworkflow.md, "Templates".
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from api.actions import Action
from planning.definitions.action_types import templates_of
from planning.messages import parameters as parameter_messages

# Repetitions are possessive (`++`): one that may be taken back costs memory for each character.
_NAME = r"[A-Za-z][A-Za-z0-9_-]*+"
_PART = r"[A-Za-z0-9_-]++"
_BEGIN = re.compile(r"\$++|\{\{")
"""Where there may be a placeholder. A search for this takes a tenth of the time of one for the whole."""
_CANDIDATE = re.compile(
    r"(?<!\$)(?P<dollars>\$+)(?:\((?P<blanks>\s*+)(?P<path>[^\s()]++)(?P<after>\s*+)\)|\{(?P<braced>[^{}]*+)\})"
    r"|(?P<escape>\$\$)?\{\{(?P<body>[^{}]*+)\}\}"
)
"""What may be a placeholder, with the `$` before it."""
_OLDER = re.compile(rf"\s*\.(planName|params\.{_NAME}(?:\.{_PART})*+|outputs\.{_PART}(?:\.{_PART})*+)\s*")
_SLIP = re.compile(
    r"(?<![\w.$-])(?<!\$\()\$?\.?(?:(?P<root>(?:global)?params?|parameters?|outputs?)\.(?P<below>[\w-]++(?:\.[\w-]++)*+)|planname\b)",
    re.IGNORECASE,
)
"""A placeholder in braces that are not those of the older spelling, or in other letters."""
_INDEXED = re.compile(
    r"(?:\bindex\s+\$?\.)?(?P<root>params?|parameters?|outputs?)(?:\[\s*+|\s++)[\"']{1,2}+(?P<below>[\w-]++)[\"']{1,2}+\s*+\]?",
    re.IGNORECASE,
)
"""An entry as other languages of templates have it: `params['x']`, `index .params "x"`."""
_WHOLE = re.compile(r"\s*+(?:with|range)\s(?:[^.{}]|\.(?!params\b))*+\.params(?![\w.-])", re.IGNORECASE)
"""All parameters at once, as in `{{ with .params }}`."""
_WELL_FORMED = re.compile(rf"{_NAME}(?:\.{_PART})*+")
_PARAMETER = re.compile(_NAME)
_INDEX = re.compile(r"[0-9]{1,9}")


class TemplateError(ValueError):
    """A text cannot be filled in; the message is the reason with the remedy, after the field path where it is known."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason
        self.path = path


class PlaceholderKind(StrEnum):
    """What a placeholder refers to. The first three are also the words by which they are written."""

    PARAMS = "params"
    """The value of a parameter."""
    PLAN_NAME = "planName"
    """The name of the plan."""
    OUTPUTS = "outputs"
    """The outputs of an earlier action of the same DRWorkflow."""
    UNKNOWN = "unknown"
    """Nothing that exists: always an error."""


@dataclass(frozen=True)
class Placeholder:
    """One placeholder of a text."""

    kind: PlaceholderKind
    name: str = ""
    """Name of the parameter or of the action."""
    rest: str = ""
    """Of outputs: the path below the action, `localizationRef.name`."""
    text: str = ""
    """As it is written: `$(params.x)`."""
    meant: str = ""
    """Of an unknown one: how it is spelled right, where that can be told."""


@dataclass(frozen=True)
class Escaped:
    """Text that would be a placeholder, but for the `$` before it."""

    text: str
    """As it is written: `$$(a.b)`."""
    literal: str
    """What it stands for: `$(a.b)`."""


@dataclass(frozen=True)
class Values:
    """What placeholders are filled in with."""

    params: Mapping[str, str] = field(default_factory=dict)
    plan_name: str = ""
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By action: its outputs as JSON with the names that objects have, and its `phase`."""
    fragments: frozenset[str] = frozenset()
    """Names of parameters of type yaml: as the whole value of a field such a value may be a list or a mapping."""


def has_template(text: str) -> bool:
    """Tell whether a text has a placeholder, an unknown one included."""
    return bool(placeholders(text))


def placeholders(text: str) -> list[Placeholder]:
    """Return the placeholders of a text in their order, unknown ones included."""
    return [piece for piece in pieces(text) if isinstance(piece, Placeholder)]


Piece = str | Placeholder | Escaped
"""A part of a text: literal, to be filled in, or literal with the `$` before it taken away."""


def as_written(piece: Piece) -> str:
    """Return a piece as it is in its text."""
    return piece if isinstance(piece, str) else piece.text


def pieces(text: str) -> list[Piece]:
    """Return a text in pieces. What belongs to somebody else is literal."""
    if not any(sign in text for sign in ("$(", "${", "{{")):
        return [text]
    parts: list[Piece] = []
    known: dict[str, list[Piece]] = {}
    """What is repeated very often is read once: its pieces are the same."""
    end = start = 0
    while begin := _BEGIN.search(text, start):
        # Of many `$` before `{{`, the last two belong to it.
        match = _CANDIDATE.match(text, begin.start()) or _CANDIDATE.match(text, max(begin.end() - 2, start))
        if match is not None and match[0] not in known:
            known[match[0]] = _own_pieces(match)
        if match is not None and (own := known[match[0]]):
            parts += [text[end : match.start()], *own]
            start = end = match.end()
        else:  # in what belongs to somebody else there may be a placeholder
            start = begin.end() if begin[0][0] == "$" else begin.start() + 1
    return [part for part in (*parts, text[end:]) if part != ""]


def _own_pieces(match: re.Match[str]) -> list[Piece]:
    """Return the pieces of a match; none where it belongs to somebody else.

    Of `$` before `$( )` each pair is a literal `$`, as in Kubernetes.
    """
    text = match[0]
    if match["body"] is not None:
        found = _in_braces(match["body"], text)
        return [Escaped(text, text[2:])] if found and match["escape"] else [found] if found else []
    dollars = len(match["dollars"])
    written = text[dollars - 1 :]
    found = _in_parentheses(match, written) if match["path"] else _in_shell_braces(match["braced"], written)
    if found is None:
        return []
    if dollars % 2 == 0:
        return [Escaped(text, text[dollars // 2 :])]
    return [Escaped(text[: dollars - 1], text[: dollars // 2]), found] if dollars > 1 else [found]


def _in_parentheses(match: re.Match[str], text: str) -> Placeholder | None:
    path, spaced = match["path"], bool(match["blanks"] or match["after"])
    known = None if spaced else _known(path, text)
    if known is not None:
        return known
    if indexed := _INDEXED.fullmatch(path):
        return _slip(indexed, text)
    word, dot, _ = path.partition(".")
    is_ours = (bool(dot) and word in (PlaceholderKind.PARAMS, PlaceholderKind.OUTPUTS)) or path.lower() == "planname"
    foreign = bool(dot) and not spaced and _WELL_FORMED.fullmatch(path) is not None
    return _slip(_SLIP.match(path), text) or _unknown(text) if is_ours or foreign else None


def _in_shell_braces(body: str, text: str) -> Placeholder | None:
    slip = _SLIP.match(body.strip())
    return _slip(slip, text) if slip and slip["root"] else None  # `${planName}` may be a variable


def _in_braces(body: str, text: str) -> Placeholder | None:
    if older := _OLDER.fullmatch(body):
        return _known(older[1], text) or _unknown(text)
    body = body.strip().removeprefix("-").removesuffix("-")
    found = _slip(_SLIP.search(body) or _INDEXED.search(body), text)
    return found or (_unknown(text) if _WHOLE.match(body) else None)


def _known(path: str, text: str) -> Placeholder | None:
    """Return the placeholder with a path that is spelled right."""
    word, _, below = path.partition(".")
    if path == PlaceholderKind.PLAN_NAME:
        return Placeholder(PlaceholderKind.PLAN_NAME, text=text)
    if word == PlaceholderKind.PARAMS and _PARAMETER.fullmatch(below):
        return Placeholder(PlaceholderKind.PARAMS, below, text=text)
    action, _, rest = below.partition(".")
    if word == PlaceholderKind.OUTPUTS and rest and _WELL_FORMED.fullmatch(path):
        return Placeholder(PlaceholderKind.OUTPUTS, action, rest, text)
    return None


def _slip(match: re.Match[str] | None, text: str) -> Placeholder | None:
    """Return a placeholder that is spelled wrong."""
    if match is None:
        return None
    root, below = match["root"], match["below"]
    if root is None:
        path: str = PlaceholderKind.PLAN_NAME
    else:
        word = PlaceholderKind.OUTPUTS if root.lower().startswith("out") else PlaceholderKind.PARAMS
        path = f"{word}.{below}"
    return _unknown(text, f"$({path})" if _known(path, text) else "")


def _unknown(text: str, meant: str = "") -> Placeholder:
    return Placeholder(PlaceholderKind.UNKNOWN, text=text, meant=meant)


def value_of(placeholder: Placeholder, values: Values) -> str:
    """Return the text of the value of a placeholder. Raises TemplateError if it is unknown or has no value."""
    match placeholder.kind:
        case PlaceholderKind.PARAMS:
            if placeholder.name not in values.params:
                raise TemplateError(parameter_messages.undefined_parameter(placeholder.name))
            return values.params[placeholder.name]
        case PlaceholderKind.PLAN_NAME:
            return values.plan_name
        case PlaceholderKind.OUTPUTS:
            return _output(placeholder, values)
        case PlaceholderKind.UNKNOWN:
            raise TemplateError(parameter_messages.unknown_template(placeholder.text, placeholder.meant))


def _output(placeholder: Placeholder, values: Values) -> str:
    """Return the value of an output; a number in its path is an index of a list."""
    if placeholder.name not in values.outputs:
        raise TemplateError(parameter_messages.undefined_outputs(placeholder.name))
    value: Any = values.outputs[placeholder.name]
    for part in placeholder.rest.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and _INDEX.fullmatch(part) and int(part) < len(value):
            value = value[int(part)]
        else:
            value = None
    if value is None:
        raise TemplateError(parameter_messages.missing_output(placeholder.name, placeholder.rest))
    return as_text(value)


def as_text(value: Any) -> str:
    """Return a JSON value as kubectl prints it: a text as it is, anything else as JSON without spaces."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in a JSON value, without the names of fields, with its field path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts(item, f"{path}[{index}]")


# Actions. The `rollback` of an action is another definition and is not included.


def placeholders_of(action: Action | None) -> Iterator[tuple[str, Placeholder]]:
    """Yield every placeholder of an action with its field path below the action, in the order of its fields."""
    for root, value in templates_of(action).items() if action else ():
        for path, text in texts(value, root):
            yield from ((path, placeholder) for placeholder in placeholders(text))


def names_used(action: Action, kind: PlaceholderKind) -> list[str]:
    """Return the names of the parameters, or of the actions with outputs, that an action uses, each once."""
    return list(dict.fromkeys(used.name for _, used in placeholders_of(action) if used.kind is kind))
