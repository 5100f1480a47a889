"""Finding definitions: DRWorkflows by reference, actions by name and occurrence.

Source: docs/spec/drworkflow.md.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

from api.actions import Action
from api.meta import ObjectName
from api.plan import DRPlan
from api.workflow import DRWorkflow

Workflows = Mapping[tuple[str, str], DRWorkflow]
"""DRWorkflows by (namespace, name)."""
ItemT = TypeVar("ItemT")
KeyT = TypeVar("KeyT", bound=Hashable)


def definition(workflows: Workflows, ref: ObjectName) -> DRWorkflow | None:
    """Return the DRWorkflow that a reference names; None where it does not exist."""
    return workflows.get((ref.in_namespace, ref.name))


def workflow_references(plan: DRPlan) -> list[ObjectName]:
    """Return the references of a plan to DRWorkflows, each DRWorkflow once, in order."""
    refs = (workflow.workflow_ref for stage in plan.spec.stages for workflow in stage.workflows)
    return list({(ref.in_namespace, ref.name): ref for ref in refs}.values())


def full_name(ref: ObjectName) -> str:
    """Return a reference as messages show it: `default/nginx-deploy-workflow`."""
    return f"{ref.in_namespace}/{ref.name}"


def used_workflows(plan: DRPlan, workflows: Workflows) -> list[DRWorkflow]:
    """Return each DRWorkflow that a plan names and that exists, once, in the order of the plan."""
    found = (definition(workflows, reference) for reference in workflow_references(plan))
    return [dr_workflow for dr_workflow in found if dr_workflow is not None]


def occurrences(items: Iterable[ItemT], key: Callable[[ItemT], KeyT]) -> list[tuple[KeyT, int]]:
    """Return the key of each item with the number of earlier items that have the same key."""
    counts: dict[KeyT, int] = {}
    numbered = []
    for item in items:
        name = key(item)
        numbered.append((name, counts.get(name, 0)))
        counts[name] = counts.get(name, 0) + 1
    return numbered


def actions_by_name(dr_workflow: DRWorkflow | None) -> dict[tuple[str, int], Action]:
    """Index the actions of a DRWorkflow by name and occurrence; empty where the DRWorkflow does not exist."""
    actions = dr_workflow.spec.actions if dr_workflow else []
    return dict(zip(occurrences(actions, lambda action: action.name), actions, strict=True))
