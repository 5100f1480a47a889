"""Children's phases to their parent's, and what starts after a failure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.nodes import ActionStatus, StageStatus
from api.phases import Phase, PlanFailurePolicy, StageFailurePolicy, WorkflowFailurePolicy
from planning.status.rollup import (
    blocking_stage,
    cancels_siblings,
    failed_needs,
    may_start_next,
    may_start_stage,
    rollup,
)

S, F, K, C, P, R = (
    Phase.SUCCEEDED,
    Phase.FAILED,
    Phase.SKIPPED,
    Phase.CANCELED,
    Phase.PENDING,
    Phase.RUNNING,
)


@pytest.mark.parametrize(
    ("children", "canceled", "parent"),
    [
        ([S, S], False, S),
        ([S, K], False, S),
        ([K, K], False, S),
        ([], False, S),
        ([S, F, K], False, F),
        ([C, F], False, F),
        ([S, F], True, F),
        ([S, K], True, C),
        ([S, S], True, C),
        ([S, C], False, C),
        ([S, R], False, R),
        ([S, P], False, R),
    ],
)
def test_a_parents_phase(children: list[Phase], canceled: bool, parent: Phase) -> None:
    assert rollup(children, canceled) is parent


@given(st.lists(st.sampled_from(list(Phase))), st.booleans())
def test_a_parent_with_a_failed_child_is_failed_in_every_case(phases: list[Phase], canceled: bool) -> None:
    assert (rollup(phases, canceled) is Phase.FAILED) == (Phase.FAILED in phases)


def test_a_workflow_stops_at_the_first_failure_unless_told_to_go_on() -> None:
    assert may_start_next(WorkflowFailurePolicy.FAIL_FAST, [S, P])
    assert not may_start_next(WorkflowFailurePolicy.FAIL_FAST, [S, F, P])
    assert may_start_next(WorkflowFailurePolicy.CONTINUE, [S, F, P])


def test_an_action_that_was_skipped_does_not_hide_the_failed_one_before_it() -> None:
    phases = [F, P, P, S, P, K, P]
    actions = [ActionStatus(name=letter, phase=phase) for letter, phase in zip("abcdefg", phases, strict=True)]
    needs = [[], [0], [1], [0], [3], [0], [5]]
    assert failed_needs(actions, needs) == dict.fromkeys((1, 2, 5, 6), "a")


@pytest.mark.parametrize("policy", [StageFailurePolicy.STOP, StageFailurePolicy.FAIL_FAST])
def test_a_stage_starts_no_further_workflow_after_a_failure(policy: StageFailurePolicy) -> None:
    assert may_start_next(policy, [S, P])
    assert not may_start_next(policy, [S, F, P])


def test_a_stage_that_continues_runs_them_all() -> None:
    assert may_start_next(StageFailurePolicy.CONTINUE, [F, F, P])


def test_only_fail_fast_cancels_running_siblings() -> None:
    assert [cancels_siblings(policy) for policy in StageFailurePolicy] == [False, False, True]


def stages(**phases: tuple[Phase, list[str]]) -> list[StageStatus]:
    return [StageStatus(name=name, phase=phase, depends_on=needed) for name, (phase, needed) in phases.items()]


def test_a_plan_that_stops_starts_nothing_after_a_failure() -> None:
    assert may_start_stage(PlanFailurePolicy.STOP, stages(a=(S, []), b=(P, [])), 1)
    assert not may_start_stage(PlanFailurePolicy.STOP, stages(a=(F, []), b=(P, [])), 1)


def test_a_plan_that_continues_starts_what_does_not_depend_on_the_failed_stage() -> None:
    tree = stages(a=(F, []), b=(P, []), c=(K, ["a"]), d=(P, ["c"]), e=(P, ["b"]))
    assert may_start_stage(PlanFailurePolicy.CONTINUE, tree, 1)
    assert not may_start_stage(PlanFailurePolicy.CONTINUE, tree, 3)
    assert blocking_stage(tree, 3) == "a"


def test_unknown_dependencies_and_cycles_end() -> None:
    tree = stages(a=(P, ["b", "gone"]), b=(S, ["a"]))
    assert blocking_stage(tree, 0) is None
