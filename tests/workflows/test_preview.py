"""The run of a preview, or of a rehearsal: one activity; no child and no activity of an action."""

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from api.decisions import RevertDecision
from api.failures import FailureType
from api.phases import Phase
from api.tree import RunState
from tests.workflows.decisions import revert, stage, workflow
from tests.workflows.engine import DevEngine
from tests.workflows.fake_activities import HeldAttempt


def shown(phase: Phase) -> RevertDecision:
    """What the activity answers: a tree that has ended."""
    decision = revert(stage("s", workflow("w", "a")))
    return decision.model_copy(update={"state": decision.state.model_copy(update={"phase": phase, "message": "Seen"})})


async def test_a_preview_ends_like_its_tree(engine: DevEngine) -> None:
    run = await engine.start_preview(shown(Phase.SUCCEEDED))
    state = await run.end()
    assert (state.phase, state.message, state.duration is not None) == (Phase.SUCCEEDED, "Seen", True)
    assert await run.status() is WorkflowExecutionStatus.COMPLETED
    assert len(await run.histories()) == 1, "there are no children"
    assert run.begun == []


async def test_a_preview_with_obstacles_fails_with_its_tree(engine: DevEngine) -> None:
    run = await engine.start_preview(shown(Phase.FAILED))
    state = await run.end()
    assert (state.phase, [each.name for each in state.stages]) == (Phase.FAILED, ["s"])
    assert await run.status() is WorkflowExecutionStatus.FAILED


async def test_a_preview_that_cannot_be_made_says_why(engine: DevEngine) -> None:
    run = await engine.start_preview(ApplicationError("No such plan", type=FailureType.NOT_FOUND, non_retryable=True))
    state = await run.end()
    assert (state.phase, state.message, state.stages) == (Phase.FAILED, "No such plan", [])


async def test_a_preview_can_be_canceled(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start_preview(gate)
    await gate.held()
    await run.handle.cancel()
    state: RunState = await run.end()
    assert state.phase is Phase.CANCELED
    assert await run.status() is WorkflowExecutionStatus.CANCELED


async def test_a_rehearsal_returns_what_was_found_with_obstacles_too(engine: DevEngine) -> None:
    run = await engine.start_rehearsal(shown(Phase.FAILED))
    state = await run.handle.result()
    assert (state.phase, state.message) == (Phase.FAILED, "Seen")
    assert len(await run.histories()) == 1, "there are no children"


async def test_a_rehearsal_that_cannot_be_made_fails_with_the_reason(engine: DevEngine) -> None:
    run = await engine.start_rehearsal(ApplicationError("No such plan", type=FailureType.NOT_FOUND, non_retryable=True))
    with pytest.raises(WorkflowFailureError) as caught:
        await run.handle.result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.message == "No such plan"
