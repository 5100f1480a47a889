"""What to do now follows from phases, reasons and conditions, with the execution's own names in the commands."""

import ast
from typing import Any

import pytest

from api.execution import DRPlanExecutionSpec, ExecutionStatus, NextStep, Selection
from api.failures import FailureType
from api.nodes import ActionStatus, ClusterActionStatus
from api.phases import OnMissing, OperationType, Phase
from api.reasons import Reason
from api.tree import LaterExecution, Rejection, RunState
from bridge.status import conditions
from bridge.status import execution as execution_status
from bridge.status.execution import StatusContext
from bridge.status.merge import Observation, ObservedWorkflow, PendingActivity, RunStatus
from bridge.status.next_steps import AT_MOST, command_options
from planning.messages.next_steps import ADVICE
from planning.messages.situations import Situation
from planning.status import transitions
from tests.api.documents import REPOSITORY
from tests.bridge.scripted_workflows import done
from tests.bridge.status.open_run import MOMENT, REVERT, RUN, TREE, running, seen

NAMED = {"namespace": "shop", "name": "move", "plan": "plan"}
EXECUTE = MOMENT.model_copy(update=NAMED)
BACK = REVERT.model_copy(update=NAMED | {"name": "back", "original": "move"})


def situations(status: ExecutionStatus) -> list[Situation]:
    """The rows of the table that a status has."""
    rows = {row.what: situation for situation, row in ADVICE.items()}
    return [rows[step.what] for step in status.next_steps or []]


def commands(status: ExecutionStatus) -> list[str | None]:
    return [step.command for step in status.next_steps or []]


def ended(context: StatusContext, state: RunState | None, **run: Any) -> ExecutionStatus:
    return execution_status.closed(running(ExecutionStatus()), RUN.model_copy(update={"state": state, **run}), context)


def failed(reason: Reason, **more: Any) -> RunState:
    return transitions.map_nodes(
        done(Phase.FAILED), ActionStatus, lambda action: action.model_copy(update={"reason": reason, **more})
    )


def test_the_rows_can_be_told_apart() -> None:
    assert len({row.what for row in ADVICE.values()}) >= len(ADVICE) - 4


def test_where_all_is_well_there_is_nothing_to_do() -> None:
    assert running(ExecutionStatus()).next_steps is None
    assert ended(EXECUTE, done(), status=RunStatus.COMPLETED).next_steps is None


def test_what_waits_says_how_to_go_on() -> None:
    away = execution_status.unreachable(ExecutionStatus(), "UNAVAILABLE", EXECUTE)
    assert situations(away) == [Situation.ENGINE_AWAY]
    nobody = execution_status.running(ExecutionStatus(), RUN, Observation(answered=False), EXECUTE)
    assert situations(nobody) == [Situation.WORKER_AWAY]
    stuck = RUN.model_copy(update={"failing": True})
    assert situations(execution_status.running(ExecutionStatus(), stuck, seen(), EXECUTE)) == [Situation.WORKER_FAILING]
    waiting = execution_status.waiting(ExecutionStatus(), conditions.WAITING_FOR_PLAN, "waiting", EXECUTE)
    selector = "--selector dr.bkbcs.tencent.com/plan=plan"
    assert commands(waiting) == [f"kubectl --namespace shop get drplanexecutions {selector}"]
    missing = execution_status.waiting(ExecutionStatus(), conditions.WAITING_FOR_REFERENCE, "waiting", EXECUTE)
    assert situations(missing) == [Situation.REFERENCE_MISSING]
    assert running(nobody).next_steps is None


def test_an_action_that_does_not_advance_says_what_can_be_done() -> None:
    def with_attempt(**attempt: Any) -> ExecutionStatus:
        activity = PendingActivity(index=0, attempt=2, waiting=True, error="x", **attempt)
        view = ObservedWorkflow(stage=0, index=0, activities=[activity])
        return execution_status.running(ExecutionStatus(), RUN, seen(TREE, workflows=[view]), EXECUTE)

    run = f"{RUN.workflow_id}/0-first/0-work"
    paused = with_attempt(paused=True)
    assert commands(paused) == [f"temporal activity unpause --workflow-id {run} --activity-id action-0"]
    assert situations(with_attempt(errors=1)) == [Situation.RETRYING]
    assert situations(with_attempt(lost=True)) == [Situation.ATTEMPT_LOST]


def test_a_failed_execute_says_how_to_remove_the_cause_and_how_to_take_back_what_was_done() -> None:
    partly = failed(Reason.FORBIDDEN)
    assert partly.summary is not None
    partly = partly.model_copy(update={"summary": partly.summary.model_copy(update={"succeeded_actions": 1})})
    status = ended(EXECUTE, partly, status=RunStatus.FAILED)
    assert situations(status) == [Situation.FORBIDDEN, Situation.PARTLY_EXECUTED]
    assert commands(status) == [
        "kubectl auth can-i --list --namespace shop --as system:serviceaccount:shop:default",
        "drplan revert move --namespace shop --include-partial",
    ]


