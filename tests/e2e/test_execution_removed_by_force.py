"""An execution is removed by force while no bridge runs: its run does nothing further, and then the plan is free."""

import time

from tests.e2e.installation import Installation
from tests.e2e.story import EXECUTION, Story
from tests.eventually import until


def test_an_execution_removed_while_the_bridge_is_down_has_no_further_action_done(
    installation: Installation, story: Story
) -> None:
    story.plan("plan", {"only": [story.makes(each, held=True) for each in ("one", "two", "three")]})
    story.executed("execute", "plan")
    story.revert("revert", "plan", "execute")
    until(lambda: story.held("three"), "the first deletion")
    run = story.eventually("revert", lambda status: "engine" in status)["engine"]["workflowId"]
    closed = f"WorkflowId = '{run}' AND ExecutionStatus != 'Running'"
    installation.bridge.program.kill()
    story.kubectl.patch(f"{EXECUTION}/revert", {"metadata": {"finalizers": None}})
    story.kubectl("delete", EXECUTION, "revert")
    story.revert("second", "plan", "execute", onMissing="Ignore")
    time.sleep(2.5)  # what the worker has read of an execution counts for two seconds
    story.let_go("three")
    until(lambda: installation.runs.listed(closed), "the end of the run")
    assert story.exists("configmap", "two")
    assert not story.held("two")
    installation.restart_bridge()
    for name in ("two", "one"):
        until(lambda: story.held(name), f"the deletion of {name}")  # noqa: B023 - called before the next round
        story.let_go(name)
    story.succeeded("second")
    until(lambda: "currentExecution" not in story.kubectl.get("drplan", "plan")["status"], "the end of the lock")
