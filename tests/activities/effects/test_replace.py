"""The operation Replace: the object that is there goes, the new one comes, once, however often an attempt dies."""

import json

from api.attempts import ActionOutcome
from api.failures import FailureType
from api.meta import CREATED_BY_ANNOTATION, ObjectReference
from api.nodes import ActionOutputs
from api.objects import Target
from api.phases import Operation, Phase
from tests.activities.live_namespace import HOLD, LiveNamespace, Object
from tests.activities.orders import Task, execution_of, subscription
from tests.faulty_server import Answer, Cut, FaultyServer

SHOP = "/subscriptions/shop"
POSTED = "/subscriptions"


def replaces(ns: LiveNamespace, timeout: str = "5m") -> Task:
    """Give the task to replace the Subscription `shop`."""
    return Task(ns, subscription("shop", ns.namespace, "Replace"), execution_of(ns), timeout=timeout)


def there(ns: LiveNamespace, **metadata: object) -> str:
    """Create the Subscription that is to be replaced; give its uid."""
    body = {
        "apiVersion": "apps.clusternet.io/v1alpha1",
        "kind": "Subscription",
        "metadata": {"name": "shop"} | metadata,
    }
    ns.create(body | {"spec": {"subscribers": [], "feeds": [], "schedulingStrategy": "Replication"}})
    return ns.uid("subscription", "shop")


def found(ns: LiveNamespace) -> Object:
    seen = ns.get("subscription", "shop")
    assert seen is not None
    return seen


def replaced(ns: LiveNamespace, existed: bool = True) -> ActionOutcome:
    reference = ObjectReference(
        api_version="apps.clusternet.io/v1alpha1",
        kind="Subscription",
        namespace=ns.namespace,
        name="shop",
        uid=ns.uid("subscription", "shop"),
    )
    return ActionOutcome(
        phase=Phase.SUCCEEDED,
        message=f"Replaced Subscription shop{'' if existed else ' (it did not exist before)'}",
        operation=Operation.REPLACE,
        created=True,
        outputs=ActionOutputs(subscription_ref=reference),
    )


async def test_the_former_object_goes_and_the_new_one_bears_the_mark(ns: LiveNamespace) -> None:
    former, task = there(ns), replaces(ns)
    outcome = await task.run()
    assert outcome == replaced(ns)
    assert found(ns)["metadata"]["uid"] != former
    assert found(ns)["metadata"]["annotations"] == {CREATED_BY_ANNOTATION: task.mark}
    assert "schedulingStrategy" not in found(ns)["spec"]
    kept = task.kept()
    assert kept is not None
    assert (kept.uid, kept.complete) == (former, True)
    assert kept.found["spec"]["schedulingStrategy"] == "Replication"


async def test_an_object_that_is_not_there_is_made(ns: LiveNamespace) -> None:
    assert await replaces(ns).run() == replaced(ns, existed=False)


