"""The bridge is killed before and after each step of its own: everything ends as if nothing had happened."""

import json
import signal
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import pytest

from api.meta import FINALIZER
from tests.e2e.holding_proxy import Exchange, Moment, request
from tests.e2e.installation import Installation
from tests.e2e.steps_back import steps_back
from tests.e2e.story import EXECUTION, Story
from tests.eventually import until
from tests.kubectl import Object
from tests.manifests import makes_localization


def patches(path: str, holds: Callable[[Object], bool]) -> Callable[[Exchange], bool]:
    """Match a write of the bridge by the end of its path and its body."""
    return lambda each: (
        each.method in ("PATCH", "PUT") and each.path.partition("?")[0].endswith(path) and holds(json.loads(each.body))
    )


def takes_lock(body: Object) -> bool:
    return bool((body.get("status") or {}).get("currentExecution"))


def releases_lock(body: Object) -> bool:
    status = body.get("status") or {}
    return "currentExecution" in status and status["currentExecution"] is None


def sets_finalizer(body: Object) -> bool:
    return FINALIZER in (body.get("metadata", {}).get("finalizers") or [])


def removes_finalizer(body: Object) -> bool:
    meta = body.get("metadata", {})
    return "finalizers" in meta and FINALIZER not in (meta["finalizers"] or [])


def tells_of_progress(body: Object) -> bool:
    return has_the_tree(body) and not tells_the_end(body)


def has_the_tree(body: Object) -> bool:
    return bool(body.get("status", {}).get("stageStatuses"))


def tells_the_end(body: Object) -> bool:
    return bool(body.get("status", {}).get("completionTime"))


@dataclass(frozen=True)
class Step:
    """A write of the bridge on the way of one execution."""

    path: Callable[[str], str]
    holds: Callable[[Object], bool]
    holds_again: Callable[[Object], bool] | None = None
    """For the next bridge, where its write may be another one: the run goes on meanwhile, and may have ended."""


def on_plan(_: str) -> str:
    return "/drplans/plan/status"


def on_execution(name: str) -> str:
    return f"/drplanexecutions/{name}"


def on_status(name: str) -> str:
    return f"/drplanexecutions/{name}/status"


STEPS = {
    "the lock": Step(on_plan, takes_lock),
    "the finalizer": Step(on_execution, sets_finalizer),
    "a status write": Step(on_status, tells_of_progress, has_the_tree),
    "the last status write": Step(on_status, tells_the_end),
    "the lock's release": Step(on_plan, releases_lock),
    "the finalizer's removal": Step(on_execution, removes_finalizer),
}


def given_a_plan_of_two_stages(story: Story) -> None:
    story.plan(
        "plan",
        {
            "first": [story.makes("one"), makes_localization("two", story.namespace)],
            "second": [story.makes("three")],
        },
    )


def last_change(each: Exchange) -> bool:
    """Match the last request of the Execute or of the Revert that changes an object."""
    return request("POST", "/configmaps", holds='"three"')(each) or request("DELETE", "/configmaps/one")(each)


def when_the_bridge_dies_at(installation: Installation, step: Step, name: str, act: Callable[[], None]) -> None:
    """Kill the bridge before its write is made, and the next one before it has the answer to the same write."""
    again = step.holds_again or step.holds
    for moment, holds, begin in ((Moment.BEFORE, step.holds, act), (Moment.ANSWER, again, installation.restart_bridge)):
        # A run that has ended when the bridge first looks at it leaves no write that tells of progress.
        run_waits = installation.worker.proxy.holding(Moment.BEFORE, last_change, "the last change")
        with (
            run_waits if holds is tells_of_progress else nullcontext(),
            installation.bridge.proxy.holding(moment, patches(step.path(name), holds), name) as trap,
        ):
            begin()
            trap.wait()
            installation.bridge.program.kill()
    installation.restart_bridge()


def then_all_is_as_if_nothing_had_happened(installation: Installation, story: Story) -> None:
    for name in ("execute", "revert"):
        assert len(installation.runs.begun(story.kubectl.get(EXECUTION, name))) == 1
    plan = story.kubectl.get("drplan", "plan")["status"]
    history = [(each["name"], each["operationType"], each["phase"]) for each in plan["executionHistory"]]
    assert history == [("revert", "Revert", "Succeeded"), ("execute", "Execute", "Succeeded")]
    made = [each for each in story.writes_to("configmaps", "localizations") if each.verb == "create"]
    deleted = [each for each in story.writes_to("configmaps", "localizations") if each.verb == "delete"]
    assert [each.name for each in made] == ["one", "two", "three"]
    assert [each.uid for each in deleted] == [each.uid for each in reversed(made)]


@pytest.mark.parametrize("step", STEPS.values(), ids=[each.replace(" ", "_").replace("'", "") for each in STEPS])
def test_a_bridge_killed(installation: Installation, story: Story, step: Step) -> None:
    given_a_plan_of_two_stages(story)
    with story.watching() as watch:
        when_the_bridge_dies_at(installation, step, "execute", lambda: story.execute("execute", "plan"))
        story.succeeded("execute")
        when_the_bridge_dies_at(installation, step, "revert", lambda: story.revert("revert", "plan", "execute"))
        story.succeeded("revert")
        when_the_bridge_has_tidied_up(story)
        for name in ("execute", "revert"):
            assert steps_back(watch.statuses(name)) == []
    then_all_is_as_if_nothing_had_happened(installation, story)


def test_a_bridge_killed_at_the_start(installation: Installation, story: Story) -> None:
    given_a_plan_of_two_stages(story)
    when_the_bridge_dies_at_the_start(installation, lambda: story.execute("execute", "plan"))
    story.succeeded("execute")
    when_the_bridge_dies_at_the_start(installation, lambda: story.revert("revert", "plan", "execute"))
    story.succeeded("revert")
    when_the_bridge_has_tidied_up(story)
    then_all_is_as_if_nothing_had_happened(installation, story)


def when_the_bridge_dies_at_the_start(installation: Installation, act: Callable[[], None]) -> None:
    """Kill the bridge before it starts the run, and the next one when it has just started it."""
    installation.bridge.program.stop()
    act()
    for moment in ("before", "after"):
        with installation.another_bridge("tests.bridge.self_killing_bridge", moment, "start") as doomed:
            assert doomed.program.wait_for_end() == -signal.SIGKILL
    installation.restart_bridge()


def when_the_bridge_has_tidied_up(story: Story) -> None:
    """After the last status it still takes its finalizer off and releases the lock."""
    until(
        lambda: not (is_held(story, "execute") or is_held(story, "revert") or is_locked(story)),
        "the bridge lets go",
    )


def is_held(story: Story, name: str) -> bool:
    return FINALIZER in story.kubectl.get(EXECUTION, name)["metadata"].get("finalizers", [])


def is_locked(story: Story) -> bool:
    return "currentExecution" in story.kubectl.get("drplan", "plan")["status"]
