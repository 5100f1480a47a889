"""What an action is to do, made ready when its turn comes: definition, part, secrets, values, object.

The definition comes from the snapshot of the run, so that it does not matter what became of the DRWorkflow. What
was left out is put back here, in memory, and goes no further than to whom it is for. Source:
docs/architecture.md, "What travels through Temporal"; docs/spec/drplanexecution.md, "What is kept".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from temporalio import activity

from activities.attempt.failures import ActionError, action_error
from activities.attempt.heartbeat import Pulse
from activities.effects.effect import Order
from activities.read.definitions import find
from activities.read.parameters import read_values
from activities.store.controller_revisions import Revisions
from activities.store.snapshots import Snapshots
from api.actions import Action
from api.execution import DRPlanExecution
from api.meta import ObjectKey, ObjectName
from api.phases import Operation
from api.plan import DRPlan
from api.snapshot import KeptParameters, Snapshot
from api.steps import ExecuteInput, ExecuteStep, FailureType, Origin, Part, Target
from api.workflow import DRWorkflow
from kube.client import Cluster
from kube.errors import ApiError
from planning.definitions.action_list import deletion_of
from planning.definitions.action_types import filled, operation_of, templates_of
from planning.definitions.lookup import actions_by_name, full_name, occurrences
from planning.definitions.manifest import ManifestError
from planning.definitions.rollback import CustomRollbackError, rollback_of
from planning.definitions.target import body_of_action, target_of_action
from planning.messages import actions as action_messages
from planning.messages import attempts as attempt_messages
from planning.snapshot.documents import Place, use_of
from planning.snapshot.restore import Live, completed, is_complete, layers_again, secret_texts, used_parameters
from planning.values import omission
from planning.values.placeholders import TemplateError, Values, has_template, render_value, texts
from planning.values.resolve import resolve


@dataclass(frozen=True)
class _Kept:
    """Where a step's definition stands in a snapshot."""

    snapshot: Snapshot
    place: Place
    dr_workflow: DRWorkflow
    parameters: KeptParameters


class Orders:
    """Definitions made ready. Methods raise ActionError."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._snapshots = Snapshots(Revisions(cluster))

    async def order(self, given: ExecuteInput, pulse: Pulse) -> Order:
        """Give what the step is to do; `pulse` hears which of its texts nobody may read."""
        action, private = await self._action(given)
        pulse.hide(private)
        target, body = _object_of(action, given.step.mark, secret=bool(private))
        errors = pulse.said.errors
        return Order(
            action=action,
            operation=operation_of(action),
            target=None if target is None else await self._placed(operation_of(action), target),
            body=body,
            mark=given.step.mark,
            actor=given.actor,
            execution=given.origin.execution if given.origin else None,
            attempts=given.step.attempts,
            errors_left=errors < given.step.attempts.retry.limit,
            lost=given.lost or activity.info().attempt - 1 > errors - given.errors,
            secrets=private,
        )

    async def _placed(self, operation: Operation, target: Target) -> Target:
        """Give the target in the namespace where its object really is."""
        try:
            return await self._cluster.place(target)
        except ApiError as error:
            reason = attempt_messages.naming(target, error.message)
            raise action_error(error, action_messages.failed_to(operation, target.kind, reason)) from error

    async def _action(self, given: ExecuteInput) -> tuple[Action, frozenset[str]]:
        """Give the part to do with everything filled in, and what of that nobody may see."""
        step, reference = given.step, given.dr_workflow
        if given.origin is None:
            live = await find(self._cluster, DRWorkflow, reference.in_namespace, reference.name)
            return _without_values(_defined(live, step, reference)), frozenset()
        kept = await self._kept(given.origin, reference)
        action = _defined(kept.dr_workflow, step, reference)
        whole = action if is_complete(action) else await self._completed(action, step, kept)
        names = used_parameters(whole) & frozenset(kept.parameters.left_out)
        again = await self._values_again(given, kept, sorted(names)) if names else {}
        values = Values({**kept.parameters.values, **again}, kept.snapshot.plan.name, _outputs(given))
        return _rendered(whole, values), frozenset([*secret_texts(action, whole), *again.values()])

    async def _kept(self, origin: Origin, reference: ObjectName) -> _Kept:
        namespace, place = origin.execution.namespace, (origin.stage, origin.workflow)
        snapshot = await self._snapshots.root(namespace, origin.snapshot)
        use = use_of(snapshot, place)
        if use is None or (use[0].namespace, use[0].name) != (reference.in_namespace, reference.name):
            message = attempt_messages.place_unknown(origin.stage, full_name(reference))
            raise ActionError(FailureType.UNDEFINED, message)
        dr_workflow = await self._snapshots.workflow(namespace, use[0])
        return _Kept(snapshot, place, dr_workflow, use[1])

    async def _completed(self, action: Action, step: ExecuteStep, kept: _Kept) -> Action:
        """Put the secret parts of an action back, from the live DRWorkflow."""
        metadata = kept.dr_workflow.metadata
        live = await find(self._cluster, DRWorkflow, metadata.namespace, metadata.name)
        names = occurrences(kept.dr_workflow.spec.actions, lambda each: each.name)
        same = actions_by_name(live).get(names[step.index])
        whole = completed(action, same and _part(same, step.part))
        if whole is None:
            message = attempt_messages.secrets_changed(step.action, f"{metadata.namespace}/{metadata.name}")
            raise ActionError(FailureType.UNDEFINED, message)
        return whole

    async def _values_again(self, given: ExecuteInput, kept: _Kept, names: list[str]) -> Mapping[str, str]:
        """Determine values that were left out, as the actor."""
        live = await self._live(kept)
        layers = layers_again(kept.snapshot, kept.place, kept.dr_workflow, kept.parameters, live)
        found = resolve(layers, await read_values(self._cluster, given.actor, [layers]))
        known = {name: found.values[name] for name in names if name in found.values}
        missing = [name for name in names if name not in known or not omission.is_complete(known[name])]
        if missing:
            message = attempt_messages.parameters_changed(
                given.step.action, missing, [error.text for error in found.errors]
            )
            raise ActionError(FailureType.UNDEFINED, message)
        return known

    async def _live(self, kept: _Kept) -> Live:
        of, metadata = kept.snapshot.plan, kept.dr_workflow.metadata
        return Live(
            await find(self._cluster, DRPlan, of.namespace, of.name),
            await find(self._cluster, DRWorkflow, metadata.namespace, metadata.name),
            tuple([await self._execution(key) for key in kept.snapshot.parameters_of]),
        )

    async def _execution(self, key: ObjectKey) -> DRPlanExecution:
        """Read an execution whose parameters count; its spec never changes."""
        found = await find(self._cluster, DRPlanExecution, key.namespace, key.name)
        if found is None or found.metadata.uid != key.uid:
            raise ActionError(FailureType.UNDEFINED, attempt_messages.another_execution(key))
        return found


def _defined(dr_workflow: DRWorkflow | None, step: ExecuteStep, reference: ObjectName) -> Action:
    """Give the part of a definition that a step names, under the action's name or its own."""
    actions = dr_workflow.spec.actions if dr_workflow else []
    if step.index < len(actions):
        part = _part(actions[step.index], step.part)
        if step.action in (actions[step.index].name, part.name):
            return part
    raise ActionError(FailureType.UNDEFINED, action_messages.action_undefined(step.action, full_name(reference)))


