"""What an earlier Revert rolled back is Skipped, so that a Revert that stopped halfway is finished by another."""

from datetime import timedelta

import pytest

from api.attempts import ActionOutcome
from api.decisions import RevertDecision
from api.execution import DRPlanExecution, Engine, ExecutionStatus
from api.failures import FailureType
from api.nodes import ActionOutputs, ActionStatus, StageStatus
from api.objects import ObservedObject, Target
from api.phases import ActionType, OnMissing, OperationType, Phase
from api.reasons import Reason
from planning.messages.text import MESSAGE_BOUND
from planning.revert.older_records import with_reasons
from planning.status import transitions
from tests.planning.builders import (
    LATER,
    START,
    absent,
    config_map,
    decide,
    execute,
    made,
    old,
    present,
    reference,
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
    state = transitions.with_counts(transitions.started(decision.state, LATER))
    for index, stage_ in enumerate(state.stages):
        if stage_.phase is not Phase.PENDING or any(one.phase is Phase.FAILED for one in state.stages):
            continue
        running = transitions.started(stage_, LATER)
        for place, node in enumerate(running.workflows):
            if node.phase is Phase.PENDING:
                child = transitions.started(node, LATER)
                for number, action in enumerate(child.actions):
                    if action.phase is Phase.PENDING and not any(one.phase is Phase.FAILED for one in child.actions):
                        phase = Phase.FAILED if action.name == failing else Phase.SUCCEEDED
                        child = transitions.action_started(child, number, LATER)
                        outcome = ActionOutcome(phase=phase, message="said")
                        child = transitions.action_finished(child, number, outcome, 0, LATER)
                child = transitions.workflow_finished(child, OperationType.REVERT, LATER)
                running = transitions.with_child(running, place, child)
        state = transitions.with_child(state, index, transitions.stage_finished(running, OperationType.REVERT, LATER))
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


def test_a_revert_is_not_believed_about_an_object_that_still_exists() -> None:
    first = ended("r1", decide(ORIGINAL))
    decision = decide(ORIGINAL, {C: absent(C)}, by=revert("r2"), earlier=[first])
    assert the_action(decision, "c").message == "Already rolled back by r1"
    assert [the_action(decision, name).phase for name in "ab"] == [Phase.PENDING, Phase.PENDING]
    another = {C: absent(C), B: present("uid-of-another"), A: absent(A)}
    decision = decide(ORIGINAL, another, by=revert("r2"), earlier=[first])
    assert the_action(decision, "b").message == "Already rolled back by r1"


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


def test_an_object_taken_back_and_one_that_was_absent_are_counted_one_each_and_no_revert_is_invented() -> None:
    both = [reference(A, "uid-a"), reference(B, "uid-b")]
    two = made("two", A, outputs=ActionOutputs(subscription_refs=both), type=ActionType.SUBSCRIPTION)
    original = execute(stage("s", workflow("w", two, made("a", A))))
    first = ended("r1", decide(original, {B: absent(B)}), failing="two")
    ignoring = revert("r2", on_missing=OnMissing.IGNORE)
    decision = decide(original, {A: absent(A), B: absent(B)}, by=ignoring, earlier=[first])
    action = the_action(decision, "two")
    assert action.message == "Already rolled back by r1; Already absent: ConfigMap b"
    assert (action.reason, action.rolled_back_by) == (Reason.ALREADY_ABSENT, ["r1"])
    for parent in (decision.state.stages[0], decision.state.stages[0].workflows[0]):
        assert (parent.reason, parent.message) == (Reason.ALREADY_ROLLED_BACK, "Already rolled back by r1")
    message = ended("r2", decision).status.message
    assert message == "Nothing left to revert: already reverted by r1, 1 action already absent"


def test_parents_of_many_reverts_with_long_names_name_only_whole_ones() -> None:
    names = [f"revert-{letter}-{letter * 230}" for letter in "abcdefgh"]
    targets = [config_map(letter) for letter in "abcdefgh"]
    original = execute(stage("s", workflow("w", *(made(target.name, target) for target in targets))))
    earlier: list[DRPlanExecution] = []
    gone: dict[Target, ObservedObject] = {}
    for name, target, failing in zip(names, targets[::-1], [*"gfedcba", None], strict=True):
        earlier.append(ended(name, decide(original, gone, by=revert(name), earlier=earlier), failing=failing))
        gone[target] = absent(target)
    decision = decide(original, gone, by=revert("last"), earlier=earlier)
    last = ended("last", decision).status
    told = [str(node.message) for node in (last, last.stages[0], last.stages[0].workflows[0])]
    assert [str(action.message) for action in last.stages[0].workflows[0].actions] == [
        f"Already rolled back by {name}" for name in names
    ]
    for message in told:
        assert len(message.encode()) <= MESSAGE_BOUND
        listed = message.rpartition(" by ")[2].split(", ")
        assert {*listed[:-1]} <= {*names}
        assert listed[-1] == f"and {len(names) - len(listed) + 1} more"


def test_who_did_it_outlives_that_revert_and_the_messages_of_the_next_one() -> None:
    first = ended("r1", decide(ORIGINAL), failing="b")
    second = ended("r2", decide(ORIGINAL, {C: absent(C)}, by=revert("r2"), earlier=[first]), failing="b")
    silent = second.model_copy(update={"status": transitions.map_nodes(second.status, ActionStatus, without_message)})
    third = decide(ORIGINAL, {C: absent(C)}, by=revert("r3"), earlier=[silent])
    assert the_action(third, "c").message == "Already rolled back by r1"
    assert the_action(third, "c").rolled_back_by == ["r1"]


def without_message(action: ActionStatus) -> ActionStatus:
    return action.model_copy(update={"message": None})


def without_reason(action: ActionStatus) -> ActionStatus:
    """Return an action as version 0.1 wrote it."""
    return action.model_copy(update={"reason": None, "rolled_back_by": None})


def test_statuses_of_version_0_1_count_as_well() -> None:
    first = ended("r1", decide(ORIGINAL), failing="b")
    second = ended("r2", decide(ORIGINAL, {C: absent(C)}, by=revert("r2"), earlier=[first]), failing="b")
    older = second.model_copy(update={"status": transitions.map_nodes(second.status, ActionStatus, without_reason)})
    assert decide(ORIGINAL, by=revert("r3"), earlier=[older]).state.summary.skipped_actions == 0  # type: ignore[union-attr]
    third = decide(ORIGINAL, {C: absent(C)}, by=revert("r3"), earlier=[with_reasons(older)])
    assert the_action(third, "c").message == "Already rolled back by r1"


@pytest.mark.parametrize(
    ("phase", "message", "reason", "reverts"),
    [
        (Phase.SKIPPED, "Already rolled back by r1, r2", Reason.ALREADY_ROLLED_BACK, ["r1", "r2"]),
        (
            Phase.SKIPPED,
            "Already rolled back by r1; Already rolled back by r2",
            Reason.ALREADY_ROLLED_BACK,
            ["r1", "r2"],
        ),
        (Phase.SKIPPED, "Already rolled back by r1; Already absent: ConfigMap b", Reason.ALREADY_ABSENT, ["r1"]),
        (Phase.SKIPPED, "Already rolled back by r1; Same object as action x: ConfigMap b is", None, ["r1"]),
        (Phase.SKIPPED, "Already rolled back by r1, r … (cut) … 8", Reason.ALREADY_ROLLED_BACK, ["r1"]),
        (Phase.SKIPPED, "Already absent: ConfigMap b", Reason.ALREADY_ABSENT, None),
        (Phase.FAILED, "Outcome unknown: terminated from outside", Reason.OUTCOME_UNKNOWN, None),
        (Phase.FAILED, "Already rolled back by r1", None, None),
        (Phase.SUCCEEDED, "Created ConfigMap b", None, None),
        (Phase.SKIPPED, "Skipped by the older controller", None, None),
    ],
)
def test_what_the_messages_of_older_records_say(
    phase: Phase, message: str, reason: Reason | None, reverts: list[str] | None
) -> None:
    found = with_reasons(execute(stage("s", workflow("w", made("b", B, phase=phase, message=message)))))
    action = found.status.stages[0].workflows[0].actions[0]
    assert (action.reason, action.rolled_back_by) == (reason, reverts)


def test_a_record_that_has_a_reason_is_not_read() -> None:
    said = made("b", B, phase=Phase.SKIPPED, reason=Reason.SAME_OBJECT, message="Already rolled back by r1")
    action = with_reasons(execute(stage("s", workflow("w", said)))).status.stages[0].workflows[0].actions[0]
    assert (action.reason, action.rolled_back_by) == (Reason.SAME_OBJECT, None)


def test_a_finished_second_revert_counts_only_its_own() -> None:
    first = ended("r1", decide(ORIGINAL), failing="a")
    second = ended("r2", decide(ORIGINAL, GONE, by=revert("r2"), earlier=[first]))
    own = "1 stage, 1 action rolled back, 1 stage skipped, 1 action skipped"
    assert second.status.message == f"Plan reverted successfully: {own}"


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


def held_up(name: str, action: str, reason: Reason = Reason.DELETION_TIMED_OUT) -> DRPlanExecution:
    """A Revert that asked for the deletion of an action's object, and ended while a finalizer held it."""
    execution = ended(name, decide(ORIGINAL), failing=action)
    status = transitions.map_nodes(
        execution.status,
        ActionStatus,
        lambda one: one.model_copy(update={"reason": reason}) if one.name == action else one,
    )
    return execution.model_copy(update={"status": status})


@pytest.mark.parametrize("reason", [Reason.DELETION_TIMED_OUT, Reason.DELETION_PENDING])
@pytest.mark.parametrize("now", [absent(B), present("another")], ids=["absent", "another one of its name"])
def test_an_object_that_is_gone_since_its_deletion_was_asked_for_was_rolled_back(
    reason: Reason, now: ObservedObject
) -> None:
    decision = decide(ORIGINAL, {C: absent(C), B: now}, by=revert("r2"), earlier=[held_up("r1", "b", reason)])
    skipped = the_action(decision, "b")
    said = "Already rolled back by r1: its deletion was asked for, and it is gone"
    assert (skipped.phase, skipped.reason, skipped.message) == (Phase.SKIPPED, Reason.ALREADY_ROLLED_BACK, said)
    assert skipped.rolled_back_by == ["r1"]
    assert the_action(decision, "a").phase is Phase.PENDING
    third = decide(ORIGINAL, {C: absent(C), B: now}, by=revert("r3"), earlier=[ended("r2", decision, failing="a")])
    assert the_action(third, "b").message == "Already rolled back by r1"


def test_an_object_that_a_finalizer_still_holds_is_deleted_again() -> None:
    decision = decide(ORIGINAL, {C: absent(C)}, by=revert("r2"), earlier=[held_up("r1", "b")])
    assert the_action(decision, "b").phase is Phase.PENDING


def test_what_is_gone_though_its_deletion_was_not_asked_for_is_missed() -> None:
    failed = held_up("r1", "b", Reason.TRANSIENT)
    decision = decide(ORIGINAL, {C: absent(C), B: absent(B)}, by=revert("r2"), earlier=[failed])
    assert the_action(decision, "b").phase is Phase.PENDING
    assert decision.steps[1][0][0] is not None
    assert decision.steps[1][0][0].refusal is not None


@pytest.mark.parametrize("tree", [[], [stage("s", workflow("w", old("a", phase=Phase.FAILED)), phase=Phase.FAILED)]])
def test_after_a_revert_that_another_controller_did_not_finish_a_missing_object_comes_with_the_way_on(
    tree: list[StageStatus],
) -> None:
    original = execute(stage("s", workflow("w", made("a", A))))
    begun = revert("old-back", phase=Phase.FAILED, start_time=LATER, stage_statuses=tree)
    again = revert("back")
    decision = decide(original, {A: absent(A)}, by=again, earlier=[begun])
    (step,) = decision.steps[0][0]
    assert step is not None
    assert step.refusal is not None
    cause = (
        'configmaps "a" not found; the Revert old-back, which another controller did not finish, may have deleted it'
    )
    remedy = "create a Revert with spec.onMissing: Ignore"
    assert step.refusal.message == f"Failed to delete ConfigMap: {cause} without a record: {remedy}"
    ignoring = revert("back", on_missing=OnMissing.IGNORE)
    assert the_action(decide(original, {A: absent(A)}, by=ignoring, earlier=[begun]), "a").phase is Phase.SKIPPED


@pytest.mark.parametrize("engine", [None, Engine(workflow_id="revert/default/old-back/u", run_id="r")])
def test_a_revert_of_ours_that_never_began_or_was_rejected_deleted_nothing(engine: Engine | None) -> None:
    original = execute(stage("s", workflow("w", made("a", A))))
    ours = revert("old-back", phase=Phase.FAILED, engine=engine, start_time=engine and LATER)
    decision = decide(original, {A: absent(A)}, by=revert("back"), earlier=[ours])
    (step,) = decision.steps[0][0]
    assert step is not None
    assert step.refusal is not None
    assert step.refusal.message == 'Failed to delete ConfigMap: configmaps "a" not found'


def test_a_preview_of_a_revert_rolled_nothing_back() -> None:
    done = ended("nginx-revert-001", decide(ORIGINAL))
    preview = done.model_copy(update={"spec": done.spec.model_copy(update={"dry_run": True})})
    again = revert("nginx-revert-002")

    def phases(earlier: DRPlanExecution) -> set[Phase]:
        gone = {target: absent(target) for target in (A, B, C)}
        stages = decide(ORIGINAL, gone, by=again, earlier=[earlier]).state.stages
        return {action.phase for stage in stages for action in stage.actions}

    assert phases(preview) == {Phase.PENDING}, "they will fail when their turn comes"
    assert phases(done) == {Phase.SKIPPED}
