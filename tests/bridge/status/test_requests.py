"""A person's request: which one the annotations make, what it is about, and what becomes of it."""

from datetime import UTC, datetime, timedelta

import pytest

from api.execution import ExecutionStatus
from api.nodes import ActionStatus
from api.phases import Phase
from api.reasons import Reason
from api.requests import Pause, RequestState, RequestType
from bridge.status import requests
from planning.definitions import identifiers
from planning.messages import requests as messages
from tests.planning.builders import stage, workflow

ROOT = "revert/default/back/uid"
NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
PREFIX = "dr.bkbcs.tencent.com/request"


def action(name: str, reason: Reason | None = None) -> ActionStatus:
    return ActionStatus(name=name, phase=Phase.RUNNING, reason=reason)


def running(*actions: ActionStatus) -> ExecutionStatus:
    node = workflow("w", *actions).model_copy(update={"phase": Phase.RUNNING})
    tree = stage("s", node).model_copy(update={"phase": Phase.RUNNING})
    return ExecutionStatus(phase=Phase.RUNNING, stage_statuses=[tree])


WAITING = running(action("a", Reason.AWAITING_DECISION), action("b"), action("c", Reason.AWAITING_DECISION))
ONE_WAITS = running(action("a", Reason.AWAITING_DECISION), action("b"))


def annotations(request: str = "retry", **more: str) -> dict[str, str]:
    fields = {"id": "1", "by": "alice", **more}
    return {PREFIX: request} | {f"{PREFIX}-{name}": value for name, value in fields.items() if value}


def judged(status: ExecutionStatus, written: dict[str, str]) -> requests.Passable | str:
    request = requests.current(status, written, NOW)
    assert request is not None
    return requests.passable(request, written, status, ROOT)


def test_a_decision_goes_to_the_workflow_of_the_action_that_waits() -> None:
    passable = judged(WAITING, annotations(target="s/w/c", timeout="30s", reason="mended"))
    assert isinstance(passable, requests.Passable)
    stage_id = identifiers.stage_id(ROOT, 0, "s")
    assert passable.workflow_id == identifiers.workflow_id(stage_id, 0, "w")
    sent = passable.request
    assert (sent.type, sent.action, sent.by) == (RequestType.RETRY, 2, "alice")
    assert (sent.timeout, sent.reason) == ("30s", "mended")


@pytest.mark.parametrize("kind", ["pause", "approve", "retry", "dance"])
def test_a_preview_takes_no_request(kind: str) -> None:
    request = requests.current(ONE_WAITS, annotations(kind), NOW)
    assert request is not None
    assert requests.passable(request, annotations(kind), ONE_WAITS, ROOT, preview=True) == messages.OF_PREVIEW


def test_one_that_waits_alone_need_not_be_named() -> None:
    passable = judged(ONE_WAITS, annotations("abort"))
    assert isinstance(passable, requests.Passable)
    assert passable.request.action == 0


def test_a_pause_goes_to_the_root() -> None:
    passable = judged(ONE_WAITS, annotations("pause"))
    assert isinstance(passable, requests.Passable)
    assert (passable.workflow_id, passable.request.action) == (ROOT, None)


@pytest.mark.parametrize(
    ("status", "written", "why"),
    [
        (WAITING, annotations(), "several actions wait for a decision"),
        (WAITING, annotations(target="s/w/b"), "s/w/b waits for no decision; waiting: s/w/a, s/w/c"),
        (running(action("b")), annotations(), "no action waits for a decision"),
        (ONE_WAITS, annotations("undo"), 'unsupported value "Undo"'),
        (ONE_WAITS, annotations(""), "unsupported value"),
        (ONE_WAITS, annotations("skip"), "skip needs a reason"),
        (ONE_WAITS, annotations("done", reason=""), "done needs a reason"),
        (ONE_WAITS, annotations(by=""), "request-by is missing"),
        (ONE_WAITS, annotations(id=""), "request-id is missing"),
        (ONE_WAITS, annotations(timeout="soon"), '"soon" is not a duration'),
        (ONE_WAITS, annotations("skip", reason="x", timeout="3s"), "skip takes no request-timeout"),
        (ONE_WAITS, annotations("pause", target="s/w/a"), "pause takes no request-target"),
        (ONE_WAITS, annotations("skip", reason="x" * 501), "request-reason has more than 500 characters"),
        (ONE_WAITS, annotations(by="x" * 100_000), "request-by has more than 500 characters"),
    ],
)
def test_what_cannot_be_carried_out_says_why(status: ExecutionStatus, written: dict[str, str], why: str) -> None:
    answer = judged(status, written)
    assert isinstance(answer, str)
    assert why in answer
    assert len(answer) < 1100


