"""The operation Patch: only what is named changes, only an object that is there, and a repeat has the effect of one."""

import json
from typing import Any

import pytest

from activities.authorize import actor_of
from api.attempts import ActionOutcome, AttemptFailure
from api.failures import FailureType
from api.meta import CREATED_BY_ANNOTATION, ObjectReference
from api.nodes import ActionOutputs
from api.phases import Operation, Phase
from tests.activities.live_namespace import HOLD, LiveNamespace, Object
from tests.activities.orders import Task, execution_of, manifest
from tests.faulty_server import Answer, Cut, FaultyServer
from tests.manifests import localization_spec, writes

APP = "/configmaps/app"


def patches(ns: LiveNamespace, kept: bool = True, **more: Any) -> Task:
    """Give the task to change the ConfigMap `app`."""
    body = manifest("app", ns.namespace, data={"text": "new", "gone": None}) | more.pop("body", {})
    return Task(ns, writes("patch", json.dumps(body), "Patch"), execution_of(ns) if kept else None, **more)


def there(ns: LiveNamespace, **metadata: Any) -> str:
    """Create the ConfigMap that is to be changed; give its uid."""
    ns.create(manifest("app", ns.namespace, metadata=metadata, data={"text": "old", "gone": "x", "stays": "y"}))
    return ns.uid("configmap", "app")


def found(ns: LiveNamespace) -> Object:
    seen = ns.get("configmap", "app")
    assert seen is not None
    return seen


def patched(ns: LiveNamespace, uid: str) -> ActionOutcome:
    reference = ObjectReference(api_version="v1", kind="ConfigMap", namespace=ns.namespace, name="app", uid=uid)
    return ActionOutcome(
        phase=Phase.SUCCEEDED,
        message="Patched ConfigMap app",
        operation=Operation.PATCH,
        created=False,
        outputs=ActionOutputs(resource_ref=reference),
    )


def touch(ns: LiveNamespace) -> None:
    """Change the object as somebody else would."""
    ns.kubectl("annotate", "configmap", "app", "--overwrite", f"touched={found(ns)['metadata']['resourceVersion']}")


async def test_what_is_named_changes_what_is_null_goes_and_the_rest_stays(ns: LiveNamespace) -> None:
    uid = there(ns)
    assert await patches(ns).run() == patched(ns, uid)
    assert found(ns)["data"] == {"text": "new", "stays": "y"}


async def test_the_spec_of_a_localization_is_merged(ns: LiveNamespace) -> None:
    body = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Localization", "spec": localization_spec()}
    ns.create(body | {"metadata": {"name": "loc", "labels": {"team": "a"}}})
    block = {"name": "loc", "namespace": ns.namespace, "operation": "Patch", "spec": {"priority": 7}}
    task = Task(ns, {"name": "patch", "type": "Localization", "localization": block}, execution_of(ns))
    outcome = await task.run()
    seen = ns.get("localization", "loc")
    assert seen is not None
    assert seen["spec"] == localization_spec() | {"priority": 7}
    assert seen["metadata"]["labels"] == {"team": "a"}
    assert outcome.outputs is not None
    assert outcome.outputs.localization_ref is not None
    assert outcome.outputs.localization_ref.uid == seen["metadata"]["uid"]


async def test_an_object_that_is_not_there_is_not_made(ns: LiveNamespace) -> None:
    error = await patches(ns).fails()
    assert error.message == 'Failed to patch ConfigMap: ConfigMap "app" not found'
    assert (error.type, error.non_retryable) == (FailureType.NOT_FOUND, True)
    assert ns.get("configmap", "app") is None


async def test_the_mark_of_whoever_made_the_object_stays(ns: LiveNamespace) -> None:
    theirs = {CREATED_BY_ANNOTATION: "other-uid/0/0/0"}
    there(ns, annotations=theirs)
    copied = {"name": "app", "namespace": ns.namespace, "annotations": {CREATED_BY_ANNOTATION: None, "note": "ours"}}
    await patches(ns, body={"metadata": copied}).run()
    assert found(ns)["metadata"]["annotations"] == theirs | {"note": "ours"}


async def test_an_object_on_its_way_out_is_worth_a_repeat(ns: LiveNamespace) -> None:
    there(ns, finalizers=[HOLD])
    ns.delete("configmap", "app", wait=False)
    error = await patches(ns).fails()
    assert (error.type, error.non_retryable) == (FailureType.TRANSIENT, False)
    assert error.message.endswith("is being deleted")
    ns.let_go("configmap", "app")


async def test_an_account_without_rights_cannot_patch_through_a_plan(ns: LiveNamespace) -> None:
    there(ns)
    error = await patches(ns, actor=actor_of(ns.namespace, "nobody")).fails()
    assert (error.type, error.non_retryable) == (FailureType.FORBIDDEN, True)
    assert found(ns)["data"]["text"] == "old"


