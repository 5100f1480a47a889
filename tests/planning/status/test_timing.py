"""Work, waits for people and the wait for the plan are told apart, from the times in the tree alone."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from api.execution import ExecutionStatus
from api.meta import ObjectName, go_duration, parse_duration
from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.requests import Pause
from api.timing import Timing, TimingState, Wait
from planning.status.timing import timing_of

Span = tuple[int, int | None]
ZERO = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)


def at(second: int) -> datetime:
    return ZERO + timedelta(seconds=second)


def waits(*spans: Span) -> list[Wait] | None:
    return [Wait(since=at(since), until=None if until is None else at(until)) for since, until in spans] or None


def action(start: int | None, end: int | None, *decisions: Span) -> ActionStatus:
    return ActionStatus(
        name="a",
        phase=Phase.RUNNING if end is None else Phase.SUCCEEDED,
        start_time=None if start is None else at(start),
        completion_time=None if end is None else at(end),
        waits=waits(*decisions),
    )


def status(
    *workflows: list[ActionStatus], start: int | None = 0, end: int | None = None, approval: tuple[Span, ...] = ()
) -> ExecutionStatus:
    nodes = [
        WorkflowExecutionStatus(workflow_ref=ObjectName(name="w"), phase=Phase.RUNNING, action_statuses=actions)
        for actions in workflows
    ]
    stage = StageStatus(name="s", phase=Phase.RUNNING, workflow_executions=nodes, waits=waits(*approval))
    return ExecutionStatus(
        phase=Phase.RUNNING if end is None else Phase.SUCCEEDED,
        start_time=None if start is None else at(start),
        completion_time=None if end is None else at(end),
        stage_statuses=[stage],
    )


def told(of: ExecutionStatus) -> tuple[str, str, TimingState | None, int | None]:
    timing = timing_of(of)
    assert timing is not None
    since = None if timing.since is None else int((timing.since - ZERO).total_seconds())
    return timing.working, timing.waiting_for_people, timing.current, since


WORKING, PEOPLE, TURN = TimingState


def test_what_nobody_waited_in_is_work() -> None:
    assert told(status([action(0, 5), action(5, 9)], end=10)) == ("10s", "0s", None, None)


def test_the_time_until_a_decision_is_no_work() -> None:
    assert told(status([action(0, 70, (5, 65)), action(70, 75)], end=75)) == ("15s", "1m", None, None)


def test_a_wait_beside_an_action_that_runs_is_work_until_that_ends() -> None:
    parallel = ([action(0, 100, (10, 90))], [action(0, 50), action(50, 60)])
    assert told(status(*parallel, end=100)) == ("1m10s", "30s", None, None)


def test_two_that_wait_at_once_wait_once() -> None:
    assert told(status([action(0, 90, (10, 80))], [action(0, 90, (20, 90))], end=90)) == ("30s", "1m", None, None)


def test_a_pause_counts_once_what_ran_has_ended() -> None:
    paused = status([action(0, 30), action(50, 60)], end=60).model_copy(update={"pauses": waits((10, 50))})
    assert told(paused) == ("40s", "20s", None, None)


def test_an_approval_is_waited_for() -> None:
    assert told(status([action(40, 60)], end=60, approval=((10, 40),))) == ("30s", "30s", None, None)


def test_what_waits_now_is_named_with_its_begin_and_not_counted_yet() -> None:
    waiting = status([action(0, 20, (5, 10)), action(20, None, (30, None))])
    assert told(waiting) == ("25s", "5s", PEOPLE, 30)
    assert timing_of(waiting) == timing_of(waiting), "it does not depend on when it is computed"
    again = status([action(0, 20, (5, 10)), action(20, None, (30, 90))])
    assert told(again) == ("25s", "1m5s", WORKING, 90)
    assert told(status([action(0, None)])) == ("0s", "0s", WORKING, 0)


def test_a_pause_that_goes_on_counts_from_the_end_of_the_last_action() -> None:
    pause = Pause(by="ada", since=at(10))
    runs = status([action(0, None)]).model_copy(update={"paused": pause})
    assert told(runs) == ("0s", "0s", WORKING, 0)
    stopped = status([action(0, 25)]).model_copy(update={"paused": pause})
    assert told(stopped) == ("25s", "0s", PEOPLE, 25)


def test_a_wait_whose_end_nobody_saw_ends_with_the_action() -> None:
    assert told(status([action(0, 40, (10, None))], end=50)) == ("20s", "30s", None, None)


def test_the_wait_for_the_plan_ends_with_the_start() -> None:
    queued = ExecutionStatus(phase=Phase.PENDING, queued_at=at(0))
    assert timing_of(queued) == Timing(current=TURN, since=at(0))
    started = status([action(90, 95)], start=90, end=100).model_copy(update={"queued_at": at(0)})
    assert timing_of(started) == Timing(working="10s", waiting_for_turn="1m30s")
    canceled = queued.model_copy(update={"phase": Phase.CANCELED, "completion_time": at(60)})
    assert timing_of(canceled) == Timing(waiting_for_turn="1m")
    assert timing_of(ExecutionStatus(phase=Phase.PENDING)) is None


def test_what_was_left_out_of_a_large_tree_counts_as_work() -> None:
    large = status([action(0, 30), action(30, 40)], end=100).model_copy(update={"pauses": waits((10, 90))})
    assert told(large) == ("50s", "50s", None, None)
    [stage] = large.stages

    def without(**fields: object) -> ExecutionStatus:
        node = stage.workflows[0].model_copy(update={"start_time": at(0), "completion_time": at(60), **fields})
        return large.model_copy(update={"stage_statuses": [stage.model_copy(update={"workflow_executions": [node]})]})

    assert told(without(action_statuses=[action(None, None), action(30, 40)])) == ("1m10s", "30s", None, None)
    assert told(without(action_statuses=None)) == ("1m10s", "30s", None, None)
    lost = stage.model_copy(update={"workflow_executions": None, "start_time": at(0), "completion_time": at(80)})
    assert told(large.model_copy(update={"stage_statuses": [lost]})) == ("1m30s", "10s", None, None)


@some.composite
def actions(draw: some.DrawFn) -> ActionStatus:
    """An action whose waits lie in it, one after the other."""
    count = draw(some.integers(0, 2))
    start, *times = sorted(draw(some.lists(some.integers(0, 40), min_size=2 + 2 * count, max_size=2 + 2 * count)))
    return action(start, times[-1], *zip(times[0:-1:2], times[1:-1:2], strict=True))


spans = some.tuples(some.integers(0, 40), some.integers(0, 40)).map(lambda pair: (min(pair), max(pair)))


@given(some.lists(some.lists(actions(), max_size=3), max_size=3), some.lists(spans, max_size=2), some.lists(spans))
def test_every_second_counts_once(
    workflows: list[list[ActionStatus]], approval: list[Span], pauses: list[Span]
) -> None:
    whole = status(*workflows, end=40, approval=tuple(approval)).model_copy(update={"pauses": waits(*pauses)})
    everything = [one for workflow in workflows for one in workflow]
    all_waits = [*(waits(*approval, *pauses) or []), *(wait for one in everything for wait in one.waits or [])]

    def inside(second: int, since: datetime | None, until: datetime | None) -> bool:
        return since is not None and until is not None and since <= at(second) < until

    def ran(second: int, one: ActionStatus) -> bool:
        waited = any(inside(second, wait.since, wait.until) for wait in one.waits or [])
        return inside(second, one.start_time, one.completion_time) and not waited

    expected = sum(
        any(inside(second, wait.since, wait.until) for wait in all_waits)
        and not any(ran(second, one) for one in everything)
        for second in range(40)
    )
    timing = timing_of(whole)
    assert timing is not None
    assert timing.waiting_for_people == go_duration(timedelta(seconds=expected))
    assert parse_duration(timing.working) == timedelta(seconds=40 - expected)
