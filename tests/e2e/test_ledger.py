"""A Revert rests on the worker's own ledger: a forged status changes nothing, an altered ledger is refused."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from planning.snapshot.documents import digest
from tests.e2e.holding_proxy import Exchange, Moment, request
from tests.e2e.installation import Installation
from tests.e2e.story import EXECUTION, Story, actions, condition, told
from tests.eventually import until
from tests.kubectl import Object
from tests.manifests import config_map

NAMES = ("one", "two")
OTHERS = ("foreign-one", "foreign-two")


def given_an_execute_and_objects_of_others(story: Story) -> tuple[Object, dict[str, str]]:
    """Give the status of the Execute, and the uids of all objects. The plan's account may delete all of them."""
    story.plan("plan", {"flow": [story.makes(name) for name in NAMES]})
    for name in OTHERS:
        story.kubectl.create(config_map(name))
    status = story.executed("execute", "plan")
    return status, {name: story.uid("configmap", name) for name in (*NAMES, *OTHERS)}


def write(story: Story, **status: Any) -> None:
    """Write fields of the status of the Execute."""
    story.kubectl.patch(f"{EXECUTION}/execute", {"status": status}, "status")


def plant(story: Story, status: Object, uids: dict[str, str], **more: Any) -> None:
    """Write objects of others into the status, as one who may write it: each record names one, with its uid."""
    forged = copy.deepcopy(status)
    for record, name in zip(actions(forged), OTHERS, strict=True):
        record["outputs"]["resourceRef"] |= {"name": name, "uid": uids[name]}
    write(story, stageStatuses=forged["stageStatuses"], **more)
    outputs = [each["outputs"]["resourceRef"]["name"] for each in actions(story.status("execute"))]
    assert outputs == list(OTHERS)


def ledger(story: Story, execution: str = "execute") -> list[Object]:
    """Give the parts of an execution's ledger, the first one first."""
    found = json.loads(story.kubectl("get", "controllerrevisions", "-o", "json"))["items"]
    prefix = f"drplan-{story.uid(EXECUTION, execution)[:8]}-ledger-"
    parts = [each for each in found if each["metadata"]["name"].startswith(prefix)]
    return sorted(parts, key=lambda each: "stages" not in each["data"]["content"])


def deleted(story: Story) -> list[str]:
    return [each.name for each in story.writes_to("configmaps") if each.verb == "delete"]


def test_names_and_uids_planted_into_a_status_change_nothing(story: Story) -> None:
    status, uids = given_an_execute_and_objects_of_others(story)
    plant(story, status, uids, serviceAccountName="rich", snapshot=None)
    story.revert("revert", "plan", "execute")

    assert told(story.succeeded("revert")) == [
        (f"make-{name}", "Succeeded", f"Rolled back: deleted ConfigMap {name}") for name in reversed(NAMES)
    ]
    assert deleted(story) == list(reversed(NAMES))
    assert {name: story.uid("configmap", name) for name in OTHERS} == {name: uids[name] for name in OTHERS}


def test_a_status_without_its_ledger_and_tree_changes_nothing(story: Story) -> None:
    given_an_execute_and_objects_of_others(story)
    write(story, ledger=None, stageStatuses=None)
    story.revert("revert", "plan", "execute")
    story.succeeded("revert")
    assert deleted(story) == list(reversed(NAMES))


def test_an_earlier_revert_that_only_its_status_knows_of_changes_nothing(story: Story) -> None:
    status, _ = given_an_execute_and_objects_of_others(story)
    story.revert("claimed", "nowhere", "execute")
    story.failed("claimed")
    claim = [{**record, "message": "Rolled back"} for record in reversed(actions(status))]
    part = {**status["stageStatuses"][0], "message": "Stage reverted successfully"}
    part["workflowExecutions"] = [{**part["workflowExecutions"][0], "actionStatuses": claim}]
    forged = {"status": {"phase": "Succeeded", "stageStatuses": [part], "startTime": status["completionTime"]}}
    story.kubectl.patch(f"{EXECUTION}/claimed", forged, "status")
    story.revert("revert", "plan", "execute")
    story.succeeded("revert")
    assert deleted(story) == list(reversed(NAMES))


