"""Read the objects in a document, and validate them against the schema of their kind, like the API server does.

Source: docs/spec/drplan.md, "Before anything is applied".
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from pydantic import ValidationError

from api.execution import DRPlanExecution
from api.meta import API_VERSION, GROUP
from api.plan import DRPlan
from api.schema import Schema, structural_schema
from api.workflow import DRWorkflow
from planning.definitions.field_errors import FieldError, model_errors
from planning.messages import fields as field_messages
from planning.messages import files as file_messages
from planning.validation.schema import form_errors, repaired

_MODELS: dict[str, type[DRPlan] | type[DRWorkflow] | type[DRPlanExecution]] = {
    "DRPlan": DRPlan,
    "DRWorkflow": DRWorkflow,
    "DRPlanExecution": DRPlanExecution,
}
_TOP_FIELDS = ("apiVersion", "kind", "metadata", "spec", "status")


class FileDocument(NamedTuple):
    """A document of a file, as JSON."""

    file: str
    body: Any


@dataclass(frozen=True)
class FileObject:
    """One object of our kinds, as far as it could be read."""

    file: str
    kind: str
    namespace: str
    name: str
    """The name, or the `generateName`."""
    generated: bool
    """Whether the API server completes the name."""
    model: DRPlan | DRWorkflow | DRPlanExecution | None
    """None where the object does not have the form of its kind."""
    errors: tuple[FieldError, ...]
    repaired: DRPlan | DRWorkflow | DRPlanExecution | None
    """Where it does not have that form: what can be validated of it all the same."""

    @property
    def subject(self) -> str:
        """The object as its errors name it: `DRPlan default/shop`."""
        return f"{self.kind} {self.namespace}/{self.name}"


def read_objects(documents: Iterable[FileDocument], namespace: str) -> list[FileObject]:
    """Read the objects of our kinds; others are ignored. `namespace` is that of objects that name none."""
    return [_read(file, body, namespace) for file, body in _flat(documents) if _is_ours(body)]


def other_objects(documents: Iterable[FileDocument]) -> Iterator[dict[str, Any]]:
    """Return the objects of other kinds, as far as they have the head of an object."""
    for _, body in _flat(documents):
        metadata = body.get("metadata") if isinstance(body, dict) else None
        if not isinstance(metadata, dict) or _is_ours(body):
            continue
        names = (body.get("apiVersion"), body.get("kind"), metadata.get("name"), metadata.get("namespace") or "-")
        if all(isinstance(name, str) and name for name in names):
            yield body


def _flat(documents: Iterable[FileDocument]) -> Iterator[FileDocument]:
    """Yield each document, and the items of lists as kubectl writes them."""
    for file, body in documents:
        items = body.get("items") if isinstance(body, dict) else None
        if isinstance(items, list) and str(body.get("kind")).endswith("List"):
            yield from _flat(FileDocument(file, item) for item in items)
        else:
            yield FileDocument(file, body)


def _is_ours(body: Any) -> bool:
    if not isinstance(body, dict):
        return False
    return body.get("kind") in (*_MODELS,) or str(body.get("apiVersion")).startswith(f"{GROUP}/")


def _read(file: str, body: dict[str, Any], namespace: str) -> FileObject:
    kind, metadata = str(body.get("kind")), body.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    generated = not metadata.get("name") and bool(metadata.get("generateName"))
    name = metadata["generateName"] if generated else metadata.get("name") or ""
    home = metadata.get("namespace") or namespace
    whole = {**body, "metadata": {**metadata, "name": name, "namespace": home}}
    errors, model, rest = list(_form_errors(kind, whole)), None, None
    if not errors:
        try:
            model = _MODELS[kind].model_validate({**whole, "status": {}})  # only the bridge writes a status
        except ValidationError as error:
            errors = model_errors(error)
    elif kind in _MODELS:
        with suppress(ValidationError):
            spec = repaired(whole.get("spec"), _spec_schema(kind))
            names = {"name": str(name), "namespace": str(home)}
            rest = _MODELS[kind].model_validate({"metadata": names, "spec": spec})
    return FileObject(file, kind, str(home), str(name), generated, model, tuple(errors), rest)


def _form_errors(kind: str, body: dict[str, Any]) -> Iterator[FieldError]:
    """Find where a document does not have the form of its kind."""
    if kind not in _MODELS:
        yield FieldError("kind", field_messages.unsupported(kind, list(_MODELS)))
        return
    if body.get("apiVersion") != API_VERSION:
        yield FieldError("apiVersion", field_messages.unsupported(str(body.get("apiVersion")), [API_VERSION]))
    if not body["metadata"]["name"]:
        yield FieldError("metadata.name", file_messages.WITHOUT_NAME)
    for name in ("name", "namespace"):
        if not isinstance(body["metadata"][name], str):
            yield FieldError(f"metadata.{name}", file_messages.wrong_type_of_value("string"))
    yield from (FieldError(name, file_messages.UNKNOWN_FIELD) for name in body if name not in _TOP_FIELDS)
    if body.get("spec") is None:
        yield FieldError("spec", file_messages.MISSING_FIELD)
    else:
        yield from form_errors(body["spec"], _spec_schema(kind), "spec")


@cache
def _spec_schema(kind: str) -> Schema:
    schema: Schema = structural_schema(_MODELS[kind], defaults=False)["properties"]["spec"]
    return schema
