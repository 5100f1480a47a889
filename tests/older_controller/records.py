"""Objects as the older controller left them, from `records.yaml`: plans, DRWorkflows and one record of each kind."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from api.execution import DRPlanExecution
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.definitions.identifiers import Workflows

Document = dict[str, Any]
NAMESPACE = "shop"
"""The namespace in the file."""


@cache
def _text() -> str:
    return (Path(__file__).parent / "records.yaml").read_text(encoding="utf-8")


def documents(kind: str) -> list[Document]:
    """Give all objects of a kind."""
    return [each for each in yaml.safe_load_all(_text()) if each and each["kind"] == kind]


def document(kind: str, name: str) -> Document:
    """Give one object."""
    (found,) = (each for each in documents(kind) if each["metadata"]["name"] == name)
    return found


def execution(name: str) -> DRPlanExecution:
    """Give one execution."""
    return DRPlanExecution.model_validate(document("DRPlanExecution", name))


def plan() -> DRPlan:
    """Give the plan."""
    return DRPlan.model_validate(document("DRPlan", "move"))


def workflows() -> Workflows:
    """Give the DRWorkflows of the plan that exist."""
    found = [DRWorkflow.model_validate(each) for each in documents("DRWorkflow")]
    return {(each.metadata.namespace, each.metadata.name): each for each in found}
