"""One object, one workflow: whatever is applied, started or restarted how often."""

from tests import manifests
from tests.e2e.installation import Installation
from tests.e2e.steps_back import steps_back
from tests.e2e.story import EXECUTION, Story


def given_an_execute_whose_object_waits_for_the_test(story: Story) -> str:
    """Give the object's uid."""
    story.plan("plan", {"only": [story.makes("app", held=True)]})
    story.executed("execute", "plan")
    return story.uid("configmap", "app")


def when_the_revert_waits_for_the_object(story: Story) -> None:
    story.eventually("revert", lambda status: status.get("phase") == "Running" and story.held("app"))


def then_it_ends_with_one_workflow(installation: Installation, story: Story, uid: str) -> None:
    story.let_go("app")
    story.succeeded("revert")
    [run] = installation.runs.begun(story.kubectl.get(EXECUTION, "revert"))
    assert run.run_id == story.status("revert")["engine"]["runId"]
    assert story.audit.deletions(story.namespace, at_least=1)[uid] == 1


def test_the_same_revert_applied_twice_is_one_workflow(installation: Installation, story: Story) -> None:
    uid = given_an_execute_whose_object_waits_for_the_test(story)
    story.kubectl.apply(manifests.revert("revert", "plan", "execute"))
    story.kubectl.apply(manifests.revert("revert", "plan", "execute"))
    when_the_revert_waits_for_the_object(story)
    story.kubectl.apply(manifests.revert("revert", "plan", "execute"))
    then_it_ends_with_one_workflow(installation, story, uid)
    ended = story.status("revert")
    story.kubectl.apply(manifests.revert("revert", "plan", "execute"))
    story.executed("execute-again", "plan")
    assert story.status("revert") == ended
    assert len(installation.runs.begun(story.kubectl.get(EXECUTION, "revert"))) == 1


def test_two_bridges_at_once_are_one_workflow(installation: Installation, story: Story) -> None:
    with installation.another_bridge(), installation.another_bridge(), story.watching() as watch:
        uid = given_an_execute_whose_object_waits_for_the_test(story)
        story.revert("revert", "plan", "execute")
        when_the_revert_waits_for_the_object(story)
        then_it_ends_with_one_workflow(installation, story, uid)
        assert len(installation.runs.begun(story.kubectl.get(EXECUTION, "execute"))) == 1
        for name in ("execute", "revert"):
            assert steps_back(watch.statuses(name)) == []


def test_a_bridge_restarted_ten_times_is_one_workflow(installation: Installation, story: Story) -> None:
    uid = given_an_execute_whose_object_waits_for_the_test(story)
    installation.bridge.program.stop()
    story.revert("revert", "plan", "execute")
    for number in range(10):
        installation.restart_bridge()
        installation.bridge.wait_until_it_serves()
        installation.bridge.program.kill() if number % 2 else installation.bridge.program.stop()
    installation.restart_bridge()
    when_the_revert_waits_for_the_object(story)
    then_it_ends_with_one_workflow(installation, story, uid)
