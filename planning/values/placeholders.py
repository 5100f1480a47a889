"""Placeholders in texts: `$(params.x)`, `$(planName)`, `$(outputs.a.b)`, and the older `{{ .params.x }}`.

What looks like a placeholder and belongs to somebody else (a shell, Kubernetes, Helm) is left as it is. Values are
put in as text, in one pass: what a value holds is never read as a placeholder.
Source: docs/spec/drworkflow.md, "Templates".
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


class TemplateError(ValueError):
    """A text cannot be filled in; the message says why and what to do, after the field path where that is known."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason
        self.path = path


class PlaceholderKind(StrEnum):
    """What a placeholder stands for. The first three are also the words by which they are written."""

    PARAMS = "params"
    """The value of a parameter."""
    PLAN_NAME = "planName"
    """The name of the plan."""
    OUTPUTS = "outputs"
    """What an earlier action of the same DRWorkflow made."""
    UNKNOWN = "unknown"
    """Nothing that exists: an error wherever it stands."""


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


def has_template(text: str) -> bool:
    """Tell whether a text holds a placeholder, one that is unknown included."""
    return bool(placeholders(text))


def placeholders(text: str) -> list[Placeholder]:
    """Find the placeholders of a text, in their order, with those that are unknown."""
    if "$(" not in text and "{{" not in text:
        return []
    found = (_placeholder(match) for match in _TEMPLATE.finditer(text))
    return [placeholder for placeholder in found if placeholder is not None]


def _placeholder(match: re.Match[str]) -> Placeholder | None:
    """Read one match; None where it belongs to somebody else."""
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


def render(text: str, values: Values) -> str:
    """Fill a text in, in one pass.

    Raises TemplateError for what is unknown or undefined.
    """
    if "$(" not in text and "{{" not in text:
        return text

    def fill(match: re.Match[str]) -> str:
        placeholder = _placeholder(match)
        return match[0] if placeholder is None else _value(placeholder, values)

    return _TEMPLATE.sub(fill, text)


def render_known(text: str, values: Values) -> str:
    """Fill in what is known, for people to read; what is not stays as it is written."""

    def fill(match: re.Match[str]) -> str:
        placeholder = _placeholder(match)
        try:
            return match[0] if placeholder is None else _value(placeholder, values)
        except TemplateError:
            return match[0]

    return _TEMPLATE.sub(fill, text) if "$(" in text or "{{" in text else text


def render_value(value: Any, values: Values, path: str) -> Any:
    """Fill in every text of a JSON value; keys stay as they are.

    Raises TemplateError with the field path of the text.
    """
    if isinstance(value, str):
        try:
            return render(value, values)
        except TemplateError as error:
            raise TemplateError(error.reason, path) from None
    if isinstance(value, dict):
        return {key: render_value(item, values, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [render_value(item, values, f"{path}[{index}]") for index, item in enumerate(value)]
    return value


def _value(placeholder: Placeholder, values: Values) -> str:
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
    """Look an output up; numbers in its path count through lists."""
    if placeholder.name not in values.outputs:
        raise TemplateError(field_messages.undefined_outputs(placeholder.name))
    value: Any = values.outputs[placeholder.name]
    for part in placeholder.rest.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            value = None
    if value is None:
        raise TemplateError(field_messages.missing_output(placeholder.name, placeholder.rest))
    return as_text(value)


def as_text(value: Any) -> str:
    """Write a JSON value as kubectl prints it: a text as it is, anything else as JSON without spaces."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Walk every text in a JSON value, without the names of fields, with its field path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts(item, f"{path}[{index}]")


def outputs_used(action: Action) -> list[str]:
    """Name the actions whose outputs or phases a definition uses, each once, in the order of its fields.

    Its `rollback` is another definition.
    """
    found = (
        placeholder.name
        for path, value in templates_of(action).items()
        for _, text in texts(value, path)
        for placeholder in placeholders(text)
        if placeholder.kind is PlaceholderKind.OUTPUTS
    )
    return list(dict.fromkeys(found))
