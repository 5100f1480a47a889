"""What is wrong with a file of objects, before their meaning is judged: sentences of `drplan validate`.

Source: docs/spec/drplan.md, "Before anything is applied".
"""

from collections.abc import Sequence


def unknown_field() -> str:
    """A field that no definition has; kubectl would refuse it too."""
    return "there is no such field; correct its name or take it out"


def missing_field() -> str:
    """A field that must be there."""
    return "is missing; write it"


def wrong_kind_of_value(wanted: str) -> str:
    """A text where a list belongs, and the like; `wanted` is a word of the schema."""
    words = {"object": "a mapping of fields", "array": "a list", "string": "a text; put it in quotes"}
    words |= {"integer": "a whole number", "boolean": "true or false", "number": "a number"}
    return f"this is not {words.get(wanted, wanted)}"


def not_one_of(value: str, known: Sequence[str]) -> str:
    """A word that the field does not know."""
    return f'"{value}" is not known here; write {_either([word for word in known if word])}'


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def too_few() -> str:
    """An empty list or text where something must stand."""
    return "is empty; write at least one"


def other_version(version: str, ours: str) -> str:
    """An object of another version of our group."""
    return f'"{version}" is not a version that this release knows; write {ours}'


def unknown_kind(kind: str, known: Sequence[str]) -> str:
    """An object of our group, and of no kind that it has."""
    return f'there is no kind "{kind}"; write {_either(known)}'


def without_name() -> str:
    """An object without a name."""
    return "is missing; write the object's name"


def stands_twice(elsewhere: str) -> str:
    """An object that a file before this one, or the same, has already."""
    return f"this object stands in {elsewhere} as well; take one of them out"


def not_here(subject: str) -> str:
    """A reference that leads out of the files."""
    return f"{subject} is not in these files, not checked"


def no_plan() -> str:
    """An execution of nothing."""
    return "is empty; write the DRPlan's name"


def no_original() -> str:
    """A Revert without an original."""
    return "is missing; name the execution to take back"


def not_an_execute(name: str) -> str:
    """A Revert of a Revert."""
    return f"DRPlanExecution {name} is a Revert; name an Execute"


def other_plan(name: str, theirs: str) -> str:
    """A Revert of an execution of another plan."""
    return f"DRPlanExecution {name} is of DRPlan {theirs}; write that plan into spec.planRef"


def nothing_found() -> str:
    """No object of ours stands in the files."""
    return "There is no DRPlan, DRWorkflow or DRPlanExecution in these files: nothing was checked"


def verdict(objects: int, errors: int) -> str:
    """The last line."""
    of = f"{objects} object{'' if objects == 1 else 's'}"
    return f"{errors} error{'' if errors == 1 else 's'} in {of}" if errors else f"{of}, no errors"
