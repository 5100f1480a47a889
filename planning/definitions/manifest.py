"""From the text of a manifest to the one object in it.

YAML is read in the way of Kubernetes' own tools: no dates, no base-60 numbers, keys are strings, no duplicate keys.
Source: Kubernetes, "Objects in Kubernetes", required fields; docs/spec/drworkflow.md.
"""

import math
import re
from typing import Any

import yaml

from api.steps import Target
from planning.messages import files as file_messages

_MAX_DEPTH = 100
_MAX_VALUES = 200_000
"""Values in one manifest, aliases counted as often as they are used: a few bytes of YAML can expand to very many."""
_UNREADABLE = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What the YAML package raises on bad text: the last five where a value does not suit its explicit tag."""


class ManifestError(ValueError):
    """A manifest is not one object; the message says why, and the remedy."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the base is chosen at run time
    """A safe loader with the scalars of Kubernetes' YAML."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":int", ":float", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^(?:[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)$"),
    list("-+0123456789."),
)


def _construct_mapping(loader: Any, node: yaml.MappingNode) -> dict[str, Any]:
    """Build a mapping, and refuse a duplicate key: one of the values would be lost."""
    keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    if len(keys) != len(frozenset(keys)):
        duplicate = next(key for key in keys if keys.count(key) > 1)
        raise ManifestError(file_messages.duplicate_key(duplicate, node.start_mark.line + 1))
    loader.flatten_mapping(node)
    return {
        _key(loader.construct_object(key, deep=True)): loader.construct_object(value, deep=True)
        for key, value in node.value
    }


def _construct_int(loader: Any, node: yaml.ScalarNode) -> int:
    """Read an integer, `0o17` and `017` alike as base 8."""
    text = loader.construct_scalar(node).replace("_", "").lower()
    digits = text.lstrip("+-")
    if digits.startswith("0") and digits.isdigit() and len(digits) > 1:
        text = text.replace("0", "0o", 1)
    return int(text, 0)


_Loader.bool_values = yaml.SafeLoader.bool_values | {"y": True, "n": False}
_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


def parse_manifest(text: str) -> dict[str, Any]:
    """Read one object from YAML text.

    Raises ManifestError when it is not YAML, not one object, or has no apiVersion, kind or name.
    """
    documents = documents_in(text)
    if not documents:
        raise ManifestError(file_messages.EMPTY_MANIFEST)
    if len(documents) > 1:
        raise ManifestError(file_messages.several_documents(len(documents)))
    body = documents[0]
    if not isinstance(body, dict):
        raise ManifestError(file_messages.NOT_AN_OBJECT)
    _validate_head(body)
    return body


def _validate_head(body: dict[str, Any]) -> None:
    """Raise ManifestError where a field that every object needs is missing or has the wrong type."""
    for name in ("apiVersion", "kind"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise ManifestError(file_messages.no_text(name))
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise ManifestError(file_messages.NO_OBJECT_NAME)
    if not isinstance(metadata.get("namespace") or "", str):
        raise ManifestError(file_messages.not_text("metadata.namespace"))
    for name in ("annotations", "labels"):
        path, values = f"metadata.{name}", metadata.get(name)
        if values is not None and not isinstance(values, dict):
            raise ManifestError(file_messages.not_a_mapping(path))
        # YAML's numbers and booleans, which the API server would refuse.
        wrong = next((key for key, item in (values or {}).items() if not isinstance(item, str | None)), None)
        if wrong is not None:
            raise ManifestError(file_messages.not_text(f"{path}.{wrong}"))


def documents_in(text: str) -> list[Any]:
    """Read all documents of a YAML text that are not empty, as JSON. Raises ManifestError."""
    try:
        _refuse_depth(text)
        loaded = yaml.load_all(text, Loader=_Loader)
        return [_as_json(document, [0]) for document in loaded if document is not None]
    except ManifestError:
        raise
    except _UNREADABLE as error:
        # Without the text around the mistake: a manifest may be a Secret.
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        position = (mark.line + 1, mark.column + 1) if mark else None
        raise ManifestError(file_messages.not_yaml(position, problem)) from None


def _refuse_depth(text: str) -> None:
    """Refuse what is nested too deeply: libyaml composes recursively and would end the whole process.

    A text of n characters is at most n deep, so short ones need no second reading.
    """
    if len(text) <= _MAX_DEPTH:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise ManifestError(file_messages.too_deep(_MAX_DEPTH))


def _as_json(value: Any, count: list[int]) -> Any:
    """Return a YAML value as JSON; `count` is the number of values so far."""
    count[0] += 1
    if count[0] > _MAX_VALUES:
        raise ManifestError(file_messages.too_many_values(_MAX_VALUES))
    if isinstance(value, dict):
        return {key: _as_json(item, count) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item, count) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ManifestError(file_messages.not_a_number(value))
    if value is None or isinstance(value, str | int | float):
        return value
    raise ManifestError(file_messages.strange_value(type(value)))


def _key(key: Any) -> str:
    """Return a key as text, as Kubernetes' tools do."""
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, str | int | float):
        return str(key)
    raise ManifestError(file_messages.strange_key(type(key)))


def target_of(manifest: dict[str, Any]) -> Target:
    """Return the object of a manifest that `parse_manifest` returned."""
    metadata = manifest["metadata"]
    return Target(
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        name=metadata["name"],
        namespace=metadata.get("namespace") or None,
    )
