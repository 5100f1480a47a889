"""A bridge that was stopped for a while, and knows only what was true before."""

import json

from tests.e2e.holding_proxy import Exchange, Moment
from tests.e2e.installation import Installation
from tests.e2e.steps_back import steps_back
from tests.e2e.story import Story, told
from tests.kubectl import Object


def tells_that_one_action_is_done(exchange: Exchange) -> bool:
    """Match a status write of the Revert in which the first of three actions has succeeded."""
    if exchange.method not in ("PATCH", "PUT") or not exchange.path.partition("?")[0].endswith("/revert/status"):
        return False
    phases = [phase for _, phase, _ in told(json.loads(exchange.body)["status"])]
    return phases.count("Succeeded") == 1


def test_a_bridge_stopped_between_query_and_write_does_not_overwrite_newer_status(
    installation: Installation, story: Story
) -> None:
    story.plan("plan", {"only": [story.makes(each, held=True) for each in ("one", "two", "three")]})
    story.executed("execute", "plan")
    proxy, stopped = installation.bridge.proxy, installation.bridge.program
    with story.watching() as watch, installation.another_bridge() as other, other.program.paused():
        with proxy.holding(Moment.BEFORE, tells_that_one_action_is_done) as write:
            story.revert("revert", "plan", "execute")
            story.let_go("three")
            write.wait()
            stopped.pause()
            answer = proxy.hold(Moment.ANSWER, tells_that_one_action_is_done)
            other.program.resume()
            story.let_go("two")
            newer = watch.until("revert", two_of_three_are_done)
        assert answer.wait().status == 409
        stopped.resume()
        proxy.open(answer)
        story.let_go("one")
        story.succeeded("revert")
        watch.until("revert", lambda each: each["phase"] == "Succeeded")
        seen = watch.statuses("revert")
    assert newer in seen
    assert steps_back(seen) == []


def two_of_three_are_done(status: Object) -> bool:
    done = [("make-three", "Succeeded"), ("make-two", "Succeeded"), ("make-one", "Running")]
    return [node[:2] for node in told(status)] == done
