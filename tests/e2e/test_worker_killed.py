"""The worker is killed with SIGKILL at named points, again and again: everything ends as if nothing had happened.

All points share the same kills, because a lost attempt is noticed only after its heartbeat timeout of 10 s.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.holding_proxy import Exchange, Moment, Trap, answered, request
from tests.e2e.installation import Installation
from tests.e2e.steps_back import steps_back
from tests.e2e.story import EXECUTION, Story, told
from tests.kubectl import Object, Watch

GATHERING = 8
"""Seconds that a point is held for others to be reached: less than the worker waits for the API server's answer."""
NO_RETRY: dict[str, Any] = {"retryPolicy": {"limit": 0}}


@dataclass(frozen=True)
class Point:
    """A point at which the worker dies while it works on the objects of the plan of this name."""

    name: str
    moment: Moment
    matches: Callable[[Exchange], bool]
    objects: tuple[str, ...]
    of_execute: bool = False
    held: bool = False
    limit_zero: bool = False
    holds: bool = True
    kills: int = 3

    @property
    def execution(self) -> str:
        """The execution that is under way when the worker dies."""
        return f"{self.name}-execute" if self.of_execute else f"{self.name}-revert"


BEFORE = Point("before", Moment.BEFORE, request("DELETE", "/configmaps/before"), ("before",))
ACCEPTED = Point(
    "accepted",
    Moment.ANSWER,
    answered(200, "DELETE", "/configmaps/accepted-."),
    ("accepted-1", "accepted-2", "accepted-3"),  # an object is accepted for deletion once: each kill takes another
)
FINALIZER = Point(
    "finalizer",
    Moment.ANSWER,
    answered(200, "GET", "/configmaps/finalizer", "deletionTimestamp"),
    ("finalizer",),
    held=True,
)
GONE = Point("gone", Moment.ANSWER, answered(404, "GET|DELETE", "/configmaps/gone"), ("gone",))
POSTED = Point(
    "posted",
    Moment.ANSWER,
    answered(201, "POST", "/configmaps", holds='"posted-'),
    ("posted-1", "posted-2", "posted-3"),
    of_execute=True,
)
REPOSTED = Point(
    "reposted", Moment.ANSWER, request("POST", "/configmaps", holds='"reposted"'), ("reposted",), of_execute=True
)
NO_RETRY_LEFT = Point(
    "lost",
    Moment.ANSWER,
    answered(200, "GET", "/configmaps/lost", "deletionTimestamp"),
    ("lost",),
    held=True,
    limit_zero=True,
    holds=False,  # it is scheduled anew by its workflow, later than the others, whose held requests must not time out
    kills=5,
)
POINTS = (BEFORE, ACCEPTED, FINALIZER, GONE, POSTED, REPOSTED, NO_RETRY_LEFT)


@dataclass
class Ordeal:
    """A point, and how often the worker has died there."""

    point: Point
    trap: Trap
    kills: int = 0
    seen: int = 0

    def reached(self) -> bool:
        """Tell whether the present worker has come to the point."""
        return self.trap.holding > 0 if self.trap.holds else len(self.trap.caught) > self.seen

    def survived(self) -> None:
        """Count a kill."""
        self.kills += self.reached()
        self.seen = len(self.trap.caught)


@dataclass(frozen=True)
class Aftermath:
    """What became of everything. `uids` are those of the objects as they stood before any Revert."""

    installation: Installation
    story: Story
    watch: Watch
    uids: dict[str, str]

    def status(self, point: Point) -> Object:
        """Wait for the end of the execution during which the worker died."""
        return self.story.succeeded(point.execution, seconds=120)


@pytest.fixture(scope="module")
def aftermath(shared_installation: Installation) -> Iterator[Aftermath]:
    """Take every point through its kills."""
    shared_installation.restore()
    story = shared_installation.story()
    uids = given_plans_that_were_executed(story)
    with story.watching() as watch:
        take_through_their_kills(shared_installation, story)
        yield Aftermath(shared_installation, story, watch, uids)
    shared_installation.restore()


def take_through_their_kills(installation: Installation, story: Story) -> None:
    ordeals = [Ordeal(point, when_it_comes_to(point, installation, story)) for point in POINTS]
    deadline = time.monotonic() + 600
    while due := [each for each in ordeals if each.kills < each.point.kills]:
        assert time.monotonic() < deadline, f"not reached: {[(each.point.name, each.kills) for each in due]}"
        when_the_worker_dies_where_it_is(due, installation)
    for name in ("finalizer", "lost"):
        story.let_go(name)


