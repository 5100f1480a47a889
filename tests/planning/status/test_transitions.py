"""One event after the other: what begins, ends, is cut short or never reached."""

from datetime import UTC, datetime, timedelta

import pytest

from api.attempts import ActionOutcome
from api.meta import rfc3339
from api.nodes import ActionOutputs, ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import ActionType, Operation, OperationType, Phase, WorkflowFailurePolicy
from api.reasons import Cause, Reason
from api.tree import RunState
from planning.messages import running as running_messages
from planning.messages.text import MESSAGE_BOUND
from planning.status import transitions
from tests.planning.builders import stage, workflow

REVERT, EXECUTE = OperationType.REVERT, OperationType.EXECUTE
NOW = datetime(2026, 2, 3, 10, 0, 0, 999999, tzinfo=UTC)
THEN = NOW + timedelta(seconds=75)
WHOLE = NOW.replace(microsecond=0)
WHY = Cause(Reason.STOPPED_AFTER_FAILURE, "why")


def node(*phases: Phase, name: str = "w", operation: OperationType = REVERT) -> WorkflowExecutionStatus:
    """A running workflow with actions `a`, `b`, … in these phases."""
    actions = [
        ActionStatus(name=letter, type=ActionType.LOCALIZATION, phase=phase, retries=0, retry_count=0)
        for letter, phase in zip("abcdef", phases, strict=False)
    ]
    base = workflow(name, *actions, phase=Phase.RUNNING)
    words = running_messages.progress(operation, phases.count(Phase.SUCCEEDED), len(actions))
    return base.model_copy(update={"progress": words, "start_time": WHOLE})


def pending_stage(name: str, *, depends_on: list[str] | None = None) -> StageStatus:
    waiting = node(Phase.PENDING).model_copy(update={"phase": Phase.PENDING})
    return stage(name, waiting, phase=Phase.PENDING, depends_on=depends_on)


def failed_stage(name: str = "broken") -> StageStatus:
    failing = transitions.action_finished(
        node(Phase.RUNNING), 0, ActionOutcome(phase=Phase.FAILED, message="the cause"), 0, NOW
    )
    running = stage(name, transitions.workflow_finished(failing, REVERT, NOW), phase=Phase.RUNNING)
    return transitions.stage_finished(running, REVERT, NOW)


class TestActions:
    def test_it_begins(self) -> None:
        begun = transitions.action_started(node(Phase.PENDING, Phase.PENDING), 1, NOW)
        assert (begun.actions[1].phase, begun.actions[1].start_time) == (Phase.RUNNING, WHOLE)
        assert begun.current_action == "b"
        assert begun.actions[0].phase is Phase.PENDING

    def test_several_run_side_by_side(self) -> None:
        begun = transitions.action_started(node(Phase.RUNNING, Phase.PENDING), 1, NOW, ["a"])
        assert begun.current_action == "a, b"
        outcome = ActionOutcome(phase=Phase.SUCCEEDED, message="done")
        ended = transitions.action_finished(begun, 0, outcome, 0, THEN, ["b"])
        assert ended.current_action == "b"
        assert transitions.action_finished(ended, 1, outcome, 0, THEN).current_action is None

    def test_however_many_run_their_names_are_kept_within_the_bound(self) -> None:
        begun = transitions.action_started(node(Phase.PENDING), 0, NOW, ["x" * 253] * 50)
        assert len(str(begun.current_action)) <= MESSAGE_BOUND
        assert str(begun.current_action).endswith("and 48 more")

    def test_begun_again_it_keeps_its_start(self) -> None:
        begun = transitions.action_started(node(Phase.PENDING), 0, NOW)
        assert transitions.action_started(begun, 0, THEN).actions[0].start_time == WHOLE

    def test_between_attempts_it_says_which_retry_is_next(self) -> None:
        action = transitions.action_retrying(node(Phase.RUNNING).actions[0], 2, 3, "too many requests")
        assert action.message == "Retrying (2 of 3): too many requests"
        assert (action.retries, action.retry_count) == (1, 1)
        assert action.phase is Phase.RUNNING

    def test_between_attempts_that_are_far_apart_it_says_when_the_next_one_begins(self) -> None:
        action = transitions.action_retrying(node(Phase.RUNNING).actions[0], 2, 3, "too many requests", NOW)
        assert action.message == f"Retrying (2 of 3): too many requests; next attempt at {rfc3339(NOW)}"

    def test_it_ends_with_what_it_did(self) -> None:
        outcome = ActionOutcome(
            phase=Phase.SUCCEEDED,
            message="Created ConfigMap app",
            operation=Operation.CREATE,
            created=True,
            outputs=ActionOutputs(),
        )
        ended = transitions.action_finished(
            node(Phase.RUNNING, operation=EXECUTE), 0, outcome, 2, THEN, progress="1/1 actions completed"
        )
        action = ended.actions[0]
        assert (action.phase, action.operation, action.created) == (Phase.SUCCEEDED, Operation.CREATE, True)
        assert (action.retries, action.retry_count) == (2, 2)
        assert ended.progress == "1/1 actions completed"

    def test_only_succeeded_actions_count_as_rolled_back(self) -> None:
        outcome = ActionOutcome(phase=Phase.FAILED, message="no")
        ended = transitions.action_finished(node(Phase.SUCCEEDED, Phase.SKIPPED, Phase.RUNNING), 2, outcome, 0, NOW)
        assert ended.progress == "1/3 actions rolled back"
        assert transitions.workflow_finished(ended, REVERT, NOW).progress == "1/3 actions rolled back"

    def test_a_message_is_kept_within_its_bound(self) -> None:
        outcome = ActionOutcome(phase=Phase.FAILED, message="x" * 5000)
        ended = transitions.action_finished(node(Phase.RUNNING), 0, outcome, 0, NOW)
        assert len(str(ended.actions[0].message)) <= MESSAGE_BOUND


