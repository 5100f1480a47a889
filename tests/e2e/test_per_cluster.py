"""PerCluster from kubectl to status and back: what people see of each cluster, and what is taken back."""

from collections.abc import Iterator

import pytest

from dev.stack import Stack
from tests.e2e.installation import Installation
from tests.e2e.story import Story
from tests.fake_clusternet import Clusternet
from tests.kubectl import Object

FEED = {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "namespace": "default"}


@pytest.fixture
def clusternet(stack: Stack, story: Story) -> Iterator[Clusternet]:
    with Clusternet.at_work(stack, story.namespace, finalizers=True) as clusternet:
        yield clusternet


def given_a_plan_that_rolls_out(story: Story, **more: object) -> None:
    spec = {"subscribers": [{"clusterAffinity": {"matchLabels": {"story": story.namespace}}}], "feeds": [FEED]}
    block = {"name": "app", "namespace": story.namespace, "spec": spec}
    modes = {"waitReady": True, "clusterExecutionMode": "PerCluster", "retryPolicy": {"limit": 0}}
    story.plan("plan", {"roll-out": [{"name": "app", "type": "Subscription", "subscription": block, **modes, **more}]})


def action_of(status: Object) -> Object:
    found: Object = status["stageStatuses"][0]["workflowExecutions"][0]["actionStatuses"][0]
    return found


def phases(status: Object) -> dict[str, str]:
    return {each["cluster"]: each["phase"] for each in action_of(status)["clusterStatuses"]}


def subscriptions(story: Story) -> list[str]:
    return story.kubectl("get", "subscriptions", "-o", "jsonpath={.items[*].metadata.name}").split()


def test_every_cluster_shows_in_the_status_and_a_revert_takes_all_of_them_back(
    story: Story, clusternet: Clusternet
) -> None:
    east = clusternet.joins("east", story=story.namespace)
    west = clusternet.joins("west", story=story.namespace)
    clusternet.holds_back(west)
    given_a_plan_that_rolls_out(story)
    story.execute("there", "plan")
    waiting = story.eventually("there", lambda status: "in 1 of 2 clusters" in str(status))
    assert f"{west.binding}: " in action_of(waiting)["message"]
    clusternet.reaches(west)
    status = story.succeeded("there")
    assert phases(status) == {east.binding: "Succeeded", west.binding: "Succeeded"}
    assert action_of(status)["message"] == "Created Subscription app in 2 clusters; ready in all of them"
    first = action_of(status)["clusterStatuses"][0]
    assert first["clusterID"] == east.id
    assert first["startTime"] <= first["completionTime"]
    recorded = {each["name"]: each["uid"] for each in action_of(status)["outputs"]["subscriptionRefs"]}
    assert recorded == {name: story.uid("subscription", name) for name in ("app--east", "app--west")}

    story.revert("back", "plan", "there")
    undone = story.succeeded("back")
    assert action_of(undone)["message"] == "Rolled back: deleted Subscription app--east, Subscription app--west"
    assert subscriptions(story) == []
    assert story.audit.deletions(story.namespace, 2) == dict.fromkeys(recorded.values(), 1)


def test_a_cluster_that_fails_is_named_and_what_was_made_is_known_to_stand(
    story: Story, clusternet: Clusternet
) -> None:
    east = clusternet.joins("east", story=story.namespace)
    west = clusternet.joins("west", story=story.namespace)
    clusternet.fails_in(west, "quota exceeded")
    given_a_plan_that_rolls_out(story)
    story.execute("there", "plan")
    status = story.failed("there")
    assert phases(status) == {east.binding: "Succeeded", west.binding: "Failed"}
    assert f"1 of 2 clusters failed: {west.binding}: " in status["message"]
    assert status["message"].endswith("quota exceeded")

    story.revert("back", "plan", "there")
    clean = next(each for each in story.succeeded("back")["conditions"] if each["type"] == "Clean")
    for name in ("app--east", "app--west"):
        assert f"Subscription {story.namespace}/{name}" in clean["message"]


def test_the_mode_delete_takes_the_subscriptions_of_all_clusters(story: Story, clusternet: Clusternet) -> None:
    clusternet.joins("east", story=story.namespace)
    west = clusternet.joins("west", story=story.namespace)
    given_a_plan_that_rolls_out(story)
    story.executed("there", "plan")
    clusternet.leaves(west)
    story.execute("down", "plan", mode="Delete")
    status = story.succeeded("down")
    assert (action_of(status)["name"], action_of(status)["operation"]) == ("delete-app", "Delete")
    assert action_of(status)["message"] == "Deleted Subscription app in 2 clusters"
    assert subscriptions(story) == []


def test_a_worker_that_dies_while_it_waits_makes_nothing_twice(
    installation: Installation, story: Story, clusternet: Clusternet
) -> None:
    east = clusternet.joins("east", story=story.namespace)
    clusternet.joins("west", story=story.namespace)
    clusternet.holds_back(east)
    given_a_plan_that_rolls_out(story)
    story.execute("there", "plan")
    for _ in range(2):
        story.eventually("there", lambda status: "in 1 of 2 clusters" in str(status))
        installation.worker.program.kill()
        installation.worker.program.start()
    clusternet.reaches(east)
    status = story.succeeded("there")
    recorded = {each["uid"] for each in action_of(status)["outputs"]["subscriptionRefs"]}
    assert story.audit.creations(story.namespace, 2).keys() >= recorded
    made = [each.name for each in story.writes_to("subscriptions") if each.verb == "create"]
    assert sorted(made) == ["app--east", "app--west"]
