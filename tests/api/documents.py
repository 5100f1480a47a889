"""The CRDs that the tests compare: those of existing installations, and our own as committed."""

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from api.execution import DRPlanExecution
from api.meta import Model
from api.plan import DRPlan
from api.workflow import DRWorkflow
from tests.older_controller import records

Document = dict[str, Any]
Schema = dict[str, Any]

REPOSITORY = Path(__file__).resolve().parents[2]
COMMITTED = REPOSITORY / "deploy" / "crds"

MODELS: dict[str, type[Model]] = {"drplans": DRPlan, "drworkflows": DRWorkflow, "drplanexecutions": DRPlanExecution}
"""By plural, as the files are named."""

OPEN_BODIES = {
    ".spec.actions[].globalization.spec",
    ".spec.actions[].helmChart.spec",
    ".spec.actions[].job.template",
    ".spec.actions[].localization.spec",
    ".spec.actions[].subscription.spec",
}
"""Bodies of other projects, spelt out in the older CRDs and open in ours. Source: docs/decisions/0002."""


def reference(plural: str) -> Document:
    """Give the CRD of existing installations."""
    return _read(Path(__file__).parent / "reference" / f"{plural}.yaml")


def committed(plural: str) -> Document:
    """Give our CRD as it stands in the checkout."""
    return _read(COMMITTED / f"{plural}.yaml")


def handwritten(plural: str) -> list[Document]:
    """Give the objects of a kind that were written by hand, as people and the older controller left them."""
    text = (Path(__file__).parent / "handwritten" / f"{plural}.yaml").read_text(encoding="utf-8")
    return [*yaml.safe_load_all(text), *records.documents(MODELS[plural].__name__)]


def version(crd: Document) -> Document:
    """Give the one version of a CRD."""
    (only,) = crd["spec"]["versions"]
    answer: Document = only
    return answer


def schema(crd: Document) -> Schema:
    """Give the schema of a whole object."""
    answer: Schema = version(crd)["schema"]["openAPIV3Schema"]
    return answer


def in_group(crd: Document, group: str) -> Document:
    """Give the same CRD under another group, so that both stand side by side on one API server.

    Without short names: those of the real group stay unambiguous.
    """
    moved = deepcopy(crd)
    moved["metadata"]["name"] = f"{crd['spec']['names']['plural']}.{group}"
    moved["spec"]["group"] = group
    moved["spec"]["names"].pop("shortNames", None)
    return moved


def walk(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Give every node with its path: `.spec.stages[].name`, `.spec.actions[].http.headers{}`."""
    yield path, node
    for name, field in node.get("properties", {}).items():
        yield from walk(field, f"{path}.{name}")
    if "items" in node:
        yield from walk(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from walk(node["additionalProperties"], f"{path}{{}}")


def _read(path: Path) -> Document:
    return deepcopy(_parsed(path))


@cache
def _parsed(path: Path) -> Document:
    document: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document
