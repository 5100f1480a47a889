"""An object as it stands in a file: which it is, whether it has the form of its kind, and its model.

Source: docs/spec/drplan.md, "Before anything is applied".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from pydantic import ValidationError

from api.execution import DRPlanExecution
from api.meta import API_VERSION, GROUP
from api.plan import DRPlan
from api.schema import Schema, structural_schema
from api.workflow import DRWorkflow
from planning.messages import files as file_messages
from planning.validation.schema import Finding, below, shape_faults

Ours = DRPlan | DRWorkflow | DRPlanExecution
_MODELS: dict[str, type[DRPlan] | type[DRWorkflow] | type[DRPlanExecution]] = {
    "DRPlan": DRPlan,
    "DRWorkflow": DRWorkflow,
    "DRPlanExecution": DRPlanExecution,
}
_TOP = ("apiVersion", "kind", "metadata", "spec", "status")


class Document(NamedTuple):
    """A document of a file, as JSON."""

    file: str
    body: Any


@dataclass(frozen=True)
class Read:
    """One object of ours, as far as it could be read."""

    file: str
    kind: str
    namespace: str
    name: str
    made_up: bool
    """Whether the API server is to complete the name."""
    model: Ours | None
    """None where it has not the form of its kind."""
    faults: tuple[Finding, ...]

    @property
    def subject(self) -> str:
        """Name it, as its errors do: `DRPlan default/shop`."""
        return f"{self.kind} {self.namespace}/{self.name}"


def read_all(documents: Iterable[Document], namespace: str) -> list[Read]:
    """Read the objects of our kinds; others are passed over. `namespace` is that of objects that name none."""
    return [_read(file, body, namespace) for file, body in _flat(documents) if _is_ours(body)]


def _flat(documents: Iterable[Document]) -> Iterator[Document]:
    """Give each document, and the items of lists as kubectl writes them."""
    for file, body in documents:
        items = body.get("items") if isinstance(body, dict) else None
        if isinstance(items, list) and str(body.get("kind")).endswith("List"):
            yield from _flat(Document(file, item) for item in items)
        else:
            yield Document(file, body)


def _is_ours(body: Any) -> bool:
    if not isinstance(body, dict):
        return False
    return body.get("kind") in (*_MODELS,) or str(body.get("apiVersion")).startswith(f"{GROUP}/")


def _read(file: str, body: dict[str, Any], namespace: str) -> Read:
    kind, given = str(body.get("kind")), body.get("metadata")
    metadata = given if isinstance(given, dict) else {}
    name, home = metadata.get("name") or "", metadata.get("namespace") or namespace
    made_up = not name and bool(metadata.get("generateName"))
    name = metadata["generateName"] if made_up else name
    whole = {**body, "metadata": {**metadata, "name": name, "namespace": home}}
    faults = tuple(_faults(kind, whole))
    model, strange = (None, ()) if faults else _model(kind, whole)
    return Read(file, kind, str(home), str(name), made_up, model, (*faults, *strange))


def _faults(kind: str, body: dict[str, Any]) -> Iterator[Finding]:
    """Find where a document has not the form of its kind."""
    if kind not in _MODELS:
        yield "kind", file_messages.unknown_kind(kind, list(_MODELS))
        return
    if body.get("apiVersion") != API_VERSION:
        yield "apiVersion", file_messages.other_version(str(body.get("apiVersion")), API_VERSION)
    if not body["metadata"]["name"]:
        yield "metadata.name", file_messages.WITHOUT_NAME
    yield from ((name, file_messages.UNKNOWN_FIELD) for name in body if name not in _TOP)
    if body.get("spec") is None:
        yield "spec", file_messages.MISSING_FIELD
        return
    yield from shape_faults(body["spec"], _spec_schema(kind), "spec")


@cache
def _spec_schema(kind: str) -> Schema:
    schema: Schema = structural_schema(_MODELS[kind], defaults=False)["properties"]["spec"]
    return schema


def _model(kind: str, body: dict[str, Any]) -> tuple[Ours | None, tuple[Finding, ...]]:
    """Read the model; a status is the bridge's affair."""
    try:
        return _MODELS[kind].model_validate({**body, "status": {}}), ()
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        return None, tuple((_path(each["loc"]), each["msg"]) for each in found)


def _path(location: tuple[int | str, ...]) -> str:
    """Write a place as people know it: `spec.stages[1].name`."""
    path = ""
    for part in location:
        path = f"{path}[{part}]" if isinstance(part, int) else below(path, part)
    return path
