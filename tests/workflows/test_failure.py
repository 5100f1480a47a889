"""A run in which something fails: what still runs, what is never reached, and how the engine shows it."""

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from api.attempts import AttemptFailure
from api.failures import FailureType
from api.phases import OperationType, PlanFailurePolicy, StageFailurePolicy, WorkflowFailurePolicy
from api.tree import Rejection
from tests.workflows.decisions import execute, find, phases, rejected, revert, stage, workflow
from tests.workflows.engine import DevEngine, attempt_due, cancel_requested
from tests.workflows.fake_activities import HeldAttempt, fails

NOT_REACHED = "Not attempted: rollback stopped after action b failed"


async def test_a_failed_action_stops_a_revert_and_the_messages_lead_to_it(engine: DevEngine) -> None:
    run = await engine.start(
        revert(stage("two", workflow("w", "c", "b", "a"), workflow("v", "d")), stage("one", workflow("u", "e"))),
        b=fails('localizations "b" is forbidden'),
    )
    state = await run.end()
    assert run.begun == ["c", "b"]
    assert phases(state) == {
        "two": "Failed",
        "two/w": "Failed",
        "two/w/c": "Succeeded",
        "two/w/b": "Failed",
        "two/w/a": "Skipped",
        "two/v": "Skipped",
        "two/v/d": "Skipped",
        "one": "Skipped",
        "one/u": "Skipped",
        "one/u/e": "Skipped",
    }
    assert find(state, "b").message == 'Failed to delete Localization: localizations "b" is forbidden'
    assert {find(state, name).message for name in "ade"} == {NOT_REACHED}
    assert state.stages[0].workflows[0].message == "Failed to rollback action b"
    assert state.stages[0].message == "Failed to rollback workflow w"
    assert state.message is not None
    assert state.message.startswith("Failed to revert stage two: Failed to rollback workflow w")
    assert state.message.endswith('localizations "b" is forbidden')
    assert state.summary is not None
    assert (state.summary.succeeded_actions, state.summary.failed_actions, state.summary.skipped_actions) == (1, 1, 3)
    assert state.not_deleted == [f"Localization default/{name}" for name in "bade"]


async def test_what_failed_fails_in_the_engine_too_and_carries_its_tree_once(engine: DevEngine) -> None:
    run = await engine.start(revert(stage("s", workflow("w", "a"))), a=fails())
    with pytest.raises(WorkflowFailureError) as caught:
        await run.handle.result()
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.non_retryable, cause.cause) == ("RevertFailed", True, None)
    for handle in (run.handle, run.stage(0, "s"), run.workflow((0, "s"), (0, "w"))):
        assert (await handle.describe()).status is WorkflowExecutionStatus.FAILED
    failures = [
        attributes.failure
        for history in await run.histories()
        for event in history.events
        for attributes in (
            event.activity_task_failed_event_attributes,
            event.workflow_execution_failed_event_attributes,
        )
        if attributes.HasField("failure")
    ]
    assert {failure.application_failure_info.type for failure in failures} >= {"RevertFailed", FailureType.FORBIDDEN}
    assert not any(failure.stack_trace for failure in failures), "the UI shows what is said before how it came"


