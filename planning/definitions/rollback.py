"""The actions that a Revert carries out: an action's own rollback, and the rollback hooks of a DRWorkflow.

Source: docs/spec/drworkflow.md, "rollback"; docs/spec/drplanexecution.md, "What undoes an action".
"""

from enum import StrEnum

from pydantic import ValidationError

from api.actions import Action, HookCleanup
from api.phases import Operation
from planning.definitions.action_types import kind_of


class CustomRollbackError(ValueError):
    """An action's `rollback` is no action; `faults` holds every field path below the action, with words."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {words}" for path, words in faults))
        self.faults = faults


class RollbackHook(StrEnum):
    """Values of `hookType` with which an action belongs to the rollback of its DRWorkflow."""

    PRE = "pre-rollback"
    """Carried out before the first rollback."""
    POST = "post-rollback"
    """Carried out after the last rollback."""


def rollback_of(action: Action) -> Action | None:
    """Give an action's own rollback as an action; None where it has none.

    Its name and type are the action's, unless it says its own. Raises CustomRollbackError.
    """
    if action.rollback is None:
        return None
    said = {key: value for key, value in action.rollback.items() if value not in (None, "")}
    try:
        return Action.model_validate({"name": action.name, "type": action.type, **said})
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise CustomRollbackError([(_path(each["loc"]), each["msg"]) for each in found]) from None


def _path(location: tuple[int | str, ...]) -> str:
    """Write a place in the rollback as people know it: `rollback.http.headers`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"rollback{''.join(parts)}"


def rollback_hook(action: Action) -> RollbackHook | None:
    """Tell which hook of a rollback an action is; None where it is none."""
    return next((hook for hook in RollbackHook if hook == action.hook_type), None)


_MAKES = (Operation.CREATE, Operation.APPLY, Operation.REPLACE)
"""Operations that can make an object; of what only others made nothing is removed."""


def cleanup_of(action: Action, operation: Operation) -> HookCleanup:
    """Give when the action's object is removed; never, where type or operation know of no such thing."""
    asked = action.hook_cleanup if kind_of(action).own_cleanup and operation in _MAKES else None
    return asked or HookCleanup()
