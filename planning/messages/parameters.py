"""What is wrong with parameters, placeholders and conditions, in a definition or once their values are known.

Source: docs/spec/drplan.md and docs/spec/drworkflow.md, "Errors".
"""

from api.params import ParameterType
from api.phases import Mode
from planning.messages.text import excerpt


def too_many_parameters(number: int, most: int) -> str:
    """A plan has more parameters than one run may have, each counted at each place where a DRWorkflow has it."""
    return f"{number} parameters at all places together, of which a plan may have {most}; divide it into several plans"


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
