"""The actions that run, each with its path and where Temporal has it."""

from collections.abc import Iterator
from dataclasses import dataclass

from api.nodes import ActionStatus
from api.phases import Phase
from api.tree import ExecutionTree
from planning.definitions import identifiers


@dataclass(frozen=True)
class RunningAction:
    """An action that runs, and the workflow of its DRWorkflow."""

    path: str
    """As `stage/workflow/action`."""
    workflow_id: str
    index: int
    """Place of the action in its workflow."""
    node: ActionStatus


def running_actions(tree: ExecutionTree, root: str) -> Iterator[RunningAction]:
    """Yield them in the tree's order; `root` is the root's workflow id."""
    for stage_place, stage in enumerate(tree.stages):
        for place, workflow in enumerate(stage.workflows):
            name = workflow.workflow_ref.name
            for index, action in enumerate(workflow.actions):
                if action.phase is Phase.RUNNING:
                    stage_id = identifiers.stage_id(root, stage_place, stage.name)
                    run = identifiers.workflow_id(stage_id, place, name)
                    yield RunningAction(f"{stage.name}/{name}/{action.name}", run, index, action)
