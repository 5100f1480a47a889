"""What Temporal's UI says about workflows and activities: summaries, details, current details.

Temporal bounds them (a summary 400 bytes, details 20,000) and a workflow task that goes over is
repeated for ever, so every function here keeps within. Source: Temporal, "User metadata".
"""

from collections.abc import Sequence

from api.execution import StageStatus, WorkflowExecutionStatus
from api.meta import ObjectKey
from api.phases import OperationType, Phase
from api.steps import RollbackStep
from planning.messages.actions import bounded, counted, listed, placed

SUMMARY_BOUND = 200
"""Bytes of UTF-8: one line."""
DETAILS_BOUND = 1000
"""Bytes of UTF-8. Small, for hundreds of children may be started by one command batch of 4 MB."""
DECIDING = "Reading and looking at every object concerned"
"""A root's current details before its tree is known."""


def _summary(text: str) -> str:
    return bounded(" ".join(text.split()), SUMMARY_BOUND)


def load(operation: OperationType, execution: ObjectKey) -> str:
    """Caption the reading and deciding at a root's beginning."""
    return _summary(f"plan the {operation.lower()} {execution.namespace}/{execution.name}")


def rollback(step: RollbackStep, action: str) -> str:
    """Caption a rollback by what it does: `delete Localization default/nginx-loc-a`, or the custom action's title."""
    if step.refusal is not None:
        return _summary(f"refuse {action}: {step.refusal.message}")
    if step.custom is not None:
        return _summary(step.custom.step.title)
    if not step.deletions:
        return _summary(f"roll back {action}")
    more = len(step.deletions) - 1
    others = f" and {more} more" if more else ""
    return _summary(f"delete {placed(step.deletions[0].target)}{others}")


def execute(title: str) -> str:
    """Caption an action by its title."""
    return _summary(title)


def look(caption: str) -> str:
    """Caption the last look at an action that a cancel found between attempts."""
    return _summary(f"look again: {caption}")


def stage(node: StageStatus) -> str:
    """Caption a stage's workflow."""
    actions = sum(len(workflow.actions) for workflow in node.workflows)
    return _summary(f"stage {node.name}: {counted(len(node.workflows), 'workflow')}, {counted(actions, 'action')}")


def stage_details(node: StageStatus) -> str:
    """List a stage's workflows in the order in which they run."""
    order = "side by side" if node.parallel else "one after the other"
    names = listed([child.workflow_ref.name for child in node.workflows], DETAILS_BOUND - 100, ", ")
    return f"Workflows, {order}: {names}"


def workflow(node: WorkflowExecutionStatus) -> str:
    """Caption a workflow's workflow."""
    name = f"{node.workflow_ref.in_namespace}/{node.workflow_ref.name}"
    return _summary(f"workflow {name}: {counted(len(node.actions), 'action')}")


def workflow_details(node: WorkflowExecutionStatus, *, side_by_side: bool = False) -> str:
    """List a workflow's actions in the order in which they run."""
    order = "each after those that it depends on" if side_by_side else "one after the other"
    names = listed([action.name for action in node.actions], DETAILS_BOUND - 100, ", ")
    return f"Actions, {order}: {names}"


def one_by_one(what: str, index: int, total: int, name: str) -> str:
    """Return which part runs now: `Action 2 of 5: create-b`. `index` counts from 0."""
    return bounded(f"{what} {index + 1} of {total}: {name}", DETAILS_BOUND)


def side_by_side(what: str, ended: int, total: int, running: Sequence[str]) -> str:
    """Return how many parts (`workflow`, `action`) have ended and which run now."""
    names = listed(running, DETAILS_BOUND // 2, ", ") if running else "nothing"
    return f"{ended} of {counted(total, what)} ended; now: {names}"


def ended(phase: Phase | None, message: str | None) -> str:
    """Return how a part ended."""
    return bounded(f"{phase}: {message or ''}", DETAILS_BOUND)
