"""The original's tree with every action placed and its definition at hand, in the order of a Revert.

Source: docs/spec/drplanexecution.md, "Reverse order at every level".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from api.execution import DRPlanExecution, StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.plan import DRPlan
from planning.earlier import NodeKey, action_keys, stage_keys, workflow_keys
from planning.judgement import Place
from planning.lookup import Workflows, actions_by_name, definition
from planning.order import revert_order
from planning.rollback import Candidate


@dataclass(frozen=True)
class PlacedWorkflow:
    """A workflow of the original with its actions placed."""

    node: WorkflowExecutionStatus
    places: tuple[Place, ...]


@dataclass(frozen=True)
class PlacedStage:
    """A stage of the original with its workflows placed."""

    node: StageStatus
    workflows: tuple[PlacedWorkflow, ...]

    def places(self) -> Iterator[tuple[PlacedWorkflow, Place]]:
        """Walk the actions, each with its workflow."""
        return ((workflow, place) for workflow in self.workflows for place in workflow.places)


Survey = Sequence[PlacedStage]


def survey(original: DRPlanExecution, workflows: Workflows) -> list[PlacedStage]:
    """Place everything, in the order in which the original lists it."""
    stages, rank = [], 0
    for key, stage in zip(stage_keys(original.status.stages), original.status.stages, strict=True):
        placed = []
        for workflow_key, node in zip(workflow_keys(stage.workflows), stage.workflows, strict=True):
            placed.append(_place(node, (key, workflow_key), rank, workflows))
            rank += len(node.actions)
        stages.append(PlacedStage(stage, tuple(placed)))
    return stages


def _place(node: WorkflowExecutionStatus, key: NodeKey, rank: int, workflows: Workflows) -> PlacedWorkflow:
    """Place the actions of one workflow; the first has `rank`."""
    definitions = actions_by_name(definition(workflows, node.workflow_ref))
    places = tuple(
        Place((*key, action_key), rank + index, Candidate(action, definitions.get(action_key), node.workflow_ref.name))
        for index, (action_key, action) in enumerate(zip(action_keys(node.actions), node.actions, strict=True))
    )
    return PlacedWorkflow(node, places)


def mirrored(found: Survey, plan: DRPlan | None) -> list[PlacedStage]:
    """Turn a survey round, at every level."""
    order = revert_order([stage.node for stage in found], plan)
    return [_mirrored_stage(found[place]) for place in order]


def _mirrored_stage(stage: PlacedStage) -> PlacedStage:
    workflows = (replace(workflow, places=workflow.places[::-1]) for workflow in stage.workflows[::-1])
    return replace(stage, workflows=tuple(workflows))


def carried_out(stage: PlacedStage, workflow: PlacedWorkflow, place: Place) -> bool:
    """Tell whether the original carried the action out, as a part of parts that succeeded."""
    phases = (stage.node.phase, workflow.node.phase, place.candidate.action.phase)
    return all(phase is Phase.SUCCEEDED for phase in phases)
