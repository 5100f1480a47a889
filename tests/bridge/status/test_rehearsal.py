"""When a plan is rehearsed, what, and what its conditions say of it: computed from what is stored."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from api.meta import Condition, ObjectMeta
from api.phases import OperationType, Phase
from api.plan import CurrentExecution, DRPlan, DRPlanStatus, ExecutionRecord, Rehearsal
from api.reasons import Reason
from api.tree import Obstacle, Preview, RunState
from bridge.status import conditions, rehearsal
from bridge.status.conditions import ConditionType, ConditionUpdate
from bridge.status.rehearsal import SETTLING, SPREAD, Subject
from tests.bridge.status.test_plan import NOW, after, execution, plan, returned

EXECUTE, REVERT = OperationType.EXECUTE, OperationType.REVERT
HOUR = timedelta(hours=1)
LONG_AGO = NOW - 30 * HOUR
CLEAR = RunState(phase=Phase.SUCCEEDED, preview=Preview())
OBSTACLE = Obstacle(action="make", reason=Reason.FORBIDDEN, message="Would fail")
OBSTRUCTED = RunState(phase=Phase.FAILED, preview=Preview(obstacle_count=1, obstacles=[OBSTACLE]))


def rehearsed(operation: OperationType | None = None, interval: str = "24h", generation: int = 3) -> DRPlan:
    one = plan()
    spec = one.spec.model_copy(update={"rehearsal": Rehearsal(interval=interval, operation=operation)})
    meta = ObjectMeta(name="plan", uid="uid-plan", generation=generation, creation_timestamp=LONG_AGO)
    return one.model_copy(update={"spec": spec, "metadata": meta})


def executed(*names: str, at: datetime = LONG_AGO) -> DRPlanStatus:
    """The status after Executes that succeeded, all of which ended at that time."""
    status = after(DRPlanStatus(), *(execution(name, Phase.SUCCEEDED) for name in names))
    history = [one.model_copy(update={"completion_time": at}) for one in status.execution_history or []]
    return status.model_copy(update={"execution_history": history})


def ran(
    of: DRPlan, status: DRPlanStatus, state: RunState | None = CLEAR, at: datetime = NOW, why_not: str = ""
) -> DRPlanStatus:
    """The status after a rehearsal that began at that time and took a second."""
    status = rehearsal.current(of, status, at)
    subject = rehearsal.subject_of(of, status)
    assert subject is not None
    found = rehearsal.result(subject.operation, state, why_not)
    return rehearsal.ended(of, rehearsal.begun(of, status, subject, at), found, at + timedelta(seconds=1))


def said(status: DRPlanStatus) -> dict[str, tuple[str, str]]:
    return {
        one.type: (one.status.value, one.reason) for one in status.conditions or [] if one.type in rehearsal.READINESS
    }


def found(status: DRPlanStatus, kind: ConditionType) -> Condition:
    condition = conditions.find(status.conditions, kind)
    assert condition is not None
    return condition


@pytest.mark.parametrize(
    ("operation", "status", "subject"),
    [
        (None, DRPlanStatus(), Subject(EXECUTE)),
        (None, executed("a"), Subject(REVERT, "a")),
        (None, executed("a", "b"), Subject(REVERT, "b")),
        (None, after(executed("a", "b"), returned("a")), Subject(REVERT, "a")),
        (EXECUTE, executed("a"), Subject(EXECUTE)),
        (REVERT, executed("a"), Subject(REVERT, "a")),
        (REVERT, DRPlanStatus(), None),
    ],
)
def test_what_makes_sense_now_is_rehearsed(
    operation: OperationType | None, status: DRPlanStatus, subject: Subject | None
) -> None:
    assert rehearsal.subject_of(rehearsed(operation), status) == subject


def test_the_first_rehearsal_is_due_at_once_and_the_next_within_the_interval() -> None:
    of = rehearsed()
    assert rehearsal.next_time(of, DRPlanStatus(), NOW) == NOW
    status = ran(of, DRPlanStatus())
    due = rehearsal.next_time(of, status, NOW)
    assert due is not None
    assert NOW + 24 * HOUR * (1 - SPREAD) <= due <= NOW + 24 * HOUR
    assert status.rehearsal is not None
    assert status.rehearsal.next_time == due


def test_a_plan_that_waits_for_its_turn_is_not_written_again() -> None:
    status = ran(rehearsed(), DRPlanStatus())
    assert rehearsal.current(rehearsed(), status, NOW + 26 * HOUR) == status


def test_many_plans_drift_apart() -> None:
    times = []
    for number in range(500):
        of = rehearsed()
        meta = of.metadata.model_copy(update={"uid": f"uid-{number}"})
        of = of.model_copy(update={"metadata": meta})
        due = rehearsal.next_time(of, ran(of, DRPlanStatus()), NOW)
        assert due is not None
        times.append(due)
    gaps = [later - earlier for earlier, later in pairwise(sorted(times))]
    assert max(times) - min(times) > 2 * HOUR, "over most of the tenth of a day"
    assert max(gaps) < timedelta(minutes=5)


@pytest.mark.parametrize("interval", ["", "soon", "4m59s", "8760h1s", "-1h", "9" * 80 + "h", "1" * 101 + "s"])
def test_an_interval_that_is_not_valid_rehearses_nothing_and_says_so(interval: str) -> None:
    of = rehearsed(interval=interval)
    assert rehearsal.next_time(of, DRPlanStatus(), NOW) is None
    status = rehearsal.current(of, DRPlanStatus(), NOW)
    assert said(status) == dict.fromkeys(rehearsal.READINESS, ("Unknown", "NotRehearsed"))


def test_a_change_of_the_plan_or_of_what_is_in_effect_is_rehearsed_soon() -> None:
    of = rehearsed()
    status = ran(of, DRPlanStatus())
    assert rehearsal.next_time(rehearsed(generation=4), status, NOW) == NOW + SETTLING
    of_revert = executed("a").model_copy(update={"rehearsal": status.rehearsal, "conditions": status.conditions})
    assert rehearsal.next_time(rehearsed(EXECUTE), of_revert, NOW) != NOW + SETTLING
    assert rehearsal.next_time(of, executed("a").model_copy(update={"rehearsal": status.rehearsal}), NOW) == (
        NOW + SETTLING
    )
    failed = ExecutionRecord(
        name="f", namespace="default", operation_type="Execute", phase="Failed", completion_time=NOW
    )
    later = status.model_copy(update={"execution_history": [failed]})
    assert rehearsal.next_time(of, later, NOW) == NOW + SETTLING


def test_none_begins_in_the_second_in_which_an_execution_ended() -> None:
    assert rehearsal.next_time(rehearsed(), executed("a", at=NOW), NOW) == NOW + timedelta(seconds=1)
    assert rehearsal.next_time(rehearsed(), executed("a", at=NOW - HOUR), NOW) == NOW


def test_what_is_not_known_is_asked_again_before_the_interval_is_over() -> None:
    of = rehearsed()
    status = ran(of, DRPlanStatus(), None, why_not="the API server does not answer")
    assert said(status)["Executable"] == ("Unknown", "NotKnown")
    assert found(status, ConditionType.EXECUTABLE).message == "the API server does not answer"
    assert rehearsal.next_time(of, status, NOW) == NOW + rehearsal.AGAIN
    often = rehearsed(interval="5m")
    assert rehearsal.next_time(often, ran(often, DRPlanStatus(), None), NOW) == NOW + timedelta(minutes=5)


def test_conditions_say_what_was_found_about_which_generation() -> None:
    of = rehearsed()
    status = ran(of, DRPlanStatus(), OBSTRUCTED)
    condition = found(status, ConditionType.EXECUTABLE)
    assert (condition.status, condition.reason, condition.observed_generation) == ("False", "Obstructed", 3)
    assert condition.message == "1 obstacle: make: Would fail"
    assert said(status)["Revertible"] == ("Unknown", "NothingToRevert")
    again = ran(of, status, OBSTRUCTED, NOW + 24 * HOUR)
    assert found(again, ConditionType.EXECUTABLE).last_transition_time == condition.last_transition_time
    assert (
        found(ran(of, again, CLEAR, NOW + 48 * HOUR), ConditionType.EXECUTABLE).last_transition_time > NOW + 47 * HOUR
    )


def test_a_message_of_thousands_of_obstacles_is_bounded() -> None:
    many = [OBSTACLE.model_copy(update={"message": "x" * 300})] * 50
    state = RunState(preview=Preview(obstacle_count=5000, obstacles=many))
    message = found(ran(rehearsed(), DRPlanStatus(), state), ConditionType.EXECUTABLE).message
    assert message.startswith("5000 obstacles: ")
    assert len(message) < 4096


def test_the_revert_names_its_execute_and_executable_says_why_it_is_not_asked() -> None:
    status = ran(rehearsed(), executed("a"))
    assert said(status) == {"Executable": ("Unknown", "InEffect"), "Revertible": ("True", "NoObstacles")}
    assert found(status, ConditionType.REVERTIBLE).message.startswith("Revert of DRPlanExecution a: ")
    assert status.rehearsal is not None
    assert (status.rehearsal.operation, status.rehearsal.execution) == (REVERT, "a")


def test_a_result_about_another_execute_does_not_count() -> None:
    of = rehearsed()
    status = ran(of, executed("a"))
    both = executed("a", "b").model_copy(update={"rehearsal": status.rehearsal, "conditions": status.conditions})
    executable = conditions.ConditionUpdate(ConditionType.EXECUTED, True, "Executed", "")
    both = both.model_copy(update={"conditions": conditions.updated(both.conditions, [executable], NOW, 3)})
    assert said(rehearsal.current(of, both, NOW))["Revertible"] == ("Unknown", "NotRehearsed")


def test_only_the_condition_of_the_operation_that_is_rehearsed_is_there() -> None:
    assert set(said(ran(rehearsed(EXECUTE), executed("a")))) == {"Executable"}
    assert set(said(ran(rehearsed(REVERT), executed("a")))) == {"Revertible"}
    assert said(rehearsal.current(rehearsed(REVERT), DRPlanStatus(), NOW)) == {
        "Revertible": ("Unknown", "NothingToRevert")
    }


def test_without_rehearsal_nothing_is_left_of_it_and_other_conditions_stay() -> None:
    valid = ConditionUpdate(ConditionType.VALID, True, "Valid", "")
    before = DRPlanStatus(conditions=conditions.updated(None, [valid], NOW, 3))
    status = rehearsal.current(plan(), ran(rehearsed(), before), NOW)
    assert [one.type for one in status.conditions or []] == ["Valid"]
    assert status.rehearsal is None
    assert rehearsal.current(plan(), DRPlanStatus(), NOW) == DRPlanStatus()


def test_what_was_found_beside_an_execution_does_not_count() -> None:
    of = rehearsed()
    status = ran(of, DRPlanStatus(), CLEAR, NOW - HOUR)
    lock = CurrentExecution(name="e", namespace="default", uid="u")
    begun = rehearsal.begun(of, status, Subject(EXECUTE), NOW)
    found = rehearsal.result(EXECUTE, OBSTRUCTED)
    running = rehearsal.ended(of, begun.model_copy(update={"current_execution": lock}), found, NOW)
    assert said(running)["Executable"] == ("True", "NoObstacles")
    record = ExecutionRecord(
        name="e", namespace="default", operation_type="Execute", phase="Failed", completion_time=NOW
    )
    meanwhile = rehearsal.ended(of, begun.model_copy(update={"execution_history": [record]}), found, NOW)
    assert said(meanwhile)["Executable"] == ("True", "NoObstacles")
    assert not rehearsal.is_open(meanwhile)


def test_a_result_that_is_too_old_is_none() -> None:
    of = rehearsed()
    status = ran(of, DRPlanStatus())
    assert said(rehearsal.current(of, status, NOW + 48 * HOUR))["Executable"] == ("True", "NoObstacles")
    old = rehearsal.current(of, status, NOW + 49 * HOUR)
    assert said(old)["Executable"] == ("Unknown", "Overdue")
    assert [one.reason for one in rehearsal.changes(status, old)] == ["Overdue"]


def test_a_person_is_told_of_results_that_differ_and_of_nothing_else() -> None:
    of = rehearsed()
    clear = ran(of, DRPlanStatus())
    obstructed = ran(of, clear, OBSTRUCTED, NOW + 24 * HOUR)

    def told(before: DRPlanStatus, now: DRPlanStatus) -> list[tuple[str, str]]:
        return [(one.type, one.status.value) for one in rehearsal.changes(before, now)]

    assert told(DRPlanStatus(), rehearsal.current(of, DRPlanStatus(), NOW)) == []
    assert told(DRPlanStatus(), clear) == [("Executable", "True")]
    assert told(clear, ran(of, clear, CLEAR, NOW + 24 * HOUR)) == []
    assert told(clear, obstructed) == [("Executable", "False")]
    assert told(obstructed, ran(of, obstructed, OBSTRUCTED, NOW + 48 * HOUR)) == []
    assert told(clear, ran(of, executed("a"))) == [("Revertible", "True")]
