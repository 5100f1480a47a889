"""Children that end in another way than by their own work: what their parents then say."""

from types import SimpleNamespace
from typing import Any, cast

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from api.tree import RunState
from bridge.controller.context import Context
from bridge.controller.own_runs import end_parts_of_ended
from bridge.temporal.client import TemporalClient
from tests.eventually import eventually
from tests.workflows.decisions import find, phases, revert, stage, workflow
from tests.workflows.engine import DevEngine, Run
from tests.workflows.fake_activities import HeldAttempt

UNKNOWN = "Outcome unknown: terminated from outside"


async def test_a_terminated_workflow_is_failed_and_its_actions_are_said_to_be_unknown(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(revert(stage("s", workflow("w", "a", "b"), workflow("v", "c"))), b=gate)
    await gate.held()
    await run.workflow((0, "s"), (0, "w")).terminate("by hand")
    state = await run.end()
    assert phases(state) == {
        "s": "Failed",
        "s/w": "Failed",
        "s/w/a": "Failed",
        "s/w/b": "Failed",
        "s/v": "Skipped",
        "s/v/c": "Skipped",
    }
    assert {find(state, name).message for name in "ab"} == {UNKNOWN}
    assert state.stages[0].workflows[0].message == "terminated from outside"
    assert state.phase == "Failed"


async def test_a_terminated_stage_is_failed_and_all_below_it_unknown(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(revert(stage("s", workflow("w", "a")), stage("t", workflow("v", "b"))), a=gate)
    await gate.held()
    await run.stage(0, "s").terminate("by hand")
    state = await run.end()
    assert (phases(state)["s"], phases(state)["s/w/a"], phases(state)["t"]) == ("Failed", "Failed", "Skipped")
    assert find(state, "a").message == UNKNOWN
    assert state.message is not None
    assert "terminated from outside" in state.message


async def test_a_workflow_canceled_by_hand_in_the_engine_ends_canceled_and_the_run_stops(
    engine: DevEngine,
) -> None:
    gate = HeldAttempt()
    run = await engine.start(revert(stage("s", workflow("w", "a", "b")), stage("t", workflow("v", "c"))), a=gate)
    await gate.held()
    await run.workflow((0, "s"), (0, "w")).cancel()
    gate.open()
    state = await run.end()
    assert (phases(state)["s/w/a"], phases(state)["s/w/b"], phases(state)["t"]) == ("Succeeded", "Skipped", "Skipped")
    assert state.phase == "Canceled"
    assert await run.status() is WorkflowExecutionStatus.FAILED


async def reset_to_the_beginning(run: Run, part: WorkflowHandle[Any, Any] | None = None) -> WorkflowHandle[Any, Any]:
    """Reset a root, or a part of it, to its first workflow task, as the UI does; give the new run."""
    handle = part or run.handle
    events = (await handle.fetch_history()).events
    first = next(event.event_id for event in events if event.HasField("workflow_task_completed_event_attributes"))
    execution = WorkflowExecution(workflow_id=handle.id, run_id=(await handle.describe()).run_id)
    answer = await run.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=run.client.namespace,
            workflow_execution=execution,
            reason="test",
            workflow_task_finish_event_id=first,
            request_id=run.uid,
        )
    )
    return run.client.get_workflow_handle(handle.id, run_id=answer.run_id)


async def test_a_reset_root_does_its_work_again_under_the_same_ids(engine: DevEngine) -> None:
    run = await engine.start(revert(stage("s", workflow("w", "a")), stage("t", workflow("w", "b"))))
    await run.end()
    again = await reset_to_the_beginning(run)
    assert RunState.model_validate(await again.result()).phase == "Succeeded"
    assert run.begun == ["a", "b", "a", "b"]


async def test_a_root_reset_while_a_child_runs_waits_for_the_former_child_to_close(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(revert(stage("s", workflow("w", "a")), stage("t", workflow("w", "b"))), a=gate)
    await gate.held()
    again = await reset_to_the_beginning(run)
    gate.open()
    assert RunState.model_validate(await again.result()).phase == "Succeeded"
    assert run.begun == ["a", "a", "b"]


async def test_a_part_that_is_reset_after_the_end_of_its_root_is_ended_by_the_bridge(engine: DevEngine) -> None:
    gate = HeldAttempt()
    gate.open()
    run = await engine.start(revert(stage("s", workflow("w", "a"))), a=gate)
    await run.end()
    gate.opened.clear()
    again = await reset_to_the_beginning(run, run.workflow((0, "s"), (0, "w")))
    bridge = TemporalClient(run.client, engine.task_queue)

    async def visible() -> bool:
        return again.id in [part.workflow_id async for part in bridge.open_parts() if part.root_id == run.handle.id]

    await eventually(visible, "the part is visible, with its root")
    await end_parts_of_ended(cast("Context", SimpleNamespace(temporal=bridge)))
    assert (await again.describe()).status is WorkflowExecutionStatus.TERMINATED
    gate.open()
