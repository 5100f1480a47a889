"""Finding definitions: DRWorkflows by reference, actions by name and occurrence.

Source: docs/spec/drworkflow.md.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
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
    """Give the DRWorkflow that a reference names; None where there is none."""
    return workflows.get((ref.in_namespace, ref.name))


def workflow_references(plan: DRPlan) -> list[ObjectName]:
    """Return the references of a plan to DRWorkflows, each DRWorkflow once, in order."""
    refs = (workflow.workflow_ref for stage in plan.spec.stages for workflow in stage.workflows)
    return list({(ref.in_namespace, ref.name): ref for ref in refs}.values())


def full_name(ref: ObjectName) -> str:
    """Give a reference as messages name it: `default/nginx-deploy-workflow`."""
    return f"{ref.in_namespace}/{ref.name}"


def occurrences(items: Iterable[ItemT], key: Callable[[ItemT], KeyT]) -> list[tuple[KeyT, int]]:
    """Give each item's key with how many of the same key came before it."""
    seen: dict[KeyT, int] = {}
    found = []
    for item in items:
        name = key(item)
        found.append((name, seen.get(name, 0)))
        seen[name] = seen.get(name, 0) + 1
    return found


def actions_by_name(dr_workflow: DRWorkflow | None) -> dict[tuple[str, int], Action]:
    """Index a DRWorkflow's actions by name and occurrence; empty where the DRWorkflow is gone."""
    actions: Sequence[Action] = dr_workflow.spec.actions if dr_workflow else []
    return dict(zip(occurrences(actions, lambda action: action.name), actions, strict=True))
