"""Objects as the older controller, a backup or a person with `kubectl get -o yaml` left them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from api.meta import ACCEPTED_ANNOTATION, FINALIZER, rfc3339
from tests import manifests
from tests.e2e.installation import Installation
from tests.e2e.story import EXECUTION, Story, told
from tests.kubectl import Object
from tests.manifests import config_map, makes_localization

COPY = "Copy of, or begun by, another controller: create a new execution"
LONG_AGO = "2026-01-01T00:00:00Z"


@contextmanager
def while_the_bridge_is_down(installation: Installation) -> Iterator[None]:
    """What is written here was there before our bridge came."""
    installation.bridge.program.stop()
    yield
    installation.restart_bridge()
    installation.bridge.wait_until_it_serves()


def leave(story: Story, execution: Object, status: Object) -> None:
    """Write an object with its status and the older controller's finalizer."""
    metadata = {**execution["metadata"], "finalizers": [FINALIZER]}
    story.kubectl.create({**execution, "metadata": metadata})
    story.kubectl.patch(f"{EXECUTION}/{metadata['name']}", {"status": status}, "status")


def given_a_plan_whose_objects_the_old_controller_made(story: Story, name: str = "plan") -> None:
    story.plan(name, {"only": [story.makes("app"), makes_localization("loc", story.namespace)]})
    spec, meta = manifests.localization_spec(), {"name": "loc"}
    localization = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Localization", "metadata": meta, "spec": spec}
    story.kubectl.create(config_map("app"), localization)


def old_action(story: Story, name: str, kind: str, api_version: str, reference: str, shift: int = 0) -> Object:
    """Give an action's record without operation and uid; `shift` moves its times by seconds."""
    object_name = name.partition("-")[2]
    created = story.kubectl.get(kind.lower(), object_name)["metadata"]["creationTimestamp"]
    start = datetime.fromisoformat(created) + timedelta(seconds=shift)
    place = {"kind": kind, "apiVersion": api_version, "namespace": story.namespace, "name": object_name}
    return {
        "name": name,
        "phase": "Succeeded",
        "retryCount": 0,
        "startTime": rfc3339(start),
        "completionTime": rfc3339(start + timedelta(seconds=1)),
        "message": f"{kind} created successfully",
        "outputs": {reference: place},
    }


def old_execute(story: Story, shift: int = 0) -> Object:
    """Give the status of an Execute as the older controller left it."""
    app = old_action(story, "make-app", "ConfigMap", "v1", "resourceRef", shift)
    loc = old_action(story, "create-loc", "Localization", "apps.clusternet.io/v1alpha1", "localizationRef", shift)
    times = {"startTime": app["startTime"], "completionTime": loc["completionTime"], "duration": "2s"}
    workflow = {
        "workflowRef": {"name": "only", "namespace": story.namespace},
        "phase": "Succeeded",
        "progress": "2/2 actions completed",
        "message": "Workflow completed successfully",
        "actionStatuses": [app, loc],
        **times,
    }
    stage = {"name": "only-stage", "phase": "Succeeded", "parallel": False, "workflowExecutions": [workflow], **times}
    counts = {"totalStages": 1, "completedStages": 1, "totalWorkflows": 1, "completedWorkflows": 1}
    return {
        "phase": "Succeeded",
        "startTime": times["startTime"],
        "completionTime": times["completionTime"],
        "message": "All stages completed successfully",
        "stageStatuses": [stage],
        "summary": counts,
    }


def test_an_execute_as_the_old_controller_left_it_is_reverted(installation: Installation, story: Story) -> None:
    with while_the_bridge_is_down(installation):
        given_a_plan_whose_objects_the_old_controller_made(story)
        leave(story, manifests.execute("execute", "plan"), old_execute(story))
        before = story.kubectl.get(EXECUTION, "execute")
    story.revert("revert", "plan", "execute")
    status = story.succeeded("revert")

    assert told(status) == [
        ("create-loc", "Succeeded", "Rolled back: deleted Localization loc"),
        ("make-app", "Succeeded", "Rolled back: deleted ConfigMap app"),
    ]
    assert not story.exists("configmap", "app")
    assert not story.exists("localization", "loc")
    story.eventually("execute", lambda status: "progress" in status)
    after = story.kubectl.get(EXECUTION, "execute")
    assert after["status"].pop("progress") == {"stages": "1/1", "actions": "2/2"}
    assert without_version(after) == without_version(before)
    assert installation.runs.roots(before) == []


