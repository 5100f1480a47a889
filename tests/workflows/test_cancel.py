"""A person's cancel, at every moment at which it can arrive."""

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError

from api.actions import RetryPolicy
from api.attempts import ActionOutcome
from api.failures import FailureType
from api.phases import OperationType, Phase
from api.steps import Attempts
from tests.eventually import eventually
from tests.workflows.decisions import execute, find, phases, revert, stage, workflow
from tests.workflows.engine import DevEngine, Replays, Run, attempt_due, cancel_requested, worker
from tests.workflows.fake_activities import FakeActivities, HeldAttempt, fails

SLOW_RETRY = Attempts(timeout="1m", retry=RetryPolicy(limit=3, interval="4m"))


@pytest.fixture
async def held(engine: DevEngine) -> tuple[Run, HeldAttempt]:
    """A Revert whose second of four actions is being attempted; two stages, the first with two workflows."""
    gate = HeldAttempt()
    tree = (stage("s", workflow("w", "a", "b", "c"), workflow("v", "d")), stage("t", workflow("w", "e")))
    run = await engine.start(revert(*tree), b=gate)
    await gate.held()
    return run, gate


async def cancel(run: Run) -> None:
    """Cancel a root, and wait until the first workflow has passed it on to its running action."""
    await run.handle.cancel()
    await cancel_requested(run.workflow((0, "s"), (0, "w")))


async def test_a_running_attempt_is_waited_for_and_nothing_further_starts(held: tuple[Run, HeldAttempt]) -> None:
    run, gate = held
    await cancel(run)
    gate.open()
    state = await run.end()
    assert run.begun == ["a", "b"]
    assert phases(state) == {
        "s": "Canceled",
        "s/w": "Canceled",
        "s/w/a": "Succeeded",
        "s/w/b": "Succeeded",
        "s/w/c": "Skipped",
        "s/v": "Skipped",
        "s/v/d": "Skipped",
        "t": "Skipped",
        "t/w": "Skipped",
        "t/w/e": "Skipped",
    }
    assert {find(state, name).message for name in "cde"} == {"Not attempted: canceled"}
    assert state.phase == "Canceled"
    assert state.summary is not None
    assert (state.summary.succeeded_actions, state.summary.skipped_actions) == (2, 3)


async def test_the_root_closes_as_canceled_with_its_tree_in_the_memo(held: tuple[Run, HeldAttempt]) -> None:
    run, gate = held
    await cancel(run)
    gate.open()
    state = await run.end()
    assert await run.status() is WorkflowExecutionStatus.CANCELED
    assert state == await run.state()
    for below in (run.stage(0, "s"), run.workflow((0, "s"), (0, "w"))):
        assert (await below.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_a_running_attempt_that_fails_is_failed_and_so_is_what_holds_it(held: tuple[Run, HeldAttempt]) -> None:
    run, gate = held
    gate.reason = "the server was away"
    await cancel(run)
    gate.open()
    state = await run.end()
    assert find(state, "b").phase == Phase.FAILED
    assert find(state, "b").retries == 0
    assert state.phase == "Failed"
    assert await run.status() is WorkflowExecutionStatus.FAILED


async def test_a_second_cancel_changes_nothing(held: tuple[Run, HeldAttempt]) -> None:
    run, gate = held
    await cancel(run)
    await run.handle.cancel()
    await run.stage(0, "s").cancel()
    gate.open()
    state = await run.end()
    assert (state.phase, phases(state)["s/w/b"]) == ("Canceled", "Succeeded")


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (ActionOutcome(phase=Phase.SUCCEEDED, message="Rolled back: deleted Localization a"), "Succeeded"),
        (ActionOutcome(phase=Phase.CANCELED, message="Canceled: Localization a still exists"), "Canceled"),
    ],
)
async def test_an_action_between_attempts_is_looked_at_once_more(
    engine: DevEngine, seen: ActionOutcome, phase: str
) -> None:
    run = await engine.start(
        revert(stage("s", workflow("w", "a", "b")), attempts=SLOW_RETRY), a=fails("away", FailureType.TRANSIENT)
    )
    engine.activities.looks[run.uid]["a"] = seen
    await eventually(lambda: run.begun, "the first attempt failed")
    await attempt_due(run.workflow((0, "s"), (0, "w")), 2)
    await run.handle.cancel()
    state = await run.end()
    assert run.begun == ["a", "look at a"]
    assert (find(state, "a").phase, find(state, "a").message) == (phase, seen.message)
    assert (find(state, "b").phase, state.phase) == ("Skipped", "Canceled")


async def test_an_execute_between_attempts_is_verified_and_keeps_what_it_made(engine: DevEngine) -> None:
    run = await engine.start(
        execute(stage("s", workflow("w", "a", "b")), attempts=SLOW_RETRY), a=fails("away", FailureType.TRANSIENT)
    )
    engine.activities.looks[run.uid]["a"] = ActionOutcome(
        phase=Phase.SUCCEEDED, message="Created Localization a", created=True
    )
    await attempt_due(run.workflow((0, "s"), (0, "w")), 2)
    await run.handle.cancel()
    state = await run.end()
    assert (find(state, "a").phase, find(state, "a").created) == ("Succeeded", True)
    assert state.message == "Plan execution canceled: 0 of 1 stage, 1 of 2 actions completed"


