"""A run in which everything works: the tree that comes out, and what the engine shows meanwhile."""

from typing import Any

from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.exceptions import ApplicationError

from api.attempts import ActionOutcome, AttemptFailure
from api.failures import FailureType
from api.meta import ObjectKey
from api.nodes import ActionOutputs, ClusterActionStatus, HttpResponse, SnapshotRef
from api.phases import Phase
from api.steps import CustomRollback, ExecuteStep, Origin, Part, RollbackStep
from planning.messages import temporal_ui
from tests.eventually import eventually
from tests.workflows.decisions import QUICK, action, execute, find, phases, revert, stage, workflow
from tests.workflows.engine import DevEngine
from tests.workflows.fake_activities import FakeAttempt, HeldAttempt


async def test_a_revert_ends_with_the_tree_of_the_contract(engine: DevEngine) -> None:
    run = await engine.start(revert(stage("deploy", workflow("nginx", "b", "a"))))
    state = await run.end()
    assert await run.status() is WorkflowExecutionStatus.COMPLETED
    assert state.phase == "Succeeded"
    assert state.message == "Plan reverted successfully: 1 stage, 2 actions rolled back"
    assert state.stages[0].message == "Stage reverted successfully"
    node = state.stages[0].workflows[0]
    assert node.message == "Workflow reverted successfully"
    assert node.progress == "2/2 actions rolled back"
    assert [one.message for one in node.actions] == [
        "Rolled back: deleted Localization b",
        "Rolled back: deleted Localization a",
    ]
    assert [(one.retries, one.retry_count) for one in node.actions] == [(0, 0), (0, 0)]
    assert set(phases(state).values()) == {"Succeeded"}
    assert run.begun == ["b", "a"]


async def test_every_node_has_its_times_and_the_counts_add_up(engine: DevEngine) -> None:
    run = await engine.start(revert(stage("one", workflow("w", "a")), stage("two", workflow("w", "b"))))
    state = await run.end()
    assert state.start_time
    assert state.completion_time
    assert state.duration
    assert all(part.start_time and part.completion_time and part.duration for part in state.stages)
    nodes = [node for part in state.stages for node in part.workflows]
    assert all(node.start_time and node.completion_time and node.duration for node in nodes)
    actions = [one for node in nodes for one in node.actions]
    assert all(one.start_time and one.completion_time for one in actions)
    assert state.summary is not None
    assert (state.summary.succeeded_stages, state.summary.succeeded_actions) == (2, 2)
    assert state.progress is not None
    assert (state.progress.stages, state.progress.actions) == ("2/2", "2/2")


async def test_an_execute_keeps_what_each_action_made(engine: DevEngine) -> None:
    run = await engine.start(execute(stage("deploy", workflow("nginx", "a", "b"))))
    state = await run.end()
    assert state.message == "Plan executed successfully: 1 stage, 2 actions"
    made = find(state, "a")
    assert (made.message, made.operation, made.created) == ("Created Localization a", "Create", True)
    assert made.outputs is not None
    assert made.outputs.localization_ref is not None
    assert made.outputs.localization_ref.name == "a"


async def test_every_action_knows_where_its_definition_is_kept(engine: DevEngine) -> None:
    key = ObjectKey(namespace="default", name="run", uid="u")
    origin = Origin(execution=key, snapshot=SnapshotRef(name="drplan-u", sha256="0" * 64))
    decision = execute(stage("one", workflow("w", "a")), stage("two", workflow("v", "b"), workflow("v", "c")))
    run = await engine.start(decision.model_copy(update={"origin": origin}))
    await run.end()
    places = {name: run.given(name).origin for name in "abc"}
    assert {name: (place.stage, place.workflow) for name, place in places.items() if place} == {
        "a": ("one", 0),
        "b": ("two", 0),
        "c": ("two", 1),
    }
    assert places["c"] == origin.model_copy(update={"stage": "two", "workflow": 1})