def other_object(part: Object, story: Story) -> None:
    """Let the record of the DRWorkflow name an object of others."""
    for name, other in zip(NAMES, OTHERS, strict=True):
        text = json.dumps(part["data"]["content"]).replace(f'"{name}"', f'"{other}"')
        part["data"]["content"] = json.loads(text.replace(story.uid("configmap", name), story.uid("configmap", other)))


def other_object_and_hash(part: Object, story: Story) -> None:
    other_object(part, story)
    part["data"]["sha256"] = digest(part["data"]["content"])


def without_owner(part: Object, _: Story) -> None:
    part["metadata"].pop("ownerReferences")


@pytest.mark.parametrize("alter", [other_object, other_object_and_hash, without_owner])
def test_a_ledger_that_was_altered_is_not_used_and_said_to_be_so(
    story: Story, alter: Callable[[Object, Story], None]
) -> None:
    given_an_execute_and_objects_of_others(story)
    _, record = ledger(story)
    name = record["metadata"]["name"]
    story.kubectl("delete", "controllerrevision", name)
    record["metadata"] = {key: record["metadata"][key] for key in ("name", "labels", "ownerReferences")}
    alter(record, story)
    story.kubectl.create(record)
    story.revert("revert", "plan", "execute")

    status = story.failed("revert")
    assert status["message"].startswith(f"Nothing was reverted: ControllerRevision {name}")
    assert "was altered" in status["message"]
    intact = condition(status, "LedgerIntact")
    assert (intact["status"], intact["reason"]) == ("False", "Altered")
    assert deleted(story) == []


def test_a_worker_killed_after_it_stored_a_record_and_before_it_reported_that_stores_it_once(
    installation: Installation, story: Story
) -> None:
    story.plan("plan", {"flow": [story.makes(name) for name in NAMES]})

    def of_the_workflow(each: Exchange) -> bool:
        return request("POST", "/controllerrevisions", holds="-ledger-")(each) and '"make-one"' in each.body

    with installation.worker.proxy.holding(Moment.ANSWER, of_the_workflow, "the record is stored") as trap:
        story.execute("execute", "plan")
        for _ in range(2):
            trap.wait()
            installation.worker.program.kill()
            until(lambda: not trap.holding, "the end of the connection")
            installation.worker.program.start()
        trap.wait()
    status = story.succeeded("execute")
    assert [each.status for each in trap.caught] == [201, 409, 409]
    names = [status["ledger"]["name"], status["stageStatuses"][0]["workflowExecutions"][0]["ledger"]["name"]]
    assert [part["metadata"]["name"] for part in ledger(story)] == names
    story.revert("revert", "plan", "execute")
    story.succeeded("revert")
    assert deleted(story) == list(reversed(NAMES))


def test_without_any_ledger_only_objects_with_the_mark_of_the_execution_are_deleted(story: Story) -> None:
    status, uids = given_an_execute_and_objects_of_others(story)
    for part in ledger(story):
        story.kubectl("delete", "controllerrevision", part["metadata"]["name"])
    del status["stageStatuses"][0]["workflowExecutions"][0]["ledger"]
    plant(story, status, uids, ledger=None)
    story.revert("planted", "plan", "execute")
    [(_, phase, message), (_, never, _)] = told(story.failed("planted"))
    assert (phase, never) == ("Failed", "Skipped")
    assert f"ConfigMap foreign-two with uid {uids['foreign-two']} lacks the annotation" in message
    assert deleted(story) == []

    write(story, stageStatuses=status["stageStatuses"])
    story.revert("true", "plan", "execute")
    story.succeeded("true")
    assert deleted(story) == list(reversed(NAMES))
