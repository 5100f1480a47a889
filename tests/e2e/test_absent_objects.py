"""An object that a person deleted before the Revert began."""

from tests.e2e.story import Story, condition, nodes, told
from tests.kubectl import Object
from tests.manifests import makes_localization

ABSENT = 'localizations.apps.clusternet.io "second" not found'


def given_an_execute_whose_second_localization_was_deleted_by_hand(story: Story) -> dict[str, str]:
    """Two stages with two Localizations each; give their uids."""
    make = {name: makes_localization(name, story.namespace) for name in ("first", "second", "third", "fourth")}
    story.plan("plan", {"early": [make["first"], make["second"]], "late": [make["third"], make["fourth"]]})
    story.executed("execute", "plan")
    uids = {name: story.uid("localization", name) for name in make}
    story.kubectl("delete", "localization", "second")
    return uids


def test_a_localization_deleted_by_hand_beforehand_fails_its_action_and_every_message_leads_to_it(story: Story) -> None:
    uids = given_an_execute_whose_second_localization_was_deleted_by_hand(story)
    story.revert("revert", "plan", "execute")
    status = story.failed("revert")

    stopped = "Not attempted: rollback stopped after action create-second failed"
    cause = f"Failed to delete Localization: {ABSENT}"
    assert told(status) == [
        ("create-fourth", "Succeeded", "Rolled back: deleted Localization fourth"),
        ("create-third", "Succeeded", "Rolled back: deleted Localization third"),
        ("create-second", "Failed", cause),
        ("create-first", "Skipped", stopped),
    ]
    chain = "Failed to rollback workflow early: Failed to rollback action create-second"
    assert nodes(status)[4:6] == [
        ("1-early-stage", "Failed", "Failed to rollback workflow early"),
        ("1-early-stage/0-early", "Failed", "Failed to rollback action create-second"),
    ]
    assert status["message"] == f"Failed to revert stage early-stage: {chain}: {cause}"
    assert_summary_shows_the_part_that_was_rolled_back(status)
    assert condition(status, "Succeeded")["status"] == "False"
    assert story.exists("localization", "first")
    assert story.audit.deletions(story.namespace, at_least=3) == {
        uids["second"]: 1,
        uids["third"]: 1,
        uids["fourth"]: 1,
    }


def assert_summary_shows_the_part_that_was_rolled_back(status: Object) -> None:
    expected = {"totalStages": 2, "completedStages": 2, "succeededStages": 1, "failedStages": 1, "skippedStages": 0}
    expected |= {"totalWorkflows": 2, "completedWorkflows": 2, "failedWorkflows": 1}
    expected |= {"totalActions": 4, "succeededActions": 2, "failedActions": 1, "skippedActions": 1}
    assert expected.items() <= status["summary"].items()


def test_a_second_revert_fails_at_the_same_action_and_one_that_ignores_what_is_missing_finishes(story: Story) -> None:
    uids = given_an_execute_whose_second_localization_was_deleted_by_hand(story)
    story.revert("revert-1", "plan", "execute")
    story.failed("revert-1")
    story.revert("revert-2", "plan", "execute")
    second = story.failed("revert-2")
    story.revert("revert-3", "plan", "execute", onMissing="Ignore")
    third = story.succeeded("revert-3")

    assert told(second) == [
        ("create-fourth", "Skipped", "Already rolled back by revert-1"),
        ("create-third", "Skipped", "Already rolled back by revert-1"),
        ("create-second", "Failed", f"Failed to delete Localization: {ABSENT}"),
        ("create-first", "Skipped", "Not attempted: rollback stopped after action create-second failed"),
    ]
    assert told(third) == [
        ("create-fourth", "Skipped", "Already rolled back by revert-1"),
        ("create-third", "Skipped", "Already rolled back by revert-1"),
        ("create-second", "Skipped", "Already absent: Localization second"),
        ("create-first", "Succeeded", "Rolled back: deleted Localization first"),
    ]
    assert third["summary"]["succeededActions"] == 1
    assert story.audit.deletions(story.namespace, at_least=4) == dict.fromkeys(uids.values(), 1)
