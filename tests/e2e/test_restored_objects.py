"""Exact undo: what a Patch, an Apply and a Delete changed is as before, and what others changed since stays."""

import json
from collections.abc import Sequence
from typing import Any

from tests.e2e.story import Story, told
from tests.kubectl import Object
from tests.manifests import writes

NAMES = ("merged", "edited", "applied", "deleted")


def there(story: Story) -> dict[str, Object]:
    """Create the objects as others do, and give them."""
    for name in (*NAMES, "untouched"):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"team": "a"}}}
        story.kubectl.create(body | {"data": {"color": "blue", "size": "1"}})
    story.kubectl.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"a": "b"}})
    return states(story, NAMES)


def states(story: Story, names: Sequence[str]) -> dict[str, Object]:
    """Give ConfigMaps with the owners of their fields."""
    found = {name: story.kubectl.admin.get("configmap", name, story.namespace) for name in names}
    return {name: each for name, each in found.items() if each is not None}


def changes(story: Story, name: str, operation: str, patch_type: str | None = None, **fields: Any) -> Object:
    kind = "Secret" if name == "keys" else "ConfigMap"
    body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": story.namespace}, **fields}
    action = writes(name, json.dumps(body), operation)
    if patch_type is not None:
        action["resource"]["patchType"] = patch_type
    return action


def planned(story: Story) -> None:
    edits = [{"op": "remove", "path": "/data/size"}, {"op": "add", "path": "/metadata/labels/tier", "value": "x"}]
    again = changes(story, "merged", "Apply", data={"color": "green"}) | {"name": "merged-again"}
    story.plan(
        "plan",
        {
            "flow": [
                changes(story, "merged", "Patch", data={"color": "red", "size": None}),
                changes(story, "edited", "Patch", "json", patch=edits),
                changes(story, "applied", "Apply", data={"color": "red"}),
                changes(story, "deleted", "Patch", "strategic", data={"color": "red"}) | {"name": "patched"},
                changes(story, "deleted", "Delete"),
                changes(story, "keys", "Apply", stringData={"a": "c"}),
                again,
            ]
        },
    )


def same(one: Object, other: Object) -> bool:
    """Tell whether two states of an object have the same content and the same owners of fields."""

    def of(body: Object) -> Object:
        metadata = body["metadata"]
        owners = [each for each in metadata["managedFields"] if each["manager"] != "drplan-restore"]
        owners.sort(key=lambda each: (each["manager"], each["operation"]))
        annotations = {
            name: text for name, text in metadata.get("annotations", {}).items() if "restored-by" not in name
        }
        return {"data": body["data"], "labels": metadata["labels"], "annotations": annotations, "owners": owners}

    return of(one) == of(other)


def proofs(status: Object) -> dict[str, str]:
    """Give the proof of each action: how it differs, or its result."""
    (stage,) = status["stageStatuses"]
    (node,) = stage["workflowExecutions"]
    return {
        action["name"]: action["proof"].get("difference") or action["proof"]["result"]
        for action in node["actionStatuses"]
    }


def verified(status: Object) -> tuple[str, str, str]:
    (found,) = (each for each in status["conditions"] if each["type"] == "Verified")
    return found["status"], found["reason"], found["message"]


def test_what_an_execute_changed_is_as_before_after_its_revert(story: Story) -> None:
    before = there(story)
    planned(story)
    story.executed("execute", "plan")
    now = states(story, NAMES[:-1])
    assert not any(same(now[name], before[name]) for name in now)
    assert not story.exists("configmap", "deleted")
    story.kubectl.patch("configmap/applied", {"data": {"theirs": "x"}})

    story.revert("revert", "plan", "execute", soak="10s")
    status = story.succeeded("revert")

    assert proofs(status) == {
        **dict.fromkeys(("merged-again", "deleted", "patched", "edited", "merged"), "Verified"),
        "keys": "NotRecorded",
        "applied": "ChangedByOthers",
    }
    assert verified(status)[:2] == ("False", "Differs")
    words = f"ConfigMap {story.namespace}/applied was changed by somebody else since, in data.theirs"
    assert words in verified(status)[2]
    assert told(status) == [
        ("merged-again", "Succeeded", "Rolled back: restored ConfigMap merged"),
        ("keys", "Skipped", "State before was not kept (secret data), not restored"),
        ("deleted", "Succeeded", "Rolled back: restored ConfigMap deleted"),
        ("patched", "Succeeded", "Rolled back: restored ConfigMap deleted"),
        ("applied", "Succeeded", "Rolled back: restored ConfigMap applied"),
        ("edited", "Succeeded", "Rolled back: restored ConfigMap edited"),
        ("merged", "Succeeded", "Rolled back: restored ConfigMap merged"),
    ]
    assert status["message"] == "Plan reverted successfully: 1 stage, 6 actions rolled back, 1 action skipped"
    after = states(story, NAMES)
    assert after["applied"]["data"].pop("theirs") == "x", "what others changed stays"
    owners = after["applied"]["metadata"]["managedFields"]
    theirs = [each for each in owners if each["fieldsV1"] == {"f:data": {"f:theirs": {}}}]
    assert len(theirs) == 1
    owners.remove(theirs[0])
    assert [name for name in NAMES if not same(after[name], before[name])] == []

    story.kubectl.patch("configmap/applied", {"data": {"theirs": None}})
    # The plan is free meanwhile: another Revert runs.
    story.revert("again", "plan", "execute")
    again = story.succeeded("again")
    assert again["message"] == "Nothing left to revert: already reverted by revert"
    checked = {name: number for name, number in again["proof"].items() if name != "checkedAt"}
    assert checked == {"verified": 0, "differing": 0, "unknown": 1}, "keys; the others are the first Revert's"
    later = story.eventually("revert", lambda status: "nextCheckAt" not in status["proof"])
    assert proofs(later)["applied"] == "Verified"
    assert verified(later)[:2] == ("Unknown", "NotKnown")
    assert later["completionTime"] == status["completionTime"]


def test_a_field_that_somebody_else_has_changed_since_stops_the_revert(story: Story) -> None:
    there(story)
    planned(story)
    story.executed("execute", "plan")
    story.kubectl.patch("configmap/edited", {"data": {"size": "9"}})
    edited = story.kubectl.get("configmap", "edited")

    story.revert("revert", "plan", "execute")
    status = story.failed("revert")

    by_name = {name: (phase, message) for name, phase, message in told(status)}
    assert by_name["applied"][0] == "Succeeded"
    assert by_name["edited"] == (
        "Failed",
        f"Failed to restore ConfigMap: ConfigMap {story.namespace}/edited was changed by somebody else since the "
        "execution, in data.size; nothing was restored",
    )
    assert by_name["merged"][0] == "Skipped"
    assert story.kubectl.get("configmap", "edited") == edited

    story.kubectl.patch("configmap/edited", {"data": {"size": None}})
    story.revert("again", "plan", "execute")
    assert story.succeeded("again")["message"].startswith("Plan reverted successfully: 1 stage, 2 actions rolled back")