def _without_values(action: Action) -> Action:
    """Give an action for which no values were kept, if it asks for none."""
    if any(has_template(text) for value in templates_of(action).values() for _, text in texts(value, "")):
        raise ActionError(FailureType.UNDEFINED, attempt_messages.values_not_kept(action.name))
    return action


def _part(action: Action, part: Part) -> Action:
    """Give the part of a definition that is to be done."""
    match part:
        case Part.ACTION:
            return action
        case Part.INVERSE:
            return _deletion(action)
        case Part.ROLLBACK:
            return _rollback(action)
    assert_never(part)


def _deletion(action: Action) -> Action:
    deletion = deletion_of(action)
    if deletion is None:
        raise ActionError(FailureType.UNDEFINED, attempt_messages.without_object(action.name))
    return deletion


def _rollback(action: Action) -> Action:
    try:
        rollback = rollback_of(action)
    except CustomRollbackError as error:
        message = attempt_messages.not_readable("The rollback of action", action.name, str(error))
        raise ActionError(FailureType.INVALID, message) from None
    if rollback is None:
        raise ActionError(FailureType.UNDEFINED, attempt_messages.without_rollback(action.name))
    return rollback


def _outputs(given: ExecuteInput) -> dict[str, dict[str, Any]]:
    """Give what earlier actions left behind, as templates ask for it."""
    made = {name: outputs.to_object() for name, outputs in given.outputs.items()}
    return {name: {**made.get(name, {}), "phase": phase.value} for name, phase in given.phases.items()}


def _rendered(action: Action, values: Values) -> Action:
    try:
        return filled(action, lambda value, path: render_value(value, values, path))
    except TemplateError as error:
        raise ActionError(FailureType.INVALID, attempt_messages.not_renderable(action.name, str(error))) from None


def _object_of(action: Action, mark: str, *, secret: bool) -> tuple[Target | None, Any]:
    """Name the object of a definition, and give it whole; neither where the type has none."""
    try:
        target = target_of_action(action, mark)
        return target, body_of_action(action, mark) if target is not None else None
    except ManifestError as error:
        known = attempt_messages.not_readable("The manifest of action", action.name, str(error))
        message = attempt_messages.not_usable_with_secrets(action.name) if secret else known
        raise ActionError(FailureType.INVALID, message) from None
