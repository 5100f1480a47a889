"""The status of a Revert, as docs/spec/drplanexecution.md promises it, on a real one."""

import copy
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import durationpy

from api.meta import ObjectKey
from api.phases import OperationType
from planning.definitions.identifiers import root_id
from tests import manifests
from tests.e2e.installation import Installation
from tests.e2e.steps_back import places, steps_back
from tests.e2e.story import Story, actions, condition, nodes
from tests.eventually import DEADLINE
from tests.kubectl import Object
from tests.manifests import makes_localization

WHOLE_SECONDS_UTC = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


def rolled_back(action: str, localization: str) -> Object:
    """Give an action's node as the contract shows it."""
    return {
        "name": action,
        "type": "Localization",
        "phase": "Succeeded",
        "reason": "RolledBack",
        "startTime": "…",
        "completionTime": "…",
        "message": f"Rolled back: deleted Localization {localization}",
        "retries": 0,
        "retryCount": 0,
        "proof": {"result": "Verified"},
    }


def contract(namespace: str) -> Object:
    """Give the finished Revert's status; times and durations are checked apart."""
    ended = {"phase": "Succeeded", "startTime": "…", "completionTime": "…", "duration": "…"}
    below = {**ended, "reason": "RolledBack"}
    workflow = {
        **below,
        "workflowRef": {"name": "nginx-deploy-workflow", "namespace": namespace},
        "progress": "2/2 actions rolled back",
        "message": "Workflow reverted successfully",
        "actionStatuses": [
            rolled_back("create-localization-b", "nginx-loc-b"),
            rolled_back("create-localization-a", "nginx-loc-a"),
        ],
    }
    message = "Stage reverted successfully"
    return {
        **ended,
        "observedGeneration": 1,
        "serviceAccountName": "default",
        "progress": {"stages": "1/1", "actions": "2/2"},
        "stageStatuses": [{**below, "name": "deploy-stage", "message": message, "workflowExecutions": [workflow]}],
        "summary": SUMMARY,
        "proof": {"checkedAt": "…", "verified": 2, "differing": 0, "unknown": 0},
        "message": "Plan reverted successfully: 1 stage, 2 actions rolled back",
        "timing": {"working": "…", "waitingForPeople": "0s", "waitingForTurn": "0s"},
    }


SUMMARY = {
    "totalStages": 1,
    "completedStages": 1,
    "succeededStages": 1,
    "failedStages": 0,
    "skippedStages": 0,
    "canceledStages": 0,
    "runningStages": 0,
    "pendingStages": 0,
    "totalWorkflows": 1,
    "completedWorkflows": 1,
    "runningWorkflows": 0,
    "pendingWorkflows": 0,
    "failedWorkflows": 0,
    "totalActions": 2,
    "succeededActions": 2,
    "failedActions": 0,
    "skippedActions": 0,
    "canceledActions": 0,
}


def given_the_plan_of_the_contract(story: Story) -> None:
    creates = [
        {**makes_localization(f"nginx-loc-{letter}", story.namespace), "name": f"create-localization-{letter}"}
        for letter in "ab"
    ]
    story.kubectl.apply(
        manifests.dr_workflow("nginx-deploy-workflow", *creates),
        manifests.dr_plan("nginx-plan", manifests.stage("deploy-stage", story.namespace, "nginx-deploy-workflow")),
    )
    story.executed("nginx-exec-001", "nginx-plan")


def without_times(node: Any) -> Any:
    """Check every time and duration, and put `…` in its place."""
    if isinstance(node, list):
        return [without_times(each) for each in node]
    if not isinstance(node, dict):
        return node
    for name in ("startTime", "completionTime", "checkedAt"):
        assert WHOLE_SECONDS_UTC.match(node.get(name, "2026-01-01T00:00:00Z"))
    if "duration" in node:
        start, end = (datetime.fromisoformat(node[name]) for name in ("startTime", "completionTime"))
        assert durationpy.from_str(node["duration"]) == end - start
    if "timing" in node:
        assert node["timing"]["working"] == node["duration"]
    times = {"startTime", "completionTime", "duration", "working", "checkedAt"}
    return {key: "…" if key in times else without_times(value) for key, value in node.items()}