class TestWorkflows:
    def test_done(self) -> None:
        ended = transitions.workflow_finished(node(Phase.SUCCEEDED, Phase.SKIPPED), REVERT, THEN)
        assert (ended.phase, ended.message) == (Phase.SUCCEEDED, "Workflow reverted successfully")
        assert (ended.progress, ended.duration, ended.current_action) == ("1/2 actions rolled back", "1m15s", None)

    def test_after_a_failure_the_rest_was_never_reached(self) -> None:
        ended = transitions.workflow_finished(node(Phase.SUCCEEDED, Phase.FAILED, Phase.PENDING), REVERT, THEN)
        assert (ended.phase, ended.message) == (Phase.FAILED, "Failed to rollback action b")
        assert ended.actions[2].phase is Phase.SKIPPED
        assert ended.actions[2].message == "Not attempted: rollback stopped after action b failed"

    def test_canceled(self) -> None:
        ended = transitions.workflow_finished(node(Phase.SUCCEEDED, Phase.PENDING), REVERT, THEN, canceled=True)
        assert (ended.phase, ended.message) == (Phase.CANCELED, "Workflow revert canceled: 1 of 2 actions rolled back")
        assert (ended.actions[1].phase, ended.actions[1].message) == (Phase.SKIPPED, "Not attempted: canceled")

    def test_canceled_after_a_failure_is_failed(self) -> None:
        ended = transitions.workflow_finished(node(Phase.FAILED, Phase.PENDING), REVERT, THEN, canceled=True)
        assert ended.phase is Phase.FAILED
        assert ended.actions[1].message == "Not attempted: rollback stopped after action a failed"

    def test_where_failures_do_not_stop_it_the_cancel_is_the_reason(self) -> None:
        policy = WorkflowFailurePolicy.CONTINUE
        phases = (Phase.FAILED, Phase.PENDING)
        ended = transitions.workflow_finished(node(*phases), EXECUTE, THEN, canceled=True, policy=policy)
        assert ended.phase is Phase.FAILED
        assert ended.actions[1].message == "Not attempted: canceled"

    def test_what_depends_on_the_failed_action_says_so(self) -> None:
        phases = (Phase.FAILED, Phase.PENDING, Phase.PENDING, Phase.PENDING)
        needs = [[], [0], [1], []]
        ended = transitions.workflow_finished(node(*phases, operation=EXECUTE), EXECUTE, THEN, needs=needs)
        assert [action.message for action in ended.actions[1:]] == [
            "Not attempted: depends on action a, which did not succeed",
            "Not attempted: depends on action a, which did not succeed",
            "Not attempted: execution stopped after action a failed",
        ]

    def test_after_a_cancel_what_depends_on_no_failure_says_that_it_was_canceled(self) -> None:
        phases = (Phase.FAILED, Phase.CANCELED, Phase.PENDING, Phase.PENDING)
        policy = WorkflowFailurePolicy.CONTINUE
        ended = transitions.workflow_finished(
            node(*phases), EXECUTE, THEN, canceled=True, policy=policy, needs=[[], [], [1], [1, 0]]
        )
        assert [action.message for action in ended.actions[2:]] == [
            "Not attempted: canceled",
            "Not attempted: depends on action a, which did not succeed",
        ]

    def test_an_action_that_never_answered_is_not_claimed_to_have_ended(self) -> None:
        ended = transitions.workflow_finished(node(Phase.RUNNING), REVERT, THEN, canceled=True)
        assert (ended.actions[0].phase, ended.actions[0].message) == (
            Phase.CANCELED,
            "Canceled while it ran: its outcome is not known",
        )

    def test_ended_from_outside(self) -> None:
        broken = transitions.workflow_broken(
            node(Phase.SUCCEEDED, Phase.RUNNING, Phase.PENDING), REVERT, "it was terminated", THEN
        )
        assert (broken.phase, broken.message) == (Phase.FAILED, "it was terminated")
        assert [action.phase for action in broken.actions] == [Phase.SUCCEEDED, Phase.FAILED, Phase.SKIPPED]
        assert broken.actions[1].message == "Outcome unknown: it was terminated"

    def test_never_reached_keeps_the_reasons_that_were_there(self) -> None:
        waiting = node(Phase.PENDING, Phase.SKIPPED).model_copy(update={"phase": Phase.PENDING})
        left = transitions.not_reached(waiting, WHY)
        assert [(action.phase, action.message) for action in left.actions] == [
            (Phase.SKIPPED, "why"),
            (Phase.SKIPPED, None),
        ]
        assert transitions.not_reached(left, Cause(Reason.CANCELED, "another reason")) == left

    def test_a_short_one_lasts_no_time(self) -> None:
        ended = transitions.workflow_finished(node(Phase.SUCCEEDED), REVERT, NOW)
        assert ended.duration == "0s"


