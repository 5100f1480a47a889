"""A DRWorkflow at its place in a plan, as an Execute carries it out: its node, its steps, and what is wrong with it.

Source: docs/spec/drplan.md, "What an Execute does"; docs/spec/drworkflow.md, "Mode Delete".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from api.execution import ActionStatus, WorkflowExecutionStatus
from api.meta import ObjectName
from api.phases import Mode, OperationType, Phase
from api.steps import ExecuteStep
from api.workflow import DRWorkflow
from planning.definitions import identifiers, when
from planning.definitions.action_list import Planned
from planning.definitions.action_types import templates_of
from planning.definitions.field_errors import FieldError, workflow_subject
from planning.definitions.retry import attempts_of
from planning.messages import actions as action_messages
from planning.messages import parents as parent_messages
from planning.validation.actions import value_faults
from planning.values.placeholders import PlaceholderKind, Values, placeholders, texts
from planning.values.resolve import Resolved
from planning.values.titles import title


@dataclass(frozen=True)
class PlannedWorkflow:
    """What is known of a DRWorkflow at its place."""

    ref: ObjectName
    dr_workflow: DRWorkflow
    planned: list[Planned]
    mode: Mode | None
    mark: str
    """Beginning of its actions' marks."""
    plan_name: str
    resolved: Resolved | None
    """None where its parameters are not known yet."""

    def node(self) -> WorkflowExecutionStatus:
        """Give its node, with every action Pending or Skipped."""
        return WorkflowExecutionStatus(
            workflow_ref=self.ref,
            phase=Phase.PENDING if self.planned else Phase.SKIPPED,
            message=None if self.planned else action_messages.NOTHING_TO_DELETE,
            progress=parent_messages.progress(OperationType.EXECUTE, 0, len(self.planned)),
            action_statuses=[_action(planned, self.mode) for planned in self.planned],
        )

    def steps(self) -> list[ExecuteStep]:
        """Give a step for each action of the node."""
        names = identifiers.distinct([planned.action.name for planned in self.planned])
        return [self._step(f"{self.mark}/{name}", one) for name, one in zip(names, self.planned, strict=True)]

    def _step(self, mark: str, planned: Planned) -> ExecuteStep:
        values = None if self.resolved is None else self._values(self.resolved.shown)
        return ExecuteStep(
            index=planned.index,
            action=self.dr_workflow.spec.actions[planned.index].name,
            mark=mark,
            title=title(planned.action, mark, values),
            attempts=attempts_of(planned.action),
            part=planned.part,
            after=planned.after,
            outputs_of=_outputs_of(planned),
        )

    def _values(self, params: Mapping[str, str]) -> Values:
        return Values(params, self.plan_name)

    def value_errors(self) -> Iterator[FieldError]:
        """Find what only shows once values are filled in, in the actions that run."""
        if self.resolved is None:
            return
        values, secret = self._values(self.resolved.values), self.resolved.left_out
        for planned in self.planned:
            if when.runs(planned.action.when, self.mode):
                for path, message in value_faults(planned.action, values, secret):
                    place, subject = f"spec.actions[{planned.index}].{path}", workflow_subject(self.dr_workflow)
                    yield FieldError(path=place, message=message, subject=subject)


def _action(planned: Planned, mode: Mode | None) -> ActionStatus:
    action = planned.action
    runs = when.runs(action.when, mode)
    return ActionStatus(
        name=action.name,
        type=action.type,
        phase=Phase.PENDING if runs else Phase.SKIPPED,
        message=None if runs else _unmet(action.when, mode),
        retries=0,
        retry_count=0,
        custom_rollback=action.rollback is not None,
    )


def _unmet(condition: str | None, mode: Mode | None) -> str:
    allowed = when.modes(condition or "")
    assert mode is not None, "without a mode nothing is filtered"
    return action_messages.condition_not_met(mode, [one for one in Mode if one in allowed])


def _outputs_of(planned: Planned) -> list[str]:
    """Name the actions whose outputs a definition uses, each once."""
    found = (
        placeholder
        for path, value in templates_of(planned.action).items()
        for _, text in texts(value, path)
        for placeholder in placeholders(text)
    )
    return list(dict.fromkeys(one.name for one in found if one.kind is PlaceholderKind.OUTPUTS))
