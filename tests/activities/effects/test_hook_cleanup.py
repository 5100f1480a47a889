"""hookCleanup: what bears the name goes before, the action's own object after it ended, and a hook runs once."""

import json
from typing import Any

import pytest

from api.attempts import ActionOutcome, AttemptFailure
from api.failures import FailureType
from api.meta import CREATED_BY_ANNOTATION
from api.phases import Operation, Phase
from tests.activities.live_namespace import HOLD, LiveNamespace, Object
from tests.activities.orders import Task, execution_of, manifest, subscription
from tests.faulty_server import Answer, Cut, FaultyServer
from tests.manifests import writes

HOOK = "/subscriptions/hook"
POSTED = "/subscriptions"
KEPT = "/controllerrevisions"


def hook(ns: LiveNamespace, operation: str = "Create", limit: int = 3, timeout: str = "5m", **when: bool) -> Task:
    """Give the task of a hook, the Subscription `hook`, that is removed then."""
    action = subscription("hook", ns.namespace, operation, hookCleanup=when)
    return Task(ns, action, execution_of(ns), limit=limit, timeout=timeout)


def left_by_somebody(ns: LiveNamespace, **metadata: Any) -> str:
    """Create an object with the hook's name; give its uid."""
    body = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Subscription"}
    ns.create(body | {"metadata": {"name": "hook", **metadata}, "spec": {"subscribers": [], "feeds": []}})
    return ns.uid("subscription", "hook")


def found(ns: LiveNamespace) -> Object | None:
    return ns.get("subscription", "hook")


def uid_in(outcome: ActionOutcome) -> str | None:
    assert outcome.outputs is not None
    assert outcome.outputs.subscription_ref is not None
    return outcome.outputs.subscription_ref.uid


@pytest.mark.parametrize("operation", ["Create", "Apply", "Replace"])
async def test_what_an_earlier_run_left_goes_first_and_is_kept(ns: LiveNamespace, operation: str) -> None:
    old, task = left_by_somebody(ns), hook(ns, operation, beforeCreate=True)
    outcome = await task.run()
    made = found(ns)
    assert made is not None
    assert made["metadata"]["annotations"] == {CREATED_BY_ANNOTATION: task.mark}
    assert (outcome.created, uid_in(outcome)) == (True, made["metadata"]["uid"])
    assert ns.deletions(at_least=1) == {old: 1}
    kept = task.kept()
    assert kept is not None
    assert (kept.uid, kept.complete) == (old, True)


async def test_where_nothing_was_left_nothing_goes(ns: LiveNamespace) -> None:
    outcome = await hook(ns, beforeCreate=True).run()
    assert outcome.message == "Created Subscription hook"
    assert ns.deletions() == {}


