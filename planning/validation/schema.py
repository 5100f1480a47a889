"""Validate a JSON value against a structural schema, as the API server does: every field that is wrong is found.

What is wrong in form does not hide what is wrong in meaning: `repaired` makes of a value one that has the right form,
and `apart_from` leaves out what would be said of the repaired fields.
Source: docs/decisions/0002-flat-actions-and-open-bodies.md; Kubernetes docs, "Extend the Kubernetes API with
CustomResourceDefinitions", "Specifying a structural schema".
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from api.schema import Schema
from planning.definitions.field_errors import FieldError
from planning.messages import fields as field_messages
from planning.messages import files as file_messages

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}
_OPEN = "x-kubernetes-preserve-unknown-fields"
_DECIDES = "type"
"""The field of an action that decides what all others mean."""


def form_errors(value: Any, schema: Schema, path: str) -> Iterator[FieldError]:
    """Find where a value does not match a schema. A null counts as absent."""
    if (message := _own_error(value, schema)) is not None:
        yield FieldError(path, message)
    elif isinstance(value, dict):
        yield from _field_errors(value, schema, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from form_errors(item, schema.get("items", {}), f"{path}[{index}]")


def _own_error(value: Any, schema: Schema) -> str | None:
    """Return what is wrong with a value, apart from what is in it."""
    wanted, known = schema.get("type", "object"), schema.get("enum")
    # To Python a boolean is a number as well.
    if not isinstance(value, _TYPES[wanted]) or (isinstance(value, bool) and wanted != "boolean"):
        return file_messages.wrong_type_of_value(wanted)
    if isinstance(value, str) and known is not None and value not in known:
        return field_messages.unsupported(value, known)
    if not isinstance(value, list | str):
        return None
    least, most = ("minItems", "maxItems") if isinstance(value, list) else ("minLength", "maxLength")
    if most in schema and len(value) > schema[most]:
        return file_messages.too_many(len(value), schema[most])
    return file_messages.TOO_FEW if len(value) < schema.get(least, 0) else None


def _field_errors(value: dict[str, Any], schema: Schema, path: str) -> Iterator[FieldError]:
    present = {name: item for name, item in value.items() if item is not None}
    for name in schema.get("required", []):
        if name not in present:
            yield FieldError(f"{path}.{name}".removeprefix("."), file_messages.MISSING_FIELD)
    for name, item in present.items():
        known, field = _schema_of(name, schema), f"{path}.{name}".removeprefix(".")
        if known is not None:
            yield from form_errors(item, known, field)
        elif not schema.get(_OPEN):
            yield FieldError(field, file_messages.UNKNOWN_FIELD)


def _schema_of(name: str, schema: Schema) -> Schema | None:
    known: Schema | None = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
    return known


def repaired(value: Any, schema: Schema) -> Any:
    """Return a value that matches a schema: fields that do not are left out, or made neutral where they are required.

    Items of lists stay at their places.
    """
    if _own_error(value, schema) is not None:
        return _neutral(schema)
    if isinstance(value, list):
        return [repaired(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    required = schema.get("required", [])
    fields: dict[str, Any] = {}
    for name, item in value.items():
        known = _schema_of(name, schema)
        if item is None or (known is None and not schema.get(_OPEN)):
            continue
        if known is None:
            fields[name] = item
        elif _own_error(item, known) is None:
            fields[name] = repaired(item, known)
    return fields | {name: _neutral(_schema_of(name, schema) or {}) for name in required if name not in fields}


def _neutral(schema: Schema) -> Any:
    match schema.get("type", "object"):
        case "object":
            properties = schema.get("properties", {})
            return {name: _neutral(properties.get(name, {})) for name in schema.get("required", [])}
        case "array":
            return [_neutral(schema.get("items", {}))] * schema.get("minItems", 0)
        case "string":
            return next(filter(None, schema.get("enum", [])), "x" * schema.get("minLength", 0))
        case "boolean":
            return False
        case _:
            return 0


def apart_from(form: Sequence[FieldError], errors: Iterable[FieldError]) -> list[FieldError]:
    """Return the errors that are not about fields whose form is wrong, and so were repaired."""
    fields = {error.path.removesuffix(f".{_DECIDES}") for error in form}
    lengths = set(map(len, fields))

    def is_within(path: str) -> bool:
        ends = (place for place, sign in enumerate(path) if sign in ".[" and place in lengths)
        return path in fields or any(path[:end] in fields for end in ends)

    return [error for error in errors if not is_within(error.path)] if fields else [*errors]