class TestStages:
    def test_done(self) -> None:
        ended = transitions.stage_finished(stage("s", workflow("w"), start_time=WHOLE), REVERT, THEN)
        assert (ended.phase, ended.message, ended.duration) == (Phase.SUCCEEDED, "Stage reverted successfully", "1m15s")

    def test_failed_with_the_rest_never_reached(self) -> None:
        failing = failed_stage().workflows[0]
        waiting = node(Phase.PENDING).model_copy(update={"phase": Phase.PENDING})
        ended = transitions.stage_finished(stage("s", failing, waiting, phase=Phase.RUNNING), REVERT, THEN)
        assert (ended.phase, ended.message) == (Phase.FAILED, "Failed to rollback workflow w")
        assert ended.workflows[1].phase is Phase.SKIPPED
        assert ended.workflows[1].message == "Not attempted: rollback stopped after action a failed"
        assert ended.workflows[1].actions[0].message == ended.workflows[1].message

    def test_canceled(self) -> None:
        waiting = node(Phase.PENDING).model_copy(update={"phase": Phase.PENDING})
        running = stage("s", workflow("w"), waiting, phase=Phase.RUNNING)
        ended = transitions.stage_finished(running, EXECUTE, THEN, canceled=True)
        assert (ended.phase, ended.message) == (Phase.CANCELED, "Stage execution canceled: 1 of 2 workflows completed")

    def test_a_sibling_that_was_cancelled_does_not_hide_the_failure(self) -> None:
        cut = workflow("x", phase=Phase.CANCELED)
        ended = transitions.stage_finished(
            stage("s", cut, failed_stage().workflows[0], phase=Phase.RUNNING), EXECUTE, THEN
        )
        assert (ended.phase, ended.message) == (Phase.FAILED, "Failed to execute workflow w")

    def test_ended_from_outside(self) -> None:
        waiting = node(Phase.PENDING).model_copy(update={"phase": Phase.PENDING})
        running = stage("s", workflow("done"), node(Phase.RUNNING), waiting, phase=Phase.RUNNING)
        broken = transitions.stage_broken(running, REVERT, "it timed out", THEN)
        assert [child.phase for child in broken.workflows] == [Phase.SUCCEEDED, Phase.FAILED, Phase.SKIPPED]
        assert broken.message == "it timed out"


