"""From an action to the object that it is about: its name, and the body that is sent, whole or as a change.

The mark is an annotation that only our POST writes: a change never adds or removes one.
Source: docs/spec/drworkflow.md, "Actions" and "Operations"; Kubernetes, "Server-Side Apply" and "Concurrency Control".
"""

import re
from collections.abc import Mapping
from typing import Any, assert_never

from api.actions import Action
from api.meta import CREATED_BY_ANNOTATION
from api.objects import Target
from planning.definitions.action_types import BATCH, NamedBy, block_of, row_of
from planning.definitions.identifiers import LABEL_MAX_LENGTH, short_hash
from planning.definitions.manifest import parse_manifest, target_of, without_server_fields
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import files as file_messages

DEFAULT_NAMESPACE = "default"
Object = Mapping[str, Any]


def target_of_action(action: Action, mark: str = "") -> Target | None:
    """Return the object that an action is about; None where it has none, lacks its block, or nothing names it.

    A template without a name gets one from the action's and its `mark`.
    Raises ManifestError when its manifest is not one object.
    """
    block, row = block_of(action), row_of(action)
    if block is None:
        return None
    match row.named_by:
        case NamedBy.NOTHING:
            return None
        case NamedBy.MANIFEST:
            return target_of(parse_manifest(block.manifest))
        case NamedBy.BLOCK:
            name: str | None = block.name
        case NamedBy.TEMPLATE:
            own = _metadata(block.template).get("name")
            generated = _generated_name(action.name, mark) if mark else None
            name = own if isinstance(own, str) and own else generated
        case _:
            assert_never(row.named_by)
    if name is None:
        return None
    namespace = (block.namespace or DEFAULT_NAMESPACE) if row.namespaced else None
    return Target(api_version=row.api_version, kind=row.kind, name=name, namespace=namespace)


def is_job(target: Target) -> bool:
    """Return whether an object is a Job, whose pods are deleted before it."""
    return target.kind == "Job" and target.api_version == BATCH


def _metadata(template: dict[str, Any]) -> dict[str, Any]:
    metadata = template.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _generated_name(action: str, mark: str) -> str:
    """Return a name that is the same for each attempt of an action in an execution: `<action>-<hash of the mark>`."""
    word = re.sub(r"[^a-z0-9]+", "-", action.lower()).strip("-") or "action"
    tail = f"-{short_hash(mark)}"
    return word[: LABEL_MAX_LENGTH - len(tail)].rstrip("-") + tail


def body_of_action(action: Action, mark: str = "") -> dict[str, Any]:
    """Return the whole object that a Create or Apply sends.

    Raises ManifestError when the manifest is not one object, or the action has no object.
    """
    block, target = block_of(action), target_of_action(action, mark)
    if target is None:
        raise ManifestError(file_messages.no_object(action.name, action.type))
    named_by = row_of(action).named_by
    if named_by is NamedBy.MANIFEST:
        return without_server_fields(parse_manifest(block.manifest))
    metadata = {"name": target.name} | ({"namespace": target.namespace} if target.namespace else {})
    body = {"apiVersion": target.api_version, "kind": target.kind, "metadata": metadata}
    if named_by is not NamedBy.TEMPLATE:
        return body | ({} if block.spec is None else {"spec": block.spec})
    own = _metadata(block.template)
    labels_and_annotations = {name: own[name] for name in ("labels", "annotations") if name in own}
    spec = block.template.get("spec", {})
    if block.ttl_seconds_after_finished is not None and isinstance(spec, dict):
        spec = {**spec, "ttlSecondsAfterFinished": block.ttl_seconds_after_finished}
    return {**body, "metadata": labels_and_annotations | metadata, "spec": spec}


def mark_of(metadata: Object) -> str | None:
    """Return the mark of the action that created an object; None where no plan did."""
    mark = (metadata.get("annotations") or {}).get(CREATED_BY_ANNOTATION)
    return None if mark is None else str(mark)


def creation_body(body: Object, target: Target, mark: str) -> dict[str, Any]:
    """Return what a POST sends: the object in its namespace, with the mark."""
    annotations = {**(body["metadata"].get("annotations") or {}), CREATED_BY_ANNOTATION: mark}
    return {**body, "metadata": {**_in_namespace(body, target), "annotations": annotations}}


def change_body(body: Object, target: Target, observed: Object) -> dict[str, Any]:
    """Return what an Apply or a Patch sends: only the very object that was observed, unchanged since, accepts it."""
    annotations = body["metadata"].get("annotations") or {}
    kept = {name: value for name, value in annotations.items() if name != CREATED_BY_ANNOTATION}
    condition = {name: observed["metadata"][name] for name in ("uid", "resourceVersion")}
    return {**body, "metadata": {**_in_namespace(body, target), "annotations": kept, **condition}}


def _in_namespace(body: Object, target: Target) -> dict[str, Any]:
    return {**body["metadata"], **({} if target.namespace is None else {"namespace": target.namespace})}
