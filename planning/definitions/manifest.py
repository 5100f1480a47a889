"""A manifest's text to the one object that it holds.

YAML is read as the API server's own tools read it: no dates, no base-60 numbers, keys are strings, a key
stands once. Source: Kubernetes, "Objects in Kubernetes", required fields; docs/spec/drworkflow.md.
"""

import math
import re
from typing import Any

import yaml

from api.steps import Target
from planning.messages import files as file_messages

_MOST_DEPTH = 100
_MOST_NODES = 200_000
"""Values in one manifest, aliases counted as often as they are used: YAML can say very much in few bytes."""


_UNREADABLE = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What the YAML package raises on bad text: the last five where a value does not suit its explicit tag."""


class ManifestError(ValueError):
    """A manifest is not one object; the message says what is wrong and what to do."""


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
    """Build a mapping, and refuse a key that stands twice: one of the values would be lost."""
    keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    if len(keys) != len(frozenset(keys)):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ManifestError(file_messages.key_twice(twice, node.start_mark.line + 1))
    loader.flatten_mapping(node)
    return {
        _key(loader.construct_object(key, deep=True)): loader.construct_object(value, deep=True)
        for key, value in node.value
    }


def _construct_int(loader: Any, node: yaml.ScalarNode) -> int:
    """Read a whole number, `0o17` and `017` alike as base 8."""
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
    body = _document(text)
    if not isinstance(body, dict):
        raise ManifestError(file_messages.NOT_AN_OBJECT)
    for name in ("apiVersion", "kind"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise ManifestError(file_messages.no_text(name))
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise ManifestError(file_messages.NO_OBJECT_NAME)
    if not isinstance(metadata.get("namespace") or "", str):
        raise ManifestError(file_messages.not_text("metadata.namespace"))
    for name in ("annotations", "labels"):
        _refuse_other_than_texts(metadata.get(name), f"metadata.{name}")
    return body


def _refuse_other_than_texts(value: Any, path: str) -> None:
    """Refuse annotations and labels that the API server would refuse, as YAML's numbers and booleans often are."""
    if value is not None and not isinstance(value, dict):
        raise ManifestError(file_messages.not_a_mapping(path))
    wrong = next((key for key, item in (value or {}).items() if not isinstance(item, str | None)), None)
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
        raise ManifestError(_not_yaml(error)) from None


def _document(text: str) -> Any:
    """Read the only document that is not empty."""
    documents = documents_in(text)
    if not documents:
        raise ManifestError(file_messages.EMPTY_MANIFEST)
    if len(documents) > 1:
        raise ManifestError(file_messages.several_documents(len(documents)))
    return documents[0]


def _refuse_depth(text: str) -> None:
    """Refuse what is nested too deeply: libyaml composes recursively and would end the whole process.

    A text of n characters is at most n deep, so short ones need no second reading.
    """
    if len(text) <= _MOST_DEPTH:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MOST_DEPTH:
            raise ManifestError(file_messages.too_deep(_MOST_DEPTH))


def _not_yaml(error: Exception) -> str:
    """Say where YAML went wrong and how, without the text around it: a manifest may be a Secret."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return file_messages.not_yaml((mark.line + 1, mark.column + 1) if mark else None, problem)


def _as_json(value: Any, count: list[int]) -> Any:
    """Give a YAML value as JSON knows it. `count` holds the values seen so far."""
    count[0] += 1
    if count[0] > _MOST_NODES:
        raise ManifestError(file_messages.too_many_values(_MOST_NODES))
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
    """Give a key as text, as Kubernetes' tools do."""
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, str | int | float):
        return str(key)
    raise ManifestError(file_messages.strange_key(type(key)))


def target_of(manifest: dict[str, Any]) -> Target:
    """Name the object of a manifest that `parse_manifest` gave."""
    metadata = manifest["metadata"]
    return Target(
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        name=metadata["name"],
        namespace=metadata.get("namespace") or None,
    )