@pytest.mark.parametrize(
    ("reason", "situation", "command"),
    [
        (Reason.NOT_FOUND, Situation.GONE_BEFORE, "drplan revert move --namespace shop --on-missing Ignore"),
        (Reason.WRONG_UID, Situation.OTHER_OBJECT, "drplan revert move --namespace shop --on-missing Ignore"),
        (Reason.DELETION_TIMED_OUT, Situation.STILL_THERE, "drplan revert move --namespace shop"),
    ],
)
def test_a_failed_revert_says_how_it_is_finished(reason: Reason, situation: Situation, command: str) -> None:
    status = ended(BACK, failed(reason), status=RunStatus.FAILED)
    assert situations(status) == [situation, Situation.PARTLY_REVERTED]
    assert commands(status)[0] == command


@pytest.mark.parametrize("failure", sorted(set(FailureType) - {FailureType.FINALIZERS}))  # that one is of previews only
def test_every_failure_of_an_action_says_what_to_do(failure: FailureType) -> None:
    assert situations(ended(EXECUTE, failed(Reason(failure)), status=RunStatus.FAILED))


@pytest.mark.parametrize(
    ("reason", "more", "expected"),
    [
        (Reason.VERSION_NOT_SERVED, {}, [Situation.VERSION_NOT_SERVED]),
        (Reason.KIND_NOT_SERVED, {}, [Situation.KIND_NOT_SERVED]),
        (Reason.KIND_MISSPELT, {}, [Situation.KIND_MISSPELT]),
        (Reason.NO_STATE_FROM_CLUSTER, {}, [Situation.NO_STATE_FROM_CLUSTER]),
        (
            Reason.FORBIDDEN,
            {"custom_rollback": True},
            [Situation.CUSTOM_ROLLBACK_FAILED, Situation.FORBIDDEN],
        ),
        (
            Reason.NOT_FOUND,
            {"custom_rollback": True},
            [Situation.CUSTOM_ROLLBACK_FAILED, Situation.NOT_FOUND],
        ),
        (
            Reason.TIMED_OUT,
            {"cluster_statuses": [ClusterActionStatus(cluster="a/east", cluster_id="1", phase=Phase.FAILED)]},
            [Situation.ONE_CLUSTER_FAILED, Situation.TIMED_OUT],
        ),
    ],
)
def test_a_cause_that_has_advice_of_its_own_is_told(
    reason: Reason, more: dict[str, Any], expected: list[Situation]
) -> None:
    status = ended(BACK, failed(reason, **more), status=RunStatus.FAILED)
    assert situations(status) == [*expected, Situation.PARTLY_REVERTED]


def test_an_action_whose_object_is_perhaps_not_ready_is_told_although_it_succeeded() -> None:
    unknown = failed(Reason.READINESS_UNKNOWN, phase=Phase.SUCCEEDED).model_copy(update={"phase": Phase.SUCCEEDED})
    assert situations(ended(EXECUTE, unknown, status=RunStatus.COMPLETED)) == [Situation.READINESS_UNKNOWN]


def test_a_consequence_is_no_cause_and_comes_last() -> None:
    never = failed(Reason.STOPPED_AFTER_FAILURE, phase=Phase.SKIPPED)
    status = ended(BACK, never, status=RunStatus.FAILED)
    assert situations(status) == [Situation.PARTLY_REVERTED, Situation.CONSEQUENCE]


def test_beside_its_cause_a_consequence_is_not_told() -> None:
    both = failed(Reason.FORBIDDEN)
    stopped = failed(Reason.STOPPED_AFTER_FAILURE, phase=Phase.SKIPPED)
    both = both.model_copy(update={"stage_statuses": [*both.stages, *stopped.stages]})
    status = ended(BACK, both, status=RunStatus.FAILED)
    assert situations(status) == [Situation.FORBIDDEN, Situation.PARTLY_REVERTED]


@pytest.mark.parametrize(
    ("rejection", "situation"),
    [
        (Rejection.NAMESPACE_NOT_OPEN, Situation.NAMESPACE_NOT_OPEN),
        (Rejection.OBJECT_OF_ANOTHER_EXECUTION, Situation.OBJECT_OF_ANOTHER_EXECUTION),
        (None, Situation.REJECTED),
    ],
)
def test_a_run_that_touched_nothing_says_why(rejection: Rejection | None, situation: Situation) -> None:
    state = RunState(phase=Phase.FAILED, message="Not started: x", rejection=rejection)
    before = ExecutionStatus(phase=Phase.RUNNING)
    run = RUN.model_copy(update={"state": state, "status": RunStatus.FAILED})
    assert situations(execution_status.closed(before, run, EXECUTE)) == [situation]


def test_a_tree_without_its_details_says_where_they_are() -> None:
    large = done().model_copy(update={"shortened": True})
    assert situations(ended(EXECUTE, large, status=RunStatus.COMPLETED)) == [Situation.SHORTENED]


def test_every_row_of_the_table_is_produced() -> None:
    sources = [(REPOSITORY / "bridge" / "status" / f"{name}.py").read_text() for name in ("next_steps", "execution")]
    attributes = [node for text in sources for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)]
    produced = {node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "Situation"}
    assert produced == {situation.name for situation in Situation}


