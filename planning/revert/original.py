"""The original's tree with every action placed and its definition at hand, in the order of a Revert.

Source: docs/spec/drplanexecution.md, "Reverse order at every level".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from api.execution import DRPlanExecution, StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.plan import DRPlan
from api.workflow import DRWorkflow
from planning.definitions.action_list import PlannedAction, as_executed
from planning.definitions.dependencies import revert_order
from planning.definitions.lookup import Workflows, definition, occurrences
from planning.definitions.rollback import RollbackHook
from planning.revert.default_rollback import Candidate
from planning.revert.previous_reverts import NodeKey, action_keys, stage_keys, workflow_keys


@dataclass(frozen=True)
class OriginalAction:
    """Where an action stands in the original: its key, its rank in the order written, its candidate."""

    key: NodeKey
    rank: int
    candidate: Candidate


@dataclass(frozen=True)
class OriginalWorkflow:
    """A workflow of the original with its actions placed."""

    node: WorkflowExecutionStatus
    entries: tuple[OriginalAction, ...]
    position: int
    """In the original's stage: one DRWorkflow may stand there more than once."""


@dataclass(frozen=True)
class OriginalStage:
    """A stage of the original with its workflows placed."""

    key: tuple[str, int]
    node: StageStatus
    workflows: tuple[OriginalWorkflow, ...]

    def entries(self) -> Iterator[tuple[OriginalWorkflow, OriginalAction]]:
        """Walk the actions, each with its workflow."""
        return ((workflow, entry) for workflow in self.workflows for entry in workflow.entries)


OriginalTree = Sequence[OriginalStage]


def read_tree(original: DRPlanExecution, workflows: Workflows) -> list[OriginalStage]:
    """OriginalAction everything, in the order in which the original lists it."""
    stages, rank = [], 0
    for key, stage in zip(stage_keys(original.status.stages), original.status.stages, strict=True):
        placed = []
        for position, workflow_key in enumerate(workflow_keys(stage.workflows)):
            node = stage.workflows[position]
            planned = _as_executed(original, definition(workflows, node.workflow_ref))
            entries = _entries(node, (key, workflow_key), rank, planned)
            placed.append(OriginalWorkflow(node, entries, position))
            rank += len(node.actions)
        stages.append(OriginalStage(key, stage, tuple(placed)))
    return stages


def _as_executed(original: DRPlanExecution, dr_workflow: DRWorkflow | None) -> dict[tuple[str, int], PlannedAction]:
    """Index what the original made of a DRWorkflow by name and occurrence; empty where the DRWorkflow is gone."""
    planned = as_executed(dr_workflow, original.spec.mode) if dr_workflow else []
    return dict(zip(occurrences(planned, lambda one: one.action.name), planned, strict=True))


def _entries(
    node: WorkflowExecutionStatus, key: NodeKey, rank: int, planned: Mapping[tuple[str, int], PlannedAction]
) -> tuple[OriginalAction, ...]:
    """OriginalAction the actions of one workflow; the first has `rank`."""
    name = node.workflow_ref.name
    return tuple(
        OriginalAction((*key, action_key), rank + index, Candidate(action, planned.get(action_key), name))
        for index, (action_key, action) in enumerate(zip(action_keys(node.actions), node.actions, strict=True))
    )


def mirrored(found: OriginalTree, plan: DRPlan | None) -> list[OriginalStage]:
    """Return the tree in the order of a Revert: reversed at every level."""
    order = revert_order([stage.node for stage in found], plan)
    return [_mirrored_stage(found[entry]) for entry in order]


def _mirrored_stage(stage: OriginalStage) -> OriginalStage:
    workflows = (replace(workflow, entries=_mirrored_entries(workflow)) for workflow in stage.workflows[::-1])
    return replace(stage, workflows=tuple(workflows))


def _mirrored_entries(workflow: OriginalWorkflow) -> tuple[OriginalAction, ...]:
    """Turn the actions round; the rollback hooks stand before and after them, as the DRWorkflow lists them."""
    before, after = ([entry for entry in workflow.entries if entry.candidate.hook is hook] for hook in RollbackHook)
    rest = [entry for entry in workflow.entries[::-1] if entry.candidate.hook is None]
    return (*sorted(before, key=_defined), *rest, *sorted(after, key=_defined))


def _defined(entry: OriginalAction) -> int:
    """Give the position of the action's definition in its DRWorkflow."""
    return entry.candidate.planned.index if entry.candidate.planned else 0


def carried_out(stage: OriginalStage, workflow: OriginalWorkflow) -> bool:
    """Tell whether the workflow is a part of the original that succeeded."""
    return stage.node.phase is Phase.SUCCEEDED and workflow.node.phase is Phase.SUCCEEDED
