"""A Job action on the real API server and the real Job controller: created once, waited for, and told why it failed."""

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.authorize import actor_of
from api.attempts import ActionOutcome, AttemptFailure
from api.failures import FailureType
from api.meta import CREATED_BY_ANNOTATION, ObjectKey, ObjectReference
from api.nodes import ActionOutputs
from api.phases import Operation, Phase
from planning.definitions.identifiers import RecordKind
from planning.effects import jobs
from tests.activities.live_namespace import LiveNamespace, Object
from tests.activities.orders import Task, execution_of
from tests.eventually import eventually
from tests.fake_kubelet import fails, pods, succeeds, template
from tests.faulty_server import Answer, Cut, FaultyServer

WAITING = "to finish: 0 of 1 completion"


def runs(ns: LiveNamespace, name: str | None = "backup", execution: ObjectKey | None = None, **more: Any) -> Task:
    """Give the task to run a Job; `ttl` and all of Task's own settings may be given."""
    block: Object = {"namespace": ns.namespace, "template": template(name)}
    if "ttl" in more:
        block["ttlSecondsAfterFinished"] = more.pop("ttl")
    return Task(ns, {"name": "Back up", "type": "Job", "job": block}, execution, **more)


def outputs(ns: LiveNamespace, uid: str, name: str = "backup") -> ActionOutputs:
    reference = ObjectReference(api_version="batch/v1", kind="Job", namespace=ns.namespace, name=name, uid=uid)
    return ActionOutputs(job_ref=reference)


def completed(ns: LiveNamespace, uid: str) -> ActionOutcome:
    return ActionOutcome(
        phase=Phase.SUCCEEDED,
        message="Job backup completed",
        operation=Operation.CREATE,
        created=True,
        outputs=outputs(ns, uid),
    )


async def started(ns: LiveNamespace, task: Task, job: str = "backup") -> tuple["asyncio.Task[ActionOutcome]", str]:
    """Begin an attempt and return once it waits for the Job; give the attempt and the Job's uid."""
    running = asyncio.create_task(task.run())
    await eventually(lambda: running.done() or task.waits_for("to finish: 0 of 1 completion"), "it waits")
    assert not running.done(), running
    return running, ns.uid("job", job)


async def failure(running: "asyncio.Task[ActionOutcome]") -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await running
    return caught.value


def requests(ns: LiveNamespace, verb: str) -> int:
    """Count what the API server was asked to do with Jobs of this namespace."""
    lines = ns.stack.layout.audit_log.read_text().splitlines()
    wanted = (f'"verb":"{verb}"', f'"namespace":"{ns.namespace}"', '"resource":"jobs"', '"code":201')
    return sum(all(part in line for part in wanted) for line in lines)


async def test_a_job_is_created_with_the_mark_and_waited_for(ns: LiveNamespace) -> None:
    task = runs(ns, ttl=600)
    running, uid = await started(ns, task)
    job = ns.get("job", "backup")
    assert job is not None
    assert job["metadata"]["annotations"] == {"note": "kept", CREATED_BY_ANNOTATION: task.mark}
    assert job["metadata"]["labels"]["team"] == "shop"
    assert job["spec"]["ttlSecondsAfterFinished"] == 600
    await succeeds(ns, "backup")
    assert await running == completed(ns, uid)


async def test_a_job_without_a_name_gets_one_that_every_attempt_finds(ns: LiveNamespace) -> None:
    task = runs(ns, name=None)
    await task.killed(lambda: task.waits_for(WAITING))
    running = asyncio.create_task(task.run())
    [name] = ns.kubectl("get", "jobs", "-o", "name").split()
    assert name.startswith("job.batch/back-up-")
    await succeeds(ns, name.partition("/")[2])
    outcome = await running
    assert outcome.outputs == outputs(ns, ns.uid("job", name.partition("/")[2]), name.partition("/")[2])


async def test_a_failed_job_tells_of_its_pod_and_is_not_repeated(ns: LiveNamespace) -> None:
    running, uid = await started(ns, runs(ns))
    await fails(ns, "backup")
    error = await failure(running)
    pod = pods(ns, "backup")[0]["metadata"]["name"]
    reason = "BackoffLimitExceeded: Job has reached the specified backoff limit"
    message = f"Job backup failed: {reason}: pod {pod}: container main: Error (exit code 3): disk full"
    assert (error.message, error.type, error.non_retryable) == (message, FailureType.JOB_FAILED, True)
    remains = AttemptFailure(errors=1, operation=Operation.CREATE, created=True, outputs=outputs(ns, uid))
    assert error.details[0] == remains