async def test_a_look_that_cannot_tell_says_so(engine: DevEngine) -> None:
    run = await engine.start(
        revert(stage("s", workflow("w", "a")), attempts=SLOW_RETRY), a=fails("away", FailureType.TRANSIENT)
    )
    engine.activities.looks[run.uid]["a"] = ApplicationError(
        "localizations is forbidden", type=FailureType.FORBIDDEN, non_retryable=True
    )
    await attempt_due(run.workflow((0, "s"), (0, "w")), 2)
    await run.handle.cancel()
    action = find(await run.end(), "a")
    assert action.phase == "Canceled"
    assert action.message is not None
    assert "whether it was done is not known" in action.message
    assert "localizations is forbidden" in action.message


async def test_before_the_load_is_done_nothing_is_touched(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(gate)
    await gate.held()
    await run.handle.cancel()
    state = await run.end()
    assert (state.phase, state.stages) == ("Canceled", [])
    assert state.message == "Plan revert canceled before anything was begun"
    assert await run.status() is WorkflowExecutionStatus.CANCELED
    assert run.begun == []


async def test_before_the_first_workflow_task_nothing_is_touched(temporal: Client, replays: Replays) -> None:
    """The cancel is there before any worker is."""
    activities = FakeActivities()
    engine = DevEngine(temporal, activities, "cancelled-before-the-worker")
    run = await engine.start(revert(stage("s", workflow("w", "a"))))
    await run.handle.cancel()
    async with worker(temporal, activities, engine.task_queue):
        state = await run.end()
        await engine.replay_everything(replays)
    assert (state.phase, await run.status()) == (Phase.CANCELED, WorkflowExecutionStatus.CANCELED)
    assert run.begun == []


async def test_between_two_stages_the_next_one_is_not_started(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(revert(stage("s", workflow("w", "a")), stage("t", workflow("w", "b"))), a=gate)
    await gate.held()
    await cancel(run)
    gate.open()
    state = await run.end()
    assert phases(state)["s"] == "Succeeded"
    assert phases(state)["t"] == "Skipped"
    assert (state.phase, run.begun) == ("Canceled", ["a"])


async def test_during_the_very_last_step_a_run_that_did_everything_succeeded(engine: DevEngine) -> None:
    """Nothing was cut short, and a status never claims what is not so."""
    gate = HeldAttempt()
    run = await engine.start(revert(stage("s", workflow("w", "a", "b"))), b=gate)
    await gate.held()
    await cancel(run)
    gate.open()
    state = await run.end()
    assert set(phases(state).values()) == {"Succeeded"}
    assert (state.phase, await run.status()) == ("Succeeded", WorkflowExecutionStatus.COMPLETED)


async def test_parallel_workflows_all_end_their_attempts(engine: DevEngine) -> None:
    gates = {name: HeldAttempt() for name in ("a", "b", "c")}
    nodes = [workflow(f"w{name}", name, f"{name}2") for name in gates]
    run = await engine.start(revert(stage("s", *nodes, parallel=True)), **gates)
    for gate in gates.values():
        await gate.held()
    await run.handle.cancel()
    for index, name in enumerate(gates):
        await cancel_requested(run.workflow((0, "s"), (index, f"w{name}")))
    gates["b"].reason = "broken"
    for gate in gates.values():
        gate.open()
    state = await run.end()
    assert [phases(state)[f"s/w{name}/{name}"] for name in gates] == ["Succeeded", "Failed", "Succeeded"]
    assert [phases(state)[f"s/w{name}"] for name in gates] == ["Canceled", "Failed", "Canceled"]
    assert state.phase == "Failed"
    assert sorted(run.begun) == ["a", "b", "c"]


@pytest.mark.parametrize("operation", list(OperationType))
async def test_at_any_moment_the_run_ends_with_a_whole_tree(engine: DevEngine, operation: OperationType) -> None:
    """Cancels sprayed over ten runs: whatever they hit, each run ends, and its tree tells one story."""
    nodes = [workflow(f"w{index}", f"a{index}", f"b{index}") for index in range(3)]
    tree = (stage("s", *nodes, parallel=True), stage("t", *nodes))
    make = revert if operation is OperationType.REVERT else execute
    runs = [await engine.start(make(*tree)) for _ in range(10)]
    for run in runs:
        await run.handle.cancel()
    for run in runs:
        state = await run.end()
        canceled = await run.status() is WorkflowExecutionStatus.CANCELED
        assert canceled == (state.phase is Phase.CANCELED)
        done = {
            name
            for path, phase in phases(state).items()
            for name in [path.split("/")[-1]]
            if path.count("/") == 2 and phase == "Succeeded"
        }
        assert done <= set(run.begun)
        assert all(phase in ("Succeeded", "Canceled", "Skipped") for phase in phases(state).values())
