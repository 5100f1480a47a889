"""What Temporal's server says of runs: the root of each of them, and what a reset keeps."""

import pytest

from activities.temporal_runs import RunUnknownError, TemporalRuns
from api.phases import OperationType
from tests.workflows.decisions import revert, stage, workflow
from tests.workflows.engine import DevEngine
from tests.workflows.fake_activities import HeldAttempt
from tests.workflows.test_child_lost import reset_to_the_beginning


async def test_every_run_of_a_tree_has_the_root_that_the_bridge_started(engine: DevEngine) -> None:
    held = HeldAttempt()
    run = await engine.start(revert(stage("s", workflow("w", "a"))), a=held)
    await held.held()
    runs = TemporalRuns(engine.client)
    for workflow_id in (run.handle.id, f"{run.handle.id}/0-s", f"{run.handle.id}/0-s/0-w"):
        described = await engine.client.get_workflow_handle(workflow_id).describe()
        root = await runs.root_of(workflow_id, described.run_id)
        assert (root.workflow_id, root.run_id) == (run.handle.id, run.handle.first_execution_run_id)
        assert root.run_input is not None
        assert (root.run_input.execution.uid, root.run_input.operation) == (run.uid, OperationType.REVERT)
    held.open()
    await run.end()


async def test_a_reset_run_stays_in_the_chain_of_the_first_one_and_another_start_does_not(engine: DevEngine) -> None:
    run = await engine.start(revert(stage("s", workflow("w", "a"))))
    await run.end()
    again = await reset_to_the_beginning(run)
    await again.result()
    runs, first = TemporalRuns(engine.client), run.handle.first_execution_run_id or ""
    second = (await again.describe()).run_id
    assert second != first
    assert await runs.first_run_id(run.handle.id, first) == first
    assert await runs.first_run_id(run.handle.id, second) == first
    child = await engine.client.get_workflow_handle(f"{run.handle.id}/0-s/0-w").describe()
    assert (await runs.root_of(child.id, child.run_id)).run_id == second
    forged = await engine.client.start_workflow("RevertPlan", id=run.handle.id, task_queue="nobody")
    forged_id = forged.first_execution_run_id or ""
    assert await runs.first_run_id(run.handle.id, forged_id) == forged_id
    assert (await runs.root_of(run.handle.id, forged_id)).run_input is None
    await forged.terminate()


async def test_a_run_that_temporal_does_not_know_has_no_root(engine: DevEngine) -> None:
    with pytest.raises(RunUnknownError):
        await TemporalRuns(engine.client).root_of("nobody", "00000000-0000-4000-8000-000000000000")
