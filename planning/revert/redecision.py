"""The decision of a Revert on one action, made again when a person asks for a retry of what was refused.

Source: docs/spec/drplanexecution.md, "What was refused is decided again".
"""

from dataclasses import dataclass

from api.decisions import RedecisionInput, RevertDecision
from api.nodes import ActionStatus
from api.steps import Origin, RollbackStep


@dataclass(frozen=True)
class ActionAgain:
    """One action of a decision, and the decision with nothing but that."""

    node: ActionStatus
    step: RollbackStep | None
    origin: Origin | None
    decision: RevertDecision


def action_again(decision: RevertDecision, wanted: RedecisionInput) -> ActionAgain | None:
    """Return the action that is asked for; None where the tree has another one there, as after a change of the plan."""
    for place, stage in enumerate(decision.state.stages):
        if stage.name != wanted.place.stage or wanted.place.workflow >= len(stage.workflows):
            continue
        node = stage.workflows[wanted.place.workflow]
        if node.workflow_ref != wanted.dr_workflow or wanted.index >= len(node.actions):
            continue
        action = node.actions[wanted.index]
        if action.name != wanted.action:
            continue
        step = decision.steps[place][wanted.place.workflow][wanted.index]
        # The Revert's list is the reverse of the plan's.
        position = len(stage.workflows) - 1 - wanted.place.workflow
        at = {"stage": stage.name, "workflow": position}
        origin = decision.origin and decision.origin.model_copy(update=at)
        return ActionAgain(action, step, origin, _only(decision, place, wanted))
    return None


def _only(decision: RevertDecision, place: int, wanted: RedecisionInput) -> RevertDecision:
    """Return a decision that has no step but the one that is asked for."""
    steps = [
        [
            [
                step if (stage, workflow, index) == (place, wanted.place.workflow, wanted.index) else None
                for index, step in enumerate(row)
            ]
            for workflow, row in enumerate(rows)
        ]
        for stage, rows in enumerate(decision.steps)
    ]
    return decision.model_copy(update={"steps": steps})
