"""A Revert that returns to an execution: each part is decided when the one before it is done."""

from api.decisions import RevertDecision, RevertPart
from api.phases import OperationType, Phase
from api.tree import RunState
from tests.workflows.decisions import find, phases, rejected, revert, stage, workflow
from tests.workflows.engine import DevEngine
from tests.workflows.fake_activities import HeldAttempt, fails


def in_parts(newest: RevertDecision, *others: tuple[str, RevertDecision]) -> RevertDecision:
    """The decision on the newest execution, with the stages of others that are not decided yet."""
    stages = [one for _, decision in others for one in decision.state.stages]
    state = newest.state.model_copy(update={"stage_statuses": [*newest.state.stages, *stages]})
    parts = [RevertPart(execution=name, stages=len(decision.state.stages)) for name, decision in others]
    return newest.model_copy(update={"state": state, "parts": parts})


THIRD = revert(stage("t", workflow("w", "f", "e")))
SECOND = revert(stage("s2", workflow("w", "d")), stage("s1", workflow("w", "c")))
FIRST = revert(stage("r", workflow("w", "b", "a")))
REACHED = "Not attempted: rollback stopped after action e failed"


async def test_parts_are_taken_back_one_after_the_other_as_they_are_decided_then(engine: DevEngine) -> None:
    held = engine.activities.decisions["one-2"] = HeldAttempt()
    left = SECOND.state.model_copy(update={"left_standing": ["ConfigMap default/x"]})
    engine.activities.decisions["one-2/after"] = SECOND.model_copy(update={"state": left})
    engine.activities.decisions["one-1"] = FIRST
    run = await engine.start(in_parts(THIRD, ("one-2", SECOND), ("one-1", FIRST)))
    await held.reached.wait()
    shown: RunState = await run.state()
    assert [one.phase for one in shown.stages] == [Phase.SUCCEEDED, *[Phase.PENDING] * 3]
    held.opened.set()
    state = await run.end()
    assert run.begun == ["f", "e", "d", "c", "b", "a"]
    assert [one.name for one in state.stages] == ["t", "s2", "s1", "r"]
    assert state.message == "Plan reverted successfully: 4 stages, 6 actions rolled back; 1 object left standing"


async def test_after_a_failure_no_further_part_is_decided(engine: DevEngine) -> None:
    run = await engine.start(in_parts(THIRD, ("two-2", SECOND)), e=fails())
    state = await run.end()
    assert (run.begun, state.phase) == (["f", "e"], Phase.FAILED)
    assert {find(state, name).message for name in "dc"} == {REACHED}
    assert state.not_deleted == ["Localization default/e"]


async def test_a_part_that_cannot_be_taken_back_ends_the_revert_there_with_the_reason(engine: DevEngine) -> None:
    engine.activities.decisions["three-2"] = rejected(
        OperationType.REVERT, "Nothing was reverted: its ledger was altered"
    )
    run = await engine.start(in_parts(THIRD, ("three-2", SECOND), ("three-1", FIRST)))
    state = await run.end()
    assert (run.begun, state.phase) == (["f", "e"], Phase.FAILED)
    found = phases(state)
    assert {name: found[name] for name in ("t", "s2", "s1", "r")} == {
        "t": "Succeeded",
        "s2": "Failed",
        "s1": "Skipped",
        "r": "Skipped",
    }
    assert "Nothing was reverted: its ledger was altered" in str(state.message)


async def test_a_part_with_other_stages_than_its_status_showed_takes_their_place(engine: DevEngine) -> None:
    shown = revert(stage("lost", workflow("w")))
    engine.activities.decisions["four-2"] = SECOND
    engine.activities.decisions["four-1"] = FIRST
    run = await engine.start(in_parts(THIRD, ("four-2", shown), ("four-1", FIRST)))
    state = await run.end()
    assert ([one.name for one in state.stages], state.phase) == (["t", "s2", "s1", "r"], Phase.SUCCEEDED)
    assert run.begun == ["f", "e", "d", "c", "b", "a"]


async def test_a_cancel_while_a_part_is_decided_leaves_the_rest(engine: DevEngine) -> None:
    held = engine.activities.decisions["five-2"] = HeldAttempt()
    run = await engine.start(in_parts(THIRD, ("five-2", SECOND)))
    await held.reached.wait()
    await run.handle.cancel()
    state = await run.end()
    assert state.phase is Phase.CANCELED
    assert [one.phase for one in state.stages] == [Phase.SUCCEEDED, Phase.SKIPPED, Phase.SKIPPED]
