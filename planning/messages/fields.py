"""What the author of a definition reads: what is wrong at a field, and the remedy.

Source: docs/spec/drplan.md and docs/spec/drworkflow.md, "Errors".
"""

from collections.abc import Sequence
from datetime import timedelta

from api.meta import go_duration
from api.params import ParameterType
from api.phases import ActionType, Mode
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


def too_many_parameters(number: int, most: int) -> str:
    """A plan has more parameters than one run may have, each counted at each place where a DRWorkflow has it."""
    return f"{number} parameters at all places together, of which a plan may have {most}; divide it into several plans"


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


# Templates and conditions.


def unknown_template(text: str, meant: str) -> str:
    """A placeholder refers to nothing that exists; `meant` is the right spelling, where it can be told."""
    spelling = meant or "$(params.<name>), $(planName) or $(outputs.<action>.<field>)"
    literal = f"{'$$' if text.startswith('{') else '$'}{text}"
    return f"{excerpt(text)} is no template; write {spelling}, or {excerpt(literal)} for this very text"


def fragment_of_execution(name: str) -> str:
    """An execution sets a value that may be structure."""
    return (
        f'parameter "{excerpt(name)}" is of type yaml, and an execution cannot set it; set it in the plan, or let the '
        "DRWorkflow declare it with allowFromExecution: true"
    )


def secret_of_execution(name: str) -> str:
    """An execution has a value read from a Secret, as the plan's account."""
    return (
        f'parameter "{excerpt(name)}" is read from a secret, which an execution cannot do; read it in the plan, or let '
        "the DRWorkflow declare the parameter with allowFromExecution: true"
    )


def too_long_when_filled(most: int) -> str:
    """A placeholder is repeated with a long value."""
    return f"has more than {most} characters once its placeholders are filled in; shorten the values"


def not_a_patch(reason: str) -> str:
    """A patch is neither JSON nor YAML around its placeholders."""
    return f"the patch is not usable: {reason}; a placeholder stands for a value or for a part of a text"


NOT_JSON_AROUND_PLACEHOLDERS = (
    "is not JSON around its placeholders; a placeholder stands for a value or for a part of a text, and only a "
    "parameter of type yaml for a list or a mapping"
)
SEVERAL_DOCUMENTS = "it holds several documents"


def not_a_fragment(name: str, reason: str) -> str:
    """The value of a parameter of type yaml is none."""
    return f'the value of parameter "{excerpt(name)}" is not YAML: {reason}'


def undefined_parameter(name: str) -> str:
    """A placeholder names a parameter that has no value."""
    return (
        f'there is no parameter "{excerpt(name)}"; declare it in the parameters of the DRWorkflow, or give it a value '
        "in the plan or in the execution"
    )


def nowhere_given(name: str, needed_by: str) -> str:
    """A DRWorkflow has to have a parameter that has no value where the plan uses it."""
    return (
        f'parameter "{excerpt(name)}" has no value here, and {needed_by} it; '
        "give it one here, in spec.globalParams, in the DRWorkflow or in the execution"
    )


def requires(path: str, subject: str) -> str:
    """Who asks for a parameter: an entry of a list."""
    return f"{path} of {subject} requires"


def uses(path: str, subject: str) -> str:
    """Who asks for a parameter: a placeholder."""
    return f"{path} of {subject} uses"


def undefined_outputs(action: str) -> str:
    """A placeholder names an action that has no outputs at that point."""
    return (
        f'there are no outputs of an action "{excerpt(action)}"; name an action of the same DRWorkflow that ends before'
    )


def outputs_too_late(action: str) -> str:
    """They may not be there yet when the action's turn comes."""
    return f'action "{action}" does not certainly end before this one; put it before, or name it in dependsOn'


def outputs_passed_over(action: str, mode: Mode) -> str:
    """They will not be there in this execution."""
    return (
        f'action "{action}" does not run in mode {mode.value}, and this one does; '
        "give this one the same when, or take the placeholder out"
    )


def outputs_in_deletion(action: str) -> str:
    """An object that mode Delete is to delete is named by what an action made."""
    return (
        f'its object is named by the outputs of action "{action}", which does not run in mode Delete; '
        "write an action with operation Delete for it"
    )


def missing_output(action: str, field: str) -> str:
    """An action ended, and did not make what a placeholder names."""
    return f'action "{excerpt(action)}" has no output {excerpt(field)}; name one that an action of its type has'


