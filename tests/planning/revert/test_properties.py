"""What holds of the Revert of any Execute whatever."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from api.decisions import RevertDecision
from api.execution import DRPlanExecution
from api.nodes import ActionStatus
from api.phases import OnMissing, Operation, Phase
from api.reasons import Reason
from planning.messages import tree as tree_messages
from planning.messages.text import placed
from planning.revert.decide import decide_revert, objects_to_observe
from tests.planning.builders import LATER, config_map, revert
from tests.planning.simulation import Drawn, SimulatedCluster, actions_of, drawn_plans, executed, object_names, reverted

RELAXED = settings(max_examples=settings().max_examples * 4 // 5)


def decided(
    by: DRPlanExecution, original: DRPlanExecution, cluster: SimulatedCluster, drawn: Drawn, *earlier: DRPlanExecution
) -> RevertDecision:
    looks = {target: cluster.look(target) for target in objects_to_observe(original, drawn.workflows)}
    decision = decide_revert(by, original, earlier, looks, drawn.plan, drawn.workflows)
    assert decision.rejection is None
    return decision


def carried_out(original: DRPlanExecution) -> list[ActionStatus]:
    """The actions that succeeded in parts that succeeded."""
    return [
        action
        for stage in original.status.stages
        for node in stage.workflows
        for action in node.actions
        if all(phase is Phase.SUCCEEDED for phase in (stage.phase, node.phase, action.phase))
    ]


def uid_of(action: ActionStatus) -> str:
    assert action.outputs is not None
    assert action.outputs.resource_ref is not None
    return str(action.outputs.resource_ref.uid)


def created_by(actions: list[ActionStatus]) -> set[str]:
    return {uid_of(action) for action in actions if action.created}


def deletions(decision: RevertDecision) -> list[str]:
    return [
        deletion.uid
        for stage in decision.steps
        for steps in stage
        for step in steps
        if step
        for deletion in step.deletions
    ]


@RELAXED
@given(drawn_plans())
def test_every_node_appears_exactly_once_in_reverse_order(drawn: Drawn) -> None:
    original, cluster = executed(drawn)
    decision = decided(revert(), original, cluster, drawn)
    stages = {stage.name: stage for stage in original.status.stages}
    planned = [stage.name for stage in decision.state.stages]
    assert sorted(planned) == sorted(stages)
    assert planned == [stage.name for stage in original.status.stages][::-1]
    for stage in decision.state.stages:
        told = [(node.workflow_ref, [action.name for action in node.actions]) for node in stage.workflows]
        assert told == [
            (node.workflow_ref, [action.name for action in node.actions[::-1]])
            for node in stages[stage.name].workflows[::-1]
        ]


@RELAXED
@given(drawn_plans(), st.randoms(use_true_random=False))
def test_dependents_come_before_what_they_depend_on_however_the_original_lists_them(
    drawn: Drawn, random: object
) -> None:
    original, cluster = executed(drawn)
    shuffled = list(original.status.stages)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    status = original.status.model_copy(update={"stage_statuses": shuffled})
    decision = decided(revert(), original.model_copy(update={"status": status}), cluster, drawn)
    places = {stage.name: place for place, stage in enumerate(decision.state.stages)}
    assert len(places) == len(shuffled)
    for stage in shuffled:
        for needed in stage.depends_on or []:
            assert places[stage.name] < places[needed]


@RELAXED
@given(drawn_plans())
def test_each_node_is_pending_with_a_step_or_skipped_with_its_reason(drawn: Drawn) -> None:
    original, cluster = executed(drawn)
    decision = decided(revert(), original, cluster, drawn)
    records = {
        (s, w, a): action
        for s, stage in enumerate(original.status.stages[::-1])
        for w, node in enumerate(stage.workflows[::-1])
        for a, action in enumerate(node.actions[::-1])
    }
    standing = created_by(carried_out(original))
    for s, stage in enumerate(decision.state.stages):
        stood = original.status.stages[::-1][s]
        assert (stage.phase is Phase.SKIPPED) == (stood.phase is not Phase.SUCCEEDED)
        if stage.phase is Phase.SKIPPED:
            assert stage.message == f"Original stage phase was {stood.phase.value}, skipped rollback"
        for w, node in enumerate(stage.workflows):
            was = stood.workflows[::-1][w]
            assert node.phase is (Phase.PENDING if was.phase is stood.phase is Phase.SUCCEEDED else Phase.SKIPPED)
            for a, action in enumerate(node.actions):
                step = decision.steps[s][w][a]
                assert (action.phase is Phase.PENDING) == (step is not None)
                assert (action.phase is Phase.SKIPPED) == bool(action.message)
                if node.phase is Phase.PENDING:
                    assert action.message == expected(records[s, w, a], original, standing, cluster)
                elif records[s, w, a].phase is not Phase.SUCCEEDED:
                    assert action.message == tree_messages.ORIGINAL_ACTION_NOT_SUCCEEDED.message
                else:
                    assert action.message == node.message


def expected(
    record: ActionStatus, original: DRPlanExecution, standing: set[str], cluster: SimulatedCluster
) -> str | None:
    """Say, by the words of the contract alone, why an action is Skipped; None where it is Pending."""
    if record.phase is not Phase.SUCCEEDED:
        return "Original action did not succeed, skipped rollback"
    if record.operation is Operation.DELETE:
        return "No automatic rollback for Delete operation"
    target = config_map(record.name.split("-")[1])
    called, there = f"ConfigMap {target.name}", cluster.objects.get(target) == uid_of(record)
    others = [one for one in actions_of(original.status) if one.outputs and uid_of(one) == uid_of(record)]
    if not record.created:
        maker = next((one.name for one in others if one.created), None)
        if maker is None or not there:
            return f"{called} existed before the execution, not deleted"
        if uid_of(record) in standing:
            return f"Same object as action {maker}: {called} is left to the rollback of that action"
        return f"{called} was created by action {maker} of this execution, which is not rolled back"
    remover = next((one for one in others if one.operation is Operation.DELETE and one.phase is Phase.SUCCEEDED), None)
    if remover is not None:
        return f"{called} was already deleted by action {remover.name} of the execution"
    return None


@RELAXED
@given(drawn_plans())
def test_a_revert_deletes_what_the_execution_created_and_nothing_else(drawn: Drawn) -> None:
    original, cluster = executed(drawn)
    before = dict(cluster.objects)
    decision = decided(revert(), original, cluster, drawn)
    ours = created_by(carried_out(original)) & set(before.values())
    assert sorted(deletions(decision)) == sorted(ours)
    cluster.deleted.clear()
    done = reverted(revert(), decision, cluster, LATER)
    assert done.status.phase is Phase.SUCCEEDED
    assert sorted(cluster.deleted) == sorted(ours)
    assert set(cluster.objects.values()) == set(before.values()) - ours


@RELAXED
@given(drawn_plans(), st.booleans())
def test_with_include_partial_all_that_the_execution_created_is_deleted_and_nothing_else(
    drawn: Drawn, after_another: bool
) -> None:
    original, cluster = executed(drawn)
    before = dict(cluster.objects)
    ours = created_by(actions_of(original.status)) & set(before.values())
    cluster.deleted.clear()
    history: list[DRPlanExecution] = []
    if after_another:
        history.append(reverted(revert("r0"), decided(revert("r0"), original, cluster, drawn), cluster, LATER))
    by = revert("r1", spec={"include_partial": True})
    decision = decided(by, original, cluster, drawn, *history)
    assert decision.state.left_standing == []
    done = reverted(by, decision, cluster, LATER + timedelta(days=1))
    assert done.status.phase is Phase.SUCCEEDED
    assert sorted(cluster.deleted) == sorted(ours)
    assert set(cluster.objects.values()) == set(before.values()) - ours


@RELAXED
@given(drawn_plans(), st.integers(0, 3), st.booleans())
def test_a_revert_of_some_stages_and_one_of_the_rest_do_what_one_of_all_does(
    drawn: Drawn, first: int, include_partial: bool
) -> None:
    original, cluster = executed(drawn)
    before, partial = dict(cluster.objects), {"include_partial": include_partial}
    ours = deletions(decided(revert(spec=partial), original, cluster, drawn))
    cluster.deleted.clear()
    names = [stage.name for stage in original.status.stages]
    selecting = revert("r0", spec={**partial, "only": {"stages": names[: first % len(names) + 1]}})
    decision = decided(selecting, original, cluster, drawn)
    assert {stage.name for stage in decision.state.stages if stage.reason is Reason.NOT_SELECTED} == set(
        names[first % len(names) + 1 :]
    )
    done = reverted(selecting, decision, cluster, LATER)
    by = revert("r1", spec=partial)
    reverted(by, decided(by, original, cluster, drawn, done), cluster, LATER + timedelta(days=1))
    assert sorted(cluster.deleted) == sorted(ours)
    assert set(cluster.objects.values()) == set(before.values()) - set(ours)


@RELAXED
@given(drawn_plans())
def test_what_skipped_parts_created_and_left_is_named(drawn: Drawn) -> None:
    original, cluster = executed(drawn)
    decision = decided(revert(), original, cluster, drawn)
    carried = created_by(carried_out(original))
    recorded = [one for one in actions_of(original.status) if one.created]
    left = {uid_of(one) for one in recorded} - carried
    names = {placed(target) for target, uid in cluster.objects.items() if uid in left}
    assert sorted(decision.state.left_standing) == sorted(names)


@RELAXED
@given(drawn_plans(), st.frozensets(st.integers(0, 8), min_size=1, max_size=2))
def test_reverts_that_stop_halfway_are_finished_by_others_and_nothing_is_deleted_twice(
    drawn: Drawn, failing: frozenset[int]
) -> None:
    original, cluster = executed(drawn)
    ours = created_by(carried_out(original)) & set(cluster.objects.values())
    cluster.deleted.clear()
    history: list[DRPlanExecution] = []
    for number in range(4):
        by = revert(f"r{number}")
        decision = decided(by, original, cluster, drawn, *history)
        last = number >= 2
        done = reverted(by, decision, cluster, LATER + timedelta(days=1 + number), frozenset() if last else failing)
        history.append(done)
    assert sorted(cluster.deleted) == sorted(ours)
    assert history[-1].status.phase is Phase.SUCCEEDED
    if ours:
        assert str(history[-1].status.message).startswith("Nothing left to revert: already reverted by r")
    for action in actions_of(history[-1].status):
        for name in action.rolled_back_by or []:
            (by,) = [one for one in history if one.metadata.name == name]
            assert any(one.name == action.name and one.phase is Phase.SUCCEEDED for one in actions_of(by.status)) or (
                "Same object" in str([one.message for one in actions_of(by.status) if one.name == action.name])
            )


strokes = st.lists(st.tuples(object_names, st.sampled_from(["delete", "recreate"])), max_size=3)


@RELAXED
@given(drawn_plans(), strokes, st.sampled_from([None, OnMissing.FAIL, OnMissing.IGNORE]))
def test_what_somebody_else_made_is_never_deleted(
    drawn: Drawn, strokes_: list[tuple[str, str]], on_missing: OnMissing | None
) -> None:
    original, cluster = executed(drawn)
    ours = created_by(carried_out(original))
    for name, stroke in strokes_:
        target = config_map(name)
        cluster.objects.pop(target, None)
        if stroke == "recreate":
            cluster.create(target)
    before = dict(cluster.objects)
    by = revert(on_missing=on_missing)
    decision = decided(by, original, cluster, drawn)
    assert set(deletions(decision)) <= ours
    cluster.deleted.clear()
    done = reverted(by, decision, cluster, LATER)
    assert len(cluster.deleted) == len(set(cluster.deleted))
    assert set(cluster.deleted) <= ours
    if on_missing is OnMissing.IGNORE:
        assert done.status.phase is Phase.SUCCEEDED
        assert set(cluster.deleted) == ours & set(before.values())
    refused = [step for stage in decision.steps for steps in stage for step in steps if step and step.refusal]
    assert (done.status.phase is Phase.FAILED) == bool(refused)


@RELAXED
@given(drawn_plans())
def test_deciding_twice_gives_the_same_decision(drawn: Drawn) -> None:
    original, cluster = executed(drawn)
    assert decided(revert(), original, cluster, drawn) == decided(revert(), original, cluster, drawn)


@RELAXED
@given(drawn_plans(), st.randoms(use_true_random=False), st.sampled_from(["full", "no uid", "no outputs"]))
def test_records_of_the_older_controller_are_planned_without_a_stumble(drawn: Drawn, random: object, kept: str) -> None:
    original, cluster = executed(drawn)

    def aged(action: ActionStatus) -> ActionStatus:
        record = action.model_dump(exclude={"type", "operation", "created", "custom_rollback", "retries"})
        if kept == "no outputs":
            record["outputs"] = None
        elif kept == "no uid" and action.outputs and action.outputs.resource_ref:
            record["outputs"]["resource_ref"]["uid"] = None
        return ActionStatus.model_validate(record)

    stages = [
        stage.model_copy(
            update={
                "workflow_executions": [
                    node.model_copy(update={"action_statuses": [aged(action) for action in node.actions]})
                    for node in stage.workflows
                ]
            }
        )
        for stage in original.status.stages
    ]
    state = original.status.model_copy(update={"stage_statuses": stages})
    old = original.model_copy(update={"status": state})
    for workflows in (drawn.workflows, {}):
        looks = {target: cluster.look(target) for target in objects_to_observe(old, workflows)}
        decision = decide_revert(revert(), old, [], looks, drawn.plan, workflows)
        assert decision.rejection is None
        live = set(cluster.objects.values())
        assert set(deletions(decision)) <= live
        before = dict(cluster.objects)
        reverted(revert(), decision, SimulatedCluster(objects=before), LATER)


def test_the_drawn_world_has_its_variety() -> None:
    """The properties above would hold of nothing, too: what they are drawn from must hold something."""
    seen: set[str] = set()

    @settings(max_examples=150, deadline=None, database=None)
    @given(drawn_plans())
    def look(drawn: Drawn) -> None:
        original, cluster = executed(drawn)
        seen.add(str(original.status.phase))
        decision = decided(revert(), original, cluster, drawn)
        for action in actions_of(decision.state):
            seen.add(str(action.message or action.phase).partition(" ")[0])
        seen.update(["standing"] if decision.state.left_standing else [])

    look()
    assert {"Succeeded", "Failed", "Pending", "Same", "No", "Original", "ConfigMap", "standing"} <= seen


@RELAXED
@given(drawn_plans())
def test_every_object_is_looked_at_once(drawn: Drawn) -> None:
    original, cluster = executed(drawn)
    looked = objects_to_observe(original, drawn.workflows)
    assert len(looked) == len(set(looked))
    recorded = {uid_of(one) for one in actions_of(original.status) if one.created}
    assert {target for target, uid in cluster.objects.items() if uid in recorded} <= set(looked)
