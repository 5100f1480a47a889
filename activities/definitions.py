"""Our own kinds as the worker reads them, with its own rights, and an action's definition made ready.

Source: docs/architecture.md, "What travels through Temporal": definitions stay in the cluster.
"""

from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from activities.cluster import OWN, Cluster, Object
from activities.errors import ApiError, NotFoundError
from activities.failures import ActionError, action_error
from api.actions import Action
from api.execution import ActionOutputs, DRPlanExecution
from api.meta import API_VERSION, ObjectName, ObjectReference
from api.phases import Operation
from api.plan import DRPlan
from api.steps import ExecuteInput, ExecuteStep, FailureType, Target
from api.workflow import DRWorkflow
from planning import causes, messages
from planning.lookup import full_name
from planning.manifest import KINDS, ManifestError, body_of_action, target_of_action
from planning.rollback import operation_of

OwnT = TypeVar("OwnT", DRPlan, DRWorkflow, DRPlanExecution)


@dataclass(frozen=True)
class Order:
    """One action, ready to be carried out."""

    action: Action
    operation: Operation
    target: Target
    """Its object, in the namespace where it really is."""
    body: Object
    mark: str

    def outputs(self, uid: str | None) -> ActionOutputs:
        """Give the record of the object, in the field that its type uses."""
        kind = KINDS.get(self.action.type)
        target = self.target
        reference = ObjectReference(
            api_version=target.api_version, kind=target.kind, namespace=target.namespace, name=target.name, uid=uid
        )
        return ActionOutputs.model_validate({kind.outputs[0] if kind else "resource_ref": reference})


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


async def read_order(cluster: Cluster, given: ExecuteInput) -> Order:
    """Read an action's definition and name its object. Raises ActionError."""
    step = given.step
    action = await _definition(cluster, given.dr_workflow, step)
    try:
        target, body = target_of_action(action), body_of_action(action)
    except ManifestError as error:
        message = causes.not_readable("The manifest of action", action.name, str(error))
        raise ActionError(FailureType.INVALID, message) from None
    if target is None:
        raise ActionError(FailureType.UNSUPPORTED, causes.without_object(action.name))
    operation = operation_of(action)
    try:
        placed = await cluster.place(target)
    except ApiError as error:
        reason = causes.naming(target, error.message)
        raise action_error(error, messages.failed_to(operation, target.kind, reason)) from error
    return Order(action, operation, placed, body, step.mark)


async def _definition(cluster: Cluster, reference: ObjectName, step: ExecuteStep) -> Action:
    dr_workflow = await find(cluster, DRWorkflow, reference.in_namespace, reference.name)
    actions = dr_workflow.spec.actions if dr_workflow else []
    if step.index < len(actions) and actions[step.index].name == step.action:
        return actions[step.index]
    raise ActionError(FailureType.UNDEFINED, messages.action_undefined(step.action, full_name(reference)))