async def test_a_failed_job_is_told_without_its_pod_where_the_account_may_not_see_pods(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    task = runs(faulty_ns)
    faulty.fault("GET", "/pods", Answer(403, '{"reason": "Forbidden", "message": "pods is forbidden"}'), times=9)
    running, _ = await started(faulty_ns, task)
    await fails(faulty_ns, "backup")
    error = await failure(running)
    assert error.message == "Job backup failed: BackoffLimitExceeded: Job has reached the specified backoff limit"


async def test_a_job_of_somebody_else_is_not_taken_for_ours(ns: LiveNamespace) -> None:
    ns.create({"apiVersion": "batch/v1", "kind": "Job"} | template())
    error = await runs(ns).fails()
    expected = f"Failed to create Job: Job {ns.namespace}/backup already exists, and it was not created by a plan"
    assert (error.message, error.type) == (expected, FailureType.ALREADY_EXISTS)


async def test_a_job_that_the_api_server_refuses_fails_without_a_repeat(ns: LiveNamespace) -> None:
    task = runs(ns)
    task.action["job"]["template"]["spec"]["template"]["spec"]["restartPolicy"] = "Sometimes"
    error = await task.fails()
    assert error.message.startswith('Failed to create Job: Job.batch "backup" is invalid: ')
    assert (error.type, error.non_retryable) == (FailureType.INVALID, True)


async def test_an_account_without_rights_runs_no_job(ns: LiveNamespace) -> None:
    error = await runs(ns, actor=actor_of(ns.namespace, "nobody")).fails()
    assert (error.type, error.non_retryable) == (FailureType.FORBIDDEN, True)
    assert ns.get("job", "backup") is None


async def test_a_job_that_goes_on_when_the_time_is_over_is_waited_for_by_the_next_attempt(ns: LiveNamespace) -> None:
    task = runs(ns, timeout="5s")
    error = await task.fails()
    assert error.message == "Job backup did not finish within 5s: 0 of 1 completion"
    assert (error.type, error.non_retryable) == (FailureType.TIMED_OUT, False)
    uid = ns.uid("job", "backup")
    assert error.details[0].outputs == outputs(ns, uid)
    task.timeout = "5m"
    running = asyncio.create_task(task.run())
    await succeeds(ns, "backup")
    assert await running == completed(ns, uid)
    assert requests(ns, "create") == 1


async def test_an_attempt_that_was_killed_while_it_waited_is_taken_up(ns: LiveNamespace) -> None:
    task = runs(ns)
    for _ in range(3):
        await task.killed(lambda: task.waits_for(WAITING))
    uid = ns.uid("job", "backup")
    running = asyncio.create_task(task.run())
    await succeeds(ns, "backup")
    assert await running == completed(ns, uid)
    assert requests(ns, "create") == 1


async def test_a_job_whose_creation_was_not_answered_is_found_by_its_mark(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    faulty.fault("POST", "/jobs", Cut.AFTER)
    running, uid = await started(faulty_ns, runs(faulty_ns))
    await succeeds(faulty_ns, "backup")
    assert await running == completed(faulty_ns, uid)


async def test_an_api_server_that_is_away_for_a_while_is_waited_for(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    task = runs(faulty_ns)
    faulty.fault("GET", "/jobs/backup", Cut.BEFORE, times=2)
    running, uid = await started(faulty_ns, task)
    assert task.waits_for("Waiting for the API server: ")
    await succeeds(faulty_ns, "backup")
    assert await running == completed(faulty_ns, uid)


async def test_a_job_that_may_not_be_looked_at_fails_and_is_recorded(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    faulty.fault("GET", "/jobs/backup", Answer(403, '{"reason": "Forbidden", "message": "no right to get"}'), times=9)
    error = await runs(faulty_ns).fails()
    assert error.message == "Job backup was created, but whether it has finished cannot be seen: no right to get"
    assert (error.type, error.details[0].created) == (FailureType.FORBIDDEN, True)


async def test_a_job_that_goes_before_its_end_was_seen_is_of_unknown_outcome(ns: LiveNamespace) -> None:
    running, uid = await started(ns, runs(ns))
    ns.delete("job", "backup")
    error = await failure(running)
    message = "Job backup was gone before it was seen to have finished: outcome unknown"
    assert (error.message, error.type, error.non_retryable) == (message, FailureType.OUTCOME_UNKNOWN, True)
    assert error.details[0].outputs == outputs(ns, uid)


async def test_a_job_that_its_ttl_removed_while_nobody_looked_is_not_run_again(ns: LiveNamespace) -> None:
    task = runs(ns, execution=execution_of(ns), ttl=0)
    await task.killed(lambda: task.waits_for(WAITING))
    await succeeds(ns, "backup")
    await eventually(lambda: ns.get("job", "backup") is None, "the Job's time to live is over")
    error = await task.fails()
    assert error.message == "Job backup was gone before it was seen to have finished: outcome unknown"
    assert error.type == FailureType.OUTCOME_UNKNOWN
    assert requests(ns, "create") == 1


async def test_a_job_with_a_short_time_to_live_is_looked_at_often_enough(ns: LiveNamespace) -> None:
    running, uid = await started(ns, runs(ns, execution=execution_of(ns), ttl=2))
    await asyncio.sleep(5)  # the pauses between two looks have become as long as they will
    await succeeds(ns, "backup")
    assert await running == completed(ns, uid)


async def test_it_is_not_run_again_even_if_nothing_was_heard_of_the_lost_attempt(ns: LiveNamespace) -> None:
    task = runs(ns, execution=execution_of(ns), ttl=0)
    await task.killed(lambda: task.waits_for(WAITING))
    task.attempts[-1].beats.clear()
    await succeeds(ns, "backup")
    await eventually(lambda: ns.get("job", "backup") is None, "the Job's time to live is over")
    error = await task.fails()
    assert error.type == FailureType.OUTCOME_UNKNOWN
    assert requests(ns, "create") == 1


async def test_a_job_that_was_never_asked_for_is_created_after_a_kill(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    task = runs(faulty_ns, execution=execution_of(faulty_ns), ttl=5)
    faulty.fault("GET", "/controllerrevisions/.*", Cut.HANG)
    await task.killed(lambda: faulty.count("GET", "/controllerrevisions/.*") == 1)
    task.attempts[-1].beats.clear()
    running, uid = await started(faulty_ns, task)
    await succeeds(faulty_ns, "backup")
    assert (await running).outputs == outputs(faulty_ns, uid)


async def test_a_job_whose_time_to_live_cannot_be_over_is_created_after_a_kill_before_the_request(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    task = runs(faulty_ns, execution=execution_of(faulty_ns), ttl=600)
    refused = faulty.fault("POST", "/jobs", Cut.BEFORE)
    faulty.fault("GET", "/jobs/backup", Cut.HANG)
    await task.killed(lambda: refused.met == 1)
    running, uid = await started(faulty_ns, task)
    await succeeds(faulty_ns, "backup")
    assert await running == completed(faulty_ns, uid)


async def test_a_job_that_was_refused_is_asked_for_anew(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    task = runs(faulty_ns, execution=execution_of(faulty_ns), ttl=5)
    faulty.fault("POST", "/jobs", Answer(429, '{"reason": "TooManyRequests", "message": "later"}'))
    assert (await task.fails()).type == FailureType.TRANSIENT
    assert task.records(RecordKind.ASKED)[-1]["data"] == jobs.WITHDRAWN
    running, uid = await started(faulty_ns, task)
    await succeeds(faulty_ns, "backup")
    assert (await running).outputs == outputs(faulty_ns, uid)


async def test_nothing_is_kept_of_a_job_that_stays(ns: LiveNamespace) -> None:
    execution = execution_of(ns)
    task = runs(ns, execution=execution)
    running, _ = await started(ns, task)
    await succeeds(ns, "backup")
    await running
    assert ns.kubectl("get", "controllerrevisions", "-o", "name") == ""


async def test_after_a_cancel_a_job_is_looked_at(ns: LiveNamespace) -> None:
    task = runs(ns)
    before = await task.verify()
    expected = ActionOutcome(
        phase=Phase.CANCELED, message="Canceled between two attempts: create of Job backup was not done"
    )
    assert before == expected
    await task.killed(lambda: task.waits_for(WAITING))
    meanwhile, uid = await task.verify(), ns.uid("job", "backup")
    going_on = "Canceled between two attempts: Job backup has not finished: 0 of 1 completion"
    assert meanwhile == completed(ns, uid).model_copy(update={"phase": Phase.CANCELED, "message": going_on})
    await succeeds(ns, "backup")
    await eventually(lambda: '"Complete"' in ns.kubectl("get", "job", "backup", "-o", "json"), "it has completed")
    assert await task.verify() == completed(ns, uid)


async def test_after_a_cancel_a_failed_job_is_recorded_as_canceled_with_its_reason(ns: LiveNamespace) -> None:
    task = runs(ns)
    await task.killed(lambda: task.waits_for(WAITING))
    await fails(ns, "backup")
    await eventually(lambda: '"Failed"' in ns.kubectl("get", "job", "backup", "-o", "jsonpath={.status}"), "failed")
    outcome = await task.verify()
    assert outcome.phase is Phase.CANCELED
    assert outcome.message.startswith("Canceled between two attempts: Job backup failed: BackoffLimitExceeded")
    assert outcome.created is True


async def test_a_job_goes_with_its_pods_where_the_mode_is_delete(ns: LiveNamespace) -> None:
    task = runs(ns)
    await task.killed(lambda: task.waits_for(WAITING))
    await eventually(lambda: bool(pods(ns, "backup")), "the Job has a pod")
    task.operation = Operation.DELETE
    assert (await task.run()).message == "Deleted Job backup"
    assert pods(ns, "backup") == []
