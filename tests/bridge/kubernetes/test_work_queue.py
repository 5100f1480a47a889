"""The keyed queue: one pass per key at a time, delays, coalescing, backoff; its clock is the tests'."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.kubernetes.work_queue import Pace, Rank, Schedule, Urgency, WorkQueue, WriteCost

NO_PACE = Pace(0, 0, 0)


def test_a_key_is_given_once_while_its_pass_runs_and_again_after_it() -> None:
    schedule = Schedule[str](NO_PACE)
    schedule.add("a", 0)
    assert schedule.take(0) == "a"
    schedule.add("a", 1)
    assert schedule.take(1) is None
    schedule.done("a", 0)
    assert schedule.take(1) == "a"


def test_many_wishes_for_a_key_are_one_pass() -> None:
    schedule = Schedule[str](NO_PACE)
    for moment in range(5):
        schedule.add("a", moment)
    assert schedule.take(5) == "a"
    schedule.done("a", 0)
    assert schedule.take(100) is None


def test_what_is_due_and_waits_for_a_pass_is_counted() -> None:
    schedule = Schedule[str](NO_PACE)
    assert schedule.overdue(5) == (0, 0)
    for key, delay in (("running", 0), ("a", 1), ("b", 3), ("later", 60)):
        schedule.add(key, 0, delay=delay)
    assert schedule.take(0) == "running"
    schedule.add("running", 0)
    assert schedule.overdue(5) == (2, 4)


def test_the_earliest_wish_counts() -> None:
    schedule = Schedule[str](NO_PACE)
    schedule.add("a", 0, delay=10)
    schedule.add("a", 0, delay=2)
    schedule.add("a", 0, delay=5)
    assert schedule.take(1.9) is None
    assert schedule.next_due() == 2
    assert schedule.take(2) == "a"


def test_passes_over_one_key_keep_their_distance_unless_it_is_urgent() -> None:
    schedule = Schedule[str](Pace(5, 5, 5))
    schedule.add("a", 0)
    assert schedule.take(0) == "a"
    schedule.done("a", 0)
    schedule.add("a", 1)
    assert schedule.take(4.9) is None
    schedule.add("a", 4.9, urgency=Urgency.AT_ONCE)
    assert schedule.take(4.9) == "a"


def test_the_longer_a_pass_takes_the_further_apart_they_are_up_to_a_bound() -> None:
    pace = Pace(shortest=0.3, longest=0.75, longest_large=1.5, rest=6)
    assert [pace.after(took) for took in (0.01, 0.1, 0.3, 2)] == pytest.approx([0.3, 0.6, 0.75, 4])
    schedule = Schedule[str](pace)
    schedule.add("a", 0)
    assert schedule.take(0) == "a"
    schedule.done("a", 0.1)
    schedule.add("a", 0.1)
    assert schedule.take(0.59) is None
    assert schedule.take(0.61) == "a"


def test_the_pace_follows_what_a_write_costs_within_what_may_be_behind() -> None:
    pace = Pace(shortest=0.3, longest=0.75, longest_large=1.5)
    assert pace.after(0.01, WriteCost(0.004, 20_000)) == 0.3
    assert pace.after(0.01, WriteCost(0.012, 20_000)) == pytest.approx(0.6), "2 % of the time"
    assert pace.after(0.01, WriteCost(0.06, 20_000)) == 0.75, "a small status is at most a second behind"
    assert pace.after(0.01, WriteCost(0.06, 90_000)) == 1.5, "a large one at most two"
    assert pace.after(0.01, WriteCost(0.02, 90_000)) == pytest.approx(1.0)
    assert pace.after(1.0, WriteCost(0.9, 90_000)) == 2.0, "half of the time is left to others"


def test_a_change_during_a_pass_waits_for_the_pace_of_its_write_as_well() -> None:
    schedule = Schedule[str](Pace(0.3, 0.75, 1.5))
    schedule.add("a", 0)
    assert schedule.take(0) == "a"
    schedule.add("a", 0.05)
    schedule.done("a", 0.1, WriteCost(0.06, 90_000))
    assert schedule.take(1.49) is None
    assert schedule.take(1.5) == "a"


def test_what_somebody_writes_waits_for_the_shortest_distance_and_a_failure_for_none() -> None:
    schedule = Schedule[str](Pace(0.3, 0.75, 1.5))
    for urgency, due in ((Urgency.SOON, 0.3), (Urgency.AT_ONCE, 0.2), (Urgency.PACED, 0.75)):
        schedule.add("a", 0, urgency=Urgency.AT_ONCE)
        assert schedule.take(0) == "a"
        schedule.done("a", 0.1, WriteCost(0.06, 9_000))
        schedule.add("a", 0.2, urgency=urgency)
        assert schedule.next_due() == due
        assert schedule.take(due) == "a"
        schedule.done("a", due)


def test_of_the_keys_that_are_due_the_one_of_the_highest_rank_comes_first() -> None:
    ranks = {"plan": Rank.LAST, "running": Rank.NORMAL, "new": Rank.FIRST}
    schedule = Schedule[str](NO_PACE, ranks.__getitem__)
    for delay, key in enumerate(ranks):
        schedule.add(key, 0, delay)
    assert schedule.take(0) == "plan", "nothing else is due"
    assert [schedule.take(2), schedule.take(2)] == ["new", "running"]


def test_a_worker_that_is_kept_for_higher_ranks_takes_no_other_keys() -> None:
    schedule = Schedule[str](NO_PACE, {"plan": Rank.LAST, "new": Rank.FIRST}.__getitem__)
    schedule.add("plan", 0)
    assert schedule.take(0, Rank.NORMAL) is None
    assert schedule.next_due(Rank.NORMAL) is None
    assert schedule.next_due() == 0
    schedule.add("new", 0, delay=1)
    assert schedule.next_due(Rank.NORMAL) == 1
    assert schedule.take(1, Rank.NORMAL) == "new"
    assert schedule.take(1) == "plan"


def test_a_key_that_is_due_rises_with_its_rank_and_is_taken_once() -> None:
    ranks = {"old": Rank.LAST, "edited": Rank.LAST}
    schedule = Schedule[str](NO_PACE, ranks.__getitem__)
    schedule.add("old", 0)
    schedule.add("edited", 0)
    assert schedule.take(0, Rank.NORMAL) is None, "both are due"
    ranks["edited"] = Rank.LATER
    for now in (1, 2):
        schedule.add("edited", now)
    assert [schedule.take(3), schedule.take(3), schedule.take(3)] == ["edited", "old", None]
    schedule.done("edited", 3)
    assert schedule.take(9) is None


async def test_five_hundred_plans_leave_a_worker_for_an_execution() -> None:
    queue = WorkQueue[str](NO_PACE, Clock(), lambda key: Rank.LAST if key.startswith("plan") else Rank.FIRST)
    for number in range(500):
        queue.add(f"plan{number}")
    assert await queue.get() == "plan0"
    kept = asyncio.create_task(queue.get(Rank.NORMAL))
    await asyncio.sleep(0)
    queue.add("execution")
    assert await asyncio.wait_for(kept, 5) == "execution"


def test_the_first_change_after_a_quiet_time_is_not_held_back() -> None:
    schedule = Schedule[str](Pace(5, 5, 5))
    schedule.add("a", 0)
    assert schedule.take(0) == "a"
    schedule.done("a", 0)
    schedule.add("a", 60)
    assert schedule.take(60) == "a"


def test_a_key_with_nothing_left_to_do_is_forgotten() -> None:
    schedule = Schedule[str](Pace(5, 5, 5))
    schedule.add("a", 0)
    assert schedule.take(0) == "a"
    schedule.done("a", 0)
    schedule.forget("a")
    schedule.add("a", 1)
    assert schedule.take(1) == "a"


@given(some.lists(some.tuples(some.sampled_from("abc"), some.floats(0, 10)), max_size=30))
def test_every_wish_is_granted_in_the_order_of_its_time(wishes: list[tuple[str, float]]) -> None:
    schedule = Schedule[str](NO_PACE)
    for key, delay in wishes:
        schedule.add(key, 0, delay)
    given_out = []
    while (due := schedule.next_due()) is not None:
        taken = schedule.take(due)
        assert taken is not None
        given_out.append((due, taken))
        schedule.done(taken, due)
    assert {key for _, key in given_out} == {key for key, _ in wishes}
    assert [due for due, _ in given_out] == sorted(due for due, _ in given_out)
    assert all(due == min(delay for name, delay in wishes if name == key) for due, key in given_out)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_waiting_worker_is_woken_by_a_new_key() -> None:
    queue = WorkQueue[str](NO_PACE, asyncio.get_running_loop().time)
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    assert await asyncio.wait_for(worker, 5) == "a"


async def test_a_waiting_worker_is_woken_when_a_delay_is_over() -> None:
    queue = WorkQueue[str](NO_PACE, asyncio.get_running_loop().time)
    queue.add("a", delay=0.05)
    assert await asyncio.wait_for(queue.get(), 5) == "a"


async def test_failures_of_a_key_are_met_with_growing_pauses_until_it_succeeds() -> None:
    clock = Clock()
    queue = WorkQueue[str](NO_PACE, clock)
    queue.add("a")
    pauses = []
    for _ in range(6):
        assert await queue.get() == "a"
        pauses.append(queue.failed("a"))
        clock.now += pauses[-1]
    assert pauses[5] > 4 * pauses[0] > 0
    assert await queue.get() == "a"
    queue.done("a", None)
    queue.add("a")
    assert await queue.get() == "a"
    assert queue.failed("a") <= 0.2


async def test_a_pass_says_when_it_wants_to_look_again() -> None:
    clock = Clock()
    queue = WorkQueue[str](Pace(10, 10, 10), clock)
    queue.add("a")
    assert await queue.get() == "a"
    queue.done("a", 0.1)
    clock.now = 0.1
    assert await queue.get() == "a"
    queue.done("a", None)
    assert len(queue) == 0


async def test_a_pause_that_a_server_asks_for_is_kept_to_where_it_is_the_longer_one() -> None:
    clock = Clock()
    queue = WorkQueue[str](NO_PACE, clock)
    queue.add("a")
    assert await queue.get() == "a"
    assert queue.failed("a", at_least=30) == 30
    clock.now = 29.9
    queue.add("b")
    assert await queue.get() == "b"
    clock.now = 30
    assert await queue.get() == "a"
    assert 0 < queue.failed("a", at_least=0.001) < 30
