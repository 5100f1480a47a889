"""An object of the same name that someone else made is not ours to delete."""

from tests import manifests
from tests.e2e.holding_proxy import Moment, request
from tests.e2e.installation import Installation
from tests.e2e.story import Story, told
from tests.kubectl import Object
from tests.manifests import config_map


def given_an_execute_whose_object_was_deleted_and_recreated(story: Story) -> tuple[str, Object]:
    """Give the uid of the object that the Execute made, and the one that stands there now."""
    story.plan("plan", {"only": [story.makes("app")]})
    story.executed("execute", "plan")
    ours = story.uid("configmap", "app")
    someone_recreates(story, "app")
    return ours, story.kubectl.get("configmap", "app")


def someone_recreates(story: Story, name: str) -> None:
    story.kubectl("delete", "configmap", name)
    story.kubectl.create(config_map(name))


def test_an_object_deleted_and_recreated_by_someone_else_is_not_touched(story: Story) -> None:
    ours, theirs = given_an_execute_whose_object_was_deleted_and_recreated(story)
    story.revert("revert", "plan", "execute")
    [(_, phase, message)] = told(story.failed("revert"))

    assert phase == "Failed"
    assert message.startswith("Failed to delete ConfigMap: ")
    assert ours in message
    assert theirs["metadata"]["uid"] in message
    assert story.kubectl.get("configmap", "app") == theirs
    assert [each.verb for each in story.writes_to("configmaps")] == ["create"]


def test_with_on_missing_ignore_an_object_recreated_by_someone_else_is_left_alone_and_named(story: Story) -> None:
    _, theirs = given_an_execute_whose_object_was_deleted_and_recreated(story)
    story.revert("revert", "plan", "execute", onMissing="Ignore")
    [(_, phase, message)] = told(story.succeeded("revert"))

    assert phase == "Skipped"
    assert message.startswith("Already absent: ConfigMap app")
    assert theirs["metadata"]["uid"] in message
    assert story.kubectl.get("configmap", "app") == theirs


def test_an_object_recreated_between_the_look_and_the_delete_is_not_touched_and_named(
    installation: Installation, story: Story
) -> None:
    story.plan("plan", {"only": [story.makes("app")]})
    story.executed("execute", "plan")
    with installation.worker.proxy.holding(Moment.BEFORE, request("DELETE", "/configmaps/app")) as trap:
        story.kubectl.create(manifests.revert("revert", "plan", "execute"))
        trap.wait()
        someone_recreates(story, "app")
        theirs = story.kubectl.get("configmap", "app")
    [(_, phase, message)] = told(story.succeeded("revert"))

    assert phase == "Succeeded"
    assert message.startswith("Rolled back: deleted ConfigMap app")
    assert theirs["metadata"]["uid"] in message
    assert story.kubectl.get("configmap", "app") == theirs
