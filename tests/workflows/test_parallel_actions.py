"""Actions that depend on each other: what runs beside what, what a failure or a cancel leaves undone."""

from temporalio.client import WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError

from api.attempts import ActionOutcome
from api.decisions import ExecuteDecision
from api.failures import FailureType
from api.phases import Phase, StageFailurePolicy, WorkflowFailurePolicy
from tests.eventually import eventually
from tests.workflows.decisions import action, execute, find, phases, stage, workflow
from tests.workflows.engine import DevEngine, Run, attempt_due, cancel_requested
from tests.workflows.fake_activities import HeldAttempt, fails
from tests.workflows.test_cancel import SLOW_RETRY
from tests.workflows.test_success import details
from workflows.workflow import PARALLEL_ACTIONS

DIAMOND = {"b": "a", "c": "a", "d": "bc"}
CONTINUE = WorkflowFailurePolicy.CONTINUE


def diamond(policy: WorkflowFailurePolicy = WorkflowFailurePolicy.FAIL_FAST) -> ExecuteDecision:
    """After `a` come `b` and `c` side by side, after both of these `d`."""
    return execute(stage("s", workflow("w", "a", "b", "c", "d")), after=DIAMOND, workflow_policy=policy)


async def node_of(run: Run, *running: str) -> None:
    """Wait until the only workflow says that these actions run, and no others."""

    async def so() -> bool:
        node = await run.workflow_state((0, "s"), (0, "w"))
        return {one.name for one in node.actions if one.phase is Phase.RUNNING} == set(running)

    await eventually(so, f"{running} run")


async def test_what_depends_on_nothing_that_is_open_runs_side_by_side(engine: DevEngine) -> None:
    b, c = HeldAttempt(), HeldAttempt()
    run = await engine.start(diamond(), b=b, c=c)
    await b.held()
    await c.held()
    node = await run.workflow_state((0, "s"), (0, "w"))
    assert (node.current_action, node.progress) == ("b, c", "1/4 actions completed")
    assert await details(run.workflow((0, "s"), (0, "w"))) == "1 of 4 actions ended; now: b, c"
    b.open()
    await node_of(run, "c")
    assert (await run.workflow_state((0, "s"), (0, "w"))).current_action == "c"
    assert run.begun == ["a", "b", "c"]
    c.open()
    state = await run.end()
    assert run.begun == ["a", "b", "c", "d"]
    assert set(phases(state).values()) == {"Succeeded"}
    assert state.message == "Plan executed successfully: 1 stage, 4 actions"


async def test_the_ui_says_that_actions_wait_for_each_other(engine: DevEngine) -> None:
    run = await engine.start(diamond())
    await run.end()
    described = await run.workflow((0, "s"), (0, "w")).describe()
    assert await described.static_details() == "Actions, each after those that it depends on: a, b, c, d"


async def test_a_dependency_that_its_condition_skipped_counts_as_done(engine: DevEngine) -> None:
    node = workflow("w", action("a", skipped=True), "b", action("c", skipped=True), "d")
    run = await engine.start(execute(stage("s", node), after=DIAMOND))
    state = await run.end()
    assert run.begun == ["b", "d"]
    assert [phases(state)[f"s/w/{name}"] for name in "abcd"] == ["Skipped", "Succeeded", "Skipped", "Succeeded"]


async def test_with_fail_fast_nothing_further_starts_and_what_runs_is_waited_for(engine: DevEngine) -> None:
    held = HeldAttempt()
    run = await engine.start(execute(stage("s", workflow("w", "a", "b", "c")), after={"c": "b"}), a=fails(), b=held)
    await held.held()
    await node_of(run, "b")
    held.open()
    state = await run.end()
    assert sorted(run.begun) == ["a", "b"]
    assert (find(state, "b").phase, find(state, "c").phase) == ("Succeeded", "Skipped")
    assert find(state, "c").message == "Not attempted: execution stopped after action a failed"
    assert state.stages[0].workflows[0].message == "Failed to execute action a"
    assert await run.status() is WorkflowExecutionStatus.FAILED


async def test_with_continue_what_does_not_depend_on_the_failed_action_runs(engine: DevEngine) -> None:
    decision = execute(
        stage("s", workflow("w", "a", "b", "c", "d", "e")),
        after={"b": "a", "c": "b", "e": "d"},
        workflow_policy=CONTINUE,
    )
    run = await engine.start(decision, a=fails())
    state = await run.end()
    assert sorted(run.begun) == ["a", "d", "e"]
    assert {find(state, name).message for name in "bc"} == {"Not attempted: depends on action a, which did not succeed"}
    assert phases(state)["s/w/e"] == "Succeeded"
    assert phases(state)["s/w"] == "Failed"