def without_version(item: Object) -> Object:
    """Give an object as a person wrote or left it."""
    return {**item, "metadata": {**item["metadata"], "resourceVersion": ""}}


def test_an_execute_that_the_old_controller_left_running_is_closed_and_reverted(
    installation: Installation, story: Story
) -> None:
    with while_the_bridge_is_down(installation):
        given_a_plan_whose_objects_the_old_controller_made(story)
        status = old_execute(story)
        (done,) = status["stageStatuses"]
        running: Object = {"workflowRef": {"name": "only", "namespace": story.namespace}, "phase": "Running"}
        running["actionStatuses"] = [{"name": "make-app", "phase": "Running", "startTime": done["startTime"]}]
        later = {"name": "later", "phase": "Running", "startTime": done["startTime"], "workflowExecutions": [running]}
        leave(
            story,
            manifests.execute("execute", "plan"),
            {"phase": "Running", "startTime": done["startTime"], "stageStatuses": [done, later]},
        )
        place = {"name": "execute", "namespace": story.namespace}
        record = {**place, "operationType": "Execute", "phase": "Pending", "startTime": done["startTime"]}
        left = {"status": {"currentExecution": place, "executionHistory": [record]}}
        story.kubectl.patch("drplan/plan", left, "status")
    closed = story.failed("execute")
    assert closed["message"] == COPY
    assert [each["phase"] for each in closed["stageStatuses"]] == ["Succeeded", "Failed"]
    (node,) = closed["stageStatuses"][1]["workflowExecutions"]
    assert [node["phase"], node["actionStatuses"][0]["phase"]] == ["Failed", "Failed"]
    story.kubectl.wait("jsonpath={.status.executionHistory[0].phase}=Failed", "drplan/plan", 30)

    story.revert("revert", "plan", "execute")
    assert told(story.succeeded("revert"))[-2:] == [
        ("create-loc", "Succeeded", "Rolled back: deleted Localization loc"),
        ("make-app", "Succeeded", "Rolled back: deleted ConfigMap app"),
    ]


def test_after_a_revert_that_the_old_controller_left_running_the_messages_lead_on(
    installation: Installation, story: Story
) -> None:
    with while_the_bridge_is_down(installation):
        given_a_plan_whose_objects_the_old_controller_made(story)
        executed = old_execute(story)
        leave(story, manifests.execute("execute", "plan"), executed)
        story.kubectl("delete", "localization", "loc")
        started = executed["completionTime"]
        leave(story, manifests.revert("old-back", "plan", "execute"), {"phase": "Running", "startTime": started})
    assert "with spec.onMissing: Ignore" in story.failed("old-back")["message"]
    story.revert("back", "plan", "execute")
    assert "the Revert old-back, which another controller did not finish" in story.failed("back")["message"]
    story.revert("back-2", "plan", "execute", onMissing="Ignore")
    assert told(story.succeeded("back-2")) == [
        ("create-loc", "Skipped", "Already absent: Localization loc"),
        ("make-app", "Succeeded", "Rolled back: deleted ConfigMap app"),
    ]


def test_an_object_younger_than_the_old_record_is_not_deleted(installation: Installation, story: Story) -> None:
    with while_the_bridge_is_down(installation):
        given_a_plan_whose_objects_the_old_controller_made(story)
        leave(story, manifests.execute("execute", "plan"), old_execute(story, shift=-60))
        created = story.kubectl.get("localization", "loc")["metadata"]["creationTimestamp"]
    story.revert("revert", "plan", "execute")
    status = story.failed("revert")

    name, phase, message = told(status)[0]
    recorded = rfc3339(datetime.fromisoformat(created) - timedelta(seconds=60))
    assert (name, phase) == ("create-loc", "Failed")
    assert created in message
    assert recorded in message
    assert story.exists("configmap", "app")
    assert story.exists("localization", "loc")


def test_an_old_revert_without_stage_statuses_lists_gets_and_describes(
    installation: Installation, story: Story
) -> None:
    times = {"startTime": LONG_AGO, "completionTime": LONG_AGO}
    with while_the_bridge_is_down(installation):
        status = {"phase": "Succeeded", "message": "Revert completed successfully", **times}
        leave(story, manifests.revert("old-revert", "plan", "execute"), status)
        before = story.kubectl.get(EXECUTION, "old-revert")

    [row] = [line for line in story.kubectl("get", EXECUTION).splitlines() if line.startswith("old-revert")]
    assert row.split()[1:4] == ["plan", "Revert", "Succeeded"]
    assert story.kubectl.get(EXECUTION, "old-revert") == before
    described = story.kubectl("describe", EXECUTION, "old-revert")
    assert "Revert completed successfully" in described
    assert installation.runs.roots(before) == []