async def test_a_repeat_does_not_take_its_own_object_for_what_was_left(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    old, task = left_by_somebody(faulty_ns), hook(faulty_ns, beforeCreate=True)
    faulty.fault("POST", POSTED, lambda: None)  # The dry run before the deletion.
    accepted = faulty.fault("POST", POSTED, Cut.HANG)
    await task.killed(lambda: accepted.met == 1 and found(faulty_ns) is not None)
    uid = faulty_ns.uid("subscription", "hook")
    assert uid_in(await task.run()) == uid
    assert faulty_ns.deletions(at_least=1) == {old: 1}


async def test_without_it_what_was_left_is_an_error(ns: LiveNamespace) -> None:
    left_by_somebody(ns)
    assert (await hook(ns, onSuccess=True).fails()).type == FailureType.ALREADY_EXISTS
    assert ns.deletions() == {}


async def test_what_was_left_and_does_not_go_fails_the_hook_by_name(ns: LiveNamespace) -> None:
    left_by_somebody(ns, finalizers=[HOLD])
    error = await hook(ns, timeout="4s", beforeCreate=True).fails()
    expected = f"Subscription hook still exists after 4s, waiting for finalizers {HOLD}"
    assert error.message == f"Failed to create Subscription: {expected}"
    ns.let_go("subscription", "hook")


@pytest.mark.parametrize("operation", ["Create", "Apply", "Replace"])
async def test_after_a_success_the_object_goes_and_the_record_says_that_it_was_made(
    ns: LiveNamespace, operation: str
) -> None:
    outcome = await hook(ns, operation, onSuccess=True).run()
    assert outcome.phase is Phase.SUCCEEDED
    assert outcome.message.endswith("; removed by its hook cleanup")
    assert (outcome.operation, outcome.created) == (Operation(operation), True)
    assert found(ns) is None
    assert ns.deletions(at_least=1) == {uid_in(outcome): 1}


async def test_an_object_that_existed_before_stays_after_a_success(ns: LiveNamespace) -> None:
    uid = left_by_somebody(ns)
    outcome = await hook(ns, "Apply", onSuccess=True).run()
    assert (outcome.message, uid_in(outcome)) == ("Applied Subscription hook (it existed before)", uid)
    assert ns.uid("subscription", "hook") == uid


@pytest.mark.parametrize(
    ("method", "path"), [("POST", KEPT), ("DELETE", HOOK)], ids=["it was kept how it ended", "the removal was accepted"]
)
async def test_an_attempt_killed_after_the_hook_succeeded_does_not_run_it_again(
    faulty: FaultyServer, faulty_ns: LiveNamespace, method: str, path: str
) -> None:
    task = hook(faulty_ns, onSuccess=True)
    accepted = faulty.fault(method, path, Cut.HANG)
    await task.killed(lambda: accepted.met == 1)
    task.attempts.clear()
    outcome = await task.run()
    assert outcome.message == "Created Subscription hook; removed by its hook cleanup"
    assert found(faulty_ns) is None
    assert faulty.count("POST", POSTED) == 1
    assert faulty_ns.deletions(at_least=1) == {uid_in(outcome): 1}


async def test_a_second_attempt_after_a_whole_one_ends_like_the_first(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    task = hook(faulty_ns, onSuccess=True, beforeCreate=True, onFailure=True)
    assert await task.run() == await task.run()
    assert faulty.count("POST", POSTED) == 1


async def test_a_removal_that_fails_fails_the_action_and_the_record_says_what_stands(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    task = hook(faulty_ns, onSuccess=True)
    refusal = {"message": "subscriptions hook is protected", "reason": "Forbidden", "details": {"name": "hook"}}
    faulty.fault("DELETE", HOOK, Answer(403, json.dumps(refusal)))
    error = await task.fails()
    expected = "its hook cleanup failed: subscriptions hook is protected"
    assert error.message == f"Created Subscription hook; {expected}"
    assert error.non_retryable
    told = error.details[0]
    assert isinstance(told, AttemptFailure)
    assert told.created
    assert told.outputs is not None
    assert told.outputs.subscription_ref is not None
    assert told.outputs.subscription_ref.uid == faulty_ns.uid("subscription", "hook")


async def test_a_removal_that_is_worth_a_repeat_is_all_that_is_repeated(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    task = hook(faulty_ns, onSuccess=True)
    faulty.fault("DELETE", HOOK, Answer(503))
    assert not (await task.fails()).non_retryable
    assert (await task.run()).message == "Created Subscription hook; removed by its hook cleanup"
    assert faulty.count("POST", POSTED) == 1


async def test_after_the_last_failure_the_object_goes(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    task = hook(faulty_ns, limit=0, onFailure=True)
    faulty.fault("POST", POSTED, Cut.AFTER)
    faulty.fault("GET", HOOK, Answer(503))
    error = await task.fails()
    assert error.message.endswith("(whether it was created is not known); removed by its hook cleanup")
    assert error.non_retryable
    assert found(faulty_ns) is None


async def test_a_failure_that_is_repeated_leaves_the_object_to_the_next_attempt(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    task = hook(faulty_ns, onFailure=True)
    faulty.fault("POST", POSTED, Cut.AFTER)
    faulty.fault("GET", HOOK, Answer(503))
    await task.fails()
    uid = faulty_ns.uid("subscription", "hook")
    assert uid_in(await task.run()) == uid
    assert faulty_ns.deletions() == {}


async def test_an_action_whose_time_ran_out_is_cleaned_up_after(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    task = hook(faulty_ns, limit=0, timeout="4s", onFailure=True)
    faulty.fault("POST", POSTED, Cut.HANG)
    faulty.fault("GET", HOOK, Answer(503))
    error = await task.fails()
    assert error.type == FailureType.TIMED_OUT
    assert error.message.endswith("; removed by its hook cleanup")
    assert found(faulty_ns) is None


async def test_what_somebody_else_made_stays_after_a_failure(ns: LiveNamespace) -> None:
    uid = left_by_somebody(ns)
    error = await hook(ns, onFailure=True).fails()
    assert error.message.endswith("and it was not created by a plan")
    assert ns.uid("subscription", "hook") == uid


async def test_a_cleanup_that_fails_after_a_failure_is_told_with_it(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    task = hook(faulty_ns, limit=0, onFailure=True)
    faulty.fault("POST", POSTED, Cut.AFTER)
    faulty.fault("GET", HOOK, Answer(503))
    faulty.fault("DELETE", HOOK, Answer(403, json.dumps({"message": "it is protected"})))
    error = await task.fails()
    assert error.message.endswith("; its hook cleanup failed: it is protected")
    assert found(faulty_ns) is not None


async def test_after_a_cancel_a_hook_is_done_once_its_object_is_gone(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    task = hook(faulty_ns, onSuccess=True)
    held = faulty.fault("DELETE", HOOK, Cut.HANG)
    await task.killed(lambda: held.met == 1 and found(faulty_ns) is None)
    outcome = await task.verify()
    assert (outcome.phase, outcome.created) == (Phase.SUCCEEDED, True)
    assert outcome.message == "Created Subscription hook; removed by its hook cleanup"


async def test_after_a_cancel_a_hook_whose_object_stands_is_not_done_and_says_what_stands(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    task = hook(faulty_ns, onSuccess=True)
    faulty.fault("DELETE", HOOK, Answer(503))
    await task.fails()
    outcome = await task.verify()
    assert (outcome.phase, outcome.created) == (Phase.CANCELED, True)
    assert outcome.message == "Canceled between two attempts: Subscription hook still exists"
    assert uid_in(outcome) == faulty_ns.uid("subscription", "hook")


async def test_it_means_nothing_to_a_manifest(ns: LiveNamespace) -> None:
    body = json.dumps(manifest("hook", ns.namespace))
    task = Task(ns, writes("make", body, hookCleanup={"onSuccess": True}), execution_of(ns))
    assert (await task.run()).message == "Created ConfigMap hook"
    assert ns.get("configmap", "hook") is not None