async def test_an_attempt_killed_after_its_delete_was_accepted_goes_on_where_it_was(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    former, task = there(faulty_ns), replaces(faulty_ns)
    deleted = faulty.fault("DELETE", SHOP, Cut.HANG)
    await task.killed(lambda: deleted.met == 1 and faulty_ns.get("subscription", "shop") is None)
    assert await task.run() == replaced(faulty_ns)
    assert faulty_ns.deletions(at_least=1) == {former: 1}


async def test_an_attempt_killed_after_its_create_was_accepted_finds_its_own_object(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    former, task = there(faulty_ns), replaces(faulty_ns)
    faulty.fault("POST", POSTED, lambda: None)  # The dry run before the deletion.
    created = faulty.fault("POST", POSTED, Cut.HANG)
    await task.killed(lambda: created.met == 1 and faulty_ns.get("subscription", "shop") is not None)
    made = found(faulty_ns)["metadata"]["uid"]
    assert await task.run() == replaced(faulty_ns)
    assert found(faulty_ns)["metadata"]["uid"] == made
    assert faulty_ns.deletions(at_least=1) == {former: 1}


async def test_an_object_that_somebody_made_since_is_left_alone(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    former, task = there(faulty_ns), replaces(faulty_ns)
    deleted = faulty.fault("DELETE", SHOP, Cut.HANG)
    await task.killed(lambda: deleted.met == 1 and faulty_ns.get("subscription", "shop") is None)
    theirs = there(faulty_ns)
    error = await task.fails()
    assert error.message == (
        f"Failed to replace Subscription: Subscription {faulty_ns.namespace}/shop already exists, "
        "and it was not created by a plan; the former Subscription shop was deleted"
    )
    assert (error.type, error.non_retryable) == (FailureType.ALREADY_EXISTS, True)
    assert found(faulty_ns)["metadata"]["uid"] == theirs
    assert faulty_ns.deletions(at_least=1) == {former: 1}


async def test_a_finalizer_that_stays_fails_it_by_name(ns: LiveNamespace) -> None:
    there(ns, finalizers=[HOLD])
    error = await replaces(ns, timeout="4s").fails()
    assert error.message == (
        f"Failed to replace Subscription: Subscription shop still exists after 4s, waiting for finalizers {HOLD}"
    )
    assert (error.type, error.non_retryable) == (FailureType.DELETION_TIMED_OUT, True)
    ns.let_go("subscription", "shop")


async def test_a_new_object_that_is_refused_says_that_the_former_is_gone(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    there(faulty_ns)
    refusal = {"message": "subscription shop is denied", "reason": "Forbidden", "details": {"name": "shop"}}
    faulty.fault("POST", POSTED, lambda: None)  # The dry run before the deletion.
    faulty.fault("POST", POSTED, Answer(403, json.dumps(refusal)))
    error = await replaces(faulty_ns).fails()
    expected = "subscription shop is denied; the former Subscription shop was deleted"
    assert error.message == f"Failed to replace Subscription: {expected}"
    assert error.non_retryable


async def test_an_object_that_changes_at_the_last_moment_is_kept_as_it_was_then(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    there(ns)
    task = replaces(ns)
    faulty.fault("GET", SHOP, lambda: None)
    faulty.fault("GET", SHOP, lambda: ns.annotate("subscription", "shop", touched="yes"))
    await task.run()
    kept = task.kept()
    assert kept is not None
    assert kept.found["metadata"]["annotations"] == {"touched": "yes"}
    assert kept.complete


async def test_the_state_before_outlives_a_second_attempt(ns: LiveNamespace) -> None:
    former, task = there(ns), replaces(ns)
    assert await task.run() == await task.run() == replaced(ns)
    kept = task.kept()
    assert kept is not None
    assert kept.uid == former


async def test_after_a_cancel_a_new_object_of_ours_shows_that_it_was_done(ns: LiveNamespace) -> None:
    there(ns)
    task = replaces(ns)
    outcome = await task.run()
    assert await task.verify() == outcome


async def test_after_a_cancel_between_the_halves_both_are_told(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    there(faulty_ns)
    task = replaces(faulty_ns)
    deleted = faulty.fault("DELETE", SHOP, Cut.HANG)
    await task.killed(lambda: deleted.met == 1 and faulty_ns.get("subscription", "shop") is None)
    outcome = await task.verify()
    assert outcome.phase is Phase.CANCELED
    expected = "Subscription shop was deleted, and the new one was not created"
    assert outcome.message == f"Canceled between two attempts: {expected}"


async def test_after_a_cancel_a_former_object_that_stands_shows_that_nothing_was_done(ns: LiveNamespace) -> None:
    uid = there(ns)
    outcome = await replaces(ns).verify()
    assert outcome.phase is Phase.CANCELED
    assert outcome.message.endswith("replace of Subscription shop was not done")
    target = Target(api_version="apps.clusternet.io/v1alpha1", kind="Subscription", name="shop", namespace=ns.namespace)
    assert (await ns.cluster.metadata(target, ns.actor))["uid"] == uid
