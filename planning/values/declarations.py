"""Lists of parameters, each judged by itself: names, what gives the value, literal values of a type.

Whether a parameter has a value at all depends on its layers: planning.params.
Source: docs/spec/drplan.md, "Parameters".
"""

import re
from collections.abc import Iterator, Sequence

from api.params import ManifestRef, Parameter, ParameterType
from planning.messages import fields as field_messages
from planning.values import jsonpath
from planning.values.placeholders import PlaceholderKind, placeholders

RESERVED = "mode"
RENDERED = ("namespace", "name", "label_selector")
"""Fields of a `manifestRef` in which placeholders are filled in."""
ALIASES = {name: ManifestRef.model_fields[name].alias or name for name in ManifestRef.model_fields}

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


def parameter_faults(parameters: Sequence[Parameter], path: str, *, of_execution: bool) -> Iterator[tuple[str, str]]:
    """Find what is wrong with a list of parameters that stands at `path`: field paths and messages."""
    seen: set[str] = set()
    for index, parameter in enumerate(parameters):
        place = f"{path}[{index}]"
        if parameter.name in seen:
            yield f"{place}.name", field_messages.name_twice("parameter", parameter.name)
        seen.add(parameter.name)
        yield from _name_faults(parameter.name, f"{place}.name", of_execution)
        yield from _value_faults(parameter, place)


def _name_faults(name: str, path: str, of_execution: bool) -> Iterator[tuple[str, str]]:
    if not _NAME.fullmatch(name):
        yield path, field_messages.not_a_parameter_name(name)
    elif of_execution and name == RESERVED:
        yield path, field_messages.reserved_parameter(name)


def _value_faults(parameter: Parameter, place: str) -> Iterator[tuple[str, str]]:
    source = parameter.value_from
    if source is not None and parameter.value:
        yield place, field_messages.VALUE_AND_SOURCE
    if source is not None and source.manifest_ref is None:
        yield f"{place}.valueFrom", field_messages.EMPTY_SOURCE
    elif source is not None and source.manifest_ref is not None:
        for field, message in _reference_faults(source.manifest_ref):
            yield f"{place}.valueFrom.manifestRef{field}", message
    for field, text in (("value", parameter.value), ("default", parameter.default)):
        if text and not is_of_type(text, parameter.type):
            yield f"{place}.{field}", field_messages.wrong_type(parameter.type, "its type")


def _reference_faults(ref: ManifestRef) -> Iterator[tuple[str, str]]:
    for name in ("api_version", "kind", "json_path"):
        if not getattr(ref, name).strip():
            yield f".{ALIASES[name]}", field_messages.EMPTY_REFERENCE_FIELD
    if ref.name and ref.label_selector:
        yield "", field_messages.NAME_AND_LABELS
    for name in RENDERED:
        for message in _template_faults(getattr(ref, name) or ""):
            yield f".{ALIASES[name]}", message
    if ref.json_path.strip():
        try:
            jsonpath.check(ref.json_path)
        except jsonpath.PathError as error:
            yield ".jsonPath", str(error)


def _template_faults(text: str) -> Iterator[str]:
    for placeholder in placeholders(text):
        if placeholder.kind is PlaceholderKind.UNKNOWN:
            yield field_messages.unknown_template(placeholder.text)
        elif placeholder.kind is PlaceholderKind.OUTPUTS:
            yield field_messages.outputs_too_early(placeholder.text)


def is_of_type(text: str, type_: ParameterType) -> bool:
    """Tell whether a value can be read as a type: a number as JSON writes it, true or false, any text."""
    match type_:
        case ParameterType.STRING:
            return True
        case ParameterType.NUMBER:
            return _NUMBER.fullmatch(text) is not None
        case ParameterType.BOOLEAN:
            return text in ("true", "false")
