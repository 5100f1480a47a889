"""`cleanup_of`: where a definition's hookCleanup means something."""

import pytest

from api.actions import Action, HookCleanup
from api.phases import ActionType, Operation
from planning.definitions.action_list import cleanup_of
from planning.definitions.action_types import ACTION_TYPES

ASKED = HookCleanup(before_create=True, on_success=True, on_failure=True)
NEVER = HookCleanup()
MAKES = (Operation.CREATE, Operation.APPLY, Operation.REPLACE)


def of(action_type: ActionType, operation: Operation, asked: HookCleanup | None = ASKED) -> HookCleanup:
    return cleanup_of(Action(name="hook", type=action_type, hook_cleanup=asked), operation)


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("action_type", ActionType)
def test_only_what_makes_an_object_of_a_clusternet_kind_is_cleaned_up(
    action_type: ActionType, operation: Operation
) -> None:
    expected = ASKED if ACTION_TYPES[action_type].own_cleanup and operation in MAKES else NEVER
    assert of(action_type, operation) == expected


def test_what_asks_for_nothing_is_never_cleaned_up() -> None:
    assert of(ActionType.SUBSCRIPTION, Operation.CREATE, None) == NEVER
