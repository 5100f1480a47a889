"""From the text of a manifest to the one object in it.

Source: Kubernetes, "Objects in Kubernetes", required fields; docs/spec/drworkflow.md, "Manifests".
"""

from typing import Any

from api.objects import Target
from planning.definitions.identifiers import is_path_segment
from planning.definitions.yaml_documents import Fill, documents_in
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import files as file_messages


def parse_manifest(text: str) -> dict[str, Any]:
    """Read one object from YAML text.

    Raises ManifestError when it is not YAML, not one object, or has no apiVersion, kind or name.
    """
    body = one_document(text)
    _validate_head(body)
    return body


def one_document(text: str, fill: Fill | None = None) -> dict[str, Any]:
    """Read one mapping that is no list of objects, whatever else its fields are. Raises ManifestError."""
    documents = documents_in(text, fill)
    if not documents:
        raise ManifestError(file_messages.EMPTY_MANIFEST)
    if len(documents) > 1:
        raise ManifestError(file_messages.several_documents(len(documents)))
    body = documents[0]
    if not isinstance(body, dict):
        raise ManifestError(file_messages.NOT_AN_OBJECT)
    # To kubectl, too, what has `items` is a list, whatever its kind is called.
    items = body.get("items")
    if isinstance(items, list) or (body.get("kind") == "List" and body.get("apiVersion") == "v1"):
        raise ManifestError(file_messages.list_of_objects(len(items) if isinstance(items, list) else 0))
    return body


def _validate_head(body: dict[str, Any]) -> None:
    """Raise ManifestError where a field that every object needs is missing or has the wrong type."""
    for name in ("apiVersion", "kind"):
        _validate_name(body.get(name), name, file_messages.no_text(name))
    if not all(is_path_segment(part) for part in body["apiVersion"].split("/", 1)):
        raise ManifestError(file_messages.not_in_a_path("apiVersion"))
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        raise ManifestError(file_messages.NO_OBJECT_NAME)
    _validate_name(metadata.get("name"), "metadata.name", file_messages.NO_OBJECT_NAME)
    if metadata.get("namespace"):
        _validate_name(metadata["namespace"], "metadata.namespace")
    for name in ("name", "namespace"):
        if metadata.get(name) and not is_path_segment(metadata[name]):
            raise ManifestError(file_messages.not_in_a_path(f"metadata.{name}"))
    _validate_texts(metadata)


def _validate_name(name: Any, path: str, missing: str = "") -> None:
    """Raise ManifestError where a name is missing, or YAML takes it for a number or a boolean."""
    if name is None or name == "":
        raise ManifestError(missing)
    if not isinstance(name, str):
        raise ManifestError(file_messages.not_text(path))


def _validate_texts(metadata: dict[str, Any]) -> None:
    for name in ("annotations", "labels"):
        path, values = f"metadata.{name}", metadata.get(name)
        if values is not None and not isinstance(values, dict):
            raise ManifestError(file_messages.not_a_mapping(path))
        # YAML's numbers and booleans, which the API server would refuse.
        wrong = next((key for key, item in (values or {}).items() if not isinstance(item, str | None)), None)
        if wrong is not None:
            raise ManifestError(file_messages.not_text(f"{path}.{wrong}"))


def target_of(manifest: dict[str, Any]) -> Target:
    """Return the object of a manifest that `parse_manifest` returned."""
    metadata = manifest["metadata"]
    return Target(
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        name=metadata["name"],
        namespace=metadata.get("namespace") or None,
    )


_SET_BY_SERVER = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
"""Fields of `metadata` that only the API server sets: an object that `kubectl get -o yaml` printed has them."""


def server_fields(manifest: dict[str, Any]) -> list[str]:
    """Return the fields of an object that are not sent, because the API server sets them."""
    metadata = manifest.get("metadata")
    return [f"metadata.{name}" for name in _SET_BY_SERVER if isinstance(metadata, dict) and name in metadata]


def without_server_fields(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what is sent of a manifest that `parse_manifest` returned."""
    metadata = {name: value for name, value in manifest["metadata"].items() if name not in _SET_BY_SERVER}
    return {**manifest, "metadata": metadata}
