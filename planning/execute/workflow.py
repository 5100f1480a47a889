"""A DRWorkflow at its place in a plan, as an Execute carries it out: its node, its steps, and what is wrong with it.

Source: docs/spec/drplan.md, "What an Execute does"; docs/spec/drworkflow.md, "Mode Delete".
"""

from dataclasses import dataclass

from api.actions import Action
from api.execution import ActionStatus, WorkflowExecutionStatus
from api.meta import ObjectName
from api.phases import Mode, OperationType
from api.steps import ExecuteStep
from api.workflow import DRWorkflow
from planning.definitions import identifiers, when
from planning.definitions.action_list import PlannedAction
from planning.definitions.field_errors import FieldError, below, in_object
from planning.definitions.retry import attempts_of
from planning.messages import causes
from planning.messages import parents as parent_messages
from planning.status.transitions import pending_or_skipped
from planning.validation.actions import rendered_errors
from planning.values.parameters import Resolved
from planning.values.placeholders import PlaceholderKind, Values, names_used
from planning.values.titles import title


@dataclass(frozen=True)
class PlannedWorkflow:
    """A DRWorkflow at its place in a plan, in the mode of the execution."""

    ref: ObjectName
    dr_workflow: DRWorkflow
    planned: list[PlannedAction]
    mode: Mode | None
    mark: str
    """Prefix of its actions' marks."""
    plan_name: str
    resolved: Resolved | None
    """None where its parameters are not known yet."""

    def node(self) -> WorkflowExecutionStatus:
        """Return its node in the status, with every action Pending or Skipped."""
        return WorkflowExecutionStatus(
            workflow_ref=self.ref,
            progress=parent_messages.progress(OperationType.EXECUTE, 0, len(self.planned)),
            action_statuses=[_action_node(planned.action, self.mode) for planned in self.planned],
            **pending_or_skipped(None if self.planned else causes.NOTHING_TO_DELETE),
        )

    def steps(self) -> list[ExecuteStep]:
        """Return a step for each action of the node."""
        names = identifiers.distinct([planned.action.name for planned in self.planned])
        known = self.resolved
        values = None if known is None else Values(known.shown, self.plan_name, fragments=known.fragments)
        return [
            ExecuteStep(
                index=planned.index,
                action=self.dr_workflow.spec.actions[planned.index].name,
                mark=f"{self.mark}/{name}",
                title=title(planned.action, f"{self.mark}/{name}", values),
                attempts=attempts_of(planned.action),
                part=planned.part,
                after=planned.after,
                outputs_of=names_used(planned.action, PlaceholderKind.OUTPUTS),
            )
            for name, planned in zip(names, self.planned, strict=True)
        ]

    def value_errors(self) -> list[FieldError]:
        """Validate the actions that run with their values filled in."""
        if self.resolved is None:
            return []
        values = Values(self.resolved.values, self.plan_name, fragments=self.resolved.fragments)
        errors = list[FieldError]()
        for planned in self.planned:
            if when.runs(planned.action.when, self.mode):
                found = rendered_errors(planned.action, values, self.resolved.left_out)
                errors += below(f"spec.actions[{planned.index}]", found)
        return in_object(self.dr_workflow, errors)


def _action_node(action: Action, mode: Mode | None) -> ActionStatus:
    cause = None
    if mode is not None and not when.runs(action.when, mode):
        allowed = when.modes(action.when)
        cause = causes.condition_not_met(mode, [one for one in Mode if one in allowed])
    return ActionStatus(
        name=action.name,
        type=action.type,
        retries=0,
        retry_count=0,
        custom_rollback=action.rollback is not None,
        **pending_or_skipped(cause),
    )
