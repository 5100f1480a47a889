"""The worker dies when a Patch, a Replace or a removal by a hook was accepted and not answered: one effect each."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from api.meta import EXECUTION_UID_LABEL
from tests.e2e.holding_proxy import Exchange, Moment, Trap, answered
from tests.e2e.installation import Installation
from tests.e2e.story import Story, told
from tests.kubectl import Object
from tests.manifests import config_map, writes

MOMENTS: dict[str, Callable[[Exchange], bool]] = {
    "patched": lambda each: "dryRun" not in each.path and answered(200, "PATCH", "/configmaps/patched")(each),
    "deleted": answered(200, "DELETE", "/subscriptions/deleted"),
    "posted": answered(201, "POST", "/subscriptions", holds='"posted"'),
    "hook": answered(200, "DELETE", "/subscriptions/hook"),
}
"""By the name of plan and object: the answer that never reaches the worker."""


def subscription(name: str, story: Story, operation: str, **more: Any) -> Object:
    """Give an action on a Subscription of that name."""
    spec = {"subscribers": [], "feeds": [], "schedulingStrategy": "Dividing"}
    block = {"name": name, "namespace": story.namespace, "operation": operation, "spec": spec}
    return {"name": f"make-{name}", "type": "Subscription", "subscription": block, **more}


def patch(story: Story, text: str) -> str:
    return json.dumps(config_map("patched", namespace=story.namespace) | {"data": {"text": text}})


@dataclass(frozen=True)
class Aftermath:
    """What became of everything; `uids` are those of the objects that were there before."""

    story: Story
    traps: dict[str, Trap]
    uids: dict[str, str]


@pytest.fixture(scope="module")
def aftermath(shared_installation: Installation) -> Iterator[Aftermath]:
    """Let the worker die once, where all four are, and another one go on."""
    shared_installation.restore()
    story = shared_installation.story()
    uids = given_objects_and_plans(story)
    traps = {name: shared_installation.worker.proxy.hold(Moment.ANSWER, taken, name) for name, taken in MOMENTS.items()}
    for name in MOMENTS:
        story.execute(f"{name}-execute", name)
    for trap in traps.values():
        trap.wait()
    shared_installation.worker.program.kill()
    for trap in traps.values():
        shared_installation.worker.proxy.open(trap)
    shared_installation.worker.program.start()
    yield Aftermath(story, traps, uids)
    shared_installation.restore()


def given_objects_and_plans(story: Story) -> dict[str, str]:
    old = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Subscription"}
    for name in ("deleted", "posted"):
        story.kubectl.create(old | {"metadata": {"name": name}, "spec": {"subscribers": [], "feeds": []}})
    story.kubectl.create(config_map("patched") | {"data": {"text": "old", "more": "stays"}})
    undone = {"resource": {"operation": "Patch", "manifest": patch(story, "undone")}}
    story.plan("patched", {"patched": [writes("patch", patch(story, "new"), "Patch", rollback=undone)]})
    for name in ("deleted", "posted"):
        story.plan(name, {name: [subscription(name, story, "Replace")]})
    cleanup = {"beforeCreate": True, "onSuccess": True}
    story.plan("hook", {"hook": [subscription("hook", story, "Create", hookCleanup=cleanup)]})
    uids = {name: story.uid("subscription", name) for name in ("deleted", "posted")}
    return uids | {"patched": story.uid("configmap", "patched")}


def kept(story: Story, execution: str) -> Object:
    """Give the last record of the state before the only change of an execution; a Replace notes what it left later."""
    label = f"{EXECUTION_UID_LABEL}={story.uid('drplanexecution', execution)}"
    found = json.loads(story.kubectl("get", "controllerrevisions", "-l", label, "-o", "json"))["items"]
    records = [each for each in found if "-before-" in each["metadata"]["name"]]
    record = max(records, key=lambda each: each["revision"])["data"]
    assert isinstance(record, dict)
    return record


def test_a_patch_is_made_once_and_what_was_there_before_is_kept(aftermath: Aftermath) -> None:
    story = aftermath.story
    assert told(story.succeeded("patched-execute")) == [("patch", "Succeeded", "Patched ConfigMap patched")]
    assert story.kubectl.get("configmap", "patched")["data"] == {"text": "new", "more": "stays"}
    assert len(aftermath.traps["patched"].caught) == 1
    patches = [each for each in story.writes_to("configmaps") if each.verb == "patch"]
    assert [each.name for each in patches] == ["patched"]
    record = kept(story, "patched-execute")
    assert (record["object"]["data"], record["complete"]) == ({"text": "old", "more": "stays"}, True)
    story.revert("patched-revert", "patched", "patched-execute")
    assert told(story.succeeded("patched-revert")) == [
        ("patch", "Succeeded", "Rolled back: executed custom rollback action")
    ]
    assert story.kubectl.get("configmap", "patched")["data"] == {"text": "undone", "more": "stays"}


@pytest.mark.parametrize("name", ["deleted", "posted"])
def test_a_replace_deletes_once_and_creates_once(aftermath: Aftermath, name: str) -> None:
    story, former = aftermath.story, aftermath.uids[name]
    status = story.succeeded(f"{name}-execute")
    assert told(status) == [(f"make-{name}", "Succeeded", f"Replaced Subscription {name}")]
    made = story.uid("subscription", name)
    assert made != former
    changes = [(each.verb, each.uid) for each in story.writes_to("subscriptions") if each.name == name]
    assert changes == [("delete", former), ("create", made)]
    record = kept(story, f"{name}-execute")
    assert (record["uid"], record["complete"]) == (former, True)


def test_a_hook_runs_once_and_a_revert_does_not_miss_its_object(aftermath: Aftermath) -> None:
    story = aftermath.story
    expected = "Created Subscription hook; removed by its hook cleanup"
    assert told(story.succeeded("hook-execute")) == [("make-hook", "Succeeded", expected)]
    changes = [(each.verb, each.name) for each in story.writes_to("subscriptions") if each.name == "hook"]
    assert changes == [("create", "hook"), ("delete", "hook")]
    story.revert("hook-revert", "hook", "hook-execute")
    assert told(story.succeeded("hook-revert")) == [
        ("make-hook", "Skipped", "Subscription hook was removed by its own hook cleanup")
    ]
