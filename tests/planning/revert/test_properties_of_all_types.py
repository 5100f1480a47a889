"""What holds of the Revert of any Execute whatever, with every type of action, custom rollbacks, hooks and cleanups."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import Phase as HypothesisPhase
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from api.actions import Action
from api.decisions import RevertDecision
from api.execution import DRPlanExecution
from api.nodes import ActionStatus
from api.phases import ActionType, Operation, Phase
from api.steps import Part, RollbackStep
from planning.definitions.action_list import PlannedAction
from planning.definitions.identifiers import Workflows
from planning.messages.text import placed
from planning.revert.actions import executes_definitions
from planning.revert.decide import decide_revert, objects_to_observe
from tests.planning.builders import LATER, by_name, dr_workflow, revert
from tests.planning.simulation import SimulatedCluster, actions_of
from tests.planning.simulation_of_all_types import Ledger, Varied, executed, planned, records, reverted, varied_plans

RELAXED = settings(max_examples=settings().max_examples * 6 // 5)
HOOKS = ("pre-rollback", "post-rollback")
DELETED_BY_DEFAULT = {
    (ActionType.KUBERNETES_RESOURCE, Operation.CREATE),
    (ActionType.KUBERNETES_RESOURCE, Operation.APPLY),
    (ActionType.JOB, Operation.CREATE),
    (ActionType.LOCALIZATION, Operation.CREATE),
    (ActionType.GLOBALIZATION, Operation.CREATE),
    (ActionType.HELM_CHART, Operation.CREATE),
    (ActionType.SUBSCRIPTION, Operation.CREATE),
    (ActionType.LOCALIZATION, Operation.APPLY),
    (ActionType.GLOBALIZATION, Operation.APPLY),
    (ActionType.HELM_CHART, Operation.APPLY),
    (ActionType.SUBSCRIPTION, Operation.APPLY),
}


def decided(
    by: DRPlanExecution,
    original: DRPlanExecution,
    cluster: SimulatedCluster,
    workflows: Workflows,
    *earlier: DRPlanExecution,
) -> RevertDecision:
    looks = {target: cluster.look(target) for target in objects_to_observe(original, workflows)}
    decision = decide_revert(by, original, earlier, looks, None, workflows)
    assert decision.rejection is None
    return decision


def steps(decision: RevertDecision) -> list[RollbackStep]:
    return [step for stage in decision.steps for row in stage for step in row if step]


def deletions(decision: RevertDecision) -> list[str]:
    return [deletion.uid for step in steps(decision) for deletion in step.deletions]


def is_hook(one: PlannedAction) -> bool:
    return one.action.hook_type in HOOKS


def succeeded(stage: Phase, workflow: Phase) -> bool:
    return stage is workflow is Phase.SUCCEEDED


def carried_out(drawn: Varied, original: DRPlanExecution) -> list[tuple[ActionStatus, PlannedAction]]:
    """The actions that succeeded in parts that succeeded, hooks left out."""
    found = records(drawn, original, succeeded)
    return [(record, one) for record, one in found if record.phase is Phase.SUCCEEDED and not is_hook(one)]


def uid_of(record: ActionStatus) -> str:
    refs = [value for _, value in record.outputs or () if value is not None]
    return str(refs[0].uid)


def ours(drawn: Varied, original: DRPlanExecution) -> set[str]:
    """The uids of what is deleted by default, by the words of the contract alone."""
    return {
        uid_of(record)
        for record, _ in carried_out(drawn, original)
        if record.created and not record.custom_rollback and (record.type, record.operation) in DELETED_BY_DEFAULT
    }


@RELAXED
@given(varied_plans())
def test_every_node_appears_exactly_once_and_hooks_stand_around(drawn: Varied) -> None:
    original, cluster = executed(drawn)
    decision = decided(revert(), original, cluster, drawn.workflows)
    assert [stage.name for stage in decision.state.stages] == [stage.name for stage in original.status.stages][::-1]
    for stage, was in zip(decision.state.stages, original.status.stages[::-1], strict=True):
        for node, did in zip(stage.workflows, was.workflows[::-1], strict=True):
            defined = planned(drawn, did.workflow_ref.name)
            told = [action.name for action in node.actions]
            written = sorted(defined, key=lambda one: one.index)
            before, after = ([one.action.name for one in written if one.action.hook_type == hook] for hook in HOOKS)
            rest = [one.action.name for one in defined if not is_hook(one)]
            assert told == [*before, *rest[::-1], *after]


@RELAXED
@given(varied_plans())
def test_each_node_is_pending_with_a_step_or_skipped_with_its_reason(drawn: Varied) -> None:
    original, cluster = executed(drawn)
    decision = decided(revert(), original, cluster, drawn.workflows)
    for stage, rows in zip(decision.state.stages, decision.steps, strict=True):
        for node, row in zip(stage.workflows, rows, strict=True):
            for action, step in zip(node.actions, row, strict=True):
                assert (action.phase is Phase.PENDING) == (step is not None)
                assert (action.phase is Phase.SKIPPED) == bool(action.message)
                assert node.phase is Phase.PENDING or step is None
                if step is not None:
                    assert [bool(step.deletions), bool(step.custom), bool(step.refusal)].count(True) == 1


@RELAXED
@given(varied_plans())
def test_what_is_carried_out_is_every_custom_rollback_and_every_hook_and_nothing_else(drawn: Varied) -> None:
    original, cluster = executed(drawn)
    decision = decided(revert(), original, cluster, drawn.workflows)
    custom = [record.name for record, _ in carried_out(drawn, original) if record.custom_rollback]
    hooks = [
        one.action.name
        for _, one in records(drawn, original, succeeded)
        if is_hook(one) and one.action.when in (None, 'mode == "rollback"')
    ]
    found = [step.custom.step for step in steps(decision) if step.custom]
    assert sorted(step.action for step in found if step.part is Part.ROLLBACK) == sorted(custom)
    assert sorted(step.action for step in found if step.part is Part.ACTION) == sorted(hooks)
    assert len({step.mark for step in found}) == len(found)
    assert executes_definitions(original, drawn.workflows) == bool(found)


@RELAXED
@given(varied_plans())
def test_what_is_deleted_is_what_was_created_and_still_stands_and_nothing_is_refused(drawn: Varied) -> None:
    original, cluster = executed(drawn)
    live = set(cluster.objects.values())
    decision = decided(revert(), original, cluster, drawn.workflows)
    assert sorted(deletions(decision)) == sorted(ours(drawn, original) & live)
    assert [step.refusal for step in steps(decision) if step.refusal] == []
    done = reverted(revert(), decision, drawn, cluster, LATER)
    assert done.status.phase is Phase.SUCCEEDED
    assert not ours(drawn, original) & set(cluster.objects.values())


@RELAXED
@given(varied_plans(), st.frozensets(st.integers(0, 8), min_size=1, max_size=2))
def test_reverts_that_stop_halfway_are_finished_by_others_and_nothing_is_done_twice(
    drawn: Varied, failing: frozenset[int]
) -> None:
    original, cluster = executed(drawn)
    ledger, history = Ledger(), list[DRPlanExecution]()
    wanted = [step.custom.step for step in steps(decided(revert(), original, cluster, drawn.workflows)) if step.custom]
    for number in range(4):
        by = revert(f"r{number}")
        decision = decided(by, original, cluster, drawn.workflows, *history)
        fail = frozenset[int]() if number >= 2 else failing
        done = reverted(by, decision, drawn, cluster, LATER + timedelta(days=1 + number), fail, ledger)
        history.append(done)
    assert history[-1].status.phase is Phase.SUCCEEDED
    assert ledger.done == {tuple(step.mark.split("/")[1:]): 1 for step in wanted}
    assert not ours(drawn, original) & set(cluster.objects.values())
    assert steps(decided(revert("r9"), original, cluster, drawn.workflows, *history)) == []


@RELAXED
@given(varied_plans())
def test_what_skipped_parts_and_skipped_actions_created_and_left_is_named(drawn: Varied) -> None:
    original, cluster = executed(drawn)
    decision = decided(revert(), original, cluster, drawn.workflows)
    undone = {
        id(record)
        for record, one in records(drawn, original, succeeded)
        if record.phase is Phase.SUCCEEDED
        and (one.action.when in (None, 'mode == "rollback"') if is_hook(one) else _undone(record))
    }
    left = {uid_of(one) for one in actions_of(original.status) if one.created and id(one) not in undone}
    left -= {uid_of(record) for record, _ in carried_out(drawn, original) if record.created and _undone(record)}
    names = {placed(target) for target, uid in cluster.objects.items() if uid in left}
    assert sorted(decision.state.left_standing) == sorted(names)


def _undone(record: ActionStatus) -> bool:
    return bool(record.custom_rollback) or (record.type, record.operation) in DELETED_BY_DEFAULT


def changed(workflows: Workflows, how: str) -> Workflows:
    """The definitions of today, where nobody kept those of the Execute."""
    return by_name(*(dr_workflow(one.metadata.name, *_changed(one.spec.actions, how)) for one in workflows.values()))


def _changed(actions: list[Action], how: str) -> list[dict[str, Any]]:
    given = [one.to_object() for one in actions]
    match how:
        case "emptied":
            return given[:1]
        case "other types":
            return [{"name": one["name"], "type": "HTTP", "http": {"url": "https://example.com"}} for one in given]
        case "no rollbacks":
            return [{key: value for key, value in one.items() if key != "rollback"} for one in given]
        case "broken rollbacks":
            return [{**one, "rollback": {"type": "Nothing", "http": 5}} for one in given]
        case "circles":
            return [{**one, "dependsOn": [given[-1]["name"]]} for one in given]
        case _:
            return [{**one, "hookType": "pre-rollback", "when": "soon"} for one in given]


CHANGES = ("emptied", "other types", "no rollbacks", "broken rollbacks", "circles", "all hooks")


@RELAXED
@given(varied_plans(), st.sampled_from(["none", *CHANGES]), st.sampled_from(["ours", "full", "no uid", "no outputs"]))
def test_whatever_the_definitions_are_today_planning_does_not_stumble(drawn: Varied, how: str, kept: str) -> None:
    original, cluster = executed(drawn)
    today = {} if how == "none" else changed(drawn.workflows, how)
    old = original if kept == "ours" else aged(original, kept)
    decision = decided(revert(), old, cluster, today)
    assert set(deletions(decision)) <= set(cluster.objects.values())
    assert len(actions_of(decision.state)) == len(actions_of(original.status))
    for step in steps(decision):
        if step.custom is not None:
            defined = [one.name for found in today.values() for one in found.spec.actions]
            assert step.custom.step.action in defined


def aged(original: DRPlanExecution, kept: str) -> DRPlanExecution:
    """Give the record as the older controller would have left it."""

    def old(action: ActionStatus) -> ActionStatus:
        record = action.model_dump(exclude={"type", "operation", "created", "custom_rollback", "retries"})
        for value in (record["outputs"] or {}).values():
            if kept == "no uid" and isinstance(value, dict) and "uid" in value:
                value["uid"] = None
        return ActionStatus.model_validate({**record, **({"outputs": None} if kept == "no outputs" else {})})

    stages = [
        stage.model_copy(
            update={
                "workflow_executions": [
                    node.model_copy(update={"action_statuses": [old(action) for action in node.actions]})
                    for node in stage.workflows
                ]
            }
        )
        for stage in original.status.stages
    ]
    return original.model_copy(update={"status": original.status.model_copy(update={"stage_statuses": stages})})


SAYINGS = (
    "Original action did not succeed",
    "No rollback defined",
    "No automatic rollback",
    "Condition not met",
    "existed before the execution",
    "Same object as action",
    "was already deleted by action",
    "left to the custom rollback",
    "was replaced by action",
    "removed by its own hook cleanup",
)


def test_the_drawn_world_has_its_variety() -> None:
    """The properties above would hold of nothing, too: what they are drawn from must hold something."""
    wanted, seen = {*SAYINGS, "Action", "Rollback", "standing"}, set[str]()

    def look(drawn: Varied) -> bool:
        original, cluster = executed(drawn)
        decision = decided(revert(), original, cluster, drawn.workflows)
        said = " ".join(str(action.message) for action in actions_of(decision.state))
        seen.update(saying for saying in SAYINGS if saying in said)
        seen.update(step.custom.step.part.value for step in steps(decision) if step.custom)
        seen.update(["standing"] if decision.state.left_standing else [])
        return seen >= wanted

    limits = settings(
        max_examples=1500, deadline=None, database=None, derandomize=True, phases=[HypothesisPhase.generate]
    )
    with suppress(NoSuchExample):
        find(varied_plans(), look, settings=limits)
    assert seen >= wanted