async def test_a_cancel_waits_for_all_that_run_and_starts_nothing_further(engine: DevEngine) -> None:
    b, c = HeldAttempt(), HeldAttempt()
    run = await engine.start(diamond(), b=b, c=c)
    await b.held()
    await c.held()
    await run.handle.cancel()
    await cancel_requested(run.workflow((0, "s"), (0, "w")))
    for gate in (b, c):
        gate.open()
    state = await run.end()
    assert [phases(state)[f"s/w/{name}"] for name in "abcd"] == ["Succeeded", "Succeeded", "Succeeded", "Skipped"]
    assert (find(state, "d").message, state.phase) == ("Not attempted: canceled", "Canceled")
    assert await run.status() is WorkflowExecutionStatus.CANCELED


async def test_a_cancel_looks_at_each_action_that_is_between_attempts(engine: DevEngine) -> None:
    away = fails("away", FailureType.TRANSIENT)
    tree = stage("s", workflow("w", "a", "b", "c"))
    run = await engine.start(execute(tree, after={"c": "ab"}, attempts=SLOW_RETRY), a=away, b=away)
    engine.activities.looks[run.uid]["a"] = ActionOutcome(phase=Phase.SUCCEEDED, message="Created Localization a")
    await attempt_due(run.workflow((0, "s"), (0, "w")), 2, of=2)
    await run.handle.cancel()
    state = await run.end()
    assert sorted(run.begun) == ["a", "b", "look at a", "look at b"]
    assert [phases(state)[f"s/w/{name}"] for name in "abc"] == ["Succeeded", "Canceled", "Skipped"]


async def test_a_stage_that_fails_fast_cuts_short_what_runs_side_by_side(engine: DevEngine) -> None:
    bad, held = HeldAttempt(reason="broken"), HeldAttempt()
    tree = stage("s", workflow("bad", "a"), workflow("w", "b", "c", "d"), parallel=True)
    run = await engine.start(
        execute(tree, after={"d": "c"}, stage_policy=StageFailurePolicy.FAIL_FAST), a=bad, b=held, c=held
    )
    await eventually(lambda: len(run.begun) == 3, "all have begun")
    bad.open()
    await cancel_requested(run.workflow((0, "s"), (1, "w")))
    held.open()
    state = await run.end()
    assert [phases(state)[f"s/w/{name}"] for name in "bcd"] == ["Succeeded", "Succeeded", "Skipped"]
    assert (phases(state)["s/w"], phases(state)["s"]) == ("Canceled", "Failed")


async def test_more_actions_than_run_side_by_side_all_have_their_turn(engine: DevEngine) -> None:
    gate = HeldAttempt()
    names = [f"a{number}" for number in range(PARALLEL_ACTIONS + 10)]
    run = await engine.start(execute(stage("s", workflow("w", *names)), after={}), **dict.fromkeys(names, gate))
    await eventually(lambda: len(run.begun) == PARALLEL_ACTIONS, "as many as may run have begun")
    await node_of(run, *names[:PARALLEL_ACTIONS])
    gate.open()
    state = await run.end()
    assert set(phases(state).values()) == {"Succeeded"}
    assert sorted(run.begun) == sorted(names)


async def test_each_action_gets_the_results_that_its_definition_uses(engine: DevEngine) -> None:
    decision = execute(
        stage("s", workflow("w", "a", action("b", skipped=True), "c", "d")),
        workflow_policy=CONTINUE,
    )
    steps = decision.steps[0][0]
    asking = [one.model_copy(update={"outputs_of": ["a", "b"]}) if one.action == "d" else one for one in steps]
    run = await engine.start(decision.model_copy(update={"steps": [[asking]]}), c=fails())
    await run.end()
    given = run.given("d")
    assert given.phases == {"a": Phase.SUCCEEDED, "b": Phase.SKIPPED}
    made = given.outputs["a"].localization_ref
    assert (list(given.outputs), made and made.name) == (["a"], "a")
    assert (run.given("c").phases, run.given("c").outputs) == ({}, {})


async def test_a_look_that_cannot_tell_leaves_the_others_alone(engine: DevEngine) -> None:
    away = fails("away", FailureType.TRANSIENT)
    b = HeldAttempt()
    run = await engine.start(execute(stage("s", workflow("w", "a", "b")), after={}, attempts=SLOW_RETRY), a=away, b=b)
    engine.activities.looks[run.uid]["a"] = ApplicationError("forbidden", type="Forbidden", non_retryable=True)
    await b.held()
    await attempt_due(run.workflow((0, "s"), (0, "w")), 2)
    await run.handle.cancel()
    await cancel_requested(run.workflow((0, "s"), (0, "w")))
    b.open()
    state = await run.end()
    assert "whether it was done is not known" in str(find(state, "a").message)
    assert (phases(state)["s/w/b"], state.phase) == ("Succeeded", "Canceled")
