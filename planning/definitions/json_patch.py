"""A JSON patch as a manifest holds it, and whether an object is as the patch leaves it.

A JSON patch is not always the same when it is sent twice (`add` to a list), and the API server cannot be asked whether
one was applied. So that is computed from the state before, which is stored. Source: RFC 6902; docs/spec/drworkflow.md,
"Operations".
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from api.meta import CREATED_BY_ANNOTATION
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import fields as field_messages
from planning.messages import files as file_messages

Object = Mapping[str, Any]

FIELD = "patch"
"""Where the manifest of a JSON patch has its operations, beside apiVersion, kind and metadata."""
_NEEDS = {
    "add": ("path", "value"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "from"),
    "copy": ("path", "from"),
    "test": ("path", "value"),
}
_MOST_COPIED = 3 << 20
"""Bytes, as JSON, that all operations of a patch may copy. Source: Kubernetes, apiserver, `JSONPatchMaxCopyBytes`."""
_INDEX = re.compile(r"[0-9]{1,9}")
_ANNOTATIONS = "/metadata/annotations"
_MARK = f"{_ANNOTATIONS}/{CREATED_BY_ANNOTATION.replace('/', '~1')}"


class PatchError(ValueError):
    """An operation does not fit the object."""


def operations_of(manifest: Object) -> list[dict[str, Any]]:
    """Return the operations in the manifest of a JSON patch. Raises ManifestError."""
    operations = manifest.get(FIELD)
    if not isinstance(operations, list) or not operations:
        raise ManifestError(file_messages.NO_JSON_PATCH)
    extra = sorted(set(manifest) - {"apiVersion", "kind", "metadata", FIELD})
    extra += sorted(f"metadata.{name}" for name in set(manifest["metadata"]) - {"name", "namespace"})
    if extra:
        raise ManifestError(file_messages.beside_json_patch(extra))
    for place, operation in enumerate(operations):
        problem = _problem_of(operation)
        if problem is not None:
            raise ManifestError(file_messages.json_operation(place, problem))
    return operations


def body_of(operations: list[dict[str, Any]], observed: Object) -> list[dict[str, Any]]:
    """Return what is sent: only the very object that was observed, unchanged since, accepts it, and keeps its mark."""
    metadata = observed["metadata"]
    mark = (metadata.get("annotations") or {}).get(CREATED_BY_ANNOTATION)
    marked = any(each["path"] == _ANNOTATIONS for each in operations) and mark is not None
    return [
        *operations,
        *([{"op": "add", "path": _MARK, "value": mark}] if marked else ()),
        *(
            {"op": "replace", "path": f"/metadata/{name}", "value": metadata[name]}
            for name in ("uid", "resourceVersion")
        ),
    ]


def in_effect(operations: list[dict[str, Any]], before: Object, found: Object) -> bool:
    """Return whether all that the patch changes of an object is now as it leaves it."""
    try:
        return _as_changed(before, applied(operations, before), found)
    except PatchError:
        return False


def applied(operations: list[dict[str, Any]], document: Any) -> Any:
    """Return a document with the operations applied. Raises PatchError where one does not fit, or copies too much."""
    document, operations = json.loads(json.dumps([document, operations]))
    copied = 0
    for each in operations:
        match each["op"]:
            case "test":
                if _at(document, each["path"]) != each["value"]:
                    raise PatchError(each["path"])
            case "remove":
                _remove(document, each["path"])
            case "replace":
                _at(document, each["path"])
                _put(document, each["path"], each["value"], insert=False)
            case "add":
                _put(document, each["path"], each["value"], insert=True)
            case "copy":
                value = json.dumps(_at(document, each["from"]))
                copied += len(value)
                if copied > _MOST_COPIED:
                    raise PatchError(each["path"])
                _put(document, each["path"], json.loads(value), insert=True)
            case _:
                value = _at(document, each["from"])
                _remove(document, each["from"])
                _put(document, each["path"], value, insert=True)
    return document


def _problem_of(operation: Any) -> str | None:
    """Return what is wrong with one operation; None where nothing is."""
    if not isinstance(operation, dict) or operation.get("op") not in _NEEDS:
        return field_messages.unsupported(str(operation.get("op") if isinstance(operation, dict) else ""), [*_NEEDS])
    needs = _NEEDS[operation["op"]]
    if missing := [name for name in needs if name not in operation]:
        return file_messages.missing_in_operation(missing[0])
    if unknown := sorted(set(operation) - {"op", *needs}):
        return file_messages.unknown_in_operation(unknown[0])
    pointers = [operation[name] for name in ("path", "from") if name in needs]
    if not all(isinstance(each, str) and each.startswith("/") for each in pointers):
        return file_messages.NOT_A_POINTER
    if operation["op"] != "test" and not _leaves_identity(operation, pointers):
        return file_messages.TOUCHES_IDENTITY
    return None


def _leaves_identity(operation: Mapping[str, Any], pointers: list[str]) -> bool:
    """Return whether an operation changes neither metadata as a whole nor the mark of what created the object."""
    touched = pointers if operation["op"] == "move" else pointers[:1]
    if any(each in ("/", "/metadata", _MARK) for each in touched):
        return False
    if operation["path"] == _ANNOTATIONS:
        value = operation.get("value")
        return operation["op"] in ("add", "replace") and isinstance(value, dict) and CREATED_BY_ANNOTATION not in value
    return _ANNOTATIONS not in touched


def _segments(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _at(document: Any, pointer: str) -> Any:
    for part in _segments(pointer):
        document = _child(document, part)
    return document


def _child(value: Any, part: str) -> Any:
    if isinstance(value, dict) and part in value:
        return value[part]
    if isinstance(value, list) and _INDEX.fullmatch(part) and int(part) < len(value):
        return value[int(part)]
    raise PatchError(part)


def _parent(document: Any, pointer: str) -> tuple[Any, str]:
    *above, last = _segments(pointer)
    for part in above:
        document = _child(document, part)
    return document, last


def _put(document: Any, pointer: str, value: Any, *, insert: bool) -> None:
    parent, last = _parent(document, pointer)
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and (last == "-" or (_INDEX.fullmatch(last) and int(last) <= len(parent))):
        place = len(parent) if last == "-" else int(last)
        parent[place : place + (0 if insert else 1)] = [value]
    else:
        raise PatchError(pointer)


def _remove(document: Any, pointer: str) -> None:
    parent, last = _parent(document, pointer)
    _child(parent, last)
    del parent[last if isinstance(parent, dict) else int(last)]


def _as_changed(before: Any, wanted: Any, found: Any) -> bool:
    """Return whether a value is as wanted wherever that differs from what was before."""
    if before == wanted:
        return True
    if isinstance(before, Mapping) and isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return False
        gone = (name for name in before if name not in wanted)
        changed = ((before.get(name), value, found.get(name)) for name, value in wanted.items())
        return not any(name in found for name in gone) and all(_as_changed(*each) for each in changed)
    return _holds(wanted, found)


def _holds(wanted: Any, found: Any) -> bool:
    """Return whether a value holds another one; the API server may have added defaults."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(name in found and _holds(value, found[name]) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(_holds, wanted, found))
    return bool(wanted == found)
