"""The examples about Clusternet's objects, with what Clusternet would say of them."""

from collections.abc import Iterator

import pytest

from tests.e2e import example_files
from tests.e2e.installation import Installation
from tests.e2e.story import Story, actions, condition, nodes, told
from tests.fake_clusternet import Clusternet

CLUSTERS = ("install-east", "switch-over-east", "switch-over-west", "rolling-first", "rolling-third")
"""Namespaces of managed clusters."""


@pytest.fixture
def story(installation: Installation) -> Iterator[Story]:
    """The namespace `default`, which the examples name, beside those of the clusters."""
    story = installation.story_in("default")
    for cluster in CLUSTERS:
        story.kubectl("create", "namespace", cluster)
    yield story
    story.kubectl("delete", "namespaces", *CLUSTERS, "--ignore-not-found", "--wait=true")


def test_an_install_makes_what_the_mode_asks_for_and_is_taken_back(installation: Installation, story: Story) -> None:
    example_files.apply(story, "install")
    with Clusternet.at_work(installation.stack, "default") as clusternet:
        clusternet.joins("east", "install-east", site="install-east")
        status = story.succeeded(example_files.start(story, "install", "execute"))

    assert [(name, phase) for name, phase, _ in told(status)] == [
        ("replicas", "Succeeded"),
        ("database", "Succeeded"),
        ("migrate", "Skipped"),
        ("distribute", "Succeeded"),
    ]
    replicas = story.kubectl.within("install-east").get("localization", "install-replicas")
    assert replicas["spec"]["overrides"][0]["value"] == '{"spec":{"replicas":3}}'
    subscription = story.kubectl.get("subscription", "install-shop")
    assert subscription["spec"]["subscribers"] == [{"clusterAffinity": {"matchLabels": {"site": "install-east"}}}]
    assert actions(status)[3]["outputs"]["subscriptionRef"]["uid"] == subscription["metadata"]["uid"]

    reverted = story.succeeded(example_files.start(story, "install", "revert"))
    assert told(reverted) == [
        ("distribute", "Succeeded", "Rolled back: deleted Subscription install-shop"),
        ("migrate", "Skipped", "Original action did not succeed, skipped rollback"),
        ("database", "Succeeded", "Rolled back: deleted Localization install-database"),
        ("replicas", "Succeeded", "Rolled back: deleted Localization install-replicas"),
    ]
    assert not story.exists("subscription", "install-shop")


def test_a_switch_over_moves_traffic_and_moves_it_back(story: Story) -> None:
    traffic = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "traffic"}, "data": {"cluster": "nowhere"}}
    story.kubectl.apply(traffic)
    example_files.apply(story, "switch-over")
    story.succeeded(example_files.start(story, "switch-over", "execute"))
    assert localizations(story, "switch-over-west") == ["gateway-4", "shop-4"]
    assert localizations(story, "switch-over-east") == ["gateway-0", "shop-0"]
    assert story.kubectl.get("configmap", "traffic")["data"] == {"cluster": "switch-over-west"}

    reverted = story.succeeded(example_files.start(story, "switch-over", "revert"))
    assert [(name, message) for name, _, message in told(reverted)] == [
        ("shop", "Rolled back: deleted Localization shop-0"),
        ("gateway", "Rolled back: deleted Localization gateway-0"),
        ("route", "Rolled back: executed custom rollback action"),
        ("shop", "Rolled back: deleted Localization shop-4"),
        ("gateway", "Rolled back: deleted Localization gateway-4"),
    ]
    assert story.kubectl.get("configmap", "traffic")["data"] == {"cluster": "switch-over-east"}
    assert localizations(story, "switch-over-west") == localizations(story, "switch-over-east") == []


def test_a_rolling_install_stops_at_the_site_that_fails(story: Story) -> None:
    example_files.apply(story, "rolling-install")
    status = story.failed(example_files.start(story, "rolling-install", "execute"))
    stages = {place: phase for place, phase, _ in nodes(status) if "/" not in place}
    assert stages == {"0-first": "Succeeded", "1-second": "Failed", "2-third": "Skipped"}
    assert "rolling-second" in status["message"]
    assert localizations(story, "rolling-first") == ["rolling-override"]
    assert localizations(story, "rolling-third") == []

    reverted = story.succeeded(example_files.start(story, "rolling-install", "revert"))
    phases = {place: phase for place, phase, _ in nodes(reverted) if "/" not in place}
    assert phases == {"0-third": "Skipped", "1-second": "Skipped", "2-first": "Succeeded"}
    assert localizations(story, "rolling-first") == []
    assert "rolling-settings-rolling-second" in condition(reverted, "Clean")["message"]

    whole = story.succeeded(example_files.start(story, "rolling-install", "revert-whole"))
    assert ("settings", "Succeeded", "Rolled back: deleted ConfigMap rolling-settings-rolling-second") in told(whole)
    assert condition(whole, "Clean")["status"] == "True"


def localizations(story: Story, cluster: str) -> list[str]:
    """Name the Localizations of one managed cluster."""
    names = story.kubectl.within(cluster)("get", "localizations", "-o", "name").split()
    return sorted(name.rpartition("/")[2] for name in names)
