"""YAML in the pages is what our models read, to the last field."""

from typing import Any

import pytest
import yaml

from api.execution import DRPlanExecution
from api.meta import API_VERSION, Model
from api.plan import DRPlan
from api.workflow import DRWorkflow
from tests.docs.pages import REPOSITORY, Page, pages

KINDS: dict[str, type[Model]] = {"DRPlan": DRPlan, "DRWorkflow": DRWorkflow, "DRPlanExecution": DRPlanExecution}


def documents(text: str) -> list[dict[str, Any]]:
    loaded = [document for document in yaml.safe_load_all(text) if document is not None]
    return [document for document in loaded if isinstance(document, dict)]


def ours(text: str) -> list[dict[str, Any]]:
    return [document for document in documents(text) if document.get("apiVersion") == API_VERSION]


def lost(given: Any, read: Any, path: str = "") -> list[str]:
    """Name the fields that the model did not take over."""
    if isinstance(given, dict) and isinstance(read, dict):
        missing = [f"{path}.{key}" for key in given if key not in read]
        return missing + [p for key in given if key in read for p in lost(given[key], read[key], f"{path}.{key}")]
    if isinstance(given, list) and isinstance(read, list):
        pairs = enumerate(zip(given, read, strict=True))
        return [problem for index, (a, b) in pairs for problem in lost(a, b, f"{path}[{index}]")]
    return []


def problems(document: dict[str, Any]) -> list[str]:
    """Fields that are not in the model (metadata is Kubernetes' own); raises pydantic's ValidationError."""
    read = KINDS[document["kind"]].model_validate(document).to_object()
    return lost({name: value for name, value in document.items() if name != "metadata"}, read)


@pytest.mark.parametrize("page", pages(), ids=str)
def test_yaml_blocks_are_yaml_and_objects_of_ours_fit_the_models(page: Page) -> None:
    for block in page.fences("yaml"):
        for document in ours(block):
            assert not problems(document), block


def test_example_files_fit_the_models() -> None:
    files = sorted((REPOSITORY / "examples").rglob("*.yaml"))
    found = [document for file in files for document in ours(file.read_text())]
    assert found
    assert not [problem for document in found for problem in problems(document)]


def test_a_misspelt_field_would_be_noticed() -> None:
    spec = "{planRef: a, operationType: Revert, onMising: Ignore}"
    text = f"{{apiVersion: {API_VERSION}, kind: DRPlanExecution, spec: {spec}}}"
    assert problems(*ours(text)) == [".spec.onMising"]
