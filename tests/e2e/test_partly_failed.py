"""The Revert of an Execute that failed halfway."""

from typing import Any

from tests.e2e.story import Story, condition, nodes
from tests.kubectl import Object
from tests.manifests import config_map

NO_RETRY: dict[str, Any] = {"retryPolicy": {"limit": 0}}


def given_an_execute_that_failed_in_its_second_stage(story: Story) -> Object:
    story.kubectl.create(config_map("someone-elses"))
    story.plan(
        "plan",
        {
            "good": [story.makes("undone")],
            "bad": [story.makes("left"), story.makes("someone-elses", **NO_RETRY)],
            "never": [story.makes("unmade")],
        },
    )
    story.execute("execute", "plan")
    return story.failed("execute")


def test_what_did_not_succeed_in_the_original_is_skipped_whole_and_objects_left_standing_are_named(
    story: Story,
) -> None:
    original = given_an_execute_that_failed_in_its_second_stage(story)
    story.revert("revert", "plan", "execute")
    status = story.succeeded("revert")

    assert [each["phase"] for each in original["stageStatuses"]] == ["Succeeded", "Failed", "Skipped"]
    found = {place: (phase, message) for place, phase, message in nodes(status)}
    assert found["0-never-stage"] == ("Skipped", "Original stage phase was Skipped, skipped rollback")
    assert found["1-bad-stage"] == ("Skipped", "Original stage phase was Failed, skipped rollback")
    assert found["1-bad-stage/0-bad"] == ("Skipped", "Original workflow phase was Failed, skipped rollback")
    failed_action = found["1-bad-stage/0-bad/0-make-someone-elses"]
    assert failed_action == ("Skipped", "Original action did not succeed, skipped rollback")
    assert {phase for place, (phase, _) in found.items() if not place.startswith("2-good")} == {"Skipped"}
    assert found["2-good-stage/0-good/0-make-undone"] == ("Succeeded", "Rolled back: deleted ConfigMap undone")
    words = "1 stage, 1 action rolled back, 2 stages skipped; 1 object left standing"
    assert status["message"] == f"Plan reverted successfully: {words}"
    clean = condition(status, "Clean")
    assert (clean["status"], clean["reason"]) == ("False", "ObjectsLeftStanding")
    assert f"ConfigMap {story.namespace}/left" in clean["message"]


def test_what_the_failed_part_made_and_what_others_own_stays_as_it_is(story: Story) -> None:
    given_an_execute_that_failed_in_its_second_stage(story)
    before = {name: story.kubectl.get("configmap", name) for name in ("left", "someone-elses")}
    story.revert("revert", "plan", "execute")
    story.succeeded("revert")

    assert {name: story.kubectl.get("configmap", name) for name in before} == before
    assert not story.exists("configmap", "undone")
    deleted = [each.name for each in story.writes_to("configmaps") if each.verb == "delete"]
    assert deleted == ["undone"]
