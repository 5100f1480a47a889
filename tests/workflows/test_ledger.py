"""Each DRWorkflow of an Execute stores its record when it ends, however it ends; only then is its node reported."""

import asyncio

import pytest
from temporalio.exceptions import ApplicationError

import planning.snapshot.ledger
from api.attempts import LedgerInput
from api.decisions import ExecuteDecision
from api.failures import FailureType
from api.meta import ObjectKey
from api.nodes import LedgerRef, SnapshotRef
from api.phases import Phase
from api.steps import Origin
from tests.workflows.decisions import execute, revert, stage, workflow
from tests.workflows.engine import DevEngine, Run, cancel_requested
from tests.workflows.fake_activities import HeldAttempt, fails

ORIGIN = Origin(
    execution=ObjectKey(namespace="default", name="run", uid="u"),
    snapshot=SnapshotRef(name="drplan-s", sha256="0"),
    ledger=True,
)


def recorded(run: Run) -> dict[str, list[str]]:
    """Give the phases of the actions of each record: by stage and position."""
    return {
        f"{one.origin.stage}/{one.origin.workflow}": [action.phase for action in one.record.actions]
        for one in run.activities.records[run.uid]
    }


def decided(*stages: str) -> ExecuteDecision:
    parts = [stage(name, workflow("w", "a", "b"), workflow("x", "c")) for name in stages]
    return execute(*parts).model_copy(update={"origin": ORIGIN})


async def test_each_workflow_has_its_record_and_names_it(engine: DevEngine) -> None:
    run = await engine.start(decided("s", "t"))
    state = await run.end()
    assert recorded(run) == {
        "s/0": ["Succeeded", "Succeeded"],
        "s/1": ["Succeeded"],
        "t/0": ["Succeeded", "Succeeded"],
        "t/1": ["Succeeded"],
    }
    names = [node.ledger and node.ledger.name for part in state.stages for node in part.workflows]
    assert names == ["drplan-0-0", "drplan-1-0"] * 2
    [outputs] = {one.record.actions[0].outputs is None for one in run.activities.records[run.uid]}
    assert not outputs
    assert {action.message for one in run.activities.records[run.uid] for action in one.record.actions} == {None}


async def test_a_record_in_several_parts_ends_with_the_first_which_names_the_others(
    monkeypatch: pytest.MonkeyPatch, engine: DevEngine
) -> None:
    # In this order: the bound must still hold when the engine replays the run at its end.
    monkeypatch.setattr(planning.snapshot.ledger, "PART_BOUND", 1)
    run = await engine.start(decided("s"))
    state = await run.end()
    of_first = [one for one in run.activities.records[run.uid] if one.origin.workflow == 0]
    assert [(one.part, [action.name for action in one.record.actions]) for one in of_first] == [(1, ["b"]), (0, ["a"])]
    assert [one.name for one in of_first[-1].record.continued] == ["drplan-0-1"]
    ref = state.stages[0].workflows[0].ledger
    assert ref is not None
    assert ref.name == "drplan-0-0"


async def test_a_failed_workflow_has_its_record(engine: DevEngine) -> None:
    run = await engine.start(decided("s"), b=fails())
    assert (await run.end()).stages[0].workflows[0].ledger is not None
    assert recorded(run) == {"s/0": ["Succeeded", "Failed"]}


async def test_a_canceled_execute_has_its_ledger(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(decided("s"), a=gate)
    await gate.held()
    await run.handle.cancel()
    await cancel_requested(run.workflow((0, "s"), (0, "w")))
    gate.open()
    state = await run.end()
    assert state.phase is Phase.CANCELED
    assert recorded(run) == {"s/0": ["Succeeded", "Skipped"]}
    assert state.stages[0].workflows[0].ledger is not None


async def test_a_record_that_cannot_be_stored_at_first_is_stored_again(
    engine: DevEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = 0

    async def once_in_vain(given: LedgerInput) -> LedgerRef:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise ApplicationError("the API server was away", type=FailureType.TRANSIENT)
        return LedgerRef(name="drplan-later", sha256="0")

    monkeypatch.setattr(engine.activities, "ledger", once_in_vain)
    run = await engine.start(execute(stage("s", workflow("w", "a"))).model_copy(update={"origin": ORIGIN}))
    assert (await run.end()).stages[0].workflows[0].ledger == LedgerRef(name="drplan-later", sha256="0")
    assert attempts == 2
    assert run.begun == ["a"]


async def test_a_record_that_can_never_be_stored_does_not_change_how_the_workflow_ended(
    engine: DevEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def in_vain(given: LedgerInput) -> LedgerRef:
        raise ApplicationError("forbidden", type=FailureType.FORBIDDEN, non_retryable=True)

    monkeypatch.setattr(engine.activities, "ledger", in_vain)
    run = await engine.start(execute(stage("s", workflow("w", "a"))).model_copy(update={"origin": ORIGIN}))
    [node] = (await run.end()).stages[0].workflows
    assert (node.phase, node.ledger) == (Phase.SUCCEEDED, None)
    assert str(node.message).endswith("; The record for a Revert could not be stored: forbidden")


async def test_a_node_is_not_reported_as_ended_before_its_record_is_stored(
    engine: DevEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing, stored = asyncio.Event(), asyncio.Event()

    async def held(given: LedgerInput) -> LedgerRef:
        storing.set()
        await stored.wait()
        return LedgerRef(name="drplan-held", sha256="0")

    monkeypatch.setattr(engine.activities, "ledger", held)
    run = await engine.start(execute(stage("s", workflow("w", "a"))).model_copy(update={"origin": ORIGIN}))
    await asyncio.wait_for(storing.wait(), 60)
    assert (await run.workflow_state((0, "s"), (0, "w"))).phase is Phase.RUNNING
    stored.set()
    assert (await run.end()).stages[0].workflows[0].ledger is not None


async def test_a_revert_and_a_run_from_before_ledgers_store_none(engine: DevEngine) -> None:
    older = ORIGIN.model_copy(update={"ledger": False})
    run = await engine.start(decided("s").model_copy(update={"origin": older}))
    assert (await run.end()).phase is Phase.SUCCEEDED
    back = await engine.start(revert(stage("s", workflow("w", "a"))))
    assert (await back.end()).phase is Phase.SUCCEEDED
    assert recorded(run) == recorded(back) == {}
