"""The README's table of what works today is what the program supports."""

from typing import Any

import pytest

from api.phases import ActionType
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.support import unsupported
from tests.docs.pages import REPOSITORY, Page

BLOCKS: dict[ActionType, dict[str, Any]] = {
    ActionType.LOCALIZATION: {"localization": {"name": "a", "namespace": "default"}},
    ActionType.GLOBALIZATION: {"globalization": {"name": "a"}},
    ActionType.HELM_CHART: {"helmChart": {"name": "a", "namespace": "default"}},
    ActionType.SUBSCRIPTION: {"subscription": {"name": "a", "namespace": "default"}},
    ActionType.KUBERNETES_RESOURCE: {"resource": {"manifest": "{}"}},
    ActionType.JOB: {"job": {"template": {}}},
    ActionType.HTTP: {"http": {"url": "https://example.com"}},
}


def row(name: str) -> tuple[list[str], list[str]]:
    """Give the code spans of one row: today's, and those that are still to come."""
    for table in Page(REPOSITORY / "README.md").tables():
        for cells in table:
            if cells[0].content == name:
                today, later = (
                    [p.content for p in cell.children or [] if p.type == "code_inline"] for cell in cells[1:]
                )
                return today, later
    raise AssertionError(f"the README has no row {name}")


def is_supported(block: dict[str, Any], action_type: ActionType) -> bool:
    metadata = {"name": "w", "namespace": "default"}
    action = {"name": "a", "type": action_type, **block}
    dr_workflow = DRWorkflow.model_validate({"metadata": metadata, "spec": {"actions": [action]}})
    stages = [{"name": "s", "workflows": [{"workflowRef": metadata}]}]
    plan = DRPlan.model_validate({"metadata": metadata, "spec": {"stages": stages}})
    return not unsupported(plan, {("default", "w"): dr_workflow})


@pytest.mark.parametrize("action_type", ActionType)
def test_action_types(action_type: ActionType) -> None:
    today, later = row("action types")
    assert action_type in (today if is_supported(BLOCKS[action_type], action_type) else later)


@pytest.mark.parametrize("operation", ["Create", "Apply", "Delete", "Patch"])
def test_operations(operation: str) -> None:
    today, later = row("operations")
    block = {"resource": {"manifest": "{}", "operation": operation}}
    assert operation in (today if is_supported(block, ActionType.KUBERNETES_RESOURCE) else later)


@pytest.mark.parametrize(
    "option", [{"waitReady": True}, {"when": 'mode == "install"'}, {"clusterExecutionMode": "PerCluster"}]
)
def test_options_of_an_action(option: dict[str, Any]) -> None:
    _, later = row("each action")
    assert set(option) <= set(later)
    assert not is_supported({**BLOCKS[ActionType.KUBERNETES_RESOURCE], **option}, ActionType.KUBERNETES_RESOURCE)
