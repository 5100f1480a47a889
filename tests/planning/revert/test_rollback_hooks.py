"""Rollback hooks are carried out around the rollbacks of their DRWorkflow, and are not rolled back themselves."""

from typing import Any

import pytest

from api.attempts import ActionOutcome
from api.decisions import RevertDecision
from api.execution import DRPlanExecution
from api.failures import FailureType
from api.nodes import ActionStatus
from api.phases import ActionType, OperationType, Phase
from api.steps import Part, RollbackStep
from planning.messages import rollback as rollback_messages
from planning.status import transitions
from tests.planning.builders import (
    LATER,
    absent,
    config_map,
    decide,
    dr_workflow,
    execute,
    localization,
    localized,
    made,
    manifest,
    present,
    revert,
    stage,
    the_action,
    workflow,
)


def hook(name: str, place: str = "pre", **fields: Any) -> dict[str, Any]:
    request = {"url": "https://example.com", "method": "POST"}
    return {"name": name, "type": "HTTP", "http": request, "hookType": f"{place}-rollback", **fields}


def passed_over(name: str) -> ActionStatus:
    """The record of a hook whose condition did not hold in the Execute."""
    return ActionStatus(name=name, type=ActionType.HTTP, phase=Phase.SKIPPED, message="Condition not met")


FLOW = dr_workflow(
    "w",
    hook("tell", "post"),
    manifest("a", action="make-a"),
    hook("drain"),
    manifest("b", action="make-b"),
    hook("check"),
    hook("report", "post"),
)
RECORDS = (
    passed_over("tell"),
    made("make-a", config_map("a")),
    passed_over("drain"),
    made("make-b", config_map("b")),
    passed_over("check"),
    passed_over("report"),
)
ORDER = ["drain", "check", "make-b", "make-a", "tell", "report"]


def original(*actions: ActionStatus, phase: Phase = Phase.SUCCEEDED) -> DRPlanExecution:
    return execute(stage("s", workflow("w", *actions, phase=phase), phase=phase))


def names(decision: RevertDecision) -> list[str]:
    return [action.name for action in decision.state.stages[0].workflows[0].actions]


def steps(decision: RevertDecision) -> dict[str, RollbackStep]:
    assert decision.rejection is None
    rows = zip(names(decision), decision.steps[0][0], strict=True)
    return {name: step for name, step in rows if step}


def test_they_stand_around_the_rollbacks_in_the_order_of_the_dr_workflow() -> None:
    decision = decide(original(*RECORDS), None, FLOW)
    assert names(decision) == ORDER
    assert list(steps(decision)) == ORDER


def test_a_hook_is_carried_out_itself_with_its_own_mark_and_attempts() -> None:
    flow = dr_workflow("w", hook("drain", timeout="7s"))
    (step,) = steps(decide(original(passed_over("drain")), None, flow)).values()
    assert step.attempts.timeout == "7s"
    assert step.custom is not None
    assert step.custom.step.part is Part.ACTION
    assert step.custom.step.mark == "uid-nginx-revert-001/s/w/drain"
    assert step.custom.step.title == "Rollback hook drain: HTTP"


def test_a_hook_that_the_execution_carried_out_is_not_rolled_back() -> None:
    flow = dr_workflow("w", manifest("a", action="keep", hookType="pre-rollback", rollback={"type": "HTTP"}))
    decision = decide(original(made("keep", config_map("a"), custom_rollback=True)), None, flow)
    step = steps(decision)["keep"]
    assert step.deletions == []
    assert step.custom is not None
    assert step.custom.step.part is Part.ACTION


def test_hooks_of_an_execute_are_rolled_back_like_any_action() -> None:
    flow = dr_workflow("w", manifest("a", action="make-a", hookType="post-install"))
    assert steps(decide(original(made("make-a", config_map("a"))), None, flow))["make-a"].deletions


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ('mode == "rollback"', None),
        ('mode == "delete" || mode == "rollback"', None),
        ('mode == "install" || mode == "upgrade"', "Condition not met: mode is rollback, needs install or upgrade"),
    ],
)
def test_the_condition_of_a_hook_is_held_against_the_rollback(when: str, message: str | None) -> None:
    decision = decide(original(passed_over("drain")), None, dr_workflow("w", hook("drain", when=when)))
    assert the_action(decision, "drain").message == message
    assert list(steps(decision)) == ([] if message else ["drain"])


def test_a_condition_that_is_none_is_refused() -> None:
    decision = decide(original(passed_over("drain")), None, dr_workflow("w", hook("drain", when="today")))
    refusal = steps(decision)["drain"].refusal
    assert refusal is not None
    assert refusal.type is FailureType.INVALID
    assert refusal.message.startswith("Rollback hook failed: ")


def test_a_workflow_that_is_skipped_runs_no_hook() -> None:
    decision = decide(original(*RECORDS, phase=Phase.FAILED), None, FLOW)
    assert names(decision) == ORDER
    assert steps(decision) == {}
    assert the_action(decision, "drain").message == "Original workflow phase was Failed, skipped rollback"
    assert the_action(decision, "drain").phase is Phase.SKIPPED


def test_a_definition_that_is_gone_or_of_another_type_is_no_hook() -> None:
    record = made("drain", config_map("a"))
    for flow in ([], [dr_workflow("w", hook("drain"))]):
        assert steps(decide(original(record), None, *flow))["drain"].deletions


