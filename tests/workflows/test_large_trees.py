"""Trees at the bound: they end, and end truly, instead of being repeated for ever by the engine.

Every action here says a kilobyte, so that no level's tree fits the bound by itself.
Source: docs/architecture.md, "Temporal", the one bound for the tree.
"""

import pytest
from temporalio.client import WorkflowExecutionStatus as RunStatus

from api.decisions import ExecuteDecision
from api.meta import ObjectKey
from api.nodes import SnapshotRef, WorkflowExecutionStatus
from api.phases import Operation, Phase, StageFailurePolicy
from api.steps import Origin
from api.tree import RunState
from planning.messages import temporal_ui
from planning.status.size_limit import BOUND, size
from tests.planning import builders as planned
from tests.workflows.decisions import execute, find, revert, stage, workflow
from tests.workflows.engine import DevEngine, Run, cancel_requested
from tests.workflows.fake_activities import HeldAttempt, fails
from workflows.child import ChildCall
from workflows.contract import WorkflowType
from workflows.converter import DATA_CONVERTER
from workflows.stage import PARALLEL_WORKFLOWS

pytestmark = pytest.mark.time_limit(1000)

LONG_NAME = "first-" + "x" * 900
"""What follows the failed action of this name says the name."""
LONG_REASON = "the API server had a great deal to say about this object, and said it all; " * 20
WITHIN = 900.0
"""Seconds; generous, for it is the outcome that counts here."""
TEMPORALS_BOUND = 2 * 1024 * 1024
"""Bytes of one payload. Source: Temporal, "Self-hosted Temporal Service defaults"."""


async def end_of(run: Run) -> RunState:
    state = await run.end(WITHIN)
    assert await run.status() is RunStatus.FAILED
    assert state.phase == "Failed"
    assert size(state) <= BOUND
    assert all(event.ByteSize() < TEMPORALS_BOUND for history in await run.histories() for event in history.events)
    return state


async def test_five_thousand_actions_in_a_hundred_workflows_that_all_fail(engine: DevEngine) -> None:
    nodes = [workflow(f"w{number}", LONG_NAME, *(f"a{index}" for index in range(49))) for number in range(100)]
    decision = execute(stage("s", *nodes, parallel=True), stage_policy=StageFailurePolicy.CONTINUE)
    state = await end_of(await engine.start(decision, **{LONG_NAME: fails(LONG_REASON)}))
    assert state.summary is not None
    assert (state.summary.total_actions, state.summary.failed_actions) == (5000, 100)
    assert state.message is not None
    assert state.message.startswith("Failed to execute stage s: Failed to execute workflow w0")
    assert "shortened" in state.message
    assert len(state.message.encode()) <= 1024
    assert {one.phase for node in state.stages[0].workflows for one in node.actions} == {"Failed", "Skipped"}


async def test_five_thousand_actions_in_one_workflow(engine: DevEngine) -> None:
    decision = revert(stage("s", workflow("w", LONG_NAME, *(f"a{index}" for index in range(4999)))))
    state = await end_of(await engine.start(decision, **{LONG_NAME: fails(LONG_REASON)}))
    assert state.summary is not None
    assert (state.summary.failed_actions, state.summary.skipped_actions) == (1, 4999)


async def test_five_thousand_actions_in_two_hundred_stages(engine: DevEngine) -> None:
    parts = [
        stage(f"s{number}", workflow("w", *(f"a{number}-{index}" for index in range(25)))) for number in range(199)
    ]
    first = stage("first", workflow("w", LONG_NAME, *(f"b{index}" for index in range(24))))
    state = await end_of(await engine.start(revert(first, *parts), **{LONG_NAME: fails(LONG_REASON)}))
    assert len(state.stages) == 200
    assert find(state, "a198-24").phase == "Skipped"


async def test_a_decision_that_is_too_large_for_the_engine_ends_failed(engine: DevEngine) -> None:
    decision: ExecuteDecision = execute(stage("s", workflow("w", *(f"a{index}" + "y" * 500 for index in range(5000)))))
    run = await engine.start(decision)
    state = await run.end(WITHIN)
    assert (state.phase, run.begun) == ("Failed", [])
    assert state.message is not None
    assert state.message.startswith("Plan too large to execute at once")


