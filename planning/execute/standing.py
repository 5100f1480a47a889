"""Objects that an Execute is to create and that an earlier execution of the plan made: it would fail half-way at them.

Only a Create meets them; an Apply, a Patch, a Delete and a Replace are for objects that exist.
Source: docs/spec/drplan.md, "What an Execute does".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from api.actions import Action
from api.execution import DRPlanExecution
from api.meta import ACCEPTED_ANNOTATION
from api.objects import Target
from api.phases import Operation, OperationType, Phase
from api.plan import DRPlan
from planning.definitions import when
from planning.definitions.action_list import cleanup_of
from planning.definitions.action_types import is_per_cluster, operation_of, row_of
from planning.definitions.target import target_of_action
from planning.definitions.yaml_scalars import ManifestError
from planning.execute.workflow import PlannedWorkflow
from planning.messages import rejections as rejection_messages
from planning.revert.default_rollback import objects_in
from planning.revert.ownership import created_during
from planning.revert.scope import SUCCEEDED_ONLY, Scope
from planning.values.placeholders import TemplateError, Values, has_template
from planning.values.rendering import rendered_action


@dataclass(frozen=True)
class Creation:
    """An object that an action is to create."""

    action: str
    target: Target


@dataclass(frozen=True)
class StandingObject:
    """An object of that name which exists."""

    creation: Creation
    uid: str
    mark: str
    """Its annotation created-by; empty without one."""
    created: datetime | None = None


def plan_was_executed(plan: DRPlan, execution: DRPlanExecution) -> bool:
    """Return whether a plan had another execution before: without one there is nothing to look for."""
    return any(record.name != execution.metadata.name for record in plan.status.execution_history or [])


def creations(parts: Iterable[PlannedWorkflow]) -> list[Creation]:
    """Return the objects that an Execute is to create, each with its first action.

    Those that the Execute itself removes are left out, and those whose names are known only while it runs.
    """
    created: dict[Target, Creation] = {}
    removed: set[Target] = set()
    for name, action, target in (found for part in parts for found in _actions_with_object(part)):
        operation = operation_of(action)
        if operation is Operation.CREATE and not cleanup_of(action, operation).before_create:
            created.setdefault(target, Creation(name, target))
        if operation in (Operation.DELETE, Operation.REPLACE):
            removed.add(target)
    homes = {target.name for target in removed if (target.kind, target.api_version) == ("Namespace", "v1")}
    return [one for target, one in created.items() if target not in removed and target.namespace not in homes]


def _actions_with_object(part: PlannedWorkflow) -> Iterator[tuple[str, Action, Target]]:
    """Yield the actions that run, with their values filled in, by name, if it is known which object each is about."""
    known = part.resolved
    values = Values(known.values, part.plan_name, fragments=known.fragments) if known else Values({}, part.plan_name)
    for planned in part.planned:
        if not when.runs(planned.action.when, part.mode) or not row_of(planned.action).has_object:
            continue
        # What is done for each cluster leaves an object that exists as it is.
        if is_per_cluster(planned.action):
            continue
        try:
            action = rendered_action(planned.action, values, partly=True)
            target = target_of_action(action)
        except (ManifestError, TemplateError):
            continue
        if target and not any(has_template(text) for text in (target.name, target.namespace, target.kind) if text):
            yield planned.action.name, action, target


def conflicts(others: Sequence[DRPlanExecution], objects: Sequence[StandingObject]) -> list[str]:
    """Say for each of the plan's other executions which of the objects it made, and what to do."""
    errors = []
    for other in others:
        made = [one for one in objects if _made_by(other, one)]
        if made:
            first, uid, name = made[0].creation, made[0].uid, other.metadata.name
            remedy = rejection_messages.DELETE_IT
            if uid in _uids_to_roll_back(other, SUCCEEDED_ONLY):
                remedy = rejection_messages.first_revert(name)
            elif uid in _uids_to_roll_back(other, Scope(include_partial=True)):
                remedy = rejection_messages.first_revert(name, include_partial=True)
            errors.append(rejection_messages.still_stands(name, first.action, first.target, len(made) - 1, remedy))
    return errors


def _made_by(execution: DRPlanExecution, one: StandingObject) -> bool:
    """Return whether an execution made an object; the older controller left no mark, but a record of the uid."""
    if one.mark:
        uids = {execution.metadata.uid, execution.metadata.annotations.get(ACCEPTED_ANNOTATION)}
        return one.mark.partition("/")[0] in uids
    records = (action for stage in execution.status.stages for action in stage.actions if action.type is None)
    return any(
        created_during(record, one.created) and any(item.uid == one.uid for item in objects_in(record.outputs))
        for record in records
    )


def _uids_to_roll_back(execution: DRPlanExecution, scope: Scope) -> set[str]:
    """Return the uids of the objects that a Revert of an execution would roll back."""
    if execution.spec.operation_type is not OperationType.EXECUTE:
        return set()
    return {
        item.uid
        for stage in execution.status.stages
        for workflow in stage.workflows
        for action in workflow.actions
        if all(scope.is_revertible(node.phase) for node in (stage, workflow, action))
        if action.phase is Phase.SUCCEEDED or action.created
        if action.operation is not Operation.REPLACE or action.custom_rollback
        for item in objects_in(action.outputs)
        if item.uid
    }
