"""Of a decision that is made again only the action that was asked for is used, if it still is where it was."""

from typing import Any

import pytest

from api.decisions import RedecisionInput, RevertPlace
from api.meta import ObjectName
from planning.revert.redecision import action_again
from tests.planning.snapshot.test_decision import custom, decided, deletion

DECISION = decided([deletion("a"), custom("b")], [deletion("c")])
WANTED = RedecisionInput(
    place=RevertPlace(stage="s", workflow=0), dr_workflow=ObjectName(name="w0", namespace="team-a"), index=1, action="1"
)


def test_it_is_the_action_at_the_place_and_nothing_else_of_the_decision_is_stored() -> None:
    again = action_again(DECISION, WANTED)
    assert again is not None
    assert (again.node.name, again.step) == ("1", custom("b"))
    assert again.origin is not None
    assert (again.origin.stage, again.origin.workflow) == ("s", 1)
    assert again.decision.steps == [[[None, custom("b")], [None]]]


@pytest.mark.parametrize(
    "changes",
    [
        {"place": RevertPlace(stage="other", workflow=0)},
        {"place": RevertPlace(stage="s", workflow=2)},
        {"place": RevertPlace(stage="s", workflow=1)},
        {"index": 2},
        {"action": "other"},
    ],
)
def test_an_action_that_is_no_longer_there_is_none(changes: dict[str, Any]) -> None:
    assert action_again(DECISION, WANTED.model_copy(update=changes)) is None