async def test_a_parallel_workflow_that_has_begun_does_all_its_actions(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(
        revert(stage("s", workflow("bad", "a"), workflow("good", "b", "c"), parallel=True)), a=fails(), b=gate
    )
    await gate.held()
    await run.knows_failure_of("bad")
    gate.open()
    state = await run.end()
    assert sorted(run.begun) == ["a", "b", "c"]
    assert phases(state)["s/good"] == "Succeeded"
    assert phases(state)["s"] == state.phase == "Failed"


async def test_an_execute_workflow_with_continue_goes_on_and_ends_failed(engine: DevEngine) -> None:
    decision = execute(stage("s", workflow("w", "a", "b", "c")), workflow_policy=WorkflowFailurePolicy.CONTINUE)
    run = await engine.start(decision, a=fails())
    state = await run.end()
    assert run.begun == ["a", "b", "c"]
    assert phases(state)["s/w"] == "Failed"
    assert phases(state)["s/w/c"] == "Succeeded"


async def test_an_execute_workflow_with_fail_fast_stops(engine: DevEngine) -> None:
    run = await engine.start(execute(stage("s", workflow("w", "a", "b"))), a=fails())
    state = await run.end()
    assert run.begun == ["a"]
    assert find(state, "b").message == "Not attempted: execution stopped after action a failed"


async def test_an_execute_stage_with_stop_starts_no_further_workflow(engine: DevEngine) -> None:
    run = await engine.start(execute(stage("s", workflow("w", "a"), workflow("v", "b"))), a=fails())
    assert phases(await run.end())["s/v"] == "Skipped"


async def test_an_execute_stage_with_continue_runs_all_workflows(engine: DevEngine) -> None:
    decision = execute(stage("s", workflow("w", "a"), workflow("v", "b")), stage_policy=StageFailurePolicy.CONTINUE)
    run = await engine.start(decision, a=fails())
    state = await run.end()
    assert (phases(state)["s/v"], phases(state)["s"]) == ("Succeeded", "Failed")


async def test_an_execute_stage_with_fail_fast_cancels_running_siblings(engine: DevEngine) -> None:
    gate = HeldAttempt()
    decision = execute(
        stage("s", workflow("bad", "a"), workflow("slow", "b", "c"), parallel=True),
        stage_policy=StageFailurePolicy.FAIL_FAST,
    )
    bad = HeldAttempt(reason="broken")
    run = await engine.start(decision, a=bad, b=gate)
    await gate.held()
    bad.open()
    await run.knows_failure_of("bad")
    await cancel_requested(run.workflow((0, "s"), (1, "slow")))
    gate.open()
    state = await run.end()
    assert phases(state) == {
        "s": "Failed",
        "s/bad": "Failed",
        "s/bad/a": "Failed",
        "s/slow": "Canceled",
        "s/slow/b": "Succeeded",
        "s/slow/c": "Skipped",
    }
    assert find(state, "c").message == "Not attempted: canceled"
    assert await run.status() is WorkflowExecutionStatus.FAILED


async def test_an_execute_plan_with_stop_starts_no_further_stage(engine: DevEngine) -> None:
    run = await engine.start(execute(stage("one", workflow("w", "a")), stage("two", workflow("w", "b"))), a=fails())
    state = await run.end()
    assert run.begun == ["a"]
    assert phases(state)["two"] == "Skipped"
    assert state.message is not None
    assert state.message.startswith("Failed to execute stage one: Failed to execute workflow w")


async def test_an_execute_plan_with_continue_starts_what_does_not_depend_on_the_failed_stage(
    engine: DevEngine,
) -> None:
    decision = execute(
        stage("one", workflow("w", "a")),
        stage("two", workflow("w", "b"), depends_on=["one"]),
        stage("three", workflow("w", "c"), depends_on=["two"]),
        stage("four", workflow("w", "d")),
        plan_policy=PlanFailurePolicy.CONTINUE,
    )
    run = await engine.start(decision, a=fails())
    state = await run.end()
    assert run.begun == ["a", "d"]
    assert {part.name: part.phase for part in state.stages} == {
        "one": "Failed",
        "two": "Skipped",
        "three": "Skipped",
        "four": "Succeeded",
    }
    assert state.stages[1].message == "Not attempted: depends on stage one, which did not succeed"
    assert state.phase == "Failed"


@pytest.mark.parametrize("operation", list(OperationType))
async def test_a_rejection_ends_failed_and_touches_nothing(engine: DevEngine, operation: OperationType) -> None:
    run = await engine.start(rejected(operation, "DRPlanExecution x is Running"), operation)
    state = await run.end()
    assert (state.phase, state.message) == ("Failed", "DRPlanExecution x is Running")
    assert state.start_time
    assert state.completion_time
    assert run.begun == []
    assert await run.status() is WorkflowExecutionStatus.FAILED


async def test_a_load_that_cannot_work_ends_failed_with_its_message(engine: DevEngine) -> None:
    closed = AttemptFailure(errors=1, rejection=Rejection.NAMESPACE_NOT_OPEN)
    for details in ((), (closed,)):
        refusal = ApplicationError("DRPlan plan: forbidden", *details, type=FailureType.FORBIDDEN, non_retryable=True)
        run = await engine.start(refusal)
        state = await run.end()
        assert (state.phase, state.message) == ("Failed", "DRPlan plan: forbidden")
        assert state.rejection is (Rejection.NAMESPACE_NOT_OPEN if details else None)


async def test_a_load_is_repeated_while_the_server_is_away(engine: DevEngine) -> None:
    run = await engine.start(ApplicationError("the server was away", type=FailureType.TRANSIENT))
    await attempt_due(run.handle, 3)
    engine.activities.decisions[run.uid] = revert(stage("s", workflow("w", "a")))
    assert (await run.end()).phase == "Succeeded"
