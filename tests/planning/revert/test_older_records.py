"""What a record without `reason` and `rolledBackBy` is taken to say, by the messages that version 0.1 wrote."""

import pytest

from api.nodes import ActionStatus
from api.phases import ActionType, Phase
from api.reasons import Reason
from planning.messages import tree as tree_messages
from planning.revert.older_records import with_reasons
from tests.planning.builders import config_map, execute, stage, workflow

APP = config_map("app")


def as_read(record: ActionStatus) -> ActionStatus:
    """Return a record as it is after its execution was read."""
    status = with_reasons(execute(stage("s", workflow("w", record)))).status
    assert status.stage_statuses is not None
    return status.stage_statuses[0].workflows[0].actions[0]


def record(phase: Phase, message: str | None) -> ActionStatus:
    return ActionStatus(name="a", type=ActionType.KUBERNETES_RESOURCE, phase=phase, message=message)


@pytest.mark.parametrize(
    ("phase", "message", "reason", "rolled_back_by"),
    [
        (Phase.SKIPPED, tree_messages.already_rolled_back(["a", "b"]).message, Reason.ALREADY_ROLLED_BACK, ["a", "b"]),
        (Phase.SKIPPED, tree_messages.already_absent(APP).message, Reason.ALREADY_ABSENT, None),
        (Phase.SKIPPED, None, None, None),
        (
            Phase.SKIPPED,
            f"{tree_messages.already_rolled_back(['r1']).message}; {tree_messages.already_absent(APP).message}",
            Reason.ALREADY_ABSENT,
            ["r1"],
        ),
        (Phase.SKIPPED, "Already rolled back by r1, and 7 more", Reason.ALREADY_ROLLED_BACK, ["r1"]),
        (Phase.FAILED, "Outcome unknown: the connection broke", Reason.OUTCOME_UNKNOWN, None),
        (Phase.SUCCEEDED, "Already rolled back by r1", None, None),
    ],
)
def test_a_record_of_version_0_1_is_read_by_its_message(
    phase: Phase, message: str | None, reason: Reason | None, rolled_back_by: list[str] | None
) -> None:
    read = as_read(record(phase, message))
    assert (read.reason, read.rolled_back_by) == (reason, rolled_back_by)


def test_a_record_that_says_its_reason_is_left_as_it_is() -> None:
    own = record(Phase.SKIPPED, "Already rolled back by r1").model_copy(update={"reason": Reason.ALREADY_ABSENT})
    assert as_read(own) == own
