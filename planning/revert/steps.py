"""From a verdict on an action to the step that a Revert's workflow hands to an activity.

A step names the definition that is to be carried out, and never holds it. Source: docs/architecture.md, "What travels
through Temporal".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from api.execution import ActionStatus
from api.steps import CustomRollback, ExecuteStep, Part, RollbackStep
from planning.definitions import identifiers
from planning.definitions.action_types import operation_of
from planning.definitions.manifest import ManifestError
from planning.definitions.retry import attempts_of
from planning.definitions.target import target_of_action
from planning.messages import actions as action_messages
from planning.messages.actions import bounded
from planning.revert.default_rollback import Custom, Refused
from planning.revert.original import Place, PlacedStage, PlacedWorkflow
from planning.revert.ownership import Deletions
from planning.revert.previous_reverts import action_keys
from planning.values.placeholders import PlaceholderKind, has_template, names_used


@dataclass(frozen=True)
class Steps:
    """Makes the steps of one workflow of a Revert."""

    mark: str
    """Beginning of the marks of its actions."""
    names: Mapping[tuple[str, int], str]
    """The last part of each mark, by the action's name and occurrence."""
    records: Mapping[str, ActionStatus]
    """What the original recorded, by the action's name."""

    @classmethod
    def of(cls, uid: str, stage: PlacedStage, workflow: PlacedWorkflow) -> "Steps":
        """Prepare for a workflow; `uid` is the Revert's."""
        name, occurrence = stage.key
        siblings = identifiers.distinct([node.workflow_ref.name for node in stage.node.workflows])
        mark = identifiers.mark(uid, f"{name}[{occurrence}]" if occurrence else name, siblings[workflow.position])
        actions = workflow.node.actions
        names = identifiers.distinct([action.name for action in actions])
        return cls(
            mark, dict(zip(action_keys(actions), names, strict=True)), {action.name: action for action in actions}
        )

    def step(self, place: Place, verdict: Deletions | Refused | Custom) -> RollbackStep:
        """Give the step of one action; a refusal stands for a failure that is certain already."""
        match verdict:
            case Refused():
                return RollbackStep(refusal=verdict.refusal, attempts=attempts_of(place.candidate.definition))
            case Deletions():
                attempts = attempts_of(place.candidate.definition)
                return RollbackStep(deletions=list(verdict.items), attempts=attempts)
            case Custom():
                return RollbackStep(custom=self._custom(place, verdict), attempts=attempts_of(verdict.action))
            case _:
                assert_never(verdict)

    def _custom(self, place: Place, verdict: Custom) -> CustomRollback:
        """Name the definition to carry out, with what the original recorded of the actions that it refers to."""
        name, used = place.candidate.action.name, names_used(verdict.action, PlaceholderKind.OUTPUTS)
        recorded = {one: self.records[one] for one in used if one in self.records}
        outputs = {one: record.outputs for one, record in recorded.items() if record.outputs}
        phases = {one: record.phase for one, record in recorded.items()}
        step = ExecuteStep(
            index=verdict.index,
            action=name,
            mark=f"{self.mark}/{self.names[place.key[-1]]}",
            title=bounded(title(name, verdict)),
            part=verdict.part,
            outputs_of=used,
        )
        return CustomRollback(step=step, outputs=outputs, phases=phases)


def title(name: str, verdict: Custom) -> str:
    """Name what is carried out, for Temporal's UI; values of parameters never stand there."""
    action = verdict.action
    try:
        target = target_of_action(action)
    except ManifestError:
        target = None
    hidden = target is None or any(has_template(text) for text in (target.name, target.namespace, target.kind) if text)
    what = action.type.value if hidden or target is None else action_messages.title(operation_of(action), target)
    return (
        action_messages.hook_title(name, what)
        if verdict.part is Part.ACTION
        else action_messages.rollback_title(name, what)
    )
