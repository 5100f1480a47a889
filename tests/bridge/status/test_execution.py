"""The pure part: from the status as it was and what was seen to the status as it shall be."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from api.execution import Engine, ExecutionStatus
from api.nodes import ActionStatus, SnapshotRef, StageStatus, WorkflowExecutionStatus
from api.phases import Phase
from api.reasons import Reason
from api.requests import Pause
from api.timing import Timing, TimingState, Wait
from api.tree import Progress, RunState, Summary
from bridge.status import conditions, merge
from bridge.status import execution as execution_status
from bridge.status.execution import StatusContext
from bridge.status.merge import Observation, ObservedStage, ObservedWorkflow, PendingActivity, RunStatus
from planning.messages import running as running_messages
from planning.messages import runs as run_messages
from planning.status import transitions
from tests.bridge.scripted_workflows import action, done, node, stage, state
from tests.bridge.status.open_run import MOMENT, NOW, REVERT, RUN, TREE, running, seen


def condition(of: ExecutionStatus, kind: conditions.ConditionType) -> tuple[str, str]:
    found = conditions.find(of.conditions, kind)
    assert found is not None, f"there is no condition {kind}"
    return found.status.value, found.reason


def ended(before: ExecutionStatus, moment: StatusContext = MOMENT, **run: Any) -> ExecutionStatus:
    return execution_status.closed(before, RUN.model_copy(update=run), moment)


# Conditions.


@pytest.mark.parametrize(
    ("phase", "completed", "succeeded", "progressing"),
    [
        (Phase.PENDING, "False", "Unknown", "False"),
        (Phase.RUNNING, "False", "Unknown", "True"),
        (Phase.SUCCEEDED, "True", "True", "False"),
        (Phase.FAILED, "True", "False", "False"),
        (Phase.CANCELED, "True", "False", "False"),
    ],
)
def test_conditions_tell_the_phase(phase: Phase, completed: str, succeeded: str, progressing: str) -> None:
    written = conditions.updated(None, conditions.of_phase(phase), NOW, 1)
    told = {one.type: (one.status.value, one.reason) for one in written}
    assert told["Completed"] == (completed, phase.value)
    assert told["Succeeded"] == (succeeded, phase.value)
    assert told["Progressing"] == (progressing, phase.value)


def test_a_conditions_time_moves_only_when_its_status_flips() -> None:
    later, kind = NOW + timedelta(minutes=1), conditions.ConditionType.PROGRESSING
    first = conditions.updated(None, [conditions.ConditionUpdate(kind, False, "Waiting", "a")], NOW, 1)
    second = conditions.updated(first, [conditions.ConditionUpdate(kind, False, "StillWaiting", "b")], later, 1)
    third = conditions.updated(second, [conditions.ConditionUpdate(kind, True, "Running")], later, 2)
    assert [one[0].last_transition_time for one in (first, second, third)] == [NOW, NOW, later]
    assert (second[0].reason, second[0].message) == ("StillWaiting", "b")
    assert third[0].observed_generation == 2


def test_conditions_of_others_stay() -> None:
    others = conditions.updated(
        None, [conditions.ConditionUpdate(conditions.ConditionType.CLEAN, True, "Theirs")], NOW, 1
    )
    after = conditions.updated(others, conditions.of_phase(Phase.RUNNING), NOW, 1)
    assert after[0] == others[0]


@pytest.mark.parametrize(
    ("asked", "taken", "phase", "reason"),
    [
        (True, False, Phase.RUNNING, "Requested"),
        (True, True, Phase.RUNNING, "Accepted"),
        (False, True, Phase.RUNNING, "Accepted"),
        (True, True, Phase.CANCELED, "Effective"),
        (True, True, Phase.FAILED, "Effective"),
        (True, True, Phase.SUCCEEDED, "TooLate"),
        (True, False, Phase.FAILED, "TooLate"),
    ],
)
def test_a_cancel_is_requested_accepted_and_effective(asked: bool, taken: bool, phase: Phase, reason: str) -> None:
    (told,) = conditions.of_cancel(requested=asked, accepted=taken, phase=phase)
    assert (told.status, told.reason) == (True, reason)


def test_without_a_cancel_there_is_no_condition_of_it() -> None:
    assert conditions.of_cancel(requested=False, accepted=False, phase=Phase.SUCCEEDED) == []


# While it runs.


def test_a_running_status_has_tree_counts_engine_and_start() -> None:
    after = running(ExecutionStatus())
    assert after.phase is Phase.RUNNING
    assert after.engine == Engine(workflow_id=RUN.workflow_id, run_id="run")
    assert after.start_time == NOW
    assert after.summary is not None
    assert (after.summary.running_stages, after.summary.pending_stages) == (1, 1)
    assert after.progress is not None
    assert after.progress.actions == "0/3"
    assert after.observed_generation == 1


def test_what_a_child_knows_goes_into_its_parents_tree() -> None:
    ahead = node("work", action("one", Phase.SUCCEEDED), action("two", Phase.RUNNING), phase=Phase.RUNNING)
    over = stage("first", node("work", phase=Phase.SUCCEEDED), phase=Phase.SUCCEEDED)
    view = ObservedWorkflow(stage=0, index=0, node=ahead)
    assert running(ExecutionStatus(), workflows=[view]).stages[0].workflows[0] == ahead
    after = running(ExecutionStatus(), stages=[ObservedStage(index=0, node=over)], workflows=[view])
    assert after.stages[0].phase is Phase.SUCCEEDED


def test_actions_that_run_side_by_side_are_all_named_and_each_has_its_attempts() -> None:
    both = node("work", action("one", Phase.RUNNING), action("two", Phase.RUNNING), phase=Phase.RUNNING)
    attempts = [
        PendingActivity(index=0, attempt=2, waiting=True, error="away", errors=1, limit=3),
        PendingActivity(index=1, attempt=1, waiting_for="Waiting for Job x"),
    ]
    view = ObservedWorkflow(stage=0, index=0, node=both, activities=attempts)
    after = running(ExecutionStatus(), workflows=[view]).stages[0].workflows[0]
    assert after.current_action == "one, two"
    assert [one.message for one in after.actions] == ["Retrying (1 of 3): away", "Waiting for Job x"]


def test_without_a_worker_the_tree_stays_as_it_last_stood() -> None:
    before = running(ExecutionStatus())
    after = execution_status.running(before, RUN, Observation(answered=False), MOMENT)
    assert after.stage_statuses == before.stage_statuses
    assert condition(after, conditions.ConditionType.ENGINE_REACHABLE) == ("False", "WorkerUnavailable")
    assert condition(running(after), conditions.ConditionType.ENGINE_REACHABLE) == ("True", "Reachable")


def test_a_workflow_that_cannot_go_on_is_told_of() -> None:
    after = execution_status.running(ExecutionStatus(), RUN.model_copy(update={"failing": True}), seen(), MOMENT)
    assert condition(after, conditions.ConditionType.ENGINE_REACHABLE) == ("False", "WorkerFailing")


def message(of: ExecutionStatus) -> str:
    """The message, which Progressing has, too."""
    progressing = conditions.find(of.conditions, conditions.ConditionType.PROGRESSING)
    assert progressing is not None
    assert progressing.message == of.message
    return of.message or ""


def test_the_message_is_the_part_at_work_and_never_empty() -> None:
    assert message(running(ExecutionStatus())) == "stage first / work / one: running"
    attempt = PendingActivity(index=0, attempt=3, waiting=True, limit=1000, errors=23, error="no luck")
    view = ObservedWorkflow(stage=0, index=0, activities=[attempt])
    after = running(ExecutionStatus(), workflows=[view])
    assert message(after).startswith("stage first / work / one: Retrying (23 of ")
    asked = MOMENT.model_copy(update={"cancel_requested": True})
    after = execution_status.running(ExecutionStatus(), RUN, seen(), asked)
    assert message(after) == "Cancel requested; stage first / work / one: running"


def test_an_annotation_that_cancels_nothing_is_named() -> None:
    meant = MOMENT.model_copy(update={"cancel_annotation": "yes"})
    after = execution_status.running(ExecutionStatus(), RUN, seen(), meant)
    assert message(after) == (
        'the annotation dr.bkbcs.tencent.com/cancel is "yes", which cancels nothing: write "true"; '
        "stage first / work / one: running"
    )


def test_while_it_waits_for_its_start_such_an_annotation_is_named_too() -> None:
    meant = MOMENT.model_copy(update={"cancel_annotation": "yes"})
    after = execution_status.waiting(ExecutionStatus(), conditions.WAITING_FOR_PLAN, "Waiting", meant)
    told = 'the annotation dr.bkbcs.tencent.com/cancel is "yes", which cancels nothing: write "true"; Waiting'
    assert message(after) == told
    progressing = conditions.find(after.conditions, conditions.ConditionType.PROGRESSING)
    assert progressing is not None
    assert progressing.message == told


def test_while_it_is_decided_the_message_says_what_that_waits_for_or_retries() -> None:
    undecided = RunState(phase=Phase.PENDING)
    assert message(running(ExecutionStatus(), state=undecided)) == running_messages.DECIDING
    retrying = PendingActivity(index=0, attempt=3, waiting=True, error="the API server is away")
    after = running(ExecutionStatus(), state=undecided, deciding=retrying)
    assert message(after) == f"{running_messages.DECIDING}: Retrying: the API server is away"
    looking = PendingActivity(index=0, attempt=3, waiting_for="12 of 20 objects", error="the API server is away")
    after = running(ExecutionStatus(), state=undecided, deciding=looking)
    assert message(after) == f"{running_messages.DECIDING}: 12 of 20 objects"


def test_what_keeps_it_from_going_on_comes_first_with_the_time_since_when() -> None:
    before = running(ExecutionStatus())
    later = MOMENT.model_copy(update={"now": NOW + timedelta(seconds=30)})
    latest = MOMENT.model_copy(update={"now": NOW + timedelta(hours=30)})
    last = "before that: stage first / work / one: running"
    away = execution_status.running(before, RUN, Observation(answered=False), later)
    assert message(away) == f"No worker answers since 10:00:30; nothing is lost; {last}"
    still = execution_status.running(away, RUN, Observation(answered=False), latest)
    assert message(still) == f"No worker answers since 2026-02-03 10:00:30; nothing is lost; {last}"
    gone = execution_status.unreachable(before, "UNAVAILABLE", later)
    assert message(gone) == f"Temporal cannot be reached since 10:00:30 (UNAVAILABLE); nothing is lost; {last}"
    assert message(running(gone)) == "stage first / work / one: running"
    never = execution_status.running(ExecutionStatus(), RUN, Observation(answered=False), MOMENT)
    assert message(never) == "No worker answers since 10:00:00; nothing is lost"
    failing = RUN.model_copy(update={"failing": True})
    stuck = execution_status.running(before, failing, seen(), later)
    assert message(stuck).startswith("The worker fails to carry the workflow on since 10:00:30")


def test_what_a_run_left_out_of_a_large_tree_stays_in_the_message_once() -> None:
    cut = TREE.model_copy(update={"message": "Status shortened"})
    after = running(running(ExecutionStatus(), state=cut), state=cut)
    assert message(after) == "stage first / work / one: running; Status shortened"


def test_an_action_that_somebody_paused_in_the_engine_says_so() -> None:
    held = PendingActivity(index=0, attempt=2, waiting=True, error="x")
    held = held.model_copy(update={"paused": True, "paused_by": "ann", "paused_because": "night"})
    told = attempted(ExecutionStatus(), held)
    said = "Paused in Temporal by ann (night), until it is unpaused there; the last attempt failed: x"
    assert (told.reason, told.message, told.retries) == (Reason.PAUSED, said, 0)


def test_the_start_is_the_same_from_the_first_status_to_the_last() -> None:
    decided = TREE.model_copy(update={"start_time": NOW + timedelta(seconds=55)})
    first = running(ExecutionStatus(), state=RunState(phase=Phase.PENDING))
    second = running(first, state=decided)
    left = done().model_copy(
        update={
            "start_time": decided.start_time,
            "completion_time": NOW + timedelta(seconds=60),
            "duration": "5s",
        }
    )
    third = ended(second, status=RunStatus.COMPLETED, state=left, close_time=NOW + timedelta(seconds=61))
    assert [one.start_time for one in (first, second, third)] == [NOW] * 3
    assert third.duration == "1m"


def attempted(before: ExecutionStatus, attempt: PendingActivity) -> ActionStatus:
    view = ObservedWorkflow(stage=0, index=0, activities=[attempt])
    return running(before, workflows=[view]).stages[0].workflows[0].actions[0]


def test_between_attempts_an_action_shows_the_next_retry_and_the_last_error() -> None:
    waiting = PendingActivity(index=0, attempt=3, waiting=True, limit=3, errors=2, error="no luck")
    told = attempted(ExecutionStatus(), waiting)
    assert (told.message, told.retries, told.retry_count) == ("Retrying (2 of 3): no luck", 1, 1)


def test_a_lost_attempt_is_no_retry_after_an_error() -> None:
    told = attempted(
        ExecutionStatus(), PendingActivity(index=0, attempt=4, waiting=True, limit=3, errors=1, error="no luck")
    )
    assert told.message == "Retrying (1 of 3): no luck"


def test_an_action_whose_attempt_was_lost_says_so_and_counts_no_retry_of_its_limit() -> None:
    lost = PendingActivity(index=0, attempt=2, waiting=True, limit=0, lost=True, error="activity Heartbeat timeout")
    assert attempted(ExecutionStatus(), lost).message == "An attempt was lost with its worker: another one follows"


def test_errors_under_an_earlier_schedule_count_towards_the_limit() -> None:
    told = attempted(
        ExecutionStatus(), PendingActivity(index=0, attempt=2, waiting=True, limit=1, errors=3, error="no luck")
    )
    assert told.message == "Retrying (3 of 3): no luck"


def test_a_running_attempt_shows_what_it_waits_for_and_unseen_retries_stay() -> None:
    waiting = PendingActivity(index=0, attempt=3, waiting=True, limit=3, errors=2, error="no luck")
    view = ObservedWorkflow(stage=0, index=0, activities=[waiting])
    before = running(ExecutionStatus(), workflows=[view])
    told = attempted(before, PendingActivity(index=0, attempt=3, waiting_for="finalizers x"))
    assert (told.message, told.retries) == ("finalizers x", 2)
    told = attempted(before, PendingActivity(index=0, attempt=1))
    assert (told.message, told.retries) == (None, 1)


def test_an_attempt_of_an_action_that_is_over_changes_nothing() -> None:
    over = node("work", action("one", Phase.SUCCEEDED, "did it"), phase=Phase.RUNNING)
    fresh = state(stage("first", over, phase=Phase.RUNNING))
    attempts = [
        PendingActivity(index=0, attempt=2, waiting=True, errors=1, error="x"),
        PendingActivity(index=7, attempt=1),
    ]
    view = ObservedWorkflow(stage=0, index=0, activities=attempts)
    assert running(ExecutionStatus(), state=fresh, workflows=[view]).stages[0].workflows[0].actions == over.actions


def test_a_run_that_was_reset_may_go_back() -> None:
    before = running(ExecutionStatus(), state=done().model_copy(update={"phase": Phase.RUNNING}))
    fresh = state(stage("first", node("work", action("one")), phase=Phase.RUNNING))
    other = RUN.model_copy(update={"run_id": "another"})
    after = execution_status.running(before, other, seen(fresh), MOMENT)
    assert after.stages[0].workflows[0].actions[0].phase is Phase.PENDING


PHASES = some.sampled_from([Phase.PENDING, Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED, Phase.SKIPPED])


@some.composite
def trees(draw: some.DrawFn) -> RunState:
    """Trees of one shape, in any state, consistent or not."""
    stages = []
    for name in ("first", "second"):
        nodes = [
            node(work, *(action(one, draw(PHASES)) for one in ("one", "two")), phase=draw(PHASES))
            for work in ("work", "more")
        ]
        stages.append(stage(name, *nodes, phase=draw(PHASES)))
    return state(*stages)


def ranks(of: RunState) -> list[int]:
    order = {Phase.PENDING: 0, Phase.RUNNING: 1}
    nodes: list[StageStatus | WorkflowExecutionStatus | ActionStatus] = []
    for one in of.stages:
        nodes += [one, *one.workflows, *(each for work in one.workflows for each in work.actions)]
    return [order.get(each.phase, 2) for each in nodes]


@given(trees(), trees())
def test_no_stage_ever_goes_backwards(old: RunState, new: RunState) -> None:
    merged = merge.forward(old, new)
    for before, after in zip(old.stages, merged.stages, strict=True):
        assert ranks(RunState(stage_statuses=[after]))[0] >= ranks(RunState(stage_statuses=[before]))[0]


@given(trees(), trees())
def test_moving_forward_twice_changes_nothing_more(old: RunState, new: RunState) -> None:
    once = merge.forward(old, new)
    assert merge.forward(once, new) == once


@given(trees())
def test_a_tree_is_not_changed_by_itself(one: RunState) -> None:
    assert merge.forward(one, one) == one


# The end.


def test_the_end_is_what_the_run_left() -> None:
    before = running(ExecutionStatus())
    after = ended(before, status=RunStatus.COMPLETED, state=done(), close_time=NOW)
    assert after.phase is Phase.SUCCEEDED
    assert after.stage_statuses == done().stage_statuses
    assert condition(after, conditions.ConditionType.COMPLETED) == ("True", "Succeeded")


def test_what_a_worker_of_an_earlier_release_skipped_is_not_counted_as_done() -> None:
    left = done().model_copy(
        update={
            "summary": Summary(total_stages=2, succeeded_stages=1, total_actions=3, succeeded_actions=1),
            "progress": Progress(stages="2/2", actions="3/3"),
        }
    )
    after = ended(running(ExecutionStatus()), status=RunStatus.COMPLETED, state=left, close_time=NOW)
    assert after.progress == Progress(stages="1/2", actions="1/3")


@pytest.mark.parametrize(
    ("end", "reason", "message"),
    [
        (RunStatus.TERMINATED, "by hand", "The workflow was terminated from outside, outcome unknown: by hand"),
        (RunStatus.TIMED_OUT, "", "The workflow was timed out in the engine, outcome unknown"),
        (RunStatus.FAILED, "a bug", "The workflow broke down, outcome unknown: a bug"),
        (RunStatus.COMPLETED, "", "The workflow broke down, outcome unknown: it left no state"),
    ],
)
def test_a_run_that_leaves_no_tree_ends_with_the_last_one_and_says_what_is_unknown(
    end: RunStatus, reason: str, message: str
) -> None:
    after = ended(running(ExecutionStatus()), REVERT, status=end, cause=reason, close_time=NOW + timedelta(seconds=90))
    assert (after.phase, after.message, after.duration) == (Phase.FAILED, message, "1m30s")
    phases = [[one.phase for one in work.actions] for part in after.stages for work in part.workflows]
    assert phases == [[Phase.FAILED, Phase.SKIPPED], [Phase.SKIPPED]]
    assert (after.stages[0].workflows[0].actions[0].message or "").startswith("Outcome unknown")
    assert condition(after, conditions.ConditionType.CLEAN) == ("Unknown", "OutcomeUnknown")


def test_a_run_cancelled_before_it_had_a_tree_did_nothing() -> None:
    after = ended(ExecutionStatus(), status=RunStatus.CANCELED, close_time=NOW + timedelta(seconds=2))
    assert (after.phase, after.message) == (Phase.CANCELED, "Plan execution canceled before anything was begun")
    assert condition(after, conditions.ConditionType.CANCEL_REQUESTED) == ("True", "Effective")


def test_a_run_cancelled_without_last_words_has_an_unknown_outcome() -> None:
    after = ended(running(ExecutionStatus()), status=RunStatus.CANCELED, close_time=NOW)
    assert after.phase is Phase.FAILED
    assert "outcome unknown" in (after.message or "")


def test_a_run_that_the_engine_does_not_know_is_said_to_be_so() -> None:
    after = execution_status.run_unknown(running(ExecutionStatus()), MOMENT)
    assert (after.phase, after.message) == (Phase.FAILED, run_messages.run_unknown(RUN.workflow_id))
    assert after.completion_time == NOW


def with_action(change: dict[str, object]) -> RunState:
    first = TREE.stages[0]
    work = first.workflows[0]
    actions = [work.actions[0].model_copy(update=change), *work.actions[1:]]
    work = work.model_copy(update={"action_statuses": actions})
    first = first.model_copy(update={"workflow_executions": [work, *first.workflows[1:]]})
    return TREE.model_copy(update={"stage_statuses": [first, *TREE.stages[1:]]})


def test_retries_that_only_the_engine_counted_are_kept_when_a_cancel_ends_the_action() -> None:
    shown = with_action({"retries": 2, "retry_count": 2})
    left = with_action({"phase": Phase.CANCELED, "retries": 0, "retry_count": 0})
    after = merge.as_shown(shown.stages, left).stages[0].workflows[0].actions[0]
    assert (after.phase, after.retries, after.retry_count) == (Phase.CANCELED, 2, 2)


def at(tree: RunState, seconds: int) -> RunState:
    """A tree all nodes of which began and ended so much later than NOW; those that run have no end."""

    def timed(one: Any) -> dict[str, Any]:
        start = NOW + timedelta(seconds=seconds)
        ended = transitions.end_times(start, start + timedelta(seconds=5)) if one.phase.terminal else {}
        return {"start_time": start, **{name: ended[name] for name in ended if name in type(one).model_fields}}

    stages = []
    for each in tree.stages:
        workflows = []
        for work in each.workflows:
            actions = [one.model_copy(update=timed(one)) for one in work.actions]
            workflows.append(work.model_copy(update={"action_statuses": actions, **timed(work)}))
        stages.append(each.model_copy(update={"workflow_executions": workflows, **timed(each)}))
    return tree.model_copy(update={"stage_statuses": stages})


def test_times_that_were_shown_stay_when_a_task_of_the_workflow_is_done_again() -> None:
    first, again = at(done(), 0), at(done(), 22)
    assert merge.forward(first, again).stages == first.stages
    assert merge.as_shown(first.stages, again).stages == first.stages
    runs = done(Phase.RUNNING)
    begun = merge.as_shown(at(runs, 0).stages, again).stages[0]
    assert (begun.start_time, begun.completion_time, begun.duration) == (NOW, NOW + timedelta(seconds=27), "27s")


def test_an_open_run_has_no_end_whatever_its_worker_says() -> None:
    said = at(done(), 0).model_copy(update=transitions.end_times(NOW, NOW + timedelta(seconds=9)))
    after = running(ExecutionStatus(), state=said)
    assert (after.phase, after.completion_time, after.duration) == (Phase.RUNNING, None, None)
    assert "completionTime" not in after.to_object()
    assert ended(after, status=RunStatus.COMPLETED, state=said).completion_time == said.completion_time


def test_a_revert_says_whether_it_left_something_standing() -> None:
    left = done().model_copy(update={"left_standing": ["ConfigMap default/a", "ConfigMap default/b"]})
    after = ended(ExecutionStatus(), REVERT, status=RunStatus.COMPLETED, state=left)
    assert condition(after, conditions.ConditionType.CLEAN) == ("False", "ObjectsLeftStanding")
    found = conditions.find(after.conditions, conditions.ConditionType.CLEAN)
    assert found is not None
    assert found.message == "2 objects left standing: ConfigMap default/a, ConfigMap default/b"
    after = ended(ExecutionStatus(), REVERT, status=RunStatus.COMPLETED, state=done())
    assert condition(after, conditions.ConditionType.CLEAN) == ("True", "NothingLeftStanding")


def test_a_revert_that_stopped_early_is_not_clean() -> None:
    failed = done().model_copy(update={"phase": Phase.FAILED})
    after = ended(ExecutionStatus(), REVERT, status=RunStatus.FAILED, state=failed)
    assert condition(after, conditions.ConditionType.CLEAN) == ("False", "RollbackIncomplete")


def test_a_revert_that_failed_names_what_it_did_not_delete() -> None:
    left = done(Phase.FAILED).model_copy(update={"not_deleted": ["ConfigMap default/b", "ConfigMap default/a"]})
    after = ended(ExecutionStatus(), REVERT, status=RunStatus.FAILED, state=left)
    assert condition(after, conditions.ConditionType.CLEAN) == ("False", "RollbackIncomplete")
    found = conditions.find(after.conditions, conditions.ConditionType.CLEAN)
    assert found is not None
    said = "The rollback stopped early: 2 objects left standing: ConfigMap default/b, ConfigMap default/a"
    assert found.message == said
    both = left.model_copy(update={"left_standing": ["ConfigMap default/c"]})
    after = ended(ExecutionStatus(), REVERT, status=RunStatus.FAILED, state=both)
    found = conditions.find(after.conditions, conditions.ConditionType.CLEAN)
    assert found is not None
    assert found.message == ("3 objects left standing: ConfigMap default/b, ConfigMap default/a, ConfigMap default/c")


def test_a_long_list_of_objects_left_standing_is_cut() -> None:
    left = done().model_copy(update={"left_standing": [f"ConfigMap default/{number}" for number in range(9000)]})
    after = ended(ExecutionStatus(), REVERT, status=RunStatus.COMPLETED, state=left)
    found = conditions.find(after.conditions, conditions.ConditionType.CLEAN)
    assert found is not None
    assert found.message.startswith("9000 objects left standing")
    assert len(found.message) <= run_messages.CONDITION_BOUND


@pytest.mark.parametrize(("of_today", "told"), [(False, ("True", "AsExecuted")), (True, ("False", "CurrentOnesUsed"))])
def test_a_revert_says_which_definitions_it_works_with(of_today: bool, told: tuple[str, str]) -> None:
    running_tree = TREE.model_copy(update={"definitions_of_today": of_today})
    after = execution_status.running(ExecutionStatus(), RUN, seen(running_tree), REVERT)
    assert condition(after, conditions.ConditionType.DEFINITIONS_KEPT) == told
    after = execution_status.running(after, RUN, seen(None), REVERT)
    assert condition(after, conditions.ConditionType.DEFINITIONS_KEPT) == told
    left = done().model_copy(update={"definitions_of_today": of_today})
    after = ended(ExecutionStatus(), REVERT, status=RunStatus.COMPLETED, state=left)
    assert condition(after, conditions.ConditionType.DEFINITIONS_KEPT) == told


def test_what_works_with_no_definitions_says_nothing_of_them() -> None:
    rejected = RunState(phase=Phase.FAILED)
    for after in (
        running(ExecutionStatus()),
        ended(ExecutionStatus(), status=RunStatus.COMPLETED, state=done()),
        ended(ExecutionStatus(), REVERT, status=RunStatus.FAILED, state=rejected),
    ):
        assert conditions.find(after.conditions, conditions.ConditionType.DEFINITIONS_KEPT) is None


@pytest.mark.parametrize("field", ["snapshot", "decision"])
def test_what_is_stored_for_a_run_is_named_with_the_first_tree_and_stays(field: str) -> None:
    kept = SnapshotRef(name="drplan-1", sha256="ab")
    after = running(ExecutionStatus(), state=TREE.model_copy(update={field: kept}))
    assert getattr(after, field) == kept
    assert getattr(running(after, state=None), field) == kept
    assert getattr(ended(after, status=RunStatus.TERMINATED), field) == kept
    left = done().model_copy(update={field: kept})
    assert getattr(ended(ExecutionStatus(), status=RunStatus.COMPLETED, state=left), field) == kept


def test_each_further_loss_of_an_actions_attempts_is_told_once() -> None:
    def after_losses(losses: int) -> ExecutionStatus:
        waiting = transitions.action_lost(action("one"), losses, losses - 1, timedelta(seconds=10))
        tree = state(stage("first", node("work", waiting, phase=Phase.RUNNING), phase=Phase.RUNNING))
        return ExecutionStatus(stage_statuses=tree.stages)

    three, four = after_losses(3), after_losses(4)
    [(path, message)] = execution_status.lost_attempts(running(ExecutionStatus()), three)
    assert path == "first/work/one"
    assert message == "3 attempts were lost with their workers: the next one begins in 10s"
    assert execution_status.lost_attempts(three, three) == []
    assert [path for path, _ in execution_status.lost_attempts(three, four)] == ["first/work/one"]
    assert execution_status.lost_attempts(four, running(ExecutionStatus())) == []


def test_work_and_waits_are_counted_apart_whenever_the_status_is_computed() -> None:
    def waiting(before: ExecutionStatus, seconds: int) -> ExecutionStatus:
        moment = MOMENT.model_copy(update={"now": NOW + timedelta(seconds=seconds)})
        return execution_status.waiting(before, conditions.WAITING_FOR_PLAN, "waiting", moment)

    queued = waiting(ExecutionStatus(), 0)
    assert waiting(queued, 7).timing == queued.timing
    assert queued.timing == Timing(current=TimingState.WAITING_FOR_TURN, since=NOW)
    run = RUN.model_copy(update={"start_time": NOW + timedelta(seconds=60)})
    paused = Pause(by="ada", since=NOW + timedelta(seconds=70))
    tree = state(stage("first", node("work", action("one")))).model_copy(update={"paused": paused})
    after = execution_status.running(queued, run, seen(tree), MOMENT)
    counted = Timing(working="10s", waiting_for_turn="1m")
    goes_on = {"current": TimingState.WAITING_FOR_PEOPLE, "since": paused.since}
    assert after.timing == counted.model_copy(update=goes_on)
    assert execution_status.running(after, run, seen(None), MOMENT).timing == after.timing, "no worker answers"
    gone = run.model_copy(update={"status": RunStatus.TERMINATED, "close_time": NOW + timedelta(seconds=100)})
    last = execution_status.closed(after, gone, MOMENT)
    assert last.timing == counted.model_copy(update={"waiting_for_people": "30s"})
    assert (last.paused, last.pauses) == (None, [Wait(since=paused.since, until=gone.close_time)])


def test_nothing_can_be_asked_of_a_preview() -> None:
    preview = MOMENT.model_copy(update={"preview": True})
    assert execution_status.running(ExecutionStatus(), RUN, seen(), preview).allowed_actions is None
    assert execution_status.running(ExecutionStatus(), RUN, seen(), MOMENT).allowed_actions
