"""What is wrong with an action once its values are filled in, and could not be seen before.

Source: docs/spec/drworkflow.md, "Errors".
"""

from collections.abc import Collection, Iterator

from api.actions import Action
from planning.definitions.action_types import filled, templates_of
from planning.definitions.rollback import CustomRollbackError, rollback_of
from planning.validation_actions import Finding, body_faults
from planning.values.placeholders import (
    Placeholder,
    PlaceholderKind,
    TemplateError,
    Values,
    placeholders,
    render_value,
    texts,
)


def value_faults(action: Action, values: Values, secret: Collection[str]) -> Iterator[Finding]:
    """Judge an action and its rollback with their values; paths are those below the action.

    What uses outputs can be judged only when its turn comes, and so is what uses a parameter that is
    `secret`: no sentence may show what its value did.
    """
    yield from _body_faults(action, values, secret)
    try:
        rollback = rollback_of(action)
    except CustomRollbackError:
        return
    if rollback is not None:
        yield from ((f"rollback.{path}", message) for path, message in _body_faults(rollback, values, secret))


def _body_faults(action: Action, values: Values, secret: Collection[str]) -> Iterator[Finding]:
    used = list(_placeholders(action))
    if not used or any(_is_open(one, secret) for one in used):
        return
    try:
        whole = filled(action, lambda value, path: render_value(value, values, path))
    except TemplateError as error:
        yield error.path, error.reason
        return
    yield from body_faults(whole)


def _placeholders(action: Action) -> Iterator[Placeholder]:
    for path, value in templates_of(action).items():
        for _, text in texts(value, path):
            yield from placeholders(text)


def _is_open(found: Placeholder, secret: Collection[str]) -> bool:
    return found.kind is PlaceholderKind.OUTPUTS or (found.kind is PlaceholderKind.PARAMS and found.name in secret)
