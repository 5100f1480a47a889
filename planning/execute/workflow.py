"""A DRWorkflow at its place in a plan, as an Execute carries it out: its node, its steps, and what is wrong with it.

Source: docs/spec/drplan.md, "What an Execute does"; docs/spec/drworkflow.md, "Mode Delete".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from api.actions import Action, HttpRequest
from api.execution import DRPlanExecution
from api.meta import ObjectName
from api.nodes import ActionStatus, WorkflowExecutionStatus
from api.phases import Mode, OperationType
from api.steps import ExecuteStep, Part
from api.workflow import DRWorkflow
from planning.definitions import identifiers, when
from planning.definitions.action_list import PlannedAction, is_inverted
from planning.definitions.action_types import block_of, operation_of
from planning.definitions.field_errors import FieldError, below, in_object
from planning.definitions.retry import attempts_of
from planning.definitions.target import target_of_action
from planning.definitions.yaml_scalars import ManifestError
from planning.messages import actions as action_messages
from planning.messages import running as running_messages
from planning.messages import tree as tree_messages
from planning.messages.text import bounded
from planning.status.transitions import pending_or_skipped
from planning.validation.actions import rendered_errors
from planning.values.parameters import Resolved
from planning.values.placeholders import PlaceholderKind, Values, names_used
from planning.values.rendering import rendered_action

_ADDRESS = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?:[^/?#]*@)?(?P<host>[^/?#]*)(?P<path>[^?#]*)")
"""User and query are never shown, and the path only where the action asks for it: they may be secret."""


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
            progress=running_messages.progress(OperationType.EXECUTE, 0, len(self.planned)),
            action_statuses=[_action_node(planned.action, self.mode) for planned in self.planned],
            **pending_or_skipped(None if self.planned else tree_messages.NOTHING_TO_DELETE),
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
                title=_title(planned.action, f"{self.mark}/{name}", values),
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


def is_step_of(execution: DRPlanExecution, actions: Sequence[Action], step: ExecuteStep) -> bool:
    """Return whether an Execute runs this part of a DRWorkflow with these actions, under a mark of its own."""
    mode, part = execution.spec.mode, Part.ACTION
    if is_inverted(actions, mode):
        part = Part.INVERSE
    if step.part is not part or not 0 <= step.index < len(actions):
        return False
    runs = part is Part.INVERSE or mode is None or when.runs(actions[step.index].when, mode)
    return runs and step.mark.startswith(f"{execution.metadata.uid}/")


def _action_node(action: Action, mode: Mode | None) -> ActionStatus:
    cause = None
    if mode is not None and not when.runs(action.when, mode):
        allowed = when.modes(action.when)
        cause = tree_messages.condition_not_met(mode, [one for one in Mode if one in allowed])
    return ActionStatus(
        name=action.name,
        type=action.type,
        retries=0,
        retry_count=0,
        custom_rollback=action.rollback is not None,
        **pending_or_skipped(cause),
    )


def _title(action: Action, mark: str, values: Values | None) -> str:
    """Return what people call the action: `Create Localization default/nginx-loc-a`, or else its name.

    Secret values are hidden, and what is not known before the run stays as it is written.
    Source: docs/architecture.md, "What Temporal's UI shows".
    """
    shown = action if values is None else rendered_action(action, values, partly=True)
    request = block_of(shown)
    if isinstance(request, HttpRequest) and (address := _ADDRESS.match(request.url.strip())):
        path = address["path"] if request.show_path else ""
        return bounded(action_messages.request_title(request.method, f"{address['scheme']}{address['host']}{path}"))
    try:
        target = target_of_action(shown, mark)
    except ManifestError:
        target = None
    return bounded(action_messages.title(operation_of(shown), target) if target else action.name)
