"""What an Execute began with is what it carries out and what a Revert takes back; and no secret of it is kept."""

import base64
import json
from typing import Any

from tests.e2e.installation import Installation
from tests.e2e.story import Story, actions, condition, nodes, told
from tests.kubectl import Object
from tests.manifests import HOLD, config_map, dr_plan, dr_workflow, stage, writes

SECRET = "correct-horse-battery-staple"


def holds_it_up(story: Story) -> Object:
    """Give an action that is not done before the test lets it go."""
    story.kubectl.create(config_map("in-the-way", finalizers=[HOLD]))
    return story.makes("in-the-way", "Delete", timeout="2m")


def kept(story: Story, execution: str | None = None) -> list[Object]:
    """Give what is stored: of one execution, or of all."""
    found: list[Object] = json.loads(story.kubectl("get", "controllerrevisions", "-o", "json"))["items"]
    owners = [[owner["name"] for owner in each["metadata"]["ownerReferences"]] for each in found]
    return [each for each, names in zip(found, owners, strict=True) if execution is None or names == [execution]]


def test_a_dr_workflow_that_is_edited_and_deleted_while_it_runs_is_carried_out_and_taken_back_as_it_was(
    story: Story,
) -> None:
    undo: dict[str, Any] = {"rollback": {"resource": story.makes("undone")["resource"]}}
    story.plan("plan", {"flow": [holds_it_up(story), story.makes("as-it-was", **undo)], "later": [story.makes("next")]})
    story.execute("execute", "plan")
    story.eventually("execute", lambda _: story.held("in-the-way"))
    edited = {"spec": {"actions": [story.makes("in-the-way", "Delete"), story.makes("as-it-is")]}}
    story.kubectl.patch("drworkflow/flow", edited)
    story.kubectl("delete", "drworkflow", "later")
    story.let_go("in-the-way")

    status = story.succeeded("execute")
    assert [story.exists("configmap", name) for name in ("as-it-was", "next", "as-it-is")] == [True, True, False]
    root = status["snapshot"]["name"]
    assert root in [each["metadata"]["name"] for each in kept(story)]

    story.kubectl("delete", "drworkflow", "flow")
    story.revert("revert", "plan", "execute")
    reverted = story.succeeded("revert")
    assert ("make-as-it-was", "Succeeded", "Rolled back: executed custom rollback action") in told(reverted)
    assert story.exists("configmap", "undone")
    said = condition(reverted, "DefinitionsKept")
    assert (said["status"], said["reason"]) == ("True", "AsExecuted")


def test_what_is_kept_goes_with_its_execution_and_a_revert_then_says_which_definitions_it_used(story: Story) -> None:
    story.plan("plan", {"flow": [story.makes("app")]})
    story.executed("execute", "plan")
    for each in kept(story):
        if "-ledger-" not in each["metadata"]["name"]:
            story.kubectl("delete", "controllerrevision", each["metadata"]["name"])
    story.revert("revert", "plan", "execute")
    said = condition(story.succeeded("revert"), "DefinitionsKept")
    assert (said["status"], said["reason"]) == ("False", "CurrentOnesUsed")
    assert "current" in said["message"]

    story.executed("another", "plan")
    assert kept(story, "another") != []
    story.kubectl("delete", "drplanexecution", "another")
    story.eventually("execute", lambda _: kept(story, "another") == [])
    assert kept(story, "execute") != []


def test_no_secret_stands_in_what_is_kept_or_in_temporal_or_in_a_status_or_a_log(
    installation: Installation, story: Story
) -> None:
    story.kubectl.create(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"p": SECRET}}
    )
    place = {"apiVersion": "v1", "kind": "Secret", "namespace": story.namespace, "name": "db", "jsonPath": "{.data.p}"}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "made", "namespace": story.namespace}}
    refused = config_map("refused", namespace=story.namespace, labels={"x": "$(params.token) is no label"})
    request = {"url": "http://127.0.0.1:1/?key=$(params.token)", "headers": {"X-Api-Key": SECRET}}
    once: dict[str, Any] = {"retryPolicy": {"limit": 1, "interval": "100ms"}}
    flow = dr_workflow(
        "flow",
        writes("make", json.dumps({**body, "stringData": {"p": SECRET, "q": "$(params.read)"}})),
        writes("refused", json.dumps(refused), **once),
        {"name": "ask", "type": "HTTP", "http": request, **once},
        failurePolicy="Continue",
    )
    read = {"name": "read", "valueFrom": {"manifestRef": place}}
    story.kubectl.apply(flow, dr_plan("plan", stage("only", story.namespace, "flow"), globalParams=[read]))
    story.execute("execute", "plan", params=[{"name": "token", "value": SECRET}])
    status = story.failed("execute")

    assert [each["phase"] for each in actions(status)] == ["Succeeded", "Failed", "Failed"]
    assert "•••" in actions(status)[1]["message"], nodes(status)
    encoded = base64.b64encode(SECRET.encode()).decode()
    made = story.kubectl.get("secret", "made")["data"]
    assert [base64.b64decode(made[key]).decode() for key in ("p", "q")] == [SECRET, encoded]
    temporal = installation.runs.told(story.kubectl.get("drplanexecution", "execute"))
    assert "load_execute" in temporal
    assert "make" in temporal
    logs = installation.worker.program.log.read_text() + installation.bridge.program.log.read_text()
    events = story.kubectl("get", "events", "-o", "json")
    for text in (json.dumps(kept(story)), json.dumps(status, ensure_ascii=False), temporal, logs, events):
        assert SECRET not in text
        assert encoded not in text
