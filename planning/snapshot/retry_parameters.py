"""Parameters that a person sets for a retry of one action: read from the request, and checked like an execution's own.

They are written in an annotation, so none may be secret.
Source: docs/spec/drplanexecution.md, "Other values for a retry".
"""

import json
from collections.abc import Iterator, Mapping

from api.actions import Action
from api.params import ParameterType
from api.requests import LONGEST_PARAMETERS, MOST_PARAMETERS
from api.snapshot import Snapshot, SnapshotParameters
from api.workflow import DRWorkflow
from planning.messages import parameters as parameter_messages
from planning.messages import requests as request_messages
from planning.snapshot.documents import PlanPlace, plan_of
from planning.values.parameters import RESERVED, is_of_type, layers
from planning.values.placeholders import PlaceholderKind, names_used
from planning.values.secret_names import is_secret_name
from planning.values.secret_parts import secrets_in


class RequestedParametersError(ValueError):
    """An annotation does not hold parameters; the message names it."""


def requested_parameters(text: str) -> dict[str, str]:
    """Return the values that the annotation of a request holds. Raises RequestedParametersError."""
    if len(text) > LONGEST_PARAMETERS:
        raise RequestedParametersError(request_messages.parameters_too_long())
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise RequestedParametersError(request_messages.NOT_PARAMETERS)
    if not 0 < len(values) <= MOST_PARAMETERS:
        raise RequestedParametersError(request_messages.number_of_parameters(len(values)))
    return values


def errors_of(
    values: Mapping[str, str],
    action: Action,
    snapshot: Snapshot,
    place: PlanPlace,
    dr_workflow: DRWorkflow,
    stored: SnapshotParameters,
) -> list[str]:
    """Return what is wrong with values for an action of a run; `stored` are the values that the run works with."""
    used = [name for name in names_used(action, PlaceholderKind.PARAMS) if name != RESERVED]
    declared = _declared(snapshot, place, dr_workflow)
    return [
        request_messages.about_parameter(name, error)
        for name, value in values.items()
        for error in _errors(name, value, used, stored, declared.get(name))
    ]


def _errors(
    name: str, value: str, used: list[str], stored: SnapshotParameters, declared: ParameterType | None
) -> Iterator[str]:
    """Yield what is wrong with one value; one that is not used by the action would change nothing."""
    if name not in used:
        yield request_messages.unused_parameter(used)
    elif is_secret_name(name) or name in stored.left_out or secrets_in(value):
        yield request_messages.VISIBLE_PARAMETER
    elif name in stored.fragments:
        yield request_messages.FRAGMENT_PARAMETER
    elif declared is not None and not is_of_type(value, declared):
        yield parameter_messages.wrong_type(declared, "the plan or the DRWorkflow", value)


def _declared(snapshot: Snapshot, place: PlanPlace, dr_workflow: DRWorkflow) -> dict[str, ParameterType]:
    """Return the types of parameters; where several lists name one, one that is not just text counts."""
    plan, (stage, position) = plan_of(snapshot), place
    index = next(number for number, each in enumerate(plan.spec.stages) if each.name == stage)
    types: dict[str, ParameterType] = {}
    for layer in layers(plan, index, position, dr_workflow).items:
        for item in layer.parameters:
            if types.get(item.name, ParameterType.STRING) is ParameterType.STRING:
                types[item.name] = item.type
    return types