async def test_an_attempt_that_was_killed_after_its_patch_was_accepted_has_the_effect_of_one(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    uid, task = there(faulty_ns), patches(faulty_ns)
    accepted = faulty.fault("PATCH", APP, Cut.HANG)
    await task.killed(lambda: accepted.met == 1 and found(faulty_ns)["data"]["text"] == "new")
    version = found(faulty_ns)["metadata"]["resourceVersion"]
    assert await task.run() == patched(faulty_ns, uid)
    assert found(faulty_ns)["metadata"]["resourceVersion"] == version
    kept = task.kept()
    assert kept is not None
    assert kept.found["data"]["text"] == "old", "what is kept is still the state before"
    assert kept.complete


async def test_a_patch_that_somebody_else_wrote_after_is_not_sent_again(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    uid, task = there(faulty_ns), patches(faulty_ns)
    accepted = faulty.fault("PATCH", APP, Cut.HANG)
    await task.killed(lambda: accepted.met == 1 and found(faulty_ns)["data"]["text"] == "new")
    touch(faulty_ns)
    version = found(faulty_ns)["metadata"]["resourceVersion"]
    assert await task.run() == patched(faulty_ns, uid)
    assert found(faulty_ns)["metadata"]["resourceVersion"] == version


async def test_a_patch_whose_answer_is_lost_is_found(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    uid, task = there(faulty_ns), patches(faulty_ns)
    lost = faulty.fault("PATCH", APP, Cut.AFTER)
    assert await task.run() == patched(faulty_ns, uid)
    assert lost.met == 1


async def test_a_lost_answer_that_cannot_be_checked_is_said_to_be_unknown(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    uid, task = there(faulty_ns), patches(faulty_ns)
    faulty.fault("PATCH", APP, Cut.AFTER)
    faulty.fault("GET", APP, lambda: faulty.fault("GET", APP, Cut.BEFORE, times=9))
    error = await task.fails()
    assert error.message.endswith("(whether it was patched is not known)")
    assert (error.type, error.non_retryable) == (FailureType.TRANSIENT, False)
    outputs = patched(faulty_ns, uid).outputs
    assert error.details[0] == AttemptFailure(errors=1, operation=Operation.PATCH, created=False, outputs=outputs)


async def test_a_request_that_was_refused_for_now_says_so_and_nothing_more(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    there(faulty_ns)
    task = patches(faulty_ns)
    faulty.fault("PATCH", APP, Answer(503, json.dumps({"message": "come back later"})))
    error = await task.fails()
    assert error.message == "Failed to patch ConfigMap: app: come back later"
    assert (error.type, error.non_retryable) == (FailureType.TRANSIENT, False)


async def test_a_patch_begins_anew_when_somebody_writes_first(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    uid, task = there(faulty_ns), patches(faulty_ns)
    faulty.fault("GET", APP, lambda: touch(faulty_ns))
    assert await task.run() == patched(faulty_ns, uid)
    kept = task.kept()
    assert kept is not None
    assert "touched" in kept.found["metadata"]["annotations"], "the state right before the change is kept"
    assert kept.complete


async def test_a_patch_that_never_comes_first_is_worth_a_repeat(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    there(faulty_ns)
    task = patches(faulty_ns)
    faulty.fault("GET", APP, lambda: touch(faulty_ns), times=99)
    error = await task.fails()
    assert error.message.endswith("was created, changed or deleted by somebody else at the same time")
    assert (error.type, error.non_retryable) == (FailureType.TRANSIENT, False)
    assert found(faulty_ns)["data"]["text"] == "old"


async def test_a_patch_that_is_done_when_its_time_runs_out_has_succeeded(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    uid, task = there(faulty_ns), patches(faulty_ns, timeout="4s")
    slow = faulty.fault("PATCH", APP, Cut.HANG)
    assert await task.run() == patched(faulty_ns, uid)
    assert slow.met == 1


async def test_a_patch_that_is_never_answered_says_so_when_its_time_runs_out(
    faulty: FaultyServer, faulty_ns: LiveNamespace
) -> None:
    there(faulty_ns)
    task = patches(faulty_ns, timeout="4s")
    faulty.fault("PATCH", APP, Cut.HANG, times=9, dry_runs=True)
    error = await task.fails()
    assert error.message == (
        "Failed to patch ConfigMap: ConfigMap app: the API server did not answer within 4s "
        "(whether it was patched is not known)"
    )


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "from before anything was kept"])
async def test_a_second_attempt_after_a_whole_one_ends_like_the_first(ns: LiveNamespace, kept: bool) -> None:
    uid, task = there(ns), patches(ns, kept)
    assert await task.run() == await task.run() == patched(ns, uid)


async def test_after_a_cancel_a_patch_that_shows_was_done(ns: LiveNamespace) -> None:
    uid, task = there(ns), patches(ns)
    await task.run()
    touch(ns)
    assert await task.verify() == patched(ns, uid)


async def test_after_a_cancel_a_patch_that_does_not_show_was_not_done(ns: LiveNamespace) -> None:
    there(ns)
    outcome = await patches(ns).verify()
    assert outcome.phase is Phase.CANCELED
    assert outcome.message == "Canceled between two attempts: patch of ConfigMap app was not done"
    assert found(ns)["data"]["text"] == "old"
