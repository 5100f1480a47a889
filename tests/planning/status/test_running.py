"""The message of a running execution leads to the deepest part that is at work."""

import pytest

from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.reasons import Reason
from planning.messages.text import MESSAGE_BOUND
from planning.status.running import current_part
from tests.planning.builders import stage, workflow


def action(name: str, phase: Phase, message: str | None = None, reason: Reason | None = None) -> ActionStatus:
    return ActionStatus(name=name, phase=phase, message=message, reason=reason)


def busy(name: str, *actions: ActionStatus) -> WorkflowExecutionStatus:
    return workflow(name, *actions, phase=Phase.RUNNING)


def running(*workflows: WorkflowExecutionStatus) -> list[StageStatus]:
    before = stage("before", workflow("done", action("a", Phase.SUCCEEDED)))
    after = stage("after", workflow("later", action("a", Phase.PENDING), phase=Phase.PENDING), phase=Phase.PENDING)
    return [before, stage("sites", *workflows, phase=Phase.RUNNING), after]


RETRYING = action("gate", Phase.RUNNING, "Retrying (23 of 1000): no answer", Reason.RETRYING)
WAITING = action("job", Phase.RUNNING, "Waiting for Job shop/job to finish")
SILENT = action("create", Phase.RUNNING)
DONE = workflow("done", action("a", Phase.SUCCEEDED))


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (running(busy("shop-east", RETRYING)), "stage sites / shop-east / gate: Retrying (23 of 1000): no answer"),
        (running(busy("shop-east", SILENT)), "stage sites / shop-east / create: running"),
        (running(busy("a", SILENT), busy("b", SILENT), DONE), "stage sites: 2 of 3 workflows running"),
        (
            running(busy("a", WAITING), busy("b", RETRYING), DONE),
            "stage sites: 2 of 3 workflows running; stage sites / b / gate: Retrying (23 of 1000): no answer",
        ),
        (
            running(busy("a", SILENT, WAITING, action("next", Phase.PENDING))),
            "stage sites / a: 2 of 3 actions running; stage sites / a / job: Waiting for Job shop/job to finish",
        ),
        (running(busy("a", action("x", Phase.SUCCEEDED))), "stage sites / a: 1 of 1 action ended"),
        (running(DONE), "stage sites: 1 of 1 workflow ended"),
        ([stage("one", DONE)], "1 of 1 stage ended"),
    ],
)
def test_the_deepest_part_at_work_says_what_it_does(stages: list[StageStatus], message: str) -> None:
    assert current_part(stages) == message


def test_a_pause_by_a_person_is_named_before_anything_else() -> None:
    paused = action("held", Phase.RUNNING, "Paused in Temporal", Reason.PAUSED)
    now = current_part(running(busy("a", RETRYING), busy("b", paused)))
    assert now.endswith("stage sites / b / held: Paused in Temporal")


def test_it_keeps_within_the_bound() -> None:
    long = action("gate", Phase.RUNNING, "x" * 5000)
    assert len(current_part(running(busy("a", long), busy("b", long))).encode()) <= MESSAGE_BOUND
