"""What is sent to the API server of a definition's object: whole with the mark, or as a change of what is there.

The mark is an annotation that only our POST writes: a change never brings or takes one.
Source: docs/spec/drworkflow.md, "Operations"; Kubernetes, "Server-Side Apply" and "Concurrency Control".
"""

from collections.abc import Mapping
from typing import Any

from api.meta import CREATED_BY_ANNOTATION
from api.steps import Target

Object = Mapping[str, Any]


def mark_of(metadata: Object) -> str | None:
    """Return the mark of the action that created an object; None where no plan did."""
    annotations = metadata.get("annotations") or {}
    found = annotations.get(CREATED_BY_ANNOTATION)
    return None if found is None else str(found)


def creation(body: Object, target: Target, mark: str) -> dict[str, Any]:
    """Return what a POST sends: the object in its place, with the mark."""
    annotations = {**(body["metadata"].get("annotations") or {}), CREATED_BY_ANNOTATION: mark}
    return {**body, "metadata": {**_placed(body, target), "annotations": annotations}}


def change(body: Object, target: Target, found: Object) -> dict[str, Any]:
    """Return what an Apply or a Patch sends: only the very object that was found, as it was then, takes it."""
    annotations = body["metadata"].get("annotations") or {}
    kept = {name: value for name, value in annotations.items() if name != CREATED_BY_ANNOTATION}
    condition = {name: found["metadata"][name] for name in ("uid", "resourceVersion")}
    return {**body, "metadata": {**_placed(body, target), "annotations": kept, **condition}}


def _placed(body: Object, target: Target) -> dict[str, Any]:
    metadata = dict(body["metadata"])
    return metadata if target.namespace is None else {**metadata, "namespace": target.namespace}
