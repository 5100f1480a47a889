"""From a plan and its DRWorkflows to the complete tree, a step for each action, and the policies."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.execution import DRPlanExecution, DRPlanExecutionSpec
from api.meta import ObjectMeta
from api.phases import OperationType, PlanFailurePolicy, StageFailurePolicy, WorkflowFailurePolicy
from api.plan import DRPlan
from api.steps import ExecuteDecision
from api.workflow import DRWorkflow
from planning import marks
from planning.execute import decide_execute
from planning.progress import with_counts
from tests.planning.builders import by_name, dr_workflow, localized, manifest, plan, plan_stage

EXECUTION = DRPlanExecution(
    metadata=ObjectMeta(name="run", uid="u-1"),
    spec=DRPlanExecutionSpec(plan_ref="nginx-plan", operation_type=OperationType.EXECUTE),
)
W1 = dr_workflow("w1", localized("loc-a"), manifest("app", "Apply"))
W2 = dr_workflow("w2", manifest("gone", "Delete"), failurePolicy="Continue")


def planned(of: DRPlan, *workflows: DRWorkflow) -> ExecuteDecision:
    decision = decide_execute(EXECUTION, of, by_name(*(workflows or (W1, W2))))
    assert decision.rejection is None
    return decision


def test_the_whole_tree_is_there_and_pending() -> None:
    decision = planned(plan(plan_stage("db", "w1"), plan_stage("web", "w2", "w1", parallel=True, dependsOn=["db"])))
    tree = decision.state.to_object()
    assert tree["stageStatuses"][1] == {
        "name": "web",
        "phase": "Pending",
        "parallel": True,
        "dependsOn": ["db"],
        "workflowExecutions": [
            {
                "workflowRef": {"name": "w2", "namespace": "default"},
                "phase": "Pending",
                "progress": "0/1 actions completed",
                "actionStatuses": [
                    {
                        "name": "gone",
                        "type": "KubernetesResource",
                        "phase": "Pending",
                        "retries": 0,
                        "retryCount": 0,
                        "customRollback": False,
                    }
                ],
            },
            tree["stageStatuses"][0]["workflowExecutions"][0],
        ],
    }
    assert tree["progress"] == {"stages": "0/2", "actions": "0/5"}
    assert with_counts(decision.state) == decision.state


def test_stages_run_in_dependency_order_and_equals_as_they_are_written() -> None:
    stages = [
        plan_stage("web", "w2", dependsOn=["db", "cache"]),
        plan_stage("dns", "w2"),
        plan_stage("db", "w2", dependsOn=["net"]),
        plan_stage("cache", "w2"),
        plan_stage("net", "w2"),
    ]
    assert [one.name for one in planned(plan(*stages)).state.stages] == ["dns", "cache", "net", "db", "web"]


def test_every_action_has_a_step_that_names_its_definition() -> None:
    decision = planned(plan(plan_stage("s", "w1", "w2")))
    steps = [step for steps in decision.steps[0] for step in steps]
    assert [(step.index, step.action) for step in steps] == [
        (0, "create-loc-a"),
        (1, "app"),
        (0, "gone"),
    ]
    assert [step.title for step in steps] == [
        "Create Localization default/loc-a",
        "Apply ConfigMap default/app",
        "Delete ConfigMap default/gone",
    ]
    assert steps[0].mark == "u-1/s/w1/create-loc-a"


def test_policies_are_filled_in() -> None:
    stages = [plan_stage("a", "w1", "w2"), plan_stage("b", "w2", failurePolicy="FailFast")]
    stopping = planned(plan(*stages))
    assert stopping.plan_policy is PlanFailurePolicy.STOP
    assert stopping.stage_policies == [StageFailurePolicy.STOP, StageFailurePolicy.FAIL_FAST]
    assert stopping.workflow_policies[0] == [WorkflowFailurePolicy.FAIL_FAST, WorkflowFailurePolicy.CONTINUE]
    going_on = planned(plan(*stages, failurePolicy="Continue"))
    assert going_on.stage_policies == [StageFailurePolicy.CONTINUE, StageFailurePolicy.FAIL_FAST]


def test_policies_follow_the_stages_when_these_change_places() -> None:
    stages = [plan_stage("b", "w1", dependsOn=["a"]), plan_stage("a", "w2", failurePolicy="Continue")]
    decision = planned(plan(*stages))
    assert decision.stage_policies == [StageFailurePolicy.CONTINUE, StageFailurePolicy.STOP]
    assert decision.workflow_policies == [[WorkflowFailurePolicy.CONTINUE], [WorkflowFailurePolicy.FAIL_FAST]]
    assert [[len(steps) for steps in stage] for stage in decision.steps] == [[1], [2]]


def test_timeout_and_retry_policy_come_from_the_definition() -> None:
    policy = {"limit": 0, "interval": "1s", "backoffMultiplier": "1.0"}
    decision = planned(plan(plan_stage("s", "w")), dr_workflow("w", manifest("a", timeout="30s", retryPolicy=policy)))
    attempts = decision.steps[0][0][0].attempts
    assert (attempts.timeout, attempts.retry.limit, attempts.retry.interval) == ("30s", 0, "1s")


def test_one_dr_workflow_may_stand_twice_in_a_stage_and_keeps_its_marks_apart() -> None:
    decision = planned(plan(plan_stage("s", "w2", "w2")))
    assert [steps[0].mark for steps in decision.steps[0]] == ["u-1/s/w2[0]/gone", "u-1/s/w2[1]/gone"]


names = st.text(min_size=1, max_size=300) | st.sampled_from(["a", "a/b", "b", "a[0]", "a%2F", "[", "x" * 99, "x" * 101])


@given(st.lists(st.tuples(names, st.lists(st.tuples(names, st.lists(names, max_size=3)), max_size=3)), max_size=3))
def test_marks_are_unique_within_an_execution(tree: list[tuple[str, list[tuple[str, list[str]]]]]) -> None:
    stages = list(dict(tree).items())  # validation refuses two stages of one name
    found = [
        f"{marks.mark('uid', stage, workflow)}/{action}"
        for stage, workflows in stages
        for workflow, (_, actions) in zip(marks.distinct([name for name, _ in workflows]), workflows, strict=True)
        for action in marks.distinct(actions)
    ]
    assert len(found) == len(set(found))
    assert all(len(mark) < 500 for mark in found)


@pytest.mark.parametrize("spec", [{}, {"mode": None}])
def test_an_execution_that_names_what_only_a_revert_uses_is_planned_all_the_same(spec: dict[str, Any]) -> None:
    named = EXECUTION.model_copy(
        update={"spec": EXECUTION.spec.model_copy(update={"revert_execution_ref": "x", **spec})}
    )
    assert decide_execute(named, plan(plan_stage("s", "w1")), by_name(W1)).rejection is None