def test_the_status_of_a_finished_revert_is_the_contract_field_by_field(
    installation: Installation, story: Story
) -> None:
    given_the_plan_of_the_contract(story)
    story.revert("nginx-revert-001", "nginx-plan", "nginx-exec-001")
    story.kubectl.wait("condition=Completed", "drplanexecution/nginx-revert-001", DEADLINE)
    status = copy.deepcopy(story.succeeded("nginx-revert-001"))

    conditions, engine, decision = status.pop("conditions"), status.pop("engine"), status.pop("decision")
    assert without_times(status) == contract(story.namespace)
    execution = story.kubectl.get("drplanexecution", "nginx-revert-001")
    key = ObjectKey(namespace=story.namespace, name="nginx-revert-001", uid=execution["metadata"]["uid"])
    [run] = installation.runs.begun(execution)
    assert engine == {"workflowId": root_id(OperationType.REVERT, key), "runId": run.run_id}
    assert story.kubectl.get("controllerrevision", decision["name"])["data"]
    assert len(decision["sha256"]) == 64
    assert {each["type"]: each["status"] for each in conditions}.items() >= {
        ("Completed", "True"),
        ("Succeeded", "True"),
        ("Progressing", "False"),
        ("Clean", "True"),
        ("Verified", "True"),
    }
    assert condition({"conditions": conditions}, "Completed")["reason"] == "Succeeded"
    for each in conditions:
        assert each.keys() <= {"type", "status", "reason", "message", "lastTransitionTime", "observedGeneration"}
        assert each["reason"]
        assert WHOLE_SECONDS_UTC.match(each["lastTransitionTime"])


def test_kubectl_get_shows_a_revert_in_its_columns(story: Story) -> None:
    given_the_plan_of_the_contract(story)
    story.revert("nginx-revert-001", "nginx-plan", "nginx-exec-001")
    story.succeeded("nginx-revert-001")

    head, row = (
        re.split(r"\s{2,}", line.strip()) for line in story.kubectl("get", "drpe", "nginx-revert-001").splitlines()
    )
    assert head == ["NAME", "PLAN", "OPERATION", "PHASE", "STAGES", "ACTIONS", "AGE"]
    assert row[:-1] == ["nginx-revert-001", "nginx-plan", "Revert", "Succeeded", "1/1", "2/2"]
    wide = story.kubectl("get", "drpe", "nginx-revert-001", "-o", "wide")
    assert wide.split("\n")[0].split()[-2:] == ["DURATION", "MESSAGE"]
    assert "Plan reverted successfully: 1 stage, 2 actions rolled back" in wide


def test_while_a_revert_runs_the_whole_tree_is_there_with_pending_nodes_and_never_goes_backwards(story: Story) -> None:
    given_two_stages_whose_objects_wait_for_the_test(story)
    with story.watching() as watch:
        story.revert("revert", "plan", "execute")
        for held in ("late-b", "late-a", "early-b", "early-a"):
            status = watch.until("revert", is_running(f"make-{held}"))
            pending = [each["name"] for each in actions(status) if each["phase"] == "Pending"]
            assert pending == after(held), nodes(status)
            story.let_go(held)
        story.succeeded("revert")
        watch.until("revert", lambda each: each["phase"] == "Succeeded")
        seen = watch.statuses("revert")

    # The bridge may first look when the first action has begun already; whatever can end waits for the test.
    assert [each["name"] for each in actions(seen[0]) if each["phase"] == "Pending"][-3:] == after("late-b")
    assert {each[1] for each in nodes(seen[0])} <= {"Pending", "Running"}
    assert all(places(each) == places(seen[-1]) for each in seen), [places(each) for each in seen]
    assert steps_back(seen) == []


def given_two_stages_whose_objects_wait_for_the_test(story: Story) -> None:
    early = [story.makes(f"early-{each}", held=True) for each in "ab"]
    late = [story.makes(f"late-{each}", held=True) for each in "ab"]
    story.plan("plan", {"early": early, "late": late})
    story.executed("execute", "plan")


def after(name: str) -> list[str]:
    """Name the actions that come after an object's in the Revert."""
    order = ["late-b", "late-a", "early-b", "early-a"]
    return [f"make-{each}" for each in order[order.index(name) + 1 :]]


def is_running(action: str) -> Callable[[Object], bool]:
    return lambda status: (action, "Running") in [(each["name"], each["phase"]) for each in actions(status)]
