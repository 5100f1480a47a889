"""A Job's own words and its pods': has it ended, why did it fail, and may it have gone unseen?"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.effects import jobs
from planning.effects.jobs import JobResult
from planning.effects.object_fields import selector
from planning.effects.obstacles import last_failure

NOW = datetime(2026, 2, 3, 10, 10, tzinfo=UTC)
Object = dict[str, Any]


def job(*conditions: Object, **status: Any) -> Object:
    labels = {"batch.kubernetes.io/controller-uid": "u1", "a": "b"}
    spec = {"completions": 2, "selector": {"matchLabels": labels}}
    return {"spec": spec, "status": {"conditions": list(conditions), **status}}


def condition(name: str, status: str = "True", **more: str) -> Object:
    return {"type": name, "status": status, **more}


def pod(name: str, *containers: Object, **status: Any) -> Object:
    metadata = {"name": name, "creationTimestamp": "2026-02-03T10:00:00Z"}
    return {"metadata": metadata, "status": {"containerStatuses": list(containers), **status}}


def ended(code: int, at: str = "2026-02-03T10:01:00Z", state: str = "state", **more: Any) -> Object:
    return {"name": "main", state: {"terminated": {"exitCode": code, "finishedAt": at, **more}}}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], None),
        ([condition("Complete")], JobResult.COMPLETE),
        ([condition("Failed")], JobResult.FAILED),
        ([condition("Complete", "False"), condition("Failed", "Unknown")], None),
        ([condition("FailureTarget"), condition("SuccessCriteriaMet")], None),
        ([condition("Suspended"), condition("Complete")], JobResult.COMPLETE),
    ],
)
def test_it_has_ended_when_its_controller_says_so(conditions: list[Object], expected: JobResult | None) -> None:
    assert jobs.job_result(job(*conditions)) is expected


def test_its_progress_is_told() -> None:
    assert jobs.progress(job(succeeded=1)) == "1 of 2 completions"
    assert jobs.progress(job(failed=1)) == "0 of 2 completions, 1 pod failed"
    assert jobs.progress(job(condition("Suspended"))) == "it is suspended"


def test_a_failure_tells_of_the_job_and_of_its_last_pod() -> None:
    failed = job(condition("Failed", reason="BackoffLimitExceeded", message="Job has reached the limit"))
    first = pod("a", ended(1, "2026-02-03T10:01:00Z", reason="Error"))
    last = pod("b", ended(0), ended(3, "2026-02-03T10:02:00Z", reason="Error", message="disk full\n"))
    words = "BackoffLimitExceeded: Job has reached the limit: pod b: container main: Error (exit code 3): disk full"
    assert jobs.failure(failed, [last, first]) == words
    assert jobs.failure(failed, []) == "BackoffLimitExceeded: Job has reached the limit"


def test_a_pod_that_was_put_out_says_why() -> None:
    evicted = pod("a", reason="Evicted", message="The node was low on memory")
    assert last_failure([evicted]) == "pod a: Evicted: The node was low on memory"


def test_a_container_that_was_started_again_is_told_by_its_last_end() -> None:
    again = pod("a", {**ended(137, state="lastState", reason="OOMKilled"), "state": {"running": {}}})
    assert last_failure([again]) == "pod a: container main: OOMKilled (exit code 137)"


def test_an_init_container_counts() -> None:
    broken = {"metadata": {"name": "a"}, "status": {"initContainerStatuses": [ended(2)]}}
    assert last_failure([broken]) == "pod a: container main: ended (exit code 2)"


def test_pods_that_did_well_say_nothing() -> None:
    assert last_failure([pod("a", ended(0)), pod("b")]) == ""


def test_its_pods_are_found_by_its_own_selector() -> None:
    assert selector(job()) == "a=b,batch.kubernetes.io/controller-uid=u1"
    assert selector({}) == ""


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["status", "conditions", "type", "containerStatuses", "state", "terminated", "metadata", "spec"]
                ),
                inner,
            )
        ),
    )
)
def test_nothing_that_a_status_holds_breaks_the_judgement(value: Any) -> None:
    found = value if isinstance(value, dict) else {"status": value}
    jobs.job_result(found)
    jobs.progress(found)
    jobs.failure(found, [found])
    selector(found)
    jobs.time_to_live(found)
    jobs.may_have_gone(found, timedelta(seconds=1), NOW)


def test_the_time_to_live_is_the_one_that_is_sent() -> None:
    assert jobs.time_to_live({"spec": {"ttlSecondsAfterFinished": 0}}) == timedelta(0)
    assert jobs.time_to_live({"spec": {}}) is None


def test_a_time_to_live_that_no_job_can_have_is_a_long_one() -> None:
    assert jobs.time_to_live({"spec": {"ttlSecondsAfterFinished": 10**30}}) == timedelta(seconds=2**31)


@pytest.mark.parametrize(("lives", "pause"), [(None, 3), (600, 3), (4, 1), (0, 0.25)])
def test_a_job_that_goes_by_itself_is_looked_at_before_it_can(lives: int | None, pause: float) -> None:
    assert jobs.longest_pause({"spec": {"ttlSecondsAfterFinished": lives}}) == pause


@pytest.mark.parametrize(
    ("seconds_ago", "lives", "expected"),
    [(0, 600, False), (560, 600, False), (580, 600, True), (601, 600, True), (0, 0, True), (0, 20, True)],
)
def test_an_absent_job_may_have_gone_once_its_time_to_live_can_be_over(
    seconds_ago: int, lives: int, expected: bool
) -> None:
    asked = jobs.record(NOW - timedelta(seconds=seconds_ago))
    assert jobs.may_have_gone(asked, timedelta(seconds=lives), NOW) is expected


def test_a_record_that_cannot_be_read_proves_nothing() -> None:
    assert jobs.may_have_gone({"asked": "yesterday"}, timedelta(days=9), NOW)
