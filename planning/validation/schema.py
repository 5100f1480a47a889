"""Documents held against the schemas of our kinds, as the API server holds them: fields, types, what is required.

Source: docs/decisions/0002-flat-actions-and-open-bodies.md; Kubernetes docs, "Extend the Kubernetes API with
CustomResourceDefinitions", "Specifying a structural schema".
"""

from collections.abc import Iterator
from typing import Any

from api.schema import Schema
from planning.messages import files as file_messages

Finding = tuple[str, str]
"""A field path and what is wrong there."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}
_OPEN = "x-kubernetes-preserve-unknown-fields"


def shape_faults(value: Any, schema: Schema, path: str) -> Iterator[Finding]:
    """Find where a value has not the form that a schema asks for. A null counts as absent."""
    wanted = schema.get("type", "object")
    if not _is(value, wanted):
        yield path, file_messages.wrong_kind_of_value(wanted)
    elif isinstance(value, dict):
        yield from _of_fields(value, schema, path)
    elif isinstance(value, list):
        yield from _of_items(value, schema, path)
    elif isinstance(value, str):
        yield from _of_text(value, schema, path)


def _is(value: Any, wanted: str) -> bool:
    """Tell whether a value is of a schema's type; to Python a boolean is a number as well."""
    return isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))


def _of_fields(value: dict[str, Any], schema: Schema, path: str) -> Iterator[Finding]:
    given = {name: item for name, item in value.items() if item is not None}
    fields: dict[str, Schema] = schema.get("properties", {})
    others: Schema | None = schema.get("additionalProperties")
    yield from (
        (below(path, name), file_messages.MISSING_FIELD) for name in schema.get("required", []) if name not in given
    )
    for name, item in given.items():
        known = fields.get(name, others)
        if known is not None:
            yield from shape_faults(item, known, below(path, name))
        elif not schema.get(_OPEN):
            yield below(path, name), file_messages.UNKNOWN_FIELD


def below(path: str, name: str) -> str:
    """Give the path of a field."""
    return f"{path}.{name}" if path else name


def _of_items(value: list[Any], schema: Schema, path: str) -> Iterator[Finding]:
    if len(value) < schema.get("minItems", 0):
        yield path, file_messages.TOO_FEW
    for index, item in enumerate(value):
        yield from shape_faults(item, schema.get("items", {}), f"{path}[{index}]")


def _of_text(value: str, schema: Schema, path: str) -> Iterator[Finding]:
    known = schema.get("enum")
    if known is not None and value not in known:
        yield path, file_messages.not_one_of(value, known)
    elif len(value) < schema.get("minLength", 0):
        yield path, file_messages.TOO_FEW
