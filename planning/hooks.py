"""What a definition says about the removal of its own object, as far as it means anything.

Source: docs/spec/drworkflow.md, "hookCleanup".
"""

from api.actions import Action, HookCleanup
from api.phases import Operation
from planning.kinds import kind_of

_MAKES = (Operation.CREATE, Operation.APPLY, Operation.REPLACE)
"""Operations that can make an object; of what only others made nothing is removed."""


def cleanup_of(action: Action, operation: Operation) -> HookCleanup:
    """Give when the action's object is removed; never, where type or operation know of no such thing."""
    asked = action.hook_cleanup if kind_of(action).own_cleanup and operation in _MAKES else None
    return asked or HookCleanup()