def given_plans_that_were_executed(story: Story) -> dict[str, str]:
    for point in POINTS:
        more: dict[str, Any] = NO_RETRY if point.limit_zero else {}
        story.plan(point.name, {point.name: [story.makes(each, held=point.held, **more) for each in point.objects]})
    reverted = [point for point in POINTS if not point.of_execute]
    for point in reverted:
        story.execute(f"{point.name}-execute", point.name)
    for point in reverted:
        story.succeeded(f"{point.name}-execute")
    return {each: story.uid("configmap", each) for point in reverted for each in point.objects}


def when_it_comes_to(point: Point, installation: Installation, story: Story) -> Trap:
    trap = installation.worker.proxy.hold(point.moment, point.matches, point.name, holds=point.holds)
    if point.of_execute:
        story.execute(point.execution, point.name)
    else:
        story.revert(point.execution, point.name, f"{point.name}-execute")
    return trap


def when_the_worker_dies_where_it_is(due: list[Ordeal], installation: Installation) -> None:
    """Kill the worker when it has come to a point, or to several at about the same time, and start another."""
    wait_until(lambda: any(each.reached() for each in due), 90)
    wait_until(lambda: all(each.reached() for each in due), GATHERING)
    for each in due:
        each.survived()
    installation.worker.program.kill()
    for each in due:
        if each.kills == each.point.kills:
            installation.worker.proxy.open(each.trap)
    installation.worker.program.start()


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    """Return when it holds, or when the time is over."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)


def assert_reverted_as_if_nothing_had_happened(aftermath: Aftermath, point: Point) -> None:
    """Each object deleted once, one workflow, every action told as ever."""
    expected = [
        (f"make-{each}", "Succeeded", f"Rolled back: deleted ConfigMap {each}") for each in reversed(point.objects)
    ]
    assert told(aftermath.status(point)) == expected
    deletions = aftermath.story.audit.deletions(aftermath.story.namespace)
    assert [deletions[aftermath.uids[each]] for each in point.objects] == [1] * len(point.objects)
    assert not [each for each in point.objects if aftermath.story.exists("configmap", each)]
    assert_one_workflow_whose_status_went_forward_only(aftermath, point)


def assert_executed_as_if_nothing_had_happened(aftermath: Aftermath, point: Point) -> None:
    """Each object created once and recorded with its uid, so that a Revert takes it back."""
    status, story = aftermath.status(point), aftermath.story
    assert told(status) == [(f"make-{each}", "Succeeded", f"Created ConfigMap {each}") for each in point.objects]
    made = [each for each in story.writes_to("configmaps") if each.verb == "create" and each.name in point.objects]
    assert [each.name for each in made] == list(point.objects)
    assert {each.uid for each in made} == {story.uid("configmap", each) for each in point.objects}
    assert_one_workflow_whose_status_went_forward_only(aftermath, point)
    story.revert(f"{point.name}-revert", point.name, point.execution)
    story.succeeded(f"{point.name}-revert")
    deletions = story.audit.deletions(story.namespace)
    assert [deletions[each.uid] for each in made] == [1] * len(made)


def assert_one_workflow_whose_status_went_forward_only(aftermath: Aftermath, point: Point) -> None:
    assert steps_back(aftermath.watch.statuses(point.execution)) == []
    execution = aftermath.story.kubectl.get(EXECUTION, point.execution)
    assert len(aftermath.installation.runs.begun(execution)) == 1


def test_a_worker_killed_three_times_before_the_delete(aftermath: Aftermath) -> None:
    assert_reverted_as_if_nothing_had_happened(aftermath, BEFORE)


def test_a_worker_killed_three_times_when_the_delete_was_accepted_but_unanswered(aftermath: Aftermath) -> None:
    assert_reverted_as_if_nothing_had_happened(aftermath, ACCEPTED)


def test_a_worker_killed_three_times_while_it_waited_for_a_finalizer(aftermath: Aftermath) -> None:
    assert_reverted_as_if_nothing_had_happened(aftermath, FINALIZER)


def test_a_worker_killed_three_times_when_the_object_was_gone_but_not_reported(aftermath: Aftermath) -> None:
    assert_reverted_as_if_nothing_had_happened(aftermath, GONE)


def test_a_worker_killed_three_times_between_the_post_and_its_answer_in_an_execute(aftermath: Aftermath) -> None:
    assert_executed_as_if_nothing_had_happened(aftermath, POSTED)


def test_a_worker_killed_three_times_at_the_same_post_of_an_execute(aftermath: Aftermath) -> None:
    assert_executed_as_if_nothing_had_happened(aftermath, REPOSTED)


def test_with_limit_zero_a_worker_killed_five_times_inside_one_action_ends_succeeded(aftermath: Aftermath) -> None:
    assert_reverted_as_if_nothing_had_happened(aftermath, NO_RETRY_LEFT)