def test_a_hook_that_an_earlier_revert_carried_out_is_not_carried_out_again() -> None:
    nodes = [
        ActionStatus(
            name="drain", phase=Phase.SUCCEEDED, message=rollback_messages.hook_done("POST was answered with 200")
        ),
        ActionStatus(name="check", phase=Phase.FAILED),
        *(ActionStatus(name=name, phase=Phase.SKIPPED, message="Not attempted") for name in ORDER[2:]),
    ]
    tree = [stage("s", workflow("w", *nodes, phase=Phase.FAILED), phase=Phase.FAILED)]
    earlier = revert("r0", start_time=LATER, stage_statuses=tree, phase=Phase.FAILED)
    decision = decide(original(*RECORDS), None, FLOW, earlier=[earlier])
    assert the_action(decision, "drain").message == "Already rolled back by r0"
    assert list(steps(decision)) == ORDER[1:]


def test_what_a_hook_made_in_the_execute_does_not_count_as_rolled_back() -> None:
    flow = dr_workflow("w", manifest("a", action="keep", hookType="pre-rollback"), manifest("a", "Apply", action="set"))
    records = (made("keep", config_map("a")), made("set", config_map("a"), created=False))
    earlier = revert(
        "r0",
        phase=Phase.FAILED,
        start_time=LATER,
        stage_statuses=[stage("s", workflow("w", ActionStatus(name="keep", phase=Phase.SUCCEEDED)))],
    )
    decision = decide(original(*records), None, flow, earlier=[earlier])
    assert the_action(decision, "set").message == "ConfigMap a existed before the execution, not deleted"


class TestHookCleanup:
    loc = localization("loc")

    def test_an_object_that_went_by_its_own_cleanup_is_not_missed(self) -> None:
        flow = dr_workflow("w", localized("loc", hookCleanup={"onSuccess": True}))
        record = made("create-loc", self.loc)
        for seen in (absent(self.loc), present("another")):
            decision = decide(original(record), {self.loc: seen}, flow)
            assert the_action(decision, "create-loc").message == "Localization loc was removed by its own hook cleanup"

    @pytest.mark.parametrize("cleanup", [{"onSuccess": False}, {"onFailure": True}, {"beforeCreate": True}])
    def test_other_cleanups_explain_no_absence(self, cleanup: dict[str, bool]) -> None:
        flow = dr_workflow("w", localized("loc", hookCleanup=cleanup))
        decision = decide(original(made("create-loc", self.loc)), {self.loc: absent(self.loc)}, flow)
        refusal = steps(decision)["create-loc"].refusal
        assert refusal is not None
        assert refusal.type is FailureType.NOT_FOUND

    def test_an_object_that_still_stands_is_deleted(self) -> None:
        flow = dr_workflow("w", localized("loc", hookCleanup={"onSuccess": True}))
        decision = decide(original(made("create-loc", self.loc)), None, flow)
        assert [one.uid for one in steps(decision)["create-loc"].deletions] == ["uid-loc"]

    def test_an_object_that_a_later_hook_cleared_away_is_not_missed(self) -> None:
        again = {**localized("loc", hookCleanup={"beforeCreate": True}), "name": "again"}
        flow = dr_workflow("w", localized("loc"), again)
        records = (made("create-loc", self.loc, "uid-1"), made("again", self.loc, "uid-2"))
        decision = decide(original(*records), {self.loc: present("uid-2")}, flow)
        assert (
            the_action(decision, "create-loc").message
            == "Localization loc was replaced by action again of the execution"
        )
        assert [one.uid for one in steps(decision)["again"].deletions] == ["uid-2"]


def finished(decision: RevertDecision, *phases: Phase) -> str:
    """Give the plan's message after its hooks and rollbacks ended so."""
    state = transitions.with_counts(transitions.started(decision.state, LATER))
    node = transitions.started(state.stages[0].workflows[0], LATER)
    for index, phase in enumerate(phases):
        if node.actions[index].phase is Phase.PENDING:
            step = decision.steps[0][0][index]
            assert step is not None
            done = (
                rollback_messages.hook_done("done")
                if step.custom
                else rollback_messages.rolled_back([step.deletions[0].target])
            )
            outcome = ActionOutcome(phase=phase, reason=step.success, message=done)
            node = transitions.action_finished(node, index, outcome, 0, LATER)
    node = transitions.workflow_finished(node, OperationType.REVERT, LATER)
    stage_ = transitions.stage_finished(transitions.with_child(state.stages[0], 0, node), OperationType.REVERT, LATER)
    ended = transitions.plan_finished(transitions.with_child(state, 0, stage_), OperationType.REVERT, LATER)
    return str(ended.message)


def test_the_plans_message_counts_hooks_apart() -> None:
    message = finished(decide(original(*RECORDS), None, FLOW), *[Phase.SUCCEEDED] * 6)
    assert message == "Plan reverted successfully: 1 stage, 2 actions rolled back, 4 rollback hooks executed"


def test_a_revert_that_only_ran_hooks_says_so() -> None:
    decision = decide(original(passed_over("drain")), None, dr_workflow("w", hook("drain")))
    message = finished(decision, Phase.SUCCEEDED)
    assert message == "Plan reverted successfully: 1 stage, 0 actions rolled back, 1 rollback hook executed"