def test_an_old_running_object_never_starts(installation: Installation, story: Story) -> None:
    with while_the_bridge_is_down(installation):
        story.plan("plan", {"only": [story.makes("app")]})
        leave(story, manifests.execute("old", "plan"), {"phase": "Running", "startTime": LONG_AGO})
    then_it_is_refused_as_a_copy(installation, story, "old")


def test_a_copied_object_never_starts(installation: Installation, story: Story) -> None:
    story.plan("plan", {"only": [story.makes("app", held=True)]})
    story.executed("execute", "plan")
    original = story.kubectl.get(EXECUTION, "execute")
    meta = original["metadata"]
    kept = {"name": "copy", "labels": meta["labels"], "annotations": meta["annotations"]}
    story.kubectl.create({**original, "metadata": kept})
    then_it_is_refused_as_a_copy(installation, story, "copy", writes=1)


@pytest.mark.parametrize("phase", ["Running", "Pending"])
def test_an_object_restored_from_a_backup_never_starts(installation: Installation, story: Story, phase: str) -> None:
    story.plan("plan", {"only": [story.makes("app")]})
    with while_the_bridge_is_down(installation):
        engine = {"workflowId": "execute/elsewhere", "runId": "unknown"}
        leave(story, accepted_elsewhere("restored"), {"phase": phase, "engine": engine})
    then_it_is_refused_as_a_copy(installation, story, "restored")


def test_a_copy_with_the_status_of_a_running_execution_never_starts_and_leaves_the_other_alone(
    installation: Installation, story: Story
) -> None:
    story.plan("plan", {"only": [story.makes("app", held=True)]})
    story.executed("execute", "plan")
    story.revert("revert", "plan", "execute")
    story.eventually("revert", lambda _: story.held("app"))
    running = story.eventually("revert", lambda status: status.get("phase") == "Running")
    with while_the_bridge_is_down(installation):
        copied = accepted_elsewhere("copy", story.uid(EXECUTION, "revert"))
        leave(story, {**copied, "spec": manifests.revert("copy", "plan", "execute")["spec"]}, running)
    assert story.failed("copy")["message"] == COPY
    story.kubectl("delete", EXECUTION, "copy", "--timeout=30s")
    assert story.status("revert")["phase"] == "Running"
    story.let_go("app")
    story.succeeded("revert")


def accepted_elsewhere(name: str, uid: str = "00000000-0000-0000-0000-000000000000") -> Object:
    """Give an execution that carries another one's accepted annotation."""
    execution = manifests.execute(name, "plan")
    execution["metadata"]["annotations"] = {ACCEPTED_ANNOTATION: uid}
    return execution


def test_a_finished_object_restored_from_a_backup_is_not_written_to(installation: Installation, story: Story) -> None:
    story.plan("plan", {"only": [story.makes("app")]})
    with while_the_bridge_is_down(installation):
        leave(story, accepted_elsewhere("restored"), {"phase": "Failed", "message": "as it was", "startTime": LONG_AGO})
        before = story.kubectl.get(EXECUTION, "restored")
    story.executed("another", "plan")
    assert story.kubectl.get(EXECUTION, "restored") == before
    assert installation.runs.roots(before) == []


@pytest.mark.parametrize("phase", ["Succeeded", "Running"])
def test_an_object_of_the_old_controller_can_be_deleted(installation: Installation, story: Story, phase: str) -> None:
    with while_the_bridge_is_down(installation):
        leave(story, manifests.execute("old", "plan"), {"phase": phase, "startTime": LONG_AGO})
    story.kubectl("delete", EXECUTION, "old", "--timeout=30s")
    assert not story.exists(EXECUTION, "old")


def then_it_is_refused_as_a_copy(installation: Installation, story: Story, name: str, writes: int = 0) -> None:
    status = story.failed(name)
    assert status["message"] == COPY
    assert installation.runs.roots(story.kubectl.get(EXECUTION, name)) == []
    assert len(story.writes_to("configmaps")) == writes
