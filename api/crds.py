"""The CustomResourceDefinitions of the three kinds, generated from the models.

`python -m api.crds <folder>` writes one file for each kind; a test fails while the committed ones
differ. Source: docs/decisions/0002-flat-actions-and-open-bodies.md; Kubernetes docs, "Extend the
Kubernetes API with CustomResourceDefinitions".
"""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from api.execution import DRPlanExecution
from api.meta import GROUP, VERSION, Model
from api.plan import DRPlan
from api.schema import Schema, structural_schema, unmarked
from api.workflow import DRWorkflow

HEADER = """\
# Generated from the models in api/ by `make crds`; edit those instead of this file.
"""

Document = dict[str, Any]


class Column(NamedTuple):
    """A column of `kubectl get`; `wide` ones show with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False

    def to_object(self) -> Document:
        """Return the column as a CRD has it. Source: Kubernetes docs, "Additional printer columns"."""
        column = {"name": self.name, "type": self.type, "jsonPath": self.path}
        return column | ({"priority": 1} if self.wide else {})


class Kind(NamedTuple):
    """What a CRD says of a kind beside its fields."""

    model: type[Model]
    short_name: str
    columns: tuple[Column, ...]
    frozen_spec: bool = False

    @property
    def name(self) -> str:
        """The kind: `DRPlan`."""
        return self.model.__name__

    @property
    def plural(self) -> str:
        """The resource's name in addresses and in kubectl: `drplans`."""
        return self.name.lower() + "s"


AGE = Column("Age", ".metadata.creationTimestamp", "date")
CLEAN = Column("Clean", '.status.conditions[?(@.type=="Clean")].status')
"""Whether nothing that an Execute created is left."""
VALIDITY = Column("Message", '.status.conditions[?(@.type=="Valid")].message', wide=True)
"""What is wrong with a definition, or that nothing is."""

KINDS = (
    Kind(
        DRPlan,
        "drp",
        (
            Column("Phase", ".status.phase"),
            Column("Executed", '.status.conditions[?(@.type=="Executed")].reason'),
            CLEAN,
            Column("Running", ".status.currentExecution.name"),
            Column("Last", ".status.lastExecutionRef"),
            AGE,
            Column("Executable", '.status.conditions[?(@.type=="Executable")].status', wide=True),
            Column("Revertible", '.status.conditions[?(@.type=="Revertible")].status', wide=True),
            Column("Last-Time", ".status.lastExecutionTime", "date", wide=True),
            VALIDITY,
        ),
    ),
    Kind(
        DRWorkflow,
        "drwf",
        (
            Column("Phase", ".status.phase"),
            AGE,
            VALIDITY,
        ),
    ),
    Kind(
        DRPlanExecution,
        "drpe",
        (
            Column("Plan", ".spec.planRef"),
            Column("Operation", ".spec.operationType"),
            Column("Phase", ".status.phase"),
            Column("Stages", ".status.progress.stages"),
            Column("Actions", ".status.progress.actions"),
            AGE,
            CLEAN._replace(wide=True),
            Column("Verified", '.status.conditions[?(@.type=="Verified")].status', wide=True),
            Column("Duration", ".status.duration", wide=True),
            Column("Message", ".status.message", wide=True),
        ),
        frozen_spec=True,
    ),
)

_FROZEN = {
    "rule": "self == oldSelf",
    "reason": "FieldValueForbidden",
    "message": "the spec of a DRPlanExecution never changes: create a new DRPlanExecution instead",
}

_TYPE_META: Schema = {
    "apiVersion": {"description": f"Always {GROUP}/{VERSION}.", "type": "string"},
    "kind": {"description": "The kind of this object.", "type": "string"},
    "metadata": {"type": "object"},
}


def crd(kind: Kind) -> Document:
    """Return a kind's CRD as an object."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": _names(kind), "versions": [_version(kind)]},
    }


def _names(kind: Kind) -> Document:
    return {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": kind.name.lower(),
        "shortNames": [kind.short_name],
    }


def _version(kind: Kind) -> Document:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [column.to_object() for column in kind.columns],
        "schema": {"openAPIV3Schema": _schema(kind)},
    }


def _schema(kind: Kind) -> Schema:
    """Return the schema of a whole object; only its spec has defaults."""
    whole = unmarked(structural_schema(kind.model, defaults=False))
    spec = unmarked(structural_schema(kind.model, defaults=True))["properties"]["spec"]
    if kind.frozen_spec:
        spec["x-kubernetes-validations"] = [_FROZEN]
    return {
        "description": whole["description"],
        "type": "object",
        "required": ["spec"],
        "properties": {**_TYPE_META, "spec": spec, "status": whole["properties"]["status"]},
    }


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: lists indented, nothing abbreviated by anchors."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists under their key too."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """Repeat a value instead of referring to it."""
        return True


def render(kind: Kind) -> str:
    """Return the text of a kind's file; the same models always produce the same text."""
    body = yaml.dump(crd(kind), Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
    return HEADER + "---\n" + body


def write(folder: Path) -> None:
    """Write one file for each kind into the folder, which is created if it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (folder / f"{kind.plural}.yaml").write_text(render(kind), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
