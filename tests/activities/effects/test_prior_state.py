"""The state of an object before Apply, Patch, Delete or Replace: kept whole or marked as incomplete, never a Secret."""

import json
from typing import Any

import pytest

from api.meta import CREATED_BY_ANNOTATION, EXECUTION_UID_LABEL
from planning.definitions.identifiers import RecordKind
from planning.effects.prior_state import BOUND, PriorState
from tests.activities.live_namespace import HOLD, LiveNamespace, Object
from tests.activities.orders import Task, execution_of, manifest
from tests.activities.snapshot_of_a_plan import carry_out, keep
from tests.faulty_server import Answer, Cut, FaultyServer
from tests.manifests import writes

APP = "/configmaps/app"
KEPT = "/controllerrevisions"


def changes(ns: LiveNamespace, operation: str, kind: str = "ConfigMap", **more: Any) -> Task:
    """Give the task to change the object `app`."""
    body = manifest("app", ns.namespace, kind, **({} if operation == "Delete" else {"data": {"text": "bmV3"}}))
    return Task(ns, writes("change", json.dumps(body), operation), execution_of(ns), **more)


def there(ns: LiveNamespace, **metadata: Any) -> Object:
    ns.create(manifest("app", ns.namespace, metadata=metadata, data={"text": "old"}))
    return found(ns)


def found(ns: LiveNamespace) -> Object:
    seen = ns.get("configmap", "app")
    assert seen is not None
    return seen


def touch(ns: LiveNamespace, text: str) -> None:
    ns.patch("configmap", "app", {"data": {"text": text}})


def kept(task: Task) -> PriorState:
    record = task.kept()
    assert record is not None
    return record


@pytest.mark.parametrize("operation", ["Apply", "Patch", "Delete"])
async def test_the_object_is_kept_as_it_was_beside_the_execution(ns: LiveNamespace, operation: str) -> None:
    before, task = there(ns, labels={"team": "a"}), changes(ns, operation)
    await task.run()
    metadata = {name: value for name, value in before["metadata"].items() if name != "managedFields"}
    uid, version = metadata["uid"], metadata["resourceVersion"]
    assert kept(task) == PriorState(uid, version, before | {"metadata": metadata}, complete=True)
    record = ns.admin.list("controllerrevisions", ns.namespace)[0]["metadata"]
    assert task.execution is not None
    assert record["labels"] == {EXECUTION_UID_LABEL: task.execution.uid}
    assert record["annotations"] == {CREATED_BY_ANNOTATION: task.mark}
    assert [owner["uid"] for owner in record["ownerReferences"]] == [task.execution.uid]


@pytest.mark.parametrize("operation", ["Create", "Apply", "Delete"])
async def test_nothing_is_kept_where_nothing_was(ns: LiveNamespace, operation: str) -> None:
    task = changes(ns, operation)
    await task.run()
    assert task.kept() is None


@pytest.mark.parametrize("operation", ["Apply", "Patch", "Delete"])
async def test_the_data_of_a_secret_is_never_kept(ns: LiveNamespace, operation: str) -> None:
    body = manifest("app", ns.namespace, "Secret", stringData={"password": "correct-horse"})
    ns.kubectl("apply", "-f", "-", stdin=json.dumps(body))
    assert "Y29ycmVjdC1ob3JzZQ==" in str(ns.get("secret", "app"))
    task = changes(ns, operation, "Secret")
    await task.run()
    record = kept(task)
    assert not record.complete
    assert record.reason == "it holds a Secret, and the data of a Secret is never kept"
    stored = ns.kubectl("get", "controllerrevisions", "-o", "yaml")
    assert "password" not in stored
    assert record.found["metadata"]["name"] == "app"


async def test_an_object_over_the_bound_is_kept_by_name_only(ns: LiveNamespace) -> None:
    ns.create(manifest("app", ns.namespace, data={"text": "x" * BOUND}))
    task = changes(ns, "Patch")
    await task.run()
    record = kept(task)
    assert not record.complete
    assert record.reason.endswith(f"bytes, and at most {BOUND} are kept")
    assert "data" not in record.found


@pytest.mark.parametrize("operation", ["Apply", "Patch", "Delete"])
async def test_what_somebody_wrote_at_the_last_moment_is_kept(
    faulty: FaultyServer, faulty_ns: LiveNamespace, operation: str
) -> None:
    ns = faulty_ns
    there(ns)
    task = changes(ns, operation)
    faulty.fault("GET", APP, lambda: touch(ns, "theirs"))
    await task.run()
    record = kept(task)
    assert (record.found["data"], record.complete) == ({"text": "theirs"}, True)


@pytest.mark.parametrize("operation", ["Apply", "Patch"])
async def test_a_change_that_is_not_recorded_is_not_made(
    faulty: FaultyServer, faulty_ns: LiveNamespace, operation: str
) -> None:
    before = there(faulty_ns)
    task = changes(faulty_ns, operation)
    faulty.fault("POST", KEPT, Answer(503))
    error = await task.fails()
    assert error.message.startswith("Failed to keep ControllerRevision ")
    assert not error.non_retryable
    assert found(faulty_ns) == before


