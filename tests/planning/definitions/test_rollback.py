"""The open `rollback` of an action is read as an action of its own."""

import pytest

from api.phases import ActionType
from planning.definitions.action_list import CustomRollbackError, RollbackHook, rollback_hook, rollback_of
from tests.planning.builders import action, manifest


def test_without_a_rollback_there_is_none() -> None:
    assert rollback_of(action(manifest("app"))) is None


def test_it_is_of_its_own_type_with_its_own_timeout() -> None:
    body = {"type": "HTTP", "timeout": "7s", "http": {"url": "http://x"}}
    found = rollback_of(action(manifest("app", action="a", rollback=body)))
    assert found is not None
    assert (found.name, found.type, found.timeout, found.wait_ready) == ("a", ActionType.HTTP, "7s", False)


def test_name_and_type_are_the_actions_unless_it_says_its_own() -> None:
    body = {"name": "", "resource": {"manifest": "x", "operation": "Delete"}}
    found = rollback_of(action(manifest("app", action="a", rollback=body)))
    assert found is not None
    assert (found.name, found.type) == ("a", ActionType.KUBERNETES_RESOURCE)
    named = rollback_of(action(manifest("app", rollback={**body, "name": "undo"})))
    assert named is not None
    assert named.name == "undo"


def test_what_is_wrong_is_told_with_every_field_and_no_value() -> None:
    body = {"type": "HTTP", "http": {"url": 5, "headers": {"Authorization": ["s3cret"]}}}
    with pytest.raises(CustomRollbackError) as caught:
        rollback_of(action(manifest("app", rollback=body)))
    assert [error.path for error in caught.value.errors] == [
        "rollback.http.url",
        "rollback.http.headers.Authorization",
    ]
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("hook_type", "hook"),
    [("pre-rollback", RollbackHook.PRE), ("post-rollback", RollbackHook.POST), ("pre-install", None), ("", None)],
)
def test_only_rollback_hooks_belong_to_a_revert(hook_type: str, hook: RollbackHook | None) -> None:
    assert rollback_hook(action(manifest("app", hookType=hook_type))) is hook