def condition_too_long(most: int) -> str:
    """A `when` beyond reason."""
    return f"has more than {most} characters; write each mode once"


def not_a_condition(text: str) -> str:
    """A `when` that is none."""
    return f'{excerpt(text)} is not a condition; write mode == "install", and join several with ||'


# Parameters.

VALUE_AND_SOURCE = "value and valueFrom are mutually exclusive; remove one of them"
EMPTY_SOURCE = "is empty; write manifestRef, or take valueFrom out"
EMPTY_REFERENCE_FIELD = "is empty; a value cannot be read without it"
NAME_AND_LABELS = "name and labelSelector are mutually exclusive; remove one of them"
FILLED_TO_NOTHING = "is empty once its placeholders are filled in; give them values"


def not_a_path(text: str) -> str:
    """A jsonPath that is none."""
    return f"{excerpt(text)} is not a JSONPath as Kubernetes knows it; write one such as {{.metadata.name}}"


def path_with_range(text: str) -> str:
    """A jsonPath with a loop."""
    return f"{excerpt(text)} has a range; write [*] instead, as in {{.items[*].metadata.name}}"


def path_too_long(text: str, most: int) -> str:
    """A jsonPath beyond reason."""
    return f"has more than {most} characters; {not_a_path(text)}"


def path_in_filter(text: str) -> str:
    """A filter that compares more than one value."""
    return f'{excerpt(text)} has a filter with a path to several values; name one, as in {{.items[?(@.name=="a")]}}'


def path_too_expensive(text: str, most: int) -> str:
    """A jsonPath passes too many values."""
    return f"{excerpt(text)} takes more than {most} steps in this object; write a path that is more direct"


def result_too_long(text: str, most: int) -> str:
    """A jsonPath finds too much."""
    return f"{excerpt(text)} finds more than {most} characters; write a path to less"


def path_finds_nothing(text: str, where: str) -> str:
    """A jsonPath leads to nothing, or to an empty text."""
    return f"{excerpt(text)} finds nothing in {where}; correct the path, or give the parameter a value"


def nothing_to_read(what: str) -> str:
    """No object matches."""
    return f"there is no {what}; create it, or correct the reference"


def several_to_read(what: str, number: int) -> str:
    """More objects match than one."""
    return f"{number} objects match ({what}); narrow labelSelector down, or let select be Last, First or Any"


def too_many_objects(most: int) -> str:
    """The objects in which parameters are looked for are too many."""
    return f"more than {most} objects would be read for the parameters; narrow labelSelector down, or name the object"


def objects_too_large(most: int) -> str:
    """The objects from which parameters are read hold too much."""
    return f"the objects that parameters are read from hold more than {most} bytes together; read from smaller ones"


def unreadable(what: str, reason: str) -> str:
    """The API server did not give the object out; `reason` is its answer."""
    return f"{what} cannot be read: {reason}"


def missing_parameter(name: str) -> str:
    """A required parameter has no value in any layer."""
    return f'parameter "{excerpt(name)}" is required and has no value; give it one in the plan or in the execution'


def wrong_type(type_: ParameterType, declared_by: str, text: str | None = None) -> str:
    """A value is not of the declared type; `text` is the value, None where it is secret."""
    words = {ParameterType.NUMBER: "a number such as 3 or 1.5", ParameterType.YAML: "YAML of one document"}
    wanted = words.get(type_, "true or false")
    value = "the value" if text is None else f'"{excerpt(text)}"'
    return f"{value} is not {wanted}, as {declared_by} declares; correct one of them"


def not_a_parameter_name(name: str) -> str:
    """A name that no placeholder can hold."""
    return f'"{excerpt(name)}" is not a name of a parameter; begin with a letter, go on with letters, digits, _ and -'


def reserved_parameter(name: str) -> str:
    """A parameter of an execution that has a field of its own."""
    return f'the name "{name}" is reserved; write the mode into spec.mode'


def outputs_too_early(text: str) -> str:
    """A reference uses what an action makes."""
    return f"{excerpt(text)} is not known before the actions run; use $(params.<name>) or $(planName)"


def undefined_below(name: str) -> str:
    """A reference uses a parameter that has no value in a lower layer."""
    return f'parameter "{excerpt(name)}" has no value in a layer below this one; a reference can use none but those'


def not_a_host(entry: str) -> str:
    """An entry of the worker's list of allowed hosts is none."""
    return f'"{entry}" is no host: write a name, *.name, an address or a network, without scheme and port, or *'
