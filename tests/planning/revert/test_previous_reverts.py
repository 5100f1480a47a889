"""What an earlier Revert rolled back is Skipped, so that a Revert that stopped halfway is finished by another."""

from datetime import timedelta

import pytest

from api.execution import ActionStatus, DRPlanExecution, ExecutionStatus
from api.phases import OnMissing, OperationType, Phase
from api.steps import ActionOutcome, FailureType, RevertDecision
from planning.status import transitions
from tests.planning.builders import (
    LATER,
    START,
    absent,
    config_map,
    decide,
    execute,
    made,
    present,
    revert,
    stage,
    the_action,
    workflow,
)

A, B, C = (config_map(name) for name in "abc")
ORIGINAL = execute(
    stage("one", workflow("w", made("a", A), made("b", B))),
    stage("two", workflow("w", made("c", C))),
)


def ended(name: str, decision: RevertDecision, failing: str | None = None) -> DRPlanExecution:
    """Walk a decision to its end, with one action failing, and give the Revert that is left."""
    state = transitions.plan_started(decision.state, LATER)
    for index, stage_ in enumerate(state.stages):
        if stage_.phase is not Phase.PENDING or any(one.phase is Phase.FAILED for one in state.stages):
            continue
        running = transitions.stage_started(stage_, LATER)
        for place, node in enumerate(running.workflows):
            if node.phase is Phase.PENDING:
                child = transitions.workflow_started(node, LATER)
                for number, action in enumerate(child.actions):
                    if action.phase is Phase.PENDING and not any(one.phase is Phase.FAILED for one in child.actions):
                        phase = Phase.FAILED if action.name == failing else Phase.SUCCEEDED
                        child = transitions.action_started(child, number, LATER)
                        outcome = ActionOutcome(phase=phase, message="said")
                        child = transitions.action_finished(child, number, outcome, 0, LATER)
                child = transitions.workflow_finished(child, OperationType.REVERT, LATER)
                running = transitions.stage_with(running, place, child)
        state = transitions.plan_with(state, index, transitions.stage_finished(running, OperationType.REVERT, LATER))
    state = transitions.plan_finished(state, OperationType.REVERT, LATER)
    status = ExecutionStatus.model_validate(state.model_dump(exclude={"left_standing"}))
    return revert(name).model_copy(update={"status": status})


GONE = {C: absent(C), B: absent(B)}


def test_a_second_revert_takes_up_where_the_first_stopped() -> None:
    first = ended("r1", decide(ORIGINAL), failing="a")
    decision = decide(ORIGINAL, GONE, by=revert("r2"), earlier=[first])
    assert the_action(decision, "c").message == "Already rolled back by r1"
    assert the_action(decision, "b").message == "Already rolled back by r1"
    assert the_action(decision, "a").phase is Phase.PENDING
    assert [stage_.phase for stage_ in decision.state.stages] == [Phase.SKIPPED, Phase.PENDING]
    assert decision.state.stages[0].message == "Already rolled back by r1"
    assert decision.state.stages[0].workflows[0].message == "Already rolled back by r1"


def test_a_third_revert_names_who_really_did_it() -> None:
    first = ended("r1", decide(ORIGINAL), failing="a")
    second = ended("r2", decide(ORIGINAL, GONE, by=revert("r2"), earlier=[first]))
    for earlier in ([first, second], [second], [second, first]):
        decision = decide(ORIGINAL, {**GONE, A: absent(A)}, by=revert("r3"), earlier=earlier)
        assert the_action(decision, "c").message == "Already rolled back by r1"
        assert the_action(decision, "a").message == "Already rolled back by r2"


def test_nothing_left_to_revert_says_by_whom() -> None:
    first = ended("nginx-revert-001", decide(ORIGINAL))
    seen = {target: absent(target) for target in (A, B, C)}
    second = ended("r2", decide(ORIGINAL, seen, by=revert("r2"), earlier=[first]))
    assert second.status.phase is Phase.SUCCEEDED
    assert second.status.message == "Nothing left to revert: already reverted by nginx-revert-001"
    assert {stage_.phase for stage_ in second.status.stages} == {Phase.SKIPPED}


def test_a_finished_second_revert_counts_only_its_own() -> None:
    first = ended("r1", decide(ORIGINAL), failing="a")
    second = ended("r2", decide(ORIGINAL, GONE, by=revert("r2"), earlier=[first]))
    assert second.status.message == "Plan reverted successfully: 1 stage, 1 action rolled back, 1 stage skipped"


