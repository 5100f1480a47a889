"""The actions that a Revert carries out: an action's own rollback, and the rollback hooks of a DRWorkflow.

Source: docs/spec/drworkflow.md, "rollback"; docs/spec/drplanexecution.md, "What undoes an action".
"""

from enum import StrEnum

from pydantic import ValidationError

from api.actions import Action, HookCleanup
from api.phases import Operation
from planning.definitions.action_types import CREATING, row_of
from planning.definitions.field_errors import FieldError, below, model_errors


class CustomRollbackError(ValueError):
    """An action's `rollback` does not have the form of an action."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error.path}: {error.message}" for error in errors))
        self.errors = errors
        """Paths are relative to the action."""


class RollbackHook(StrEnum):
    """Values of `hookType` with which an action belongs to the rollback of its DRWorkflow."""

    PRE = "pre-rollback"
    """Carried out before the first rollback."""
    POST = "post-rollback"
    """Carried out after the last rollback."""


def rollback_of(action: Action) -> Action | None:
    """Return an action's own rollback as an action; None where it has none.

    Name and type are those of the action unless the rollback sets its own. Raises CustomRollbackError.
    """
    if action.rollback is None:
        return None
    body = {key: value for key, value in action.rollback.items() if value not in (None, "")}
    try:
        return Action.model_validate({"name": action.name, "type": action.type, **body})
    except ValidationError as error:
        raise CustomRollbackError(list(below("rollback", model_errors(error)))) from None


def rollback_hook(action: Action) -> RollbackHook | None:
    """Return which rollback hook an action is; None where it is none."""
    return next((hook for hook in RollbackHook if hook == action.hook_type), None)


def cleanup_of(action: Action, operation: Operation) -> HookCleanup:
    """Return when the action's object is removed; never, where type or operation do not support it."""
    supported = row_of(action).own_cleanup and operation in CREATING
    return (action.hook_cleanup if supported else None) or HookCleanup()
