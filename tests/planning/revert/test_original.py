"""What did not succeed is Skipped whole; what it left behind is counted and named."""

from datetime import timedelta

from api.nodes import ActionOutputs, ActionStatus
from api.objects import ObservedObject, Presence, Target
from api.phases import ActionType, Operation, OperationType, Phase
from api.reasons import Reason
from api.tree import RunState
from planning.definitions.identifiers import Workflows
from planning.revert.original import actions_of, read_tree
from planning.status import transitions
from tests.planning.builders import (
    CLUSTERNET,
    LATER,
    START,
    absent,
    config_map,
    decide,
    dr_workflow,
    execute,
    made,
    manifest,
    old,
    outputs,
    present,
    reference,
    stage,
    the_action,
    workflow,
)

A, B, C, D = (config_map(name) for name in "abcd")
NOT_SUCCEEDED = "Original action did not succeed, skipped rollback"
FAILED = made("c", C, phase=Phase.FAILED)
NEVER_RAN = ActionStatus(name="d", type=ActionType.KUBERNETES_RESOURCE, phase=Phase.SKIPPED)
PARTLY = execute(
    stage("good", workflow("w1", made("a", A))),
    stage(
        "bad",
        workflow("w2", made("b", B)),
        workflow("w3", FAILED, NEVER_RAN, phase=Phase.FAILED),
        phase=Phase.FAILED,
    ),
    phase=Phase.FAILED,
)


def finished(state: RunState) -> RunState:
    """End a run whose Pending actions are taken to have succeeded."""
    done = [
        stage_
        if stage_.phase is Phase.SKIPPED
        else stage_.model_copy(
            update={
                "phase": Phase.SUCCEEDED,
                "workflow_executions": [
                    node.model_copy(
                        update={
                            "phase": Phase.SUCCEEDED if node.phase is Phase.PENDING else node.phase,
                            "action_statuses": [
                                action.model_copy(update={"phase": Phase.SUCCEEDED})
                                if action.phase is Phase.PENDING
                                else action
                                for action in node.actions
                            ],
                        }
                    )
                    for node in stage_.workflows
                ],
            }
        )
        for stage_ in state.stages
    ]
    state = state.model_copy(update={"stage_statuses": done})
    return transitions.plan_finished(state, OperationType.REVERT, LATER)


def test_a_failed_stage_is_skipped_whole_each_node_with_its_reason() -> None:
    decision = decide(PARTLY)
    bad, good = decision.state.stages
    assert (bad.phase, bad.message) == (Phase.SKIPPED, "Original stage phase was Failed, skipped rollback")
    w3, w2 = bad.workflows
    assert (w3.phase, w3.message) == (Phase.SKIPPED, "Original workflow phase was Failed, skipped rollback")
    assert (w2.phase, w2.message) == (Phase.SKIPPED, "Original stage phase was Failed, skipped rollback")
    assert the_action(decision, "b").message == "Original stage phase was Failed, skipped rollback"
    assert the_action(decision, "c").message == NOT_SUCCEEDED
    assert the_action(decision, "d").message == NOT_SUCCEEDED
    assert good.phase is Phase.PENDING


def test_a_succeeded_action_of_a_failed_workflow_says_which_part_was_skipped() -> None:
    partly = workflow("w", made("a", A), made("b", B, phase=Phase.FAILED), phase=Phase.FAILED)
    decision = decide(execute(stage("s", partly, phase=Phase.FAILED), phase=Phase.FAILED))
    assert the_action(decision, "a").message == "Original workflow phase was Failed, skipped rollback"


def test_a_failed_workflow_in_a_succeeded_stage_is_skipped_alone() -> None:
    decision = decide(execute(stage("s", workflow("x", made("a", A)), workflow("y", phase=Phase.SKIPPED))))
    assert decision.state.stages[0].phase is Phase.PENDING
    assert [node.phase for node in decision.state.stages[0].workflows] == [Phase.SKIPPED, Phase.PENDING]
    assert decision.state.stages[0].workflows[0].message == "Original workflow phase was Skipped, skipped rollback"


