"""The nested status follows the workflows while they run, and tells the end from what they left."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    ResetWorkflowExecutionRequest,
    UnpauseActivityRequest,
)
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from api.objects import Target
from api.phases import Phase
from api.tree import RunState
from bridge.kubernetes.entry import ObjectKind
from kube.client import OWN, Object
from planning.definitions import identifiers
from planning.status import transitions
from tests.bridge.plan_namespace import PlanNamespace, condition
from tests.bridge.scripted_workflows import Attempts, Child, action, done, end_attempt, node, stage, state
from tests.eventually import eventually
from workflows.contract import WorkflowType

ONE_RUNNING = node("work", action("one", Phase.RUNNING), action("two"), phase=Phase.RUNNING)
BEGUN = state(stage("first", ONE_RUNNING, phase=Phase.RUNNING), stage("second", node("work", action("three"))))


def first_node(item: Object) -> dict[str, Any]:
    found: dict[str, Any] = item["status"]["stageStatuses"][0]["workflowExecutions"][0]
    return found


def first_action(item: Object) -> dict[str, Any]:
    found: dict[str, Any] = first_node(item)["actionStatuses"][0]
    return found


async def started(ns: PlanNamespace, name: str = "slow") -> tuple[Object, WorkflowHandle[Any, RunState]]:
    await ns.ready_plan()
    item = await ns.execute(name)
    await ns.ran_once(item)
    return item, ns.root(item)


async def with_children(ns: PlanNamespace, item: Object) -> tuple[WorkflowHandle[Any, Any], WorkflowHandle[Any, Any]]:
    """Start the open stage's and the open workflow's run, each with its node."""
    root = ns.root(item)
    stage_id = identifiers.stage_id(root.id, 0, "first")
    workflow_id = identifiers.workflow_id(stage_id, 0, "work")
    nodes = {
        stage_id: (WorkflowType.EXECUTE_STAGE, BEGUN.stages[0].to_object()),
        workflow_id: (WorkflowType.EXECUTE_WORKFLOW, ONE_RUNNING.to_object()),
    }
    for id_, (kind, body) in nodes.items():
        await root.signal("child", Child(kind=kind, id=id_, node=body))
    stage, workflow = (ns.temporal.get_workflow_handle(id_) for id_ in nodes)
    for handle in (stage, workflow):
        await eventually(partial(tolerant, handle.describe), "child")
    return stage, workflow


async def pause(ns: PlanNamespace, workflow: WorkflowHandle[Any, Any]) -> None:
    """Pause the activity of the first action, as `temporal activity pause` does."""
    namespace, execution = ns.temporal.namespace, WorkflowExecution(workflow_id=workflow.id)
    request = PauseActivityRequest(
        namespace=namespace, execution=execution, identity="ann", id="action-0", reason="at night"
    )
    await ns.temporal.workflow_service.pause_activity(request)


async def unpause(ns: PlanNamespace, workflow: WorkflowHandle[Any, Any]) -> None:
    namespace, execution = ns.temporal.namespace, WorkflowExecution(workflow_id=workflow.id)
    request = UnpauseActivityRequest(namespace=namespace, execution=execution, identity="ann", id="action-0")
    await ns.temporal.workflow_service.unpause_activity(request)


async def tolerant(call: Any) -> bool:
    try:
        return bool(await call())
    except RPCError:
        return False


async def test_what_children_know_stands_in_the_tree_before_their_parents_know_it(ns: PlanNamespace) -> None:
    item, root = await started(ns)
    await root.signal("show", BEGUN)
    _, workflow = await with_children(ns, item)
    await ns.until("slow", lambda one: "stageStatuses" in one.get("status", {}), "tree")
    ahead = node("work", action("one", Phase.SUCCEEDED, "did it"), action("two", Phase.RUNNING), phase=Phase.RUNNING)
    await workflow.signal("show", ahead.to_object())
    seen = await ns.until("slow", lambda one: first_action(one)["phase"] == "Succeeded", "first action")
    assert first_action(seen)["message"] == "did it"
    assert first_node(seen)["actionStatuses"][1]["phase"] == "Running"
    assert seen["status"]["summary"]["succeededActions"] == 1
    assert seen["status"]["progress"] == {"stages": "0/2", "actions": "1/3"}
    await ns.close(item, done())
    await ns.phase("slow", Phase.SUCCEEDED)


async def test_an_action_between_attempts_shows_the_next_retry_and_the_last_error(ns: PlanNamespace) -> None:
    item, root = await started(ns)
    await root.signal("show", BEGUN)
    _, workflow = await with_children(ns, item)
    await workflow.signal("attempts", Attempts(failures=2, pause=9, message="the server was away"))
    seen = await ns.until("slow", lambda one: _message(one) == "attempt 1 to end", "heartbeat")
    assert not first_action(seen).get("retries")
    end_attempt(workflow.id)
    expected = "Retrying (1 of 3): the server was away"
    seen = await ns.until("slow", lambda one: _message(one) == expected, expected)
    assert first_action(seen)["retries"] == 0
    await pause(ns, workflow)
    await unpause(ns, workflow)  # which does not wait for the pause between attempts
    seen = await ns.until("slow", lambda one: _message(one) == "attempt 2 to end", "second attempt")
    assert first_action(seen)["retries"] == first_action(seen)["retryCount"] == 1
    end_attempt(workflow.id)
    await ns.until("slow", lambda one: (_message(one) or "").startswith("Retrying (2 of 3)"), "second retry")
    await ns.close(item, done())
    await ns.phase("slow", Phase.SUCCEEDED)


def _message(item: Object) -> str | None:
    if not item.get("status", {}).get("stageStatuses"):
        return None
    message: str | None = first_action(item).get("message")
    return message


async def test_the_tree_never_goes_backwards(ns: PlanNamespace) -> None:
    item, root = await started(ns)
    ahead = node("work", action("one", Phase.SUCCEEDED), action("two", Phase.RUNNING), phase=Phase.RUNNING)
    await root.signal("show", state(stage("first", ahead, phase=Phase.RUNNING)))
    await ns.until("slow", lambda one: _phase_of_first(one) == "Succeeded", "progress")
    await root.signal("show", state(stage("first", ONE_RUNNING, phase=Phase.RUNNING), message="older"))
    seen = await ns.until("slow", partial(_says, "; older"), "the later answer")
    assert first_action(seen)["phase"] == "Succeeded"
    assert seen["status"]["summary"]["succeededActions"] == 1
    await ns.close(item, done())
    await ns.phase("slow", Phase.SUCCEEDED)


def _says(end: str, item: Object) -> bool:
    return str(item["status"].get("message")).endswith(end)


def _phase_of_first(item: Object) -> str | None:
    if not item.get("status", {}).get("stageStatuses"):
        return None
    phase: str = first_action(item)["phase"]
    return phase


async def test_the_end_is_what_the_workflow_left_not_what_was_last_seen(ns: PlanNamespace) -> None:
    item, root = await started(ns)
    await root.signal("show", BEGUN)
    await ns.until("slow", lambda one: "stageStatuses" in one.get("status", {}), "tree")
    await ns.close(item, done(Phase.FAILED, "Failed to execute stage first"), "fail")
    ended = await ns.phase("slow", Phase.FAILED)
    assert ended["status"]["message"] == "Failed to execute stage first"
    assert len(ended["status"]["stageStatuses"]) == 1
    assert ended["status"]["completionTime"]
    assert condition(ended, "Succeeded")["status"] == "False"


async def test_a_revert_that_left_objects_standing_names_them(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("quick")
    await ns.phase("quick", Phase.SUCCEEDED)
    await ns.revert("slow", "quick")
    item = await ns.phase("slow", Phase.RUNNING)
    left = done().model_copy(update={"left_standing": ["ConfigMap default/app"]})
    await ns.close(item, left)
    ended = await ns.phase("slow", Phase.SUCCEEDED)
    clean = condition(ended, "Clean")
    assert (clean["status"], clean["reason"]) == ("False", "ObjectsLeftStanding")
    assert "ConfigMap default/app" in clean["message"]


async def test_a_workflow_terminated_from_outside_is_reported_with_the_tree_as_it_last_stood(ns: PlanNamespace) -> None:
    _, root = await started(ns)
    await root.signal("show", BEGUN)
    await ns.until("slow", lambda one: "stageStatuses" in one.get("status", {}), "tree")
    await root.terminate(reason="an operator wanted it")
    ended = await ns.phase("slow", Phase.FAILED)
    expected = "The workflow was terminated from outside, outcome unknown: an operator wanted it"
    assert ended["status"]["message"] == expected
    assert first_action(ended)["phase"] == "Failed"
    assert first_action(ended)["message"].startswith("Outcome unknown")
    assert first_node(ended)["actionStatuses"][1]["phase"] == "Skipped"
    assert ended["status"]["stageStatuses"][1]["phase"] == "Skipped"
    summary = ended["status"]["summary"]
    assert summary["completedStages"] == summary["totalStages"] == 2
    await ns.released("slow")


async def test_a_workflow_that_broke_down_is_failed_and_says_that_the_outcome_is_unknown(ns: PlanNamespace) -> None:
    item, root = await started(ns)
    await root.signal("show", BEGUN)
    await ns.until("slow", lambda one: "stageStatuses" in one.get("status", {}), "tree")
    await ns.close(item, None, "break")
    ended = await ns.phase("slow", Phase.FAILED)
    assert ended["status"]["message"] == "The workflow broke down, outcome unknown: the worker gave up"


async def test_a_workflow_cancelled_in_the_engine_before_it_had_a_tree_is_canceled(ns: PlanNamespace) -> None:
    item, root = await started(ns)
    await ns.phase("slow", Phase.RUNNING)
    await root.cancel()
    await ns.close(item, RunState(phase=Phase.CANCELED, message="Plan execution canceled before anything"), "cancel")
    ended = await ns.phase("slow", Phase.CANCELED)
    assert ended["status"]["message"] == "Plan execution canceled before anything"


async def test_a_run_that_was_reset_is_followed_under_its_new_id(ns: PlanNamespace) -> None:
    item, root = await started(ns)
    await root.signal("show", BEGUN)
    before = await ns.until("slow", lambda one: "stageStatuses" in one.get("status", {}), "tree")
    await _reset(ns.temporal, root)
    after = await ns.until("slow", lambda one: one["status"]["engine"] != before["status"]["engine"], "new run")
    assert after["status"]["engine"]["workflowId"] == before["status"]["engine"]["workflowId"]
    await ns.close(item, done())
    await ns.phase("slow", Phase.SUCCEEDED)


async def test_a_run_that_somebody_starts_under_the_same_id_is_not_taken_for_it(ns: PlanNamespace) -> None:
    _, root = await started(ns)
    await root.signal("show", BEGUN)
    before = await ns.until("slow", lambda one: "stageStatuses" in one.get("status", {}), "tree")
    await root.terminate()
    forged = await ns.temporal.start_workflow("ExecutePlan", id=root.id, task_queue="of-nobody")
    ended = await ns.phase("slow", Phase.FAILED)
    assert ended["status"]["engine"] == before["status"]["engine"]
    await forged.terminate()


async def _reset(client: Client, handle: WorkflowHandle[Any, Any]) -> None:
    request = ResetWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=handle.id),
        reason="a test",
        workflow_task_finish_event_id=4,
        request_id="reset",
    )
    await client.workflow_service.reset_workflow_execution(request)


async def test_a_status_that_was_lost_is_rebuilt_from_the_engine(ns: PlanNamespace) -> None:
    item, root = await started(ns)
    await root.signal("show", BEGUN)
    before = await ns.until("slow", lambda one: "stageStatuses" in one.get("status", {}), "tree")
    empty: dict[str, Any] = dict.fromkeys(before["status"])
    await ns.write_status(ObjectKind.EXECUTION, "slow", empty)
    after = await ns.until("slow", lambda one: "stageStatuses" in one.get("status", {}), "tree")
    assert after["status"]["engine"] == before["status"]["engine"]
    assert after["status"]["stageStatuses"] == before["status"]["stageStatuses"]
    await ns.close(item, done())
    await ns.phase("slow", Phase.SUCCEEDED)
    await ns.ran_once(item)


async def test_nothing_is_written_after_a_terminal_phase(ns: PlanNamespace) -> None:
    await ns.ready_plan()
    await ns.execute("quick")
    await ns.phase("quick", Phase.SUCCEEDED)
    item = await ns.released("quick")
    await ns.annotate("quick", {"example.com/touched": "true"})
    await ns.execute("quick-too")
    await ns.phase("quick-too", Phase.SUCCEEDED)
    assert (await ns.get("quick"))["status"] == item["status"]


@pytest.mark.parametrize("kind", ["Accepted", "Started", "Succeeded"])
async def test_events_tell_of_an_executions_life(ns: PlanNamespace, kind: str) -> None:
    await ns.ready_plan()
    item = await ns.execute("quick")
    events_here = Target(api_version="events.k8s.io/v1", kind="Event", name="", namespace=ns.namespace)

    async def told() -> bool:
        events = [one async for page in ns.cluster.pages(events_here, "", OWN) for one in page.items]
        return any(one["regarding"]["uid"] == item["metadata"]["uid"] and one["reason"] == kind for one in events)

    await eventually(told, f"event {kind}")


async def test_an_event_names_the_action_whose_attempts_are_lost_with_their_workers(ns: PlanNamespace) -> None:
    item, root = await started(ns)
    await root.signal("show", BEGUN)
    _, workflow = await with_children(ns, item)
    waiting = transitions.action_lost(action("one", Phase.RUNNING), 3, 2, timedelta(seconds=10))
    lost = node("work", waiting, action("two"), phase=Phase.RUNNING)
    await workflow.signal("show", lost.to_object())
    seen = await ns.until("slow", lambda one: _message(one) == waiting.message, "lost attempts")
    assert (first_action(seen)["reason"], first_action(seen)["retries"]) == ("AttemptLost", 2)
    events_here = Target(api_version="events.k8s.io/v1", kind="Event", name="", namespace=ns.namespace)

    async def told() -> list[Object]:
        events = [one async for page in ns.cluster.pages(events_here, "", OWN) for one in page.items]
        return [one for one in events if one["reason"] == "AttemptLost"]

    [event] = await eventually(told, "event")
    assert (event["type"], event["note"]) == ("Warning", f"Action first/work/one: {waiting.message}")
    await ns.close(item, done())
    await ns.phase("slow", Phase.SUCCEEDED)


async def test_an_activity_that_somebody_paused_in_temporal_is_told_as_paused(ns: PlanNamespace) -> None:
    item, root = await started(ns)
    await root.signal("show", BEGUN)
    _, workflow = await with_children(ns, item)
    await workflow.signal("attempts", Attempts(failures=1, pause=9, message="the server was away"))
    end_attempt(workflow.id)
    await ns.until("slow", lambda one: _message(one) == "Retrying (1 of 3): the server was away", "retry")
    await pause(ns, workflow)
    said = (
        "Paused in Temporal by ann (at night), until it is unpaused there; the last attempt failed: the server was away"
    )
    seen = await ns.until("slow", lambda one: _message(one) == said, "pause")
    assert first_action(seen)["reason"] == "Paused"
    assert seen["status"]["message"] == f"stage first / work / one: {said}"
    await unpause(ns, workflow)
    await ns.until("slow", lambda one: _message(one) == "attempt 2 to end", "second attempt")
    await ns.close(item, done())
    await ns.phase("slow", Phase.SUCCEEDED)
