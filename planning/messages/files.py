"""What is wrong with a file of objects, before their meaning is judged: sentences of `drplan validate`.

Source: docs/spec/drplan.md, "Before anything is applied".
"""

from collections.abc import Sequence

from api.phases import ActionType
from planning.messages.text import counted, excerpt

UNKNOWN_FIELD = "there is no such field; correct its name or take it out"
MISSING_FIELD = "is missing; write it"
TOO_FEW = "is empty; write at least one"
WITHOUT_NAME = "is missing; write the object's name"
NO_ORIGINAL = "is missing; name the execution to take back"
NOTHING_FOUND = "There is no DRPlan, DRWorkflow or DRPlanExecution in these files: nothing was checked"
EMPTY_MANIFEST = "it is empty: write the object as YAML"
NOT_AN_OBJECT = "it is not an object: write apiVersion, kind, metadata and what the kind needs"
NOT_UNICODE = "it holds an escape that is not a character: correct it"
NOT_BASE64 = "it holds a value with the tag !!binary that is not base64: correct it"
NO_OBJECT_NAME = "it has no metadata.name: write one, as text (generateName is not enough to undo it)"

NO_JSON_PATCH = (
    "it has no list `patch`: with patchType json write the changes there, such as "
    "- {op: replace, path: /spec/replicas, value: 3}"
)
NOT_A_POINTER = "path and from are texts that begin with /, such as /spec/replicas"
TOUCHES_IDENTITY = (
    "it would replace metadata as a whole, or the annotation by which a Revert knows what an action created: "
    "change single fields of metadata"
)


def wrong_type_of_value(wanted: str) -> str:
    """A text where a list belongs, and the like; `wanted` is a word of the schema."""
    words = {"object": "a mapping of fields", "array": "a list", "string": "a text; put it in quotes"}
    words |= {"integer": "a whole number", "boolean": "true or false", "number": "a number"}
    return f"this is not {words.get(wanted, wanted)}"


def too_many(number: int, most: int) -> str:
    """A list or a text that is longer than the schema allows."""
    return f"it has {number} items or characters, of which {most} are allowed; shorten it"


def duplicate_object(file: str) -> str:
    """An object that this or an earlier file contains already."""
    return f"this object is also in {file}; remove one of them"


def not_here(subject: str) -> str:
    """A reference that leads out of the files."""
    return f"{subject} is not in these files, not checked"


def not_sent(fields: Sequence[str]) -> str:
    """Fields of an object that `kubectl get -o yaml` printed."""
    *others, last = fields
    names = f"{', '.join(others)} and {last}" if others else last
    return f"{names} {'are' if others else 'is'} set by the API server, not sent"


def not_an_execute(name: str) -> str:
    """A Revert of a Revert."""
    return f"DRPlanExecution {name} is a Revert; name an Execute"


def is_preview(name: str) -> str:
    """A Revert of a preview."""
    return f"DRPlanExecution {name} is a preview, which changes nothing; name an Execute that is none"


def other_plan(name: str, theirs: str) -> str:
    """A Revert of an execution of another plan."""
    return f"DRPlanExecution {name} is of DRPlan {theirs}; write that plan into spec.planRef"


def summary(objects: int, errors: int) -> str:
    """The last line."""
    of = f"{objects} object{'' if objects == 1 else 's'}"
    return f"{errors} error{'' if errors == 1 else 's'} in {of}" if errors else f"{of}, no errors"


def not_yaml(place: tuple[int, int] | None, problem: str | None) -> str:
    """The text is not YAML; `place` is line and column, from 1."""
    where = f" (line {place[0]}, column {place[1]})" if place else ""
    return f"it is not YAML{where}: {problem or 'it cannot be read'}"


def beside_json_patch(fields: Sequence[str]) -> str:
    """The manifest of a JSON patch has fields that would not be sent."""
    return f"with patchType json, {', '.join(fields)} would change nothing: write it as an operation in `patch`"


def json_operation(place: int, problem: str) -> str:
    """An operation of a JSON patch is wrong."""
    return f"patch[{place}]: {problem}"


def missing_in_operation(field: str) -> str:
    """An operation lacks a field that it needs."""
    return f"{field} is missing; write it"


def unknown_in_operation(field: str) -> str:
    """An operation has a field that means nothing there."""
    return f"there is no field {excerpt(field)} in such an operation; correct its name or take it out"


def several_documents(number: int) -> str:
    """It holds more than one object."""
    return f"it holds {number} documents: put each into an action of its own"


def list_of_objects(number: int) -> str:
    """It is a list, such as `kubectl get -o yaml` prints it."""
    return f"it is a list of {counted(number, 'object')}: put each into an action of its own"


def helm_template(line: int) -> str:
    """It is a file of a chart, and not what Helm makes of it."""
    return f"line {line} holds a template of Helm: render it first (helm template)"


def no_text(field: str) -> str:
    """A field that every object has is missing."""
    return f"it has no {field}: write one, as text"


def not_text(field: str) -> str:
    """YAML took a word for a number or a boolean."""
    return f"its {field} is not text: put it in quotes"


def not_in_a_path(field: str) -> str:
    """A name that would lead elsewhere in the path of a request."""
    return f"its {field} is not a name: take out / and %, control characters, and a name of mere dots"


def not_a_mapping(field: str) -> str:
    """Annotations or labels that are a list, or a mere text."""
    return f"its {field} is not a mapping: write names and texts"


def duplicate_key(key: str | None, line: int | None) -> str:
    """One of two values would be lost; `key` is None where it may hold a secret value."""
    called = "" if key is None else f' "{excerpt(key)}"'
    return f"duplicate key{called} in a mapping{f' (line {line})' if line else ''}"


def too_deep(levels: int) -> str:
    """It is nested beyond what is read."""
    return f"it is nested more than {levels} levels deep: flatten it"


def too_many_values(number: int) -> str:
    """Aliases of aliases make it too large."""
    return f"it holds more than {number} values: aliases that repeat themselves are not allowed"


def not_a_number(text: str) -> str:
    """Infinity and its like."""
    return f"{excerpt(text)} is not a number that JSON knows: put it in quotes"


def number_too_long(most: int) -> str:
    """A number that readers of JSON do not agree on."""
    return f"it holds a number of more than {most} characters: put it in quotes"


def too_much_text(most: int) -> str:
    """Texts, aliases counted each time, are larger than what the API server accepts."""
    return f"it holds more than {most} characters of text: shorten it"


def wrong_tag(tag: str) -> str:
    """A value is not what its tag says."""
    return f"it holds a value with the tag {tag} that is none: take the tag out, or correct the value"


def undefined_alias(line: int) -> str:
    """An alias of nothing, or of something that contains it."""
    return f"it is not YAML (line {line}): an alias has no anchor before it"


def not_a_merge(line: int) -> str:
    """A merge of something that has no fields."""
    return f"it is not YAML (line {line}): << needs a mapping or a list of mappings, once"


def strange_key(kind: type, line: int) -> str:
    """A key that is no text."""
    words = {dict: "a mapping", list: "a list", type(None): "null"}
    return f"it holds {words.get(kind, 'a large number')} as a key (line {line}): put the key in quotes"


def no_object(action: str, action_type: ActionType) -> str:
    """The action makes no object at all."""
    return f"action {action} of type {action_type.value} has no object"
