"""Placeholders in texts: `$(params.x)`, `$(planName)`, `$(outputs.a.b)`, and the older `{{ .params.x }}`.

What looks like a placeholder and belongs to somebody else (a shell, Kubernetes, Helm) is left as it is. How a text is
filled in is in `rendering`. Source: docs/spec/drworkflow.md, "Templates".
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from api.actions import Action
from planning.definitions.action_types import templates_of
from planning.messages import fields as field_messages

_NAME = r"[A-Za-z][A-Za-z0-9_-]*"
_PART = r"[A-Za-z0-9_-]+"
_TEMPLATE = re.compile(
    r"\$\((?P<blanks>\s*)(?P<path>[^\s()]+)(?P<after>\s*)\)"
    rf"|\{{\{{\s*\.(?P<older>planName|params\.{_NAME}(?:\.{_PART})*|outputs\.{_PART}(?:\.{_PART})*)\s*\}}\}}"
)
_WELL_FORMED = re.compile(rf"{_NAME}(?:\.{_PART})*")
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


def _placeholder(match: re.Match[str]) -> Placeholder | None:
    """Return the placeholder of a match; None where it belongs to somebody else."""
    path, text = match["older"] or match["path"], match[0]
    spaced = bool(match["blanks"] or match["after"])
    word, dot, below = path.partition(".")
    if word == PlaceholderKind.PARAMS and dot:
        known = not spaced and _PARAMETER.fullmatch(below) is not None
        return Placeholder(PlaceholderKind.PARAMS, below, text=text) if known else _unknown(text)
    if word == PlaceholderKind.OUTPUTS and dot:
        action, _, rest = below.partition(".")
        known = not spaced and rest != "" and _WELL_FORMED.fullmatch(path) is not None
        return Placeholder(PlaceholderKind.OUTPUTS, action, rest, text) if known else _unknown(text)
    if path == PlaceholderKind.PLAN_NAME and not spaced:
        return Placeholder(PlaceholderKind.PLAN_NAME, text=text)
    foreign = bool(dot) and not spaced and _WELL_FORMED.fullmatch(path) is not None
    return _unknown(text) if foreign or path.lower() == "planname" else None


def _unknown(text: str) -> Placeholder:
    return Placeholder(PlaceholderKind.UNKNOWN, text=text)


Piece = str | Placeholder
"""A part of a text: literal, or to be filled in."""


def pieces(text: str) -> list[Piece]:
    """Return a text in pieces. What belongs to somebody else is literal."""
    if "$(" not in text and "{{" not in text:
        return [text]
    parts: list[Piece] = []
    end = 0
    for match in _TEMPLATE.finditer(text):
        if (placeholder := _placeholder(match)) is not None:
            parts += [text[end : match.start()], placeholder]
            end = match.end()
    return [part for part in (*parts, text[end:]) if part != ""]


def value_of(placeholder: Placeholder, values: Values) -> str:
    """Return the text of the value of a placeholder. Raises TemplateError if it is unknown or has no value."""
    match placeholder.kind:
        case PlaceholderKind.PARAMS:
            if placeholder.name not in values.params:
                raise TemplateError(field_messages.undefined_parameter(placeholder.name))
            return values.params[placeholder.name]
        case PlaceholderKind.PLAN_NAME:
            return values.plan_name
        case PlaceholderKind.OUTPUTS:
            return _output(placeholder, values)
        case PlaceholderKind.UNKNOWN:
            raise TemplateError(field_messages.unknown_template(placeholder.text))


def _output(placeholder: Placeholder, values: Values) -> str:
    """Return the value of an output; a number in its path is an index of a list."""
    if placeholder.name not in values.outputs:
        raise TemplateError(field_messages.undefined_outputs(placeholder.name))
    value: Any = values.outputs[placeholder.name]
    for part in placeholder.rest.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and _INDEX.fullmatch(part) and int(part) < len(value):
            value = value[int(part)]
        else:
            value = None
    if value is None:
        raise TemplateError(field_messages.missing_output(placeholder.name, placeholder.rest))
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