async def test_a_custom_rollback_is_handed_over_as_planned_and_named_in_the_ui(engine: DevEngine) -> None:
    node = workflow("w", "undo-a")
    custom = CustomRollback(
        step=ExecuteStep(index=0, action="undo-a", mark="m", title="POST https://example.com/undo", part=Part.ROLLBACK),
        dr_workflow=node.workflow_ref,
        origin=Origin(
            execution=ObjectKey(namespace="default", name="run", uid="u"), snapshot=SnapshotRef(name="s", sha256="0")
        ),
        outputs={"a": ActionOutputs(http_response=HttpResponse(status_code=201))},
    )
    step = RollbackStep(custom=custom, attempts=QUICK)
    run = await engine.start(revert(stage("s", node)).model_copy(update={"steps": [[[step]]]}))
    await run.end()
    (given,) = engine.activities.given[run.uid]
    assert given.step == step
    (*_, below) = await run.histories()
    captions = [event.user_metadata.summary.data.decode() for event in below.events if event.HasField("user_metadata")]
    assert captions[-1] == '"POST https://example.com/undo"'


async def test_how_an_action_ended_in_each_cluster_stands_in_its_node(engine: DevEngine) -> None:
    clusters = [ClusterActionStatus(cluster="clusternet-a/a", cluster_id="id-a", phase=Phase.SUCCEEDED)]

    async def everywhere(attempt: FakeAttempt) -> ActionOutcome:
        return attempt.done().model_copy(update={"cluster_statuses": clusters})

    async def nowhere(attempt: FakeAttempt) -> ActionOutcome:
        details = AttemptFailure(errors=1, cluster_statuses=clusters)
        raise ApplicationError("not ready", details, type=FailureType.NOT_READY, non_retryable=True)

    run = await engine.start(execute(stage("s", workflow("w", "a", "b"))), a=everywhere, b=nowhere)
    state = await run.end()
    assert [find(state, name).cluster_statuses for name in "ab"] == [clusters, clusters]
    assert [find(state, name).phase for name in "ab"] == ["Succeeded", "Failed"]


async def test_skipped_nodes_stay_as_planning_gave_them_and_nothing_is_called_for_them(
    engine: DevEngine,
) -> None:
    skipped_stage = stage("gone", workflow("w", action("x", skipped=True), phase=Phase.SKIPPED), phase=Phase.SKIPPED)
    mixed = workflow("mixed", "b", action("c", skipped=True), "a")
    passed = workflow("passed", action("d", skipped=True), phase=Phase.SKIPPED)
    run = await engine.start(revert(skipped_stage, stage("deploy", mixed, passed)))
    state = await run.end()
    assert run.begun == ["b", "a"]
    assert phases(state)["gone/w/x"] == phases(state)["deploy/mixed/c"] == phases(state)["deploy/passed"] == "Skipped"
    done = "1 stage, 2 actions rolled back, 1 stage skipped, 2 actions skipped"
    assert state.message == f"Plan reverted successfully: {done}"
    assert len(await run.histories()) == 3


