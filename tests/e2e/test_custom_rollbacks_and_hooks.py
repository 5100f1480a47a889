"""A Revert with custom rollbacks and hooks that stops halfway is finished by another one, and nothing is done twice."""

import json
from typing import Any

from tests.e2e.story import Story, condition, told
from tests.kubectl import Object
from tests.manifests import config_map, writes

DONE = "Rolled back: executed custom rollback action"
ONLY_IN_A_ROLLBACK: dict[str, Any] = {"when": 'mode == "rollback"'}


def changes(story: Story, action: str, text: str, operation: str = "Patch", **more: Any) -> Object:
    """Give an action on the ConfigMap `shop`."""
    body = config_map("shop", namespace=story.namespace) | {"data": {"text": text}}
    return writes(action, json.dumps(body), operation, **more)


def hook(story: Story, name: str, place: str) -> Object:
    return story.makes(name, hookType=f"{place}-rollback", **ONLY_IN_A_ROLLBACK)


def given(story: Story) -> None:
    """Apply a plan that changes what is there, and whose last hook cannot create its object at first."""
    story.kubectl.create(config_map("shop") | {"data": {"text": "closed"}}, config_map("closed"))
    undo: dict[str, Any] = {"rollback": {"resource": changes(story, "x", "closed")["resource"], "timeout": "20s"}}
    flow = [
        hook(story, "closed", "post"),
        changes(story, "open", "open", **undo),
        hook(story, "told", "pre"),
        story.makes("sign"),
    ]
    story.plan("plan", {"flow": flow})


def test_a_revert_that_stops_at_a_hook_is_finished_by_another_one(story: Story) -> None:
    given(story)
    story.execute("execute", "plan", mode="Install")
    status = story.succeeded("execute")
    skipped = "Condition not met: mode is install, needs rollback"
    assert [each[1:] for each in told(status) if each[0] in ("make-closed", "make-told")] == [("Skipped", skipped)] * 2

    story.revert("revert-1", "plan", "execute")
    status = story.failed("revert-1")
    *done, failed = told(status)
    assert done == [
        ("make-told", "Succeeded", "Executed rollback hook: Created ConfigMap told"),
        ("make-sign", "Succeeded", "Rolled back: deleted ConfigMap sign"),
        ("open", "Succeeded", DONE),
    ]
    assert failed[:2] == ("make-closed", "Failed")
    assert failed[2].startswith("Rollback hook failed: Failed to create ConfigMap: ConfigMap ")
    assert status["message"].endswith(failed[2])
    assert story.kubectl.get("configmap", "shop")["data"] == {"text": "closed"}

    story.kubectl("delete", "configmap", "closed")
    story.revert("revert-2", "plan", "execute")
    status = story.succeeded("revert-2")
    assert told(status) == [
        *((name, "Skipped", "Already rolled back by revert-1") for name in ("make-told", "make-sign", "open")),
        ("make-closed", "Succeeded", "Executed rollback hook: Created ConfigMap closed"),
    ]
    counts = "1 stage, 0 actions rolled back, 1 rollback hook executed, 3 actions skipped"
    assert status["message"] == f"Plan reverted successfully: {counts}"
    assert condition(status, "DefinitionsKept")["status"] == "True"
    wrote = [(each.verb, each.name) for each in story.writes_to("configmaps")]
    assert wrote == [
        ("patch", "shop"),
        ("create", "sign"),
        ("create", "told"),
        ("delete", "sign"),
        ("patch", "shop"),
        ("create", "closed"),
    ]


def test_a_revert_carries_out_what_was_defined_at_the_execute_and_fails_where_that_is_gone(story: Story) -> None:
    given(story)
    story.execute("execute", "plan", mode="Install")
    story.succeeded("execute")
    edited = [story.makes("sign"), changes(story, "open", "open", rollback=changes(story, "x", "ajar"))]
    story.kubectl.patch("drworkflow/flow", {"spec": {"actions": edited}})
    story.revert("revert", "plan", "execute")
    assert ("open", "Succeeded", DONE) in told(story.failed("revert"))
    assert story.kubectl.get("configmap", "shop")["data"] == {"text": "closed"}

    story.kubectl("delete", "configmap", "told", "closed")
    story.execute("another", "plan", mode="Install")
    story.succeeded("another")
    for each in json.loads(story.kubectl("get", "controllerrevisions", "-o", "json"))["items"]:
        # Without its ledger it could not be reverted at all.
        if "-ledger-" not in each["metadata"]["name"]:
            story.kubectl("delete", "controllerrevision", each["metadata"]["name"])
    story.kubectl("delete", "drworkflow", "flow")
    story.revert("last", "plan", "another")
    status = story.failed("last", seconds=120)
    refused = "The custom rollback of action open is no longer defined in DRWorkflow flow"
    assert told(status)[0] == ("open", "Failed", refused)
    assert condition(status, "DefinitionsKept")["status"] == "False"
    assert story.exists("configmap", "sign")