def test_a_failed_action_in_a_succeeded_workflow_is_skipped_alone() -> None:
    decision = decide(execute(stage("s", workflow("w", made("a", A), made("b", B, phase=Phase.FAILED)))))
    assert [action.phase for action in decision.state.stages[0].workflows[0].actions] == [Phase.SKIPPED, Phase.PENDING]


def test_what_such_parts_left_behind_is_named_in_the_order_of_the_revert() -> None:
    assert decide(PARTLY).state.left_standing == ["ConfigMap default/c", "ConfigMap default/b"]


def test_the_plans_message_counts_what_was_left() -> None:
    assert finished(decide(PARTLY).state).message == (
        "Plan reverted successfully: 1 stage, 1 action rolled back, 1 stage skipped; 2 objects left standing"
    )


def test_what_no_longer_exists_or_is_another_object_was_not_left() -> None:
    decision = decide(PARTLY, {B: absent(B), C: present("somebody-elses")})
    assert decision.state.left_standing == []


def test_what_could_not_be_read_is_said_to_be_unknown() -> None:
    decision = decide(PARTLY, {B: absent(B), C: ObservedObject(presence=Presence.FORBIDDEN, reason="no")})
    assert decision.state.left_standing == ["ConfigMap default/c (not known: it could not be read)"]
    assert str(finished(decision.state).message).endswith("1 stage skipped; 1 object not known to be gone")


def test_an_object_that_the_failed_action_did_not_create_was_not_left_by_it() -> None:
    found = made("c", C, phase=Phase.FAILED, created=False)
    unknown = made("d", D, phase=Phase.FAILED, created=None, operation=None, outputs=None)
    bad = stage("bad", workflow("w", found, unknown, phase=Phase.FAILED), phase=Phase.FAILED)
    decision = decide(
        execute(stage("good", workflow("g", made("a", A))), bad, phase=Phase.FAILED),
        {D: present("u")},
        dr_workflow("w", manifest("d", action="d")),
    )
    assert decision.state.left_standing == []


def test_an_object_that_this_revert_deletes_is_not_left() -> None:
    again = made("again", A, phase=Phase.FAILED)
    bad = stage("bad", workflow("w", again, phase=Phase.FAILED), phase=Phase.FAILED)
    decision = decide(execute(stage("good", workflow("g", made("a", A))), bad, phase=Phase.FAILED))
    assert decision.state.left_standing == []


def test_old_records_count_what_came_into_being_while_they_ran() -> None:
    definitions = dr_workflow("w", manifest("a", action="a"), manifest("b", action="b"))
    bad = workflow("w", old("a"), old("b", phase=Phase.FAILED, outputs=outputs(B, None)), phase=Phase.FAILED)
    original = execute(stage("bad", bad, phase=Phase.FAILED), phase=Phase.FAILED)
    seen = {A: present("u1", START), B: present("u2", START - timedelta(hours=1))}
    assert decide(original, seen, definitions).state.left_standing == ["ConfigMap default/a"]


def test_where_nothing_succeeded_nothing_is_claimed() -> None:
    bad = stage("bad", workflow("w", FAILED, phase=Phase.FAILED), phase=Phase.FAILED)
    state = finished(decide(execute(bad, phase=Phase.FAILED)).state)
    assert state.phase is Phase.SUCCEEDED
    assert state.message == "Nothing to revert: 1 stage, 1 action skipped; 1 object left standing"


def test_an_http_action_alone_has_nothing_to_undo_but_runs() -> None:
    call = ActionStatus(name="a", type=ActionType.HTTP, phase=Phase.SUCCEEDED)
    decision = decide(execute(stage("s", workflow("w", call))))
    assert decision.state.stages[0].phase is Phase.PENDING
    assert decision.state.stages[0].workflows[0].phase is Phase.PENDING
    assert finished(decision.state).message == "Nothing to revert: 1 action skipped"