def test_what_was_passed_over_as_absent_was_not_rolled_back() -> None:
    passing = revert("r1", on_missing=OnMissing.IGNORE)
    first = ended("r1", decide(ORIGINAL, {C: absent(C)}, by=passing))
    decision = decide(ORIGINAL, {A: absent(A), B: absent(B), C: absent(C)}, by=revert("r2"), earlier=[first])
    step = decision.steps[0][0][0]
    assert step is not None
    assert step.refusal is not None
    assert step.refusal.type is FailureType.NOT_FOUND


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"revert_execution_ref": "another"}},
        {"spec": {"operation_type": OperationType.EXECUTE}},
        {"metadata": {"namespace": "elsewhere"}},
        {"status": {"start_time": START - timedelta(days=1)}},
    ],
)
def test_other_executions_do_not_count(change: dict[str, dict[str, object]]) -> None:
    first = ended("r1", decide(ORIGINAL))
    for part, update in change.items():
        first = first.model_copy(update={part: getattr(first, part).model_copy(update=update)})
    decision = decide(ORIGINAL, by=revert("r2"), earlier=[first])
    assert decision.state.summary is not None
    assert decision.state.summary.skipped_actions == 0


def test_a_revert_does_not_count_itself() -> None:
    first = ended("r1", decide(ORIGINAL))
    decision = decide(ORIGINAL, by=revert("r1"), earlier=[first])
    assert the_action(decision, "a").phase is Phase.PENDING


def test_an_old_revert_without_a_tree_explains_only_what_is_absent() -> None:
    treeless = revert("old-revert", phase=Phase.SUCCEEDED, start_time=LATER)
    decision = decide(ORIGINAL, {C: absent(C), B: present("somebody-elses")}, by=revert("r2"), earlier=[treeless])
    assert the_action(decision, "c").message == "Already rolled back by old-revert"
    assert the_action(decision, "b").message == "Already rolled back by old-revert"
    assert the_action(decision, "a").phase is Phase.PENDING


def test_an_old_revert_without_a_tree_that_failed_explains_nothing() -> None:
    treeless = revert("old-revert", phase=Phase.FAILED, start_time=LATER)
    decision = decide(ORIGINAL, {C: absent(C)}, by=revert("r2"), earlier=[treeless])
    assert the_action(decision, "c").phase is Phase.PENDING


def test_a_tree_that_lost_its_actions_to_the_bound_explains_what_is_absent() -> None:
    first = ended("r1", decide(ORIGINAL))
    bare = [stage_.model_copy(update={"workflow_executions": None}) for stage_ in first.status.stages]
    first = first.model_copy(update={"status": first.status.model_copy(update={"stage_statuses": bare})})
    decision = decide(ORIGINAL, {C: absent(C)}, by=revert("r2"), earlier=[first])
    assert the_action(decision, "c").message == "Already rolled back by r1"
    assert the_action(decision, "a").phase is Phase.PENDING


def test_namesakes_are_told_apart_by_their_place() -> None:
    targets = [config_map(f"m{number}") for number in range(4)]
    twice = execute(
        stage(
            "s",
            workflow("w", made("x", targets[0]), made("x", targets[1])),
            workflow("w", made("x", targets[2]), made("x", targets[3])),
        )
    )
    decision = decide(twice)
    assert [[step and step.deletions[0].target.name for step in steps] for steps in decision.steps[0]] == [
        ["m3", "m2"],
        ["m1", "m0"],
    ]
    first = revert(
        "r1",
        phase=Phase.FAILED,
        start_time=LATER,
        stage_statuses=[
            stage(
                "s",
                workflow(
                    "w", ActionStatus(name="x", phase=Phase.SUCCEEDED), ActionStatus(name="x", phase=Phase.FAILED)
                ),
                workflow("w", ActionStatus(name="x", phase=Phase.SKIPPED), ActionStatus(name="x", phase=Phase.SKIPPED)),
            )
        ],
    )
    decision = decide(twice, {targets[3]: absent(targets[3])}, by=revert("r2"), earlier=[first])
    assert [[action.phase for action in node.actions] for node in decision.state.stages[0].workflows] == [
        [Phase.SKIPPED, Phase.PENDING],
        [Phase.PENDING, Phase.PENDING],
    ]


def test_a_shared_object_that_an_earlier_revert_deleted_is_not_missed() -> None:
    shared = execute(stage("s", workflow("w", made("one", A), made("two", A))))
    first = ended("r1", decide(shared))
    decision = decide(shared, {A: absent(A)}, by=revert("r2"), earlier=[first])
    assert the_action(decision, "one").message == "Already rolled back by r1"
    assert the_action(decision, "two").message == "Already rolled back by r1"
