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
class Place:
    """Where an action stands in the original: its key, its rank in the order written, its candidate."""

    key: NodeKey
    rank: int
    candidate: Candidate


@dataclass(frozen=True)
class PlacedWorkflow:
    """A workflow of the original with its actions placed."""

    node: WorkflowExecutionStatus
    places: tuple[Place, ...]
    position: int
    """In the original's stage: one DRWorkflow may stand there more than once."""


@dataclass(frozen=True)
class PlacedStage:
    """A stage of the original with its workflows placed."""

    key: tuple[str, int]
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
        for position, workflow_key in enumerate(workflow_keys(stage.workflows)):
            node = stage.workflows[position]
            planned = _as_executed(original, definition(workflows, node.workflow_ref))
            places = _places(node, (key, workflow_key), rank, planned)
            placed.append(PlacedWorkflow(node, places, position))
            rank += len(node.actions)
        stages.append(PlacedStage(key, stage, tuple(placed)))
    return stages


def _as_executed(original: DRPlanExecution, dr_workflow: DRWorkflow | None) -> dict[tuple[str, int], PlannedAction]:
    """Index what the original made of a DRWorkflow by name and occurrence; empty where the DRWorkflow is gone."""
    planned = as_executed(dr_workflow, original.spec.mode) if dr_workflow else []
    return dict(zip(occurrences(planned, lambda one: one.action.name), planned, strict=True))


def _places(
    node: WorkflowExecutionStatus, key: NodeKey, rank: int, planned: Mapping[tuple[str, int], PlannedAction]
) -> tuple[Place, ...]:
    """Place the actions of one workflow; the first has `rank`."""
    name = node.workflow_ref.name
    return tuple(
        Place((*key, action_key), rank + index, Candidate(action, planned.get(action_key), name))
        for index, (action_key, action) in enumerate(zip(action_keys(node.actions), node.actions, strict=True))
    )


def mirrored(found: Survey, plan: DRPlan | None) -> list[PlacedStage]:
    """Turn a survey round, at every level."""
    order = revert_order([stage.node for stage in found], plan)
    return [_mirrored_stage(found[place]) for place in order]


def _mirrored_stage(stage: PlacedStage) -> PlacedStage:
    workflows = (replace(workflow, places=_mirrored_places(workflow)) for workflow in stage.workflows[::-1])
    return replace(stage, workflows=tuple(workflows))


def _mirrored_places(workflow: PlacedWorkflow) -> tuple[Place, ...]:
    """Turn the actions round; the rollback hooks stand before and after them, as the DRWorkflow lists them."""
    before, after = ([place for place in workflow.places if place.candidate.hook is hook] for hook in RollbackHook)
    rest = [place for place in workflow.places[::-1] if place.candidate.hook is None]
    return (*sorted(before, key=_defined), *rest, *sorted(after, key=_defined))


def _defined(place: Place) -> int:
    """Give the position of the action's definition in its DRWorkflow."""
    return place.candidate.planned.index if place.candidate.planned else 0


def carried_out(stage: PlacedStage, workflow: PlacedWorkflow) -> bool:
    """Tell whether the workflow is a part of the original that succeeded."""
    return stage.node.phase is Phase.SUCCEEDED and workflow.node.phase is Phase.SUCCEEDED