def test_a_stage_in_which_nothing_was_rolled_back_is_not_counted_as_such() -> None:
    call = ActionStatus(name="call", type=ActionType.HTTP, phase=Phase.SUCCEEDED)
    decision = decide(execute(stage("s", workflow("w", made("a", A))), stage("t", workflow("w", call))))
    assert finished(decision.state).message == (
        "Plan reverted successfully: 1 stage, 1 action rolled back, 1 action skipped"
    )


SUBSCRIPTION = Target(api_version=CLUSTERNET, kind="Subscription", name="shop", namespace="default")


def replaced(name: str, target: Target) -> ActionStatus:
    """A record of a Replace: the object is there because of it, and nothing takes it back."""
    outputs_ = ActionOutputs(subscription_ref=reference(target, f"uid-{target.name}"))
    return made(name, target, type=ActionType.SUBSCRIPTION, operation=Operation.REPLACE, outputs=outputs_)


def test_what_a_skipped_action_left_is_named_and_counted_like_what_a_skipped_part_left() -> None:
    call = ActionStatus(name="call", type=ActionType.HTTP, phase=Phase.SUCCEEDED)
    decision = decide(execute(stage("s", workflow("w", made("a", A), call, replaced("r", SUBSCRIPTION)))))
    assert decision.state.left_standing == ["Subscription default/shop"]
    assert finished(decision.state).message == (
        "Plan reverted successfully: 1 stage, 1 action rolled back, 2 actions skipped, 1 object left standing"
    )


def test_what_a_skipped_action_created_and_what_is_gone_was_not_left() -> None:
    original = execute(stage("s", workflow("w", replaced("r", SUBSCRIPTION))))
    for seen in (absent(SUBSCRIPTION), present("somebody-elses")):
        assert decide(original, {SUBSCRIPTION: seen}).state.left_standing == []


def test_an_object_that_a_skipped_action_found_was_not_left_by_it() -> None:
    applied = made("a", A, operation=Operation.APPLY, created=False)
    patched = made("b", B, operation=Operation.PATCH, created=False)
    assert decide(execute(stage("s", workflow("w", applied, patched)))).state.left_standing == []


def test_an_object_that_another_action_of_the_revert_deletes_was_not_left_by_a_skipped_one() -> None:
    again = replaced("r", SUBSCRIPTION)
    first = again.model_copy(update={"name": "first", "operation": Operation.CREATE})
    assert decide(execute(stage("s", workflow("w", first, again)))).state.left_standing == []


def test_what_an_attempt_perhaps_made_was_left_where_it_came_into_being_meanwhile() -> None:
    unanswered = made("d", D, phase=Phase.FAILED, created=None, outputs=outputs(D, None))
    unknown = Reason.OUTCOME_UNKNOWN
    cut_off = made("d", D, phase=Phase.FAILED, created=None, operation=None, outputs=None, reason=unknown)
    definitions = dr_workflow("w", manifest("d", action="d"))
    for action in (unanswered, cut_off):
        original = execute(
            stage("bad", workflow("w", action, phase=Phase.FAILED), phase=Phase.FAILED), phase=Phase.FAILED
        )
        assert decide(original, {D: present("u", START)}, definitions).state.left_standing == ["ConfigMap default/d"]
        older = {D: present("u", START - timedelta(hours=1))}
        assert decide(original, older, definitions).state.left_standing == []


def test_the_manifest_of_a_definition_is_read_once() -> None:
    workflows: Workflows = {("default", "w"): dr_workflow("w", manifest("a"))}
    original = execute(stage("s", workflow("w", old("a"))))
    [action], [other] = (list(actions_of(read_tree(original, workflows))) for _ in range(2))
    assert action.defined_target == A
    assert action.defined_target is action.defined_target
    assert action == other
