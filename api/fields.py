"""The field tables of the spec pages, generated from the models.

`python -m api.fields <folder>` puts a table between `<!-- fields: Model -->` and `<!-- end of fields -->` in
every page of the folder; a test fails while a committed page differs. The text around the tables is written by hand.
Source: docs/decisions/0002-flat-actions-and-open-bodies.md.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from api.actions import Action
from api.execution import DRPlanExecutionSpec, ExecutionStatus
from api.meta import Condition, Model, ObjectReference
from api.nodes import ActionOutputs, ActionStatus, StageStatus, WorkflowExecutionStatus
from api.params import Parameter
from api.plan import DRPlanSpec, DRPlanStatus
from api.proof import ActionProof, Proof
from api.schema import ADDITIVE, Schema, flatten
from api.tree import Obstacle, Preview, Summary
from api.workflow import DRWorkflowSpec, DRWorkflowStatus

WRITTEN_BY_PEOPLE: tuple[type[Model], ...] = (Action, DRPlanExecutionSpec, DRPlanSpec, DRWorkflowSpec, Parameter)
"""Models whose defaults the API server fills in; a status has none."""
RECORDED: tuple[type[Model], ...] = (
    ActionOutputs,
    ActionProof,
    ActionStatus,
    Condition,
    DRPlanStatus,
    DRWorkflowStatus,
    ExecutionStatus,
    ObjectReference,
    Obstacle,
    Preview,
    Proof,
    StageStatus,
    Summary,
    WorkflowExecutionStatus,
)
TABLES: dict[str, type[Model]] = {model.__name__: model for model in (*WRITTEN_BY_PEOPLE, *RECORDED)}
"""The models that a page may have a table of."""

SHARED = {
    "Action": "drworkflow.md#actions",
    "ActionOutputs": "drplanexecution.md#outputs",
    "ActionProof": "drplanexecution.md#proof",
    "ActionStatus": "drplanexecution.md#actions",
    "Condition": "drplanexecution.md#conditions",
    "ObjectReference": "drplanexecution.md#references",
    "Obstacle": "drplanexecution.md#preview",
    "Parameter": "drplan.md#parameters",
    "Preview": "drplanexecution.md#preview",
    "Proof": "drplanexecution.md#proof",
    "StageStatus": "drplanexecution.md#stages",
    "Summary": "drplanexecution.md#summary",
    "WorkflowExecutionStatus": "drplanexecution.md#workflows",
}
"""Models whose fields are listed once, with the section that has their table."""

HEADER = "| field | type | default | meaning |\n| --- | --- | --- | --- |\n"
NEW = "*New.* "
"""Marks a field that the CRDs of older installations lack."""

_SLOT = re.compile(r"(<!-- fields: (\w+) -->\n).*?(<!-- end of fields -->)", re.DOTALL)


def filled(page: str) -> str:
    """Return a page with all its tables generated again. Raises KeyError for a model without a table."""
    return _SLOT.sub(lambda slot: slot[1] + table(TABLES[slot[2]]) + slot[3], page)


def table(model: type[Model]) -> str:
    """Return the table of a model's fields, including nested ones."""
    document = model.model_json_schema(by_alias=True)
    rows = _rows(document, document.get("$defs", {}), "", model in WRITTEN_BY_PEOPLE)
    return HEADER + "".join(rows)


def _rows(node: Schema, definitions: Schema, prefix: str, defaults: bool) -> Iterator[str]:
    for name, field in node["properties"].items():
        flat = flatten(field, definitions)
        inner, lists = _innermost(flat, definitions)
        kind, below = _type(inner)
        default = "required" if name in node.get("required", []) else _default(flat) if defaults else ""
        yield _row(prefix + name, "list of " * lists + kind, default, flat["description"])
        if below:
            yield from _rows(below, definitions, f"{prefix}{name}{'[]' * lists}.", defaults)


def _row(path: str, kind: str, default: str, docstring: str) -> str:
    words = " ".join(docstring.split())
    meaning = NEW + words.removeprefix(ADDITIVE) if words.startswith(ADDITIVE) else words
    return f"| `{path}` | {kind} | {default} | {meaning} |\n".replace("|  |", "| |")


def _default(flat: Schema) -> str:
    value = flat.get("default")
    return "" if value is None else f"`{json.dumps(value) if value in ('', True, False) else value}`"


def _innermost(flat: Schema, definitions: Schema) -> tuple[Schema, int]:
    """Return the schema inside all lists of a field, and how many lists are around it."""
    if flat.get("type") != "array":
        return flat, 0
    inner, lists = _innermost(flatten(flat["items"], definitions), definitions)
    return inner, lists + 1


def _type(flat: Schema) -> tuple[str, Schema | None]:
    """Return the name of a type, and its schema where rows for its fields follow."""
    name = flat.get("title", "")
    if name in SHARED and "properties" in flat:
        return f"[{name}]({SHARED[name]})", None
    if "enum" in flat:
        return ", ".join(f"`{value or json.dumps(value)}`" for value in flat["enum"]), None
    if "properties" in flat:
        return "object", flat
    if flat.get("x-kubernetes-preserve-unknown-fields"):
        return "open object", None
    if "additionalProperties" in flat:
        return "map of strings", None
    return ("time" if flat.get("format") == "date-time" else flat["type"]), None


def write(folder: Path) -> None:
    """Fill the tables of every page in the folder."""
    for page in sorted(folder.glob("*.md")):
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
