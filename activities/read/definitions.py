"""Our own kinds as the worker reads them, with its own rights.

Source: docs/architecture.md, "In whose name".
"""

from collections.abc import Iterable
from typing import TypeVar

from pydantic import ValidationError

from activities.attempt.failures import ActionError, action_error
from activities.concurrency import each
from api.execution import DRPlanExecution
from api.meta import API_VERSION, ObjectName
from api.plan import DRPlan
from api.steps import FailureType, Target
from api.workflow import DRWorkflow
from kube.client import OWN, Cluster, Object
from kube.errors import ApiError, NotFoundError
from planning.definitions.lookup import Workflows
from planning.messages import attempts as attempt_messages

OwnT = TypeVar("OwnT", DRPlan, DRWorkflow, DRPlanExecution)


def parsed(kind: type[OwnT], raw: Object) -> OwnT:
    """Read one of our objects. Raises ActionError that names the field, never a value."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        problem = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        message = attempt_messages.not_readable(kind.__name__, raw["metadata"]["name"], problem)
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
        raise action_error(error, attempt_messages.failed_to_read(kind.__name__, name, error.message)) from error


async def find_workflows(cluster: Cluster, references: Iterable[ObjectName]) -> Workflows:
    """Read every DRWorkflow that is named; the ones that do not exist stay out. Raises ActionError."""
    keys = list(dict.fromkeys((reference.in_namespace, reference.name) for reference in references))
    found = await each(keys, lambda key: find(cluster, DRWorkflow, *key))
    return {key: dr_workflow for key, dr_workflow in zip(keys, found, strict=True) if dr_workflow is not None}
