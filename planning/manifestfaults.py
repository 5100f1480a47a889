"""Why a manifest, or a file, is not usable, one small function each: what follows `the manifest is not usable: `.

Source: docs/spec/drworkflow.md, "Errors".
"""

from api.phases import ActionType


def not_yaml(place: tuple[int, int] | None, problem: str | None) -> str:
    """The text is not YAML; `place` is line and column, from 1."""
    where = f" (line {place[0]}, column {place[1]})" if place else ""
    return f"it is not YAML{where}: {problem or 'it cannot be read'}"


def empty_manifest() -> str:
    """There is nothing in it."""
    return "it is empty: write the object as YAML"


def several_documents(number: int) -> str:
    """It holds more than one object."""
    return f"it holds {number} documents: give each an action of its own"


def not_an_object() -> str:
    """It is a list, or a mere text."""
    return "it is not an object: write apiVersion, kind, metadata and what the kind needs"


def no_text(field: str) -> str:
    """A field that every object has is missing."""
    return f"it has no {field}: write one, as text"


def no_object_name() -> str:
    """It has no name."""
    return "it has no metadata.name: write one, as text (generateName is not enough to undo it)"


def not_text(field: str) -> str:
    """YAML took a word for a number or a boolean."""
    return f"its {field} is not text: put it in quotes"


def not_a_mapping(field: str) -> str:
    """Annotations or labels that are a list, or a mere text."""
    return f"its {field} is not a mapping: write names and texts"


def key_twice(key: str, line: int) -> str:
    """One of two values would be lost."""
    return f'the key "{key}" stands twice in one mapping (line {line})'


def too_deep(levels: int) -> str:
    """It is nested beyond what is read."""
    return f"it is nested more than {levels} levels deep: make it flatter"


def too_many_values(number: int) -> str:
    """Aliases of aliases make it too large."""
    return f"it holds more than {number} values: aliases that repeat themselves are not allowed"


def not_a_number(value: float) -> str:
    """Infinity and its like."""
    return f"{value} is not a number that JSON knows: put it in quotes"


def strange_value(kind: type) -> str:
    """A value that only YAML knows."""
    return f"it holds a value of type {kind.__name__}: put it in quotes"


def strange_key(kind: type) -> str:
    """A key that is no text."""
    return f"it holds a key of type {kind.__name__}: keys are text"


def no_object(action: str, action_type: ActionType) -> str:
    """The action makes no object at all."""
    return f"action {action} of type {action_type.value} has no object"