async def test_workflows_of_a_stage_run_one_after_the_other(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(revert(stage("s", workflow("first", "a"), workflow("second", "b"))), a=gate)
    await gate.held()
    assert phases(await run.state())["s"] == "Running"
    held = await run.stage_state(0, "s")
    assert [node.phase for node in held.workflows] == [Phase.RUNNING, Phase.PENDING]
    gate.open()
    await run.end()
    assert run.begun == ["a", "b"]


async def test_workflows_of_a_parallel_stage_run_side_by_side(engine: DevEngine) -> None:
    gates = {"a": HeldAttempt(), "b": HeldAttempt()}
    run = await engine.start(
        revert(stage("s", workflow("first", "a"), workflow("second", "b"), parallel=True)), **gates
    )
    for gate in gates.values():
        await gate.held()
    held = await run.stage_state(0, "s")
    assert [node.phase for node in held.workflows] == [Phase.RUNNING, Phase.RUNNING]
    for gate in gates.values():
        gate.open()
    assert (await run.end()).phase == "Succeeded"


async def test_each_level_answers_with_its_part_while_it_runs_and_after(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(revert(stage("s", workflow("w", "a", "b")), stage("t", workflow("w", "c"))), a=gate)
    await gate.held()
    state = await run.state()
    assert phases(state) | {"s/w": "", "s/w/a": ""} == phases(state) | {"s": "Running", "s/w": "", "s/w/a": ""}
    assert state.summary is not None
    assert (state.summary.running_stages, state.summary.pending_stages) == (1, 1)
    node = await run.workflow_state((0, "s"), (0, "w"))
    assert [one.phase for one in node.actions] == [Phase.RUNNING, Phase.PENDING]
    assert node.current_action == "a"
    gate.open()
    final = await run.end()
    assert await run.state() == final
    assert await run.stage_state(0, "s") == final.stages[0]
    assert await run.workflow_state((0, "s"), (0, "w")) == final.stages[0].workflows[0]


async def test_a_child_keeps_the_start_that_its_parent_showed(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(revert(stage("s", workflow("w", "a"))), a=gate)
    await gate.held()
    shown = (await run.state()).stages[0].start_time
    shown_below = (await run.stage_state(0, "s")).workflows[0].start_time
    gate.open()
    final = await run.end()
    assert final.stages[0].start_time == shown
    assert final.stages[0].workflows[0].start_time == shown_below


async def test_before_the_load_is_done_the_answer_is_pending_without_stages(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(gate)
    engine.activities.decisions[f"{run.uid}/after"] = revert(stage("s", workflow("w", "a")))
    await gate.held()
    state = await run.state()
    assert (state.phase, state.stages) == (Phase.PENDING, [])
    gate.open()
    assert (await run.end()).phase == "Succeeded"


async def test_the_ui_names_every_part(engine: DevEngine) -> None:
    run = await engine.start(revert(stage("deploy", workflow("nginx", "loc-b", "loc-a"))))
    await run.end()
    stage_ui = await run.stage(0, "deploy").describe()
    assert await stage_ui.static_summary() == "deploy: 1 workflow, 2 actions"
    workflow_ui = await run.workflow((0, "deploy"), (0, "nginx")).describe()
    assert await workflow_ui.static_summary() == "default/nginx: 2 actions"
    assert await workflow_ui.static_details() == "Actions, one after the other: loc-b, loc-a"
    root, _, below = await run.histories()
    captions = [event.user_metadata.summary.data.decode() for event in below.events if event.HasField("user_metadata")]
    assert '"loc-b: delete Localization default/loc-b"' in captions
    captions = [event.user_metadata.summary.data.decode() for event in root.events if event.HasField("user_metadata")]
    assert '"plan the revert default/run"' in captions


async def details(handle: WorkflowHandle[Any, Any]) -> str:
    """What the UI shows as current details."""
    return str((await handle.query("__temporal_workflow_metadata")).current_details)


async def test_current_details_follow_the_walk(engine: DevEngine) -> None:
    gate = HeldAttempt()
    run = await engine.start(revert(stage("s", workflow("w", "a", "b"))), a=gate)
    await gate.held()

    assert await details(run.workflow((0, "s"), (0, "w"))) == "Action 1 of 2: a"
    assert await details(run.stage(0, "s")) == "0 of 1 workflow ended; now: w"
    shown = await details(run.handle)
    assert shown.startswith("**Running**: 0 of 1 stage ended")
    link = temporal_ui.run_link("s", run.stage(0, "s").id)
    assert f"| {link} | **Running** | of 1 | of 2 |  |" in shown.replace(temporal_ui.GAP, "")
    gate.open()
    await run.end()

    async def ended() -> bool:
        shown = (await details(run.handle)).replace(temporal_ui.GAP, "")
        return (
            shown.startswith("**Succeeded**: Plan reverted successfully: 1 stage, 2 actions rolled back\n\n| Stage |")
            and "| Succeeded | 1 of 1 | 2 of 2 |" in shown
        )

    await eventually(ended, "the details tell the end")
