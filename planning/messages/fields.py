"""What the author of a definition reads: what is wrong at a field, and the remedy.

Source: docs/spec/drplan.md and docs/spec/drworkflow.md, "Errors".
"""

from collections.abc import Sequence
from datetime import timedelta

from api.meta import go_duration
from api.phases import ActionType
from planning.messages.text import excerpt, listed

_LONGEST_CYCLE = 10
"""Names of a cycle that a message contains."""
_LOST = 400
"""Bytes of the paths that a patch loses."""
_NAMES = 300
"""Bytes of the names that a person may choose from."""
EMPTY_REFERENCE = "is empty; write the DRWorkflow's name"
NO_PLAN = "is empty; write the DRPlan's name"
EMPTY_SELECTION = "selects nothing; name stages, workflows or actions, or leave it out"
EMPTY_NAME = "is empty; write the object's name"
STRATEGIC_WITHOUT_SCHEMA = (
    "strategic is for kinds that are built in; the API server refuses it for those of a CustomResourceDefinition: "
    "use merge or json"
)
PATCH_TYPE_WITHOUT_PATCH = "is for operation Patch only; take it out, or set the operation"
PATCH_WITHOUT_ROLLBACK = "a Patch of a Secret cannot be taken back by itself; add a rollback that does it"


def at_field(path: str, subject: str, message: str) -> str:
    """An error with its place: `spec.stages[1].name of DRPlan default/shop: …`."""
    return f"{path} of {subject}: {message}"


def duplicate_name(what: str, name: str) -> str:
    """Two parts of one list have the same name."""
    return f'duplicate name "{excerpt(name)}"; every {what} needs its own name'


def too_many_parts(number: int, most: int) -> str:
    """A plan has more stages, workflows and actions than one run may have."""
    return f"{number} stages, workflows and actions, of which a plan may have {most}; divide it into several plans"


def not_a_subdomain(name: str) -> str:
    """A reference that no object can have as its name."""
    return (
        f'"{excerpt(name)}" is not the name of an object; write at most 253 lower-case letters, digits, - and ., with '
        "a letter or a digit at both ends"
    )


def not_a_namespace(name: str) -> str:
    """A reference that no namespace can have as its name."""
    return (
        f'"{excerpt(name)}" is not the name of a namespace; write at most 63 lower-case letters, digits and -, with a '
        "letter or a digit at both ends"
    )


def unsupported(text: str, supported: Sequence[str]) -> str:
    """A value that is not in the list of supported ones. Empty values are not listed."""
    return f'unsupported value "{excerpt(text)}"; supported values: {", ".join(value for value in supported if value)}'


def selects_nothing(name: str, names: Sequence[str]) -> str:
    """A name by which a Revert selects parts of its original, and which has none, or none that the others select."""
    return f'"{excerpt(name)}" selects nothing; name some of {listed(list(names), _NAMES, ", ")}'


def no_such_object(name: str, objects: Sequence[str]) -> str:
    """An object that a Revert is to pass over, and that its original has nothing to do with."""
    known = listed(list(objects), _NAMES, ", ") if objects else "none"
    return f"{excerpt(name)} is no object that the execution created; these are: {known}"


def unknown_dependency(what: str, name: str) -> str:
    """A stage or an action depends on one that is not there."""
    remedy = "a stage of this plan" if what == "stage" else "an action of this DRWorkflow"
    return f'there is no {what} "{excerpt(name)}"; name {remedy}'


def cycle(what: str, names: Sequence[str]) -> str:
    """Stages or actions depend on each other in a cycle."""
    path = " -> ".join([*names, names[0]] if len(names) <= _LONGEST_CYCLE else [*names[:_LONGEST_CYCLE], "…", names[0]])
    return f"the {what}s depend on each other in a cycle ({path}); remove one of these dependencies"


def missing_workflow(name: str) -> str:
    """A DRWorkflow is not there."""
    return f"DRWorkflow {name} does not exist; create it or correct the reference"


def missing_block(field: str, action_type: ActionType) -> str:
    """An action says nothing about its object."""
    return f"an action of type {action_type.value} needs {field}; add it or change the type"


def missing_namespace(action_type: ActionType) -> str:
    """A namespaced object without a namespace."""
    return f"a {action_type.value} needs a namespace; write the one that it is to live in"


def manifest(reason: str) -> str:
    """A manifest is not one object."""
    return f"the manifest is not usable: {reason}"


def list_replaced(path: str, strategic: bool) -> str:
    """Warning: a merge patch replaces a list, and what is lost is not known."""
    remedy = "patchType: strategic merges it by name" if strategic else "name all items, or use patchType: json"
    return (
        f"a merge patch replaces the whole list {path}: items and fields that are not written here are lost; {remedy}"
    )


def list_items_lost(path: str, lost: Sequence[str], strategic: bool) -> str:
    """Warning: a merge patch replaces a list, and these are lost with it."""
    remedy = "patchType: strategic merges it by name" if strategic else "name all items, or use patchType: json"
    return f"a merge patch replaces the whole list {path}, and these are lost: {listed(lost, _LOST, ', ')}; {remedy}"


def misspelt_hook(text: str, meant: str) -> str:
    """An action that belongs to the rollback would run with the others."""
    return f'"{excerpt(text)}" is not a hook of a rollback; write {meant}'


# Requests. What is written in them may be secret and is not repeated.

EMPTY_URL = "is empty; write the address of the service, such as https://host/path"
NOT_AN_ADDRESS = "is not the address of a service; write one such as https://host/path"
ADDRESS_WITH_LINE_BREAK = "ends in a line break, which no address has; take it out, or write |- in place of |"
ADDRESS_WITH_BLANKS = "has white space around it, which no address has; take it out"
HEADER_OF_SEVERAL_LINES = "the value of a header is a single line; take the line breaks out"
ARGO = "the executor Argo is not supported; take spec.executor out or set its type to Native"
NO_TIME = "a timeout of zero leaves no time to act; write a duration such as 30s or 5m"


def not_a_header(name: str) -> str:
    """A name that HTTP does not allow."""
    return f'"{excerpt(name)}" is not the name of a header; write letters, digits and hyphens'


def not_a_status_code(number: int) -> str:
    """A number that no service answers with."""
    return f"{number} is not a status code; write one from 100 to 599"


def negative(number: int) -> str:
    """A count below zero."""
    return f"{number} is negative; write 0 for no retries, or a positive number"


def not_a_multiplier(text: str) -> str:
    """A backoff multiplier that does not multiply."""
    return f'"{excerpt(text)}" is not a number of at least 1; write one such as "2.0"'


def too_long(text: str) -> str:
    """A duration beyond reason."""
    return f'"{text}" is more than a year; write a shorter duration such as 5m'


def not_an_interval(text: str, shortest: timedelta, longest: timedelta) -> str:
    """How often a plan is to be rehearsed."""
    bounds = f"from {go_duration(shortest)} to {go_duration(longest)}"
    return f'"{excerpt(text)}" is not a duration {bounds}; write one such as 30m or 24h'


def soak_too_long(text: str, longest: str) -> str:
    """A Revert would be checked again when nobody waits for that any more."""
    return f'"{text}" is more than {longest}; write a shorter duration such as 10m or 24h'


def not_a_host(entry: str) -> str:
    """An entry of the worker's list of allowed hosts is none."""
    return f'"{entry}" is no host: write a name, *.name, an address or a network, without scheme and port, or *'
