"""What is wrong with the placeholders of a DRWorkflow, and which parameters its actions use.

Source: docs/spec/drworkflow.md, "Templates".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from api.actions import Action
from api.execution import ActionOutputs
from api.meta import Model
from api.phases import Mode
from api.workflow import DRWorkflow
from planning.definitions.action_list import as_executed, deletion_of, is_taken_down
from planning.definitions.action_types import KINDS, kind_of, templates_of
from planning.definitions.rollback import CustomRollbackError, rollback_hook, rollback_of
from planning.definitions.when import WhenError, modes
from planning.messages import fields as field_messages
from planning.values.placeholders import Placeholder, PlaceholderKind, placeholders, texts

Finding = tuple[str, str]


@dataclass(frozen=True)
class Use:
    """A placeholder, where it stands."""

    place: int
    """Of its action, in the DRWorkflow."""
    path: str
    placeholder: Placeholder
    in_rollback: bool


def uses(actions: Sequence[Action]) -> Iterator[Use]:
    """Give every placeholder of a list of actions and of their rollbacks, in the order of the actions."""
    return _uses(enumerate(actions))


def uses_in(dr_workflow: DRWorkflow, mode: Mode | None) -> Iterator[Use]:
    """Give the placeholders of what is carried out in a mode: what it passes over needs no values."""
    planned = as_executed(dr_workflow, mode)
    return _uses((each.index, each.action) for each in planned if mode is None or mode in _modes(each.action))


def _uses(actions: Iterable[tuple[int, Action]]) -> Iterator[Use]:
    for place, action in actions:
        for path, found in _found(action):
            yield Use(place, f"spec.actions[{place}].{path}", found, in_rollback=False)
        for path, found in _found(_rollback(action)):
            yield Use(place, f"spec.actions[{place}].rollback.{path}", found, in_rollback=True)


def _rollback(action: Action) -> Action | None:
    try:
        return rollback_of(action)
    except CustomRollbackError:
        return None


def _found(action: Action | None) -> Iterator[tuple[str, Placeholder]]:
    for root, value in templates_of(action).items() if action else ():
        for path, text in texts(value, root):
            yield from ((path, found) for found in placeholders(text))


def template_faults(actions: Sequence[Action]) -> Iterator[Finding]:
    """Find placeholders that name nothing, or outputs that are not there when the action's turn comes.

    Whether a parameter has a value only the plan and the execution can tell.
    """
    before = Before(actions)
    for use in dict.fromkeys(uses(actions)):
        match use.placeholder.kind:
            case PlaceholderKind.UNKNOWN:
                yield use.path, field_messages.unknown_template(use.placeholder.text)
            case PlaceholderKind.OUTPUTS:
                message = _output_fault(use, before)
                if message:
                    yield use.path, message
            case PlaceholderKind.PARAMS | PlaceholderKind.PLAN_NAME:
                pass


def mode_faults(actions: Sequence[Action], mode: Mode) -> Iterator[Finding]:
    """Find outputs of actions that a mode passes over, used by actions that it does not."""
    if is_taken_down(actions, mode):
        yield from _deletion_faults(actions)
        return
    passed_over = frozenset(action.name for action in actions if mode not in _modes(action))
    for use in dict.fromkeys(uses(actions)) if passed_over else ():
        of_outputs = use.placeholder.kind is PlaceholderKind.OUTPUTS and not use.in_rollback
        if of_outputs and use.placeholder.name in passed_over and mode in _modes(actions[use.place]):
            yield use.path, field_messages.outputs_passed_over(use.placeholder.name, mode)


def _deletion_faults(actions: Sequence[Action]) -> Iterator[Finding]:
    """Find deletions whose object is named by outputs: where nothing is carried out there are none."""
    for place, action in enumerate(actions):
        used = [found for _, found in _found(deletion_of(action)) if found.kind is PlaceholderKind.OUTPUTS]
        for name in dict.fromkeys(found.name for found in used):
            yield f"spec.actions[{place}].{kind_of(action).field}", field_messages.outputs_in_deletion(name)


def _modes(action: Action) -> frozenset[Mode]:
    try:
        return modes(action.when or "")
    except WhenError:
        return frozenset(Mode)


class Before:
    """Which actions of a list have certainly ended when another begins."""

    def __init__(self, actions: Sequence[Action]) -> None:
        self.actions = actions
        self._ordered = any(action.depends_on for action in actions)

    @cached_property
    def places(self) -> dict[str, int]:
        """The first action of each name."""
        return {action.name: place for place, action in reversed(list(enumerate(self.actions)))}

    def certainly(self, name: str, place: int) -> bool:
        """Tell whether the action of that name ends before the one at `place` begins."""
        if not self._ordered:
            return self.places[name] < place
        seen: set[str] = set()
        waiting = list(self.actions[place].depends_on or [])
        while waiting:
            needed = waiting.pop()
            if needed == name:
                return True
            if needed not in seen and needed in self.places:
                seen.add(needed)
                waiting += self.actions[self.places[needed]].depends_on or []
        return False


def _output_fault(use: Use, before: Before) -> str | None:
    """Say why outputs are not there; None where they can be. A Revert has the records of all actions."""
    name, action = use.placeholder.name, before.actions[use.place]
    if name not in before.places:
        return field_messages.undefined_outputs(name)
    reverting = use.in_rollback or (rollback_hook(action) is not None and _modes(action) == {Mode.ROLLBACK})
    if not reverting and not before.certainly(name, use.place):
        return field_messages.outputs_too_late(name)
    fields = KINDS[before.actions[before.places[name]].type].outputs
    return (
        None if _is_output(fields, use.placeholder.rest) else field_messages.missing_output(name, use.placeholder.rest)
    )


def _is_output(fields: Sequence[str], path: str) -> bool:
    """Tell whether a path leads to something that a record can hold, as far as its models say."""
    first, *rest = path.split(".")
    if first == "phase":
        return not rest
    field = next((name for name in fields if _alias(ActionOutputs, name) == first), None)
    return field is not None and _leads(ActionOutputs.model_fields[field].annotation, rest)


def _leads(annotation: Any, parts: Sequence[str]) -> bool:
    """Tell whether parts lead on from a value of this type: through models by field, through lists by number."""
    if not parts:
        return True
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, Model):
            field = next((name for name in kind.model_fields if _alias(kind, name) == parts[0]), None)
            return field is not None and _leads(kind.model_fields[field].annotation, parts[1:])
        if parts[0].isdigit() and getattr(kind, "__origin__", None) is list:
            return _leads(get_args(kind)[0], parts[1:])
    return False


def _alias(model: type[Model], name: str) -> str:
    return model.model_fields[name].alias or name