def test_a_decision_to_carry_out_five_thousand_custom_rollbacks_fits() -> None:
    back = {"resource": {"manifest": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: $(params.site)-settings}\n"}}
    names = [f"patch-settings-{number:03}" for number in range(100)]
    flow = planned.dr_workflow(
        "shop-settings", *(planned.manifest("x", "Patch", action=n, rollback=back) for n in names)
    )
    records = [
        planned.made(name, planned.config_map(name), operation=Operation.PATCH, created=False, custom_rollback=True)
        for name in names
    ]
    stages = [planned.stage(f"s{number}", planned.workflow("shop-settings", *records)) for number in range(50)]
    ref = SnapshotRef(name="drplan-1234567890-1234567890123456", sha256="a" * 64)
    origin = Origin(execution=ObjectKey(namespace="default", name="shop-back", uid="u" * 36), snapshot=ref)
    decision = planned.decide(planned.execute(*stages), None, flow, origin=origin)
    assert all(step and step.custom for rows in decision.steps for row in rows for step in row)
    [payload] = DATA_CONVERTER.payload_converter.to_payloads([decision])
    assert len(payload.data) < 0.9 * TEMPORALS_BOUND


async def test_five_thousand_actions_that_are_canceled_leave_their_tree_in_the_memo(engine: DevEngine) -> None:
    gate = HeldAttempt()
    names = [f"a{index}-" + "x" * 20 for index in range(4999)]
    run = await engine.start(revert(stage("s", workflow("w", "first", *names))), first=gate)
    await gate.held()
    await run.handle.cancel()
    await cancel_requested(run.workflow((0, "s"), (0, "w")))
    gate.open()
    state = await run.end(WITHIN)
    assert await run.status() is RunStatus.CANCELED
    assert state.summary is not None
    assert (state.summary.succeeded_actions, state.summary.skipped_actions) == (1, 4999)


async def test_more_workflows_than_run_side_by_side_all_have_their_turn(engine: DevEngine) -> None:
    nodes = [workflow(f"w{number}", f"a{number}") for number in range(PARALLEL_WORKFLOWS + 10)]
    state = await (await engine.start(revert(stage("s", *nodes, parallel=True)))).end(WITHIN)
    assert state.phase == "Succeeded"
    assert state.summary is not None
    assert state.summary.succeeded_actions == PARALLEL_WORKFLOWS + 10


def test_captions_stay_within_what_the_engine_takes() -> None:
    node = workflow("w" * 300, *("动作" * 200 for _ in range(300)))
    part = stage("阶段" * 300, node, node)
    for text in (
        temporal_ui.stage_summary(part),
        temporal_ui.workflow_summary(node),
        temporal_ui.caption("x" * 999),
    ):
        assert len(text.encode()) <= temporal_ui.SUMMARY_BOUND
    details = [
        temporal_ui.turn_details("Stage", 1, 2, part.name),
        temporal_ui.parallel_details("action", 1, 2, ["x" * 600] * 9),
    ]
    details += [temporal_ui.stage_details(part), temporal_ui.end_details(Phase.FAILED, "x" * 2000)]
    details += [temporal_ui.workflow_details(node, parallel=beside) for beside in (True, False)]
    assert all(len(text.encode()) <= temporal_ui.DETAILS_BOUND for text in details)


@pytest.mark.parametrize(("parts", "seconds"), [(0, 10), (500, 10), (1000, 20), (5000, 100), (8000, 120)])
def test_a_workflow_task_may_take_as_long_as_a_replay_of_everything(parts: int, seconds: int) -> None:
    node = workflow("w")
    call = ChildCall(WorkflowType.REVERT_WORKFLOW, "id", node, WorkflowExecutionStatus, parts, "", "", "")
    assert call.task_timeout.total_seconds() == seconds