class TestThePlan:
    def test_failed_leads_down_to_the_cause(self) -> None:
        state = RunState(phase=Phase.RUNNING, stage_statuses=[failed_stage(), pending_stage("later")])
        ended = transitions.plan_finished(state, REVERT, THEN)
        assert ended.phase is Phase.FAILED
        assert ended.message == (
            "Failed to revert stage broken: Failed to rollback workflow w: Failed to rollback action a: the cause"
        )
        assert ended.stages[1].phase is Phase.SKIPPED
        assert ended.stages[1].message == "Not attempted: rollback stopped after action a failed"
        assert ended.summary is not None
        assert (ended.summary.failed_stages, ended.summary.skipped_stages) == (1, 1)

    def test_a_very_long_chain_keeps_the_cause(self) -> None:
        broken = failed_stage("s" * 3000)
        ended = transitions.plan_finished(RunState(phase=Phase.RUNNING, stage_statuses=[broken]), REVERT, THEN)
        assert len(str(ended.message).encode()) <= MESSAGE_BOUND
        assert str(ended.message).endswith("the cause")

    def test_a_stage_that_depends_on_the_failed_one_says_so(self) -> None:
        stages = [
            failed_stage("db"),
            stage("dns"),
            pending_stage("web", depends_on=["db"]),
            pending_stage("cdn", depends_on=["web"]),
            pending_stage("other"),
        ]
        ended = transitions.plan_finished(RunState(phase=Phase.RUNNING, stage_statuses=stages), EXECUTE, THEN)
        assert [one.message for one in ended.stages[2:]] == [
            "Not attempted: depends on stage db, which did not succeed",
            "Not attempted: depends on stage db, which did not succeed",
            "Not attempted: execution stopped after action a failed",
        ]

    def test_canceled(self) -> None:
        state = RunState(phase=Phase.RUNNING, stage_statuses=[pending_stage("later")])
        ended = transitions.plan_finished(state, REVERT, THEN, canceled=True)
        assert (ended.phase, ended.message) == (
            Phase.CANCELED,
            "Plan revert canceled: 0 of 1 stage, 0 of 1 action rolled back",
        )
        assert ended.stages[0].message == "Not attempted: canceled"

    def test_executed(self) -> None:
        done = stage("s", node(Phase.SUCCEEDED, Phase.SUCCEEDED))
        ended = transitions.plan_finished(RunState(phase=Phase.RUNNING, stage_statuses=[done, done]), EXECUTE, THEN)
        assert ended.message == "Plan executed successfully: 2 stages, 4 actions"

    def test_rejected_keeps_its_words_and_gets_its_times(self) -> None:
        rejected = transitions.plan_rejected(RunState(phase=Phase.FAILED, message="why"), NOW)
        assert (rejected.phase, rejected.message, rejected.duration) == (Phase.FAILED, "why", "0s")
        assert rejected.start_time == rejected.completion_time == WHOLE
        assert transitions.plan_finished(RunState(phase=Phase.FAILED, message="why"), REVERT, NOW) == rejected

    def test_a_clock_that_went_back_makes_no_negative_duration(self) -> None:
        state = RunState(phase=Phase.RUNNING, start_time=WHOLE, stage_statuses=[stage("s")])
        ended = transitions.plan_finished(state, REVERT, NOW - timedelta(seconds=9))
        assert (ended.duration, ended.completion_time) == ("0s", WHOLE)


@pytest.mark.parametrize("operation", [REVERT, EXECUTE])
def test_values_are_never_changed_in_place(operation: OperationType) -> None:
    before = node(Phase.RUNNING, Phase.PENDING)
    copy = before.model_copy(deep=True)
    transitions.action_started(before, 1, NOW)
    transitions.action_finished(before, 0, ActionOutcome(phase=Phase.SUCCEEDED, message="m"), 0, NOW)
    transitions.workflow_finished(before, operation, NOW)
    transitions.workflow_broken(before, operation, "why", NOW)
    assert before == copy


def test_what_was_skipped_is_not_counted_as_done() -> None:
    actions = [ActionStatus(name=str(place), phase=Phase.SKIPPED) for place in range(143)]
    actions += [ActionStatus(name=f"done-{place}", phase=Phase.SUCCEEDED) for place in range(56)]
    actions.append(ActionStatus(name="failed", phase=Phase.FAILED))
    part = stage("sites", workflow("site", *actions, phase=Phase.FAILED), phase=Phase.FAILED)
    progress = transitions.with_counts(RunState(stage_statuses=[part])).progress
    assert progress is not None
    assert (progress.stages, progress.actions) == ("0/1", "56/200")
