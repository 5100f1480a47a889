"""Validate the placeholders of a DRWorkflow, and find the parameters that its actions use.

Source: docs/spec/drworkflow.md, "Templates".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from api.actions import Action
from api.meta import Model, alias
from api.nodes import ActionOutputs
from api.phases import Mode
from api.workflow import DRWorkflow
from planning.definitions.action_list import as_executed, deletion_of, is_inverted, rollback_hook
from planning.definitions.action_types import row_of
from planning.definitions.field_errors import FieldError
from planning.definitions.when import WhenError, modes
from planning.messages import parameters as parameter_messages
from planning.validation.actions import rollback_or_none
from planning.values.placeholders import Placeholder, PlaceholderKind, names_used, placeholders_of


@dataclass(frozen=True)
class Use:
    """A placeholder at its place in a DRWorkflow."""

    index: int
    """Position of its action."""
    path: str
    placeholder: Placeholder
    in_rollback: bool


def uses_in(dr_workflow: DRWorkflow, mode: Mode | None) -> Iterator[Use]:
    """Yield the placeholders of the actions that run in a mode: an action that is skipped needs no values."""
    planned = as_executed(dr_workflow, mode)
    return _uses((each.index, each.action) for each in planned if mode is None or mode in _modes(each.action))


def _uses(actions: Iterable[tuple[int, Action]]) -> Iterator[Use]:
    """Yield every placeholder of actions and of their rollbacks."""
    for index, action in actions:
        for path, placeholder in placeholders_of(action):
            yield Use(index, f"spec.actions[{index}].{path}", placeholder, in_rollback=False)
        for path, placeholder in placeholders_of(rollback_or_none(action)):
            yield Use(index, f"spec.actions[{index}].rollback.{path}", placeholder, in_rollback=True)


def _modes(action: Action) -> frozenset[Mode]:
    """Return the modes in which an action runs: all where its condition is invalid, which is reported elsewhere."""
    try:
        return modes(action.when)
    except WhenError:
        return frozenset(Mode)


def template_errors(actions: Sequence[Action]) -> Iterator[FieldError]:
    """Find placeholders that name nothing, or outputs that do not exist when the action's turn comes.

    Whether a parameter has a value depends on the plan and the execution.
    """
    order = _Order(actions)
    for use in dict.fromkeys(_uses(enumerate(actions))):
        if use.placeholder.kind is PlaceholderKind.UNKNOWN:
            yield FieldError(use.path, parameter_messages.unknown_template(use.placeholder.text, use.placeholder.meant))
        elif use.placeholder.kind is PlaceholderKind.OUTPUTS and (message := _output_error(use, order)):
            yield FieldError(use.path, message)


def _output_error(use: Use, order: "_Order") -> str | None:
    """Return why outputs do not exist; None where they can. A Revert has the records of all actions."""
    name, action = use.placeholder.name, order.actions[use.index]
    if name not in order.indexes:
        return parameter_messages.undefined_outputs(name)
    reverting = use.in_rollback or (rollback_hook(action) is not None and _modes(action) == {Mode.ROLLBACK})
    if not reverting and not order.certainly_before(name, use.index):
        return parameter_messages.outputs_too_late(name)
    if not _is_output(row_of(order.actions[order.indexes[name]]).outputs, use.placeholder.rest):
        return parameter_messages.missing_output(name, use.placeholder.rest)
    return None


class _Order:
    """Which actions of a list have certainly ended when another one starts."""

    def __init__(self, actions: Sequence[Action]) -> None:
        self.actions = actions
        self._by_dependency = any(action.depends_on for action in actions)

    @cached_property
    def indexes(self) -> dict[str, int]:
        """The first action of each name."""
        return {action.name: index for index, action in reversed(list(enumerate(self.actions)))}

    def certainly_before(self, name: str, index: int) -> bool:
        """Tell whether the action of that name ends before the one at `index` starts."""
        if not self._by_dependency:
            return self.indexes[name] < index
        seen: set[str] = set()
        waiting = list(self.actions[index].depends_on or [])
        while waiting:
            needed = waiting.pop()
            if needed == name:
                return True
            if needed not in seen and needed in self.indexes:
                seen.add(needed)
                waiting += self.actions[self.indexes[needed]].depends_on or []
        return False


def _is_output(fields: Sequence[str], path: str) -> bool:
    """Tell whether a path leads to something that a record can hold, according to its models."""
    first, *rest = path.split(".")
    if first == "phase":
        return not rest
    field = next((name for name in fields if alias(ActionOutputs, name) == first), None)
    return field is not None and _exists(ActionOutputs.model_fields[field].annotation, rest)


def _exists(annotation: Any, parts: Sequence[str]) -> bool:
    """Tell whether a path exists below a value of this type: fields of models, numbers in lists."""
    if not parts:
        return True
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, Model):
            field = next((name for name in kind.model_fields if alias(kind, name) == parts[0]), None)
            return field is not None and _exists(kind.model_fields[field].annotation, parts[1:])
        if parts[0].isdigit() and getattr(kind, "__origin__", None) is list:
            return _exists(get_args(kind)[0], parts[1:])
    return False


def outputs_in_mode_errors(actions: Sequence[Action], mode: Mode) -> Iterator[FieldError]:
    """Find outputs of actions that a mode skips, used by actions that it runs."""
    if is_inverted(actions, mode):
        for index, action in enumerate(actions):
            deletion = deletion_of(action)
            for name in names_used(deletion, PlaceholderKind.OUTPUTS) if deletion else ():
                path = f"spec.actions[{index}].{row_of(action).field}"
                yield FieldError(path, parameter_messages.outputs_in_deletion(name))
        return
    skipped = frozenset(action.name for action in actions if mode not in _modes(action))
    for use in dict.fromkeys(_uses(enumerate(actions))) if skipped else ():
        of_skipped = use.placeholder.kind is PlaceholderKind.OUTPUTS and use.placeholder.name in skipped
        if of_skipped and not use.in_rollback and mode in _modes(actions[use.index]):
            yield FieldError(use.path, parameter_messages.outputs_passed_over(use.placeholder.name, mode))