@pytest.mark.parametrize("operation", ["Apply", "Patch"])
async def test_an_accepted_change_that_somebody_undid_is_made_again_and_the_state_is_no_longer_trusted(
    faulty: FaultyServer, faulty_ns: LiveNamespace, operation: str
) -> None:
    ns = faulty_ns
    there(ns)
    task = changes(ns, operation)
    accepted = faulty.fault("PATCH", APP, Cut.HANG)
    await task.killed(lambda: accepted.met == 1 and found(ns)["data"]["text"] == "bmV3")
    touch(ns, "theirs")
    await task.run()
    assert found(ns)["data"] == {"text": "bmV3"}
    record = kept(task)
    assert (record.found["data"], record.complete) == ({"text": "theirs"}, False)
    assert record.reason == "an attempt before may have changed it already"
    assert [each["data"]["complete"] for each in task.records(RecordKind.BEFORE)] == [True, False]


async def test_an_apply_killed_after_it_was_accepted_keeps_the_state_before(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    there(ns)
    task = changes(ns, "Apply")
    accepted = faulty.fault("PATCH", APP, Cut.HANG)
    await task.killed(lambda: accepted.met == 1 and found(ns)["data"]["text"] == "bmV3")
    after = found(ns)["metadata"]["resourceVersion"]
    outcome = await task.run()
    assert (outcome.message, outcome.created) == ("Applied ConfigMap app (it existed before)", False)
    assert found(ns)["metadata"]["resourceVersion"] == after
    assert (kept(task).found["data"], kept(task).complete) == ({"text": "old"}, True)


async def test_a_delete_killed_after_it_was_accepted_keeps_the_state_before(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    uid = there(ns)["metadata"]["uid"]
    task = changes(ns, "Delete")
    accepted = faulty.fault("DELETE", APP, Cut.HANG)
    await task.killed(lambda: accepted.met == 1 and ns.get("configmap", "app") is None)
    task.attempts.clear()
    outcome = await task.run()
    assert outcome.message == "Deleted ConfigMap app", "known by the record, under a new schedule too"
    assert outcome.outputs is not None
    assert outcome.outputs.resource_ref is not None
    assert outcome.outputs.resource_ref.uid == uid
    assert kept(task).found["data"] == {"text": "old"}
    assert ns.deletions(at_least=1) == {uid: 1}


async def test_a_delete_that_waits_for_a_finalizer_keeps_the_state_before_it(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    ns = faulty_ns
    there(ns, finalizers=[HOLD])
    task = changes(ns, "Delete")
    await task.killed(lambda: task.waits_for(HOLD))
    ns.let_go("configmap", "app")
    await task.run()
    assert "deletionTimestamp" not in kept(task).found["metadata"]
    assert kept(task).complete


async def test_an_object_that_was_on_its_way_out_already_is_no_state_to_go_back_to(ns: LiveNamespace) -> None:
    there(ns, finalizers=[HOLD])
    ns.delete("configmap", "app", wait=False)
    task = changes(ns, "Delete")
    await task.killed(lambda: task.waits_for(HOLD))
    ns.let_go("configmap", "app")
    await task.run()
    assert not kept(task).complete
    assert kept(task).reason == "somebody had asked for its deletion before the action did"


async def test_an_object_that_was_made_anew_between_two_attempts_is_kept_anew(ns: LiveNamespace) -> None:
    there(ns)
    task = changes(ns, "Apply")
    await task.run()
    ns.delete("configmap", "app")
    ns.create(manifest("app", ns.namespace, data={"text": "another"}))
    await task.run()
    record = kept(task)
    assert (record.found["data"], record.complete) == ({"text": "another"}, True)


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_what_is_kept_is_out_of_reach_of_the_account_of_a_plan(ns: LiveNamespace, verb: str) -> None:
    asked = ("auth", "can-i", verb, "controllerrevisions", "-n", ns.namespace, f"--as={ns.actor.user}")
    assert ns.stack.kubectl(*asked, check=False).stdout.strip() == "no"


async def test_a_secret_value_of_the_plan_that_it_wrote_before_is_not_kept(ns: LiveNamespace) -> None:
    body = manifest("app", ns.namespace, data={"url": "shop:$(params.password)@shop"})
    value = [{"name": "password", "value": "correct-horse"}]
    origin = await keep(ns, writes("change", json.dumps(body), "Apply"), globalParams=value)
    ns.create(manifest("app", ns.namespace, data={"url": "old:correct-horse@shop"}))
    await carry_out(ns, origin, "change")
    assert found(ns)["data"] == {"url": "shop:correct-horse@shop"}
    stored = ns.kubectl("get", "controllerrevisions", "-o", "yaml")
    assert "it holds a secret value of the plan, which is never kept" in stored
    assert "correct-horse" not in stored
