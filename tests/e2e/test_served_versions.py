"""A Revert whose objects were created in an API version that is not served any more."""

from collections.abc import Iterator

import pytest

from tests.e2e.installation import Installation
from tests.e2e.story import Story, condition, told
from tests.kubectl import Object
from tests.manifests import writes
from tests.versioned_kind import VersionedKind


@pytest.fixture
def widgets(installation: Installation, story: Story) -> Iterator[VersionedKind]:
    with VersionedKind.defined(installation.stack, story.namespace) as kind:
        yield kind


def executed(story: Story, widgets: VersionedKind) -> str:
    """Create a Widget in v1beta1 through a plan; give its uid."""
    manifest = f"""
        apiVersion: {widgets.api_version()}
        kind: Widget
        metadata: {{name: f01, namespace: {story.namespace}}}
        spec: {{x: 1}}
    """
    story.plan("f01", {"flow": [writes("a", manifest, retryPolicy={"limit": 1, "interval": "1s"})]})
    story.executed("f01-e", "f01")
    uid = widgets.uid("f01", story.namespace)
    assert uid is not None
    return uid


def clean(status: Object) -> str:
    return str(condition(status, "Clean")["status"])


@pytest.mark.parametrize("on_missing", ["Fail", "Ignore"])
def test_a_revert_deletes_the_object_through_another_version(
    story: Story, widgets: VersionedKind, on_missing: str
) -> None:
    executed(story, widgets)
    widgets.serve("v1")
    story.revert("f01-r", "f01", "f01-e", onMissing=on_missing)
    status = story.succeeded("f01-r")
    assert told(status) == [("a", "Succeeded", "Rolled back: deleted Widget f01")]
    assert clean(status) == "True"
    assert widgets.uid("f01", story.namespace) is None


def test_a_revert_fails_while_no_version_is_served_and_the_next_one_finishes(
    story: Story, widgets: VersionedKind
) -> None:
    uid = executed(story, widgets)
    widgets.serve()
    story.revert("f01-r", "f01", "f01-e", onMissing="Ignore")
    status = story.failed("f01-r")
    reason = f"the API server knows no kind Widget in {widgets.api_version()} and serves no other version, "
    reason += f"but the CustomResourceDefinition {widgets.name} still exists"
    assert told(status) == [("a", "Failed", f"Failed to delete Widget: f01: {reason}")]
    assert clean(status) != "True"
    widgets.serve("v1")
    assert widgets.uid("f01", story.namespace) == uid
    story.revert("f01-r2", "f01", "f01-e")
    assert told(story.succeeded("f01-r2")) == [("a", "Succeeded", "Rolled back: deleted Widget f01")]
    assert widgets.uid("f01", story.namespace) is None


def test_an_object_is_absent_once_the_definition_of_its_kind_is_gone(story: Story, widgets: VersionedKind) -> None:
    executed(story, widgets)
    widgets.delete()
    story.revert("f01-r", "f01", "f01-e")
    story.failed("f01-r")
    story.revert("f01-r2", "f01", "f01-e", onMissing="Ignore")
    status = story.succeeded("f01-r2")
    assert told(status) == [("a", "Skipped", "Already absent: Widget f01")]
    assert clean(status) == "True"