def test_a_request_is_carried_out_once_and_the_next_one_needs_another_id() -> None:
    request = requests.current(WAITING, annotations(), NOW)
    assert request is not None
    status = requests.recorded(WAITING, requests.accepted(request, NOW))
    assert requests.current(status, annotations("abort"), NOW) is None
    other = requests.current(status, annotations("abort", id="2"), NOW)
    assert other is not None
    assert (other.type, other.state) == ("Abort", RequestState.REQUESTED)


def test_one_that_nobody_answered_stays_requested_and_keeps_its_time() -> None:
    request = requests.current(WAITING, annotations(), NOW)
    assert request is not None
    status = requests.recorded(WAITING, request)
    again = requests.current(status, annotations(), NOW + timedelta(minutes=1))
    assert again == request


def test_a_pause_is_effective_once_nothing_runs_any_more() -> None:
    request = requests.current(WAITING, annotations("pause"), NOW)
    assert request is not None
    accepted = requests.accepted(request, NOW)
    assert accepted.state is RequestState.ACCEPTED
    paused = {"paused": Pause(by="alice", since=NOW)}
    working = requests.recorded(WAITING.model_copy(update=paused), accepted)
    assert requests.followed(working, NOW) == working
    still = working.model_copy(update={"stage_statuses": running(action("a", Reason.AWAITING_DECISION)).stages})
    (followed,) = requests.followed(still, NOW).requests or []
    assert (followed.state, followed.effective_at) == (RequestState.EFFECTIVE, NOW)


def test_what_is_possible_is_listed() -> None:
    listed = [
        (each.target, [*each.requests])
        for each in requests.allowed_actions(WAITING, requests.waiting_actions(WAITING, ROOT))
    ]
    decisions = [RequestType.RETRY, RequestType.SKIP, RequestType.DONE, RequestType.ABORT]
    assert listed == [("s/w/a", decisions), ("s/w/c", decisions), (None, [RequestType.PAUSE])]
    paused = WAITING.model_copy(update={"paused": Pause(since=NOW)})
    assert requests.allowed_actions(paused, requests.waiting_actions(paused, ROOT))[-1].requests == [RequestType.RESUME]


def test_at_the_end_open_requests_came_too_late_and_nothing_is_possible() -> None:
    request = requests.current(WAITING, annotations("pause"), NOW)
    assert request is not None
    (last,) = requests.ended(requests.recorded(WAITING, request)).requests or []
    assert (last.state, last.message) == (RequestState.REFUSED, "the execution had ended before")


def test_only_the_newest_requests_are_kept() -> None:
    status = WAITING
    for number in range(30):
        request = requests.current(status, annotations(id=str(number)), NOW)
        assert request is not None
        status = requests.recorded(status, requests.refused(request, "no"))
    assert [each.id for each in status.requests or []] == [str(number) for number in range(10, 30)]


def test_an_approval_goes_to_the_root_with_the_place_of_the_stage() -> None:
    first, second = running(action("a")).stages[0], stage("t", workflow("w", action("b")))
    waits = second.model_copy(update={"phase": Phase.PENDING, "reason": Reason.AWAITING_APPROVAL})
    status = ExecutionStatus(phase=Phase.RUNNING, stage_statuses=[first, waits])
    passable = judged(status, annotations("approve", group="leads"))
    assert isinstance(passable, requests.Passable)
    assert (passable.workflow_id, passable.request.stage, passable.request.group) == (ROOT, 1, "leads")
    assert judged(status, annotations("approve", target="s")) == "stage s waits for no approval; waiting: t"
    assert judged(ONE_WAITS, annotations("approve")) == "no stage waits for approval"
    assert requests.waiting_for_people(status, requests.waiting_actions(status, ROOT)) == ["t"]
