"""The original's tree as its ledger has it: the status only tells what has no record."""

import dataclasses

import pytest

from api.execution import DRPlanExecution
from api.ledger import Ledger, WorkflowRecord
from api.nodes import LedgerRef, SnapshotRef
from api.phases import Phase
from api.tree import LedgerFault
from planning.revert.decide import decide_revert, objects_to_observe
from planning.revert.marks import without_foreign
from planning.snapshot.ledger import LedgerError, StoredLedger, first_part, whole
from tests.planning.builders import config_map, decide, execute, made, present, revert, stage, workflow

REF = LedgerRef(name="drplan-l", sha256="0")
SNAPSHOT = SnapshotRef(name="drplan-s", sha256="0")


def stored(original: DRPlanExecution, *places: tuple[int, int]) -> StoredLedger:
    """The ledger of an original that recorded these DRWorkflows, as its status shows them."""
    first = Ledger(
        snapshot=SNAPSHOT,
        stages=[
            {"name": one.name, "workflows": [node.workflow_ref for node in one.workflows]}
            for one in original.status.stages
        ],
    )
    nodes = {place: original.status.stages[place[0]].workflows[place[1]] for place in places}
    records = {place: (WorkflowRecord(phase=node.phase, actions=node.actions), REF) for place, node in nodes.items()}
    return StoredLedger(first, REF, records)


MADE = made("make-a", config_map("a"))
OTHER = made("make-b", config_map("b"))


def test_a_stage_that_was_never_reached_stays_skipped_with_its_actions() -> None:
    never = stage("never", workflow("w", made("c", config_map("c"), phase=Phase.SKIPPED), phase=Phase.SKIPPED))
    never = never.model_copy(update={"phase": Phase.SKIPPED})
    original = execute(stage("good", workflow("w", MADE)), never, phase=Phase.FAILED)
    found = whole(original, stored(original, (0, 0))).status.stages
    assert [one.phase for one in found] == ["Succeeded", "Skipped"]
    assert [action.name for action in found[1].actions] == ["c"]
    assert found[1].actions[0].outputs is None


def test_a_stage_that_a_cancel_cut_short_between_its_workflows_is_not_taken_back() -> None:
    parts = stage("s", workflow("w", MADE), workflow("x", OTHER, phase=Phase.SKIPPED)).model_copy(
        update={"phase": Phase.CANCELED}
    )
    original = execute(parts, phase=Phase.CANCELED)
    [found] = whole(original, stored(original, (0, 0))).status.stages
    assert found.phase is Phase.CANCELED
    shortened = original.model_copy(update={"status": original.status.model_copy(update={"stage_statuses": None})})
    [found] = whole(shortened, stored(original, (0, 0))).status.stages
    assert found.phase is Phase.CANCELED
    forged = parts.model_copy(update={"phase": Phase.SUCCEEDED})
    told = original.model_copy(update={"status": original.status.model_copy(update={"stage_statuses": [forged]})})
    [found] = whole(told, stored(original, (0, 0))).status.stages
    assert found.phase is Phase.CANCELED


def test_a_workflow_in_which_there_was_nothing_to_do_is_not_missing() -> None:
    nothing = workflow("x", phase=Phase.SKIPPED)
    original = execute(stage("s", workflow("w", MADE), nothing))
    state = decide(original).state.model_copy(
        update={"stage_statuses": [stage("s", workflow("w", MADE), nothing)], "snapshot": SNAPSHOT}
    )
    ledger = dataclasses.replace(stored(original, (0, 0)), first=first_part(state))
    for phase in (Phase.SUCCEEDED, Phase.FAILED):
        shown = stage("s", workflow("w", MADE), workflow("x", OTHER, phase=phase), phase=phase)
        told = original.model_copy(update={"status": original.status.model_copy(update={"stage_statuses": [shown]})})
        [found] = whole(told, ledger).status.stages
        assert [found.phase, *(node.phase for node in found.workflows)] == ["Succeeded", "Succeeded", "Skipped"]


def test_what_a_lost_workflow_left_standing_is_named_where_it_has_the_mark_of_the_execution() -> None:
    lost = workflow("w", MADE, made("make-c", config_map("foreign")), phase=Phase.FAILED)
    original = execute(stage("s", lost, phase=Phase.FAILED), stage("t", workflow("x", OTHER)), phase=Phase.FAILED)
    ours = whole(original, stored(original, (1, 0)))
    seen = {target: present(f"uid-{target.name}") for target in objects_to_observe(ours, {})}
    mark = f"{original.metadata.uid}/s/w/make-a"
    seen[config_map("a")] = seen[config_map("a")].model_copy(update={"mark": mark})
    decision = decide_revert(revert(), without_foreign(ours, seen), [], seen, None, {})
    assert decision.state.left_standing == ["ConfigMap default/a"]
    assert [step and [item.uid for item in step.deletions] for step in decision.steps[0][0]] == [["uid-b"]]


def test_a_workflow_that_succeeded_and_has_no_record_refuses_the_revert() -> None:
    original = execute(stage("s", workflow("w", MADE), workflow("x", OTHER)))
    with pytest.raises(LedgerError, match="workflow x of stage s") as caught:
        whole(original, stored(original, (0, 0)))
    assert caught.value.fault is LedgerFault.GONE


def test_a_tree_of_a_ledger_is_reverted_like_that_of_a_status() -> None:
    original = execute(stage("s", workflow("w", MADE)), stage("t", workflow("w", OTHER)))
    ours = whole(original, stored(original, (0, 0), (1, 0)))
    assert decide(ours).steps == decide(original).steps


def test_the_first_part_names_every_place_of_the_tree() -> None:
    original = execute(stage("s", workflow("w", MADE), workflow("x", OTHER)))
    state = decide(original).state.model_copy(update={"snapshot": SNAPSHOT})
    assert [[ref.name for ref in one.workflows] for one in first_part(state).stages] == [["x", "w"]]
