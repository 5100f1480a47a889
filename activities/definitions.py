"""Our own kinds as the worker reads them, with its own rights, and an action's definition made ready.

Source: docs/architecture.md, "What travels through Temporal": definitions stay in the cluster.
"""

from typing import TypeVar

from pydantic import ValidationError
from temporalio import activity

from activities.cluster import OWN, Cluster, Object
from activities.effects import Order
from activities.errors import ApiError, NotFoundError
from activities.failures import ActionError, action_error
from activities.heartbeat import Pulse
from api.actions import Action
from api.execution import DRPlanExecution
from api.meta import API_VERSION, ObjectName
from api.phases import Operation
from api.plan import DRPlan
from api.steps import ExecuteInput, ExecuteStep, FailureType, Target
from api.workflow import DRWorkflow
from planning import causes, messages
from planning.kinds import operation_of
from planning.lookup import full_name
from planning.manifest import ManifestError
from planning.objects import body_of_action, target_of_action

OwnT = TypeVar("OwnT", DRPlan, DRWorkflow, DRPlanExecution)


def parsed(kind: type[OwnT], raw: Object) -> OwnT:
    """Read one of our objects. Raises ActionError that names the field, never a value."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        problem = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        message = causes.not_readable(kind.__name__, raw["metadata"]["name"], problem)
        raise ActionError(FailureType.INVALID, message) from None


async def find(cluster: Cluster, kind: type[OwnT], namespace: str, name: str) -> OwnT | None:
    """Read one of our objects; None where there is none. Raises ActionError."""
    target = Target(api_version=API_VERSION, kind=kind.__name__, name=name, namespace=namespace)
    try:
        return parsed(kind, await cluster.get(target, OWN))
    except NotFoundError:
        return None
    except ApiError as error:
        name = f"{namespace}/{name}"
        raise action_error(error, causes.failed_to_read(kind.__name__, name, error.message)) from error


async def read_order(cluster: Cluster, given: ExecuteInput, pulse: Pulse) -> Order:
    """Read an action's definition and name its object. Raises ActionError."""
    step = given.step
    action = await _definition(cluster, given.dr_workflow, step)
    target, body = _object_of(action, step.mark)
    errors = pulse.said.errors
    return Order(
        action=action,
        operation=operation_of(action),
        target=None if target is None else await _placed(cluster, operation_of(action), target),
        body=body,
        mark=step.mark,
        actor=given.actor,
        execution=given.origin.execution if given.origin else None,
        attempts=step.attempts,
        errors_left=errors < step.attempts.retry.limit,
        lost=given.lost or activity.info().attempt - 1 > errors - given.errors,
    )


def _object_of(action: Action, mark: str) -> tuple[Target | None, Object | None]:
    """Name the object of a definition, and give it whole; neither where the type has none."""
    try:
        target = target_of_action(action, mark)
        return target, body_of_action(action, mark) if target is not None else None
    except ManifestError as error:
        message = causes.not_readable("The manifest of action", action.name, str(error))
        raise ActionError(FailureType.INVALID, message) from None


async def _placed(cluster: Cluster, operation: Operation, target: Target) -> Target:
    """Give the target in the namespace where its object really is. Raises ActionError."""
    try:
        return await cluster.place(target)
    except ApiError as error:
        reason = causes.naming(target, error.message)
        raise action_error(error, messages.failed_to(operation, target.kind, reason)) from error


async def _definition(cluster: Cluster, reference: ObjectName, step: ExecuteStep) -> Action:
    dr_workflow = await find(cluster, DRWorkflow, reference.in_namespace, reference.name)
    actions = dr_workflow.spec.actions if dr_workflow else []
    if step.index < len(actions) and actions[step.index].name == step.action:
        return actions[step.index]
    raise ActionError(FailureType.UNDEFINED, messages.action_undefined(step.action, full_name(reference)))
