"""What runs beside what, and what a mode leaves out, as a person sees it with kubectl."""

from tests.e2e.story import Story, actions, told
from tests.kubectl import Object
from tests.manifests import HOLD, config_map


def workflow(status: Object) -> Object:
    """Give the only DRWorkflow of a tree."""
    found: Object = status["stageStatuses"][0]["workflowExecutions"][0]
    return found


def running(status: Object) -> list[str]:
    return [each["name"] for each in actions(status) if each["phase"] == "Running"]


def given_two_deletions_that_a_creation_waits_for(story: Story) -> None:
    for name in ("east", "west"):
        story.kubectl.create(config_map(name, finalizers=[HOLD]))
    story.plan(
        "plan",
        {
            "flow": [
                story.makes("after", dependsOn=["make-east", "make-west"]),
                story.makes("east", "Delete"),
                story.makes("west", "Delete"),
            ]
        },
    )


def test_actions_that_wait_for_nothing_run_side_by_side_and_all_of_them_are_named(story: Story) -> None:
    given_two_deletions_that_a_creation_waits_for(story)
    story.execute("execute", "plan")

    status = story.eventually("execute", lambda now: running(now) == ["make-east", "make-west"])
    assert workflow(status)["currentAction"] == "make-east, make-west"
    assert [each["name"] for each in actions(status)] == ["make-east", "make-west", "make-after"]
    story.let_go("west")
    status = story.eventually("execute", lambda now: running(now) == ["make-east"])
    assert workflow(status)["currentAction"] == "make-east"
    assert workflow(status)["progress"] == "1/3 actions completed"
    assert not story.exists("configmap", "after")
    story.let_go("east")
    status = story.succeeded("execute")
    assert "currentAction" not in workflow(status)
    assert story.exists("configmap", "after")


def test_a_mode_skips_what_is_not_for_it_and_mode_delete_takes_down_what_stands(story: Story) -> None:
    upgrade = story.makes("upgrade", when='mode == "upgrade"')
    story.plan("plan", {"flow": [story.makes("first"), upgrade, story.makes("second")]})
    story.execute("install", "plan", mode="Install")
    assert told(story.succeeded("install")) == [
        ("make-first", "Succeeded", "Created ConfigMap first"),
        ("make-upgrade", "Skipped", "Condition not met: mode is install, needs upgrade"),
        ("make-second", "Succeeded", "Created ConfigMap second"),
    ]

    story.execute("delete", "plan", mode="Delete")
    status = story.succeeded("delete")
    assert told(status) == [
        ("delete-make-second", "Succeeded", "Deleted ConfigMap second"),
        ("delete-make-upgrade", "Succeeded", "ConfigMap upgrade was already absent"),
        ("delete-make-first", "Succeeded", "Deleted ConfigMap first"),
    ]
    assert not story.exists("configmap", "first")