def test_what_was_left_standing_is_to_be_looked_at() -> None:
    left = done().model_copy(update={"left_standing": ["ConfigMap shop/a"]})
    assert situations(ended(BACK, left, status=RunStatus.COMPLETED)) == [Situation.LEFT_STANDING]


def test_what_a_revert_left_out_is_taken_back_by_another() -> None:
    def skipped(reason: Reason, *options: str) -> ExecutionStatus:
        tree = transitions.map_nodes(done(), ActionStatus, lambda one: one.model_copy(update={"reason": reason}))
        left = tree.model_copy(update={"left_standing": ["ConfigMap shop/a"]})
        return ended(BACK.model_copy(update={"options": list(options)}), left, status=RunStatus.COMPLETED)

    partial = skipped(Reason.ORIGINAL_NOT_SUCCEEDED)
    assert situations(partial) == [Situation.PARTIAL_LEFT]
    assert commands(partial) == ["drplan revert move --namespace shop --include-partial"]
    assert situations(skipped(Reason.ORIGINAL_NOT_SUCCEEDED, "--include-partial")) == [Situation.LEFT_STANDING]
    selected = skipped(Reason.NOT_SELECTED)
    assert situations(selected) == [Situation.NOT_SELECTED, Situation.LEFT_STANDING]
    assert commands(selected)[0] == "drplan revert move --namespace shop"


def test_a_revert_below_a_later_execution_names_the_one_to_revert_first() -> None:
    later = [LaterExecution(name="move-2", rests_on="ConfigMap shop/a"), LaterExecution(name="move-3")]
    refused = RunState(phase=Phase.FAILED, message="Nothing was reverted: x", later_executions=later)
    status = ended(BACK, refused, status=RunStatus.FAILED)
    assert situations(status) == [Situation.LATER_EXECUTION_RESTS]
    assert commands(status) == ["drplan revert move-2 --namespace shop"]
    assert status.later_executions == later


def test_a_failed_revert_is_finished_by_one_with_the_same_options() -> None:
    only = Selection(stages=["a b"], workflows=["w"], actions=["x", "y"])
    spec = DRPlanExecutionSpec(
        plan_ref="plan",
        operation_type=OperationType.REVERT,
        on_missing=OnMissing.IGNORE,
        include_partial=True,
        only=only,
        force=True,
    )
    options = command_options(spec)
    status = ended(BACK.model_copy(update={"options": options}), failed(Reason.TRANSIENT), status=RunStatus.FAILED)
    words = "--on-missing Ignore --include-partial --force --stage 'a b' --workflow w --action x --action y"
    assert commands(status)[-1] == f"drplan revert move --namespace shop {words}"


def test_an_execution_that_never_began_or_broke_says_what_is_next() -> None:
    refused = execution_status.never_started(ExecutionStatus(), Phase.FAILED, "Not started: x", EXECUTE)
    assert situations(refused) == [Situation.REJECTED]
    assert commands(refused) == ["drplan execute plan --namespace shop"]
    copied = execution_status.begun_elsewhere(ExecutionStatus(phase=Phase.PENDING), BACK)
    assert (situations(copied), commands(copied)) == ([Situation.COPY], ["drplan revert move --namespace shop"])
    begun = execution_status.begun_elsewhere(ExecutionStatus(phase=Phase.RUNNING), BACK)
    assert commands(begun) == ["drplan revert move --namespace shop --on-missing Ignore"]
    assert situations(ended(EXECUTE, None, status=RunStatus.TERMINATED))[0] is Situation.ENDED_OUTSIDE
    assert situations(execution_status.run_unknown(running(ExecutionStatus()), EXECUTE))[0] is Situation.RUN_UNKNOWN


def test_a_cancel_that_is_waited_for_says_how_long() -> None:
    asked = RUN.model_copy(update={"cancel_requested": True})
    status = execution_status.running(ExecutionStatus(), asked, seen(), EXECUTE)
    assert situations(status) == [Situation.CANCELING]


def test_what_a_person_wrote_is_no_part_of_a_command() -> None:
    odd = EXECUTE.model_copy(update={"plan": "x; rm -rf $name"})
    refused = execution_status.never_started(ExecutionStatus(), Phase.FAILED, "Not started: x", odd)
    assert commands(refused) == ["drplan execute 'x; rm -rf $name' --namespace shop"]


def test_there_are_never_more_than_a_few() -> None:
    step = NextStep(what="x", why="y")
    assert step.command is None
    action = TREE.stages[0].workflows[0].actions[0]
    reasons = [*Reason]
    many = [action.model_copy(update={"phase": Phase.FAILED, "reason": reason}) for reason in reasons]
    tree = transitions.map_nodes(
        done(Phase.FAILED),
        type(TREE.stages[0].workflows[0]),
        lambda node: node.model_copy(update={"action_statuses": many}),
    )
    assert len(ended(EXECUTE, tree, status=RunStatus.FAILED).next_steps or []) == AT_MOST
