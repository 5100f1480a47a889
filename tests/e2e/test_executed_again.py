"""A plan that is executed again while an earlier execution of it still stands."""

from tests.e2e.story import Story, told
from tests.e2e.test_partly_failed import given_an_execute_that_failed_in_its_second_stage
from tests.manifests import makes_localization


def refused(story: Story, name: str) -> str:
    """Create an Execute that must fail before anything starts; give its message."""
    before = len(story.writes_to("configmaps"))
    story.execute(name, "plan")
    status = story.failed(name)
    assert "stageStatuses" not in status
    assert len(story.writes_to("configmaps")) == before
    return str(status["message"])


def test_a_second_execute_is_told_to_revert_the_first_and_runs_after_that(story: Story) -> None:
    story.plan("plan", {"only": [story.makes("app"), story.makes("other")]})
    story.executed("first", "plan")
    assert refused(story, "second") == (
        f"Not started: action make-app is to create ConfigMap {story.namespace}/app, which DRPlanExecution first made "
        "and 1 other object; first create a Revert with revertExecutionRef: first, or use the operation Apply"
    )
    story.revert("back", "plan", "first")
    story.succeeded("back")
    story.executed("third", "plan")


def test_what_a_failed_execute_left_is_named_with_what_to_do(story: Story) -> None:
    given_an_execute_that_failed_in_its_second_stage(story)
    story.revert("back", "plan", "execute")
    story.succeeded("back")
    message = refused(story, "second")
    assert f"is to create ConfigMap {story.namespace}/left, which DRPlanExecution execute made" in message
    assert "first create a Revert with revertExecutionRef: execute and includePartial: true" in message
    story.revert("back-whole", "plan", "execute", includePartial=True)
    assert told(story.succeeded("back-whole")) == [
        ("make-unmade", "Skipped", "Original action did not succeed, skipped rollback"),
        ("make-someone-elses", "Skipped", "Original action did not succeed, and nothing is recorded that it left"),
        ("make-left", "Succeeded", "Rolled back: deleted ConfigMap left"),
        ("make-undone", "Skipped", "Already rolled back by back"),
    ]
    assert not story.exists("configmap", "left")
    assert story.exists("configmap", "someone-elses")
    story.kubectl("delete", "configmap", "someone-elses")
    story.executed("third", "plan")


def test_an_execute_that_applies_runs_on_top(story: Story) -> None:
    applied = makes_localization("loc", story.namespace, operation="Apply")
    story.plan("plan", {"only": [story.makes("app", operation="Apply"), applied]})
    story.executed("first", "plan")
    story.executed("second", "plan")
    story.revert("back-2", "plan", "second")
    # The second Execute changed nothing but the owner of the fields, which the first gets back.
    assert told(story.succeeded("back-2")) == [
        ("create-loc", "Succeeded", "Rolled back: restored Localization loc"),
        ("make-app", "Succeeded", "Rolled back: restored ConfigMap app"),
    ]
    assert story.exists("localization", "loc")
    story.revert("back", "plan", "first")
    assert told(story.succeeded("back")) == [
        ("create-loc", "Succeeded", "Rolled back: deleted Localization loc"),
        ("make-app", "Succeeded", "Rolled back: deleted ConfigMap app"),
    ]
    assert not story.exists("localization", "loc")
