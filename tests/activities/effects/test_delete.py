"""`execute_action` for Delete: whatever is there now goes, and nothing there is a success."""

import asyncio
import json
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.authorize import actor_of
from activities.execute_action import ExecuteActivities
from activities.registry import effects
from api.attempts import ActionOutcome, ExecuteInput, Heartbeat
from api.failures import FailureType
from api.phases import Operation, Phase
from api.steps import ExecuteStep
from tests.activities.believed_inputs import BelievedInputs
from tests.activities.live_namespace import HOLD, Attempt, LiveNamespace
from tests.eventually import eventually
from tests.faulty_server import Cut, FaultyServer
from tests.manifests import writes
from tests.versioned_kind import VersionedKind


def removes(ns: LiveNamespace, **attempts: Any) -> ExecuteStep:
    """Define one action that deletes the ConfigMap `app`; give its step."""
    metadata = {"name": "app", "namespace": ns.namespace}
    body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    ns.define(writes("remove", body, "Delete"))
    return ns.step("remove", **attempts)


async def execute(
    ns: LiveNamespace, step: ExecuteStep, attempt: Attempt | None = None, account: str = "default"
) -> ActionOutcome:
    given = ExecuteInput(dr_workflow=ns.flow, step=step, actor=actor_of(ns.namespace, account))
    return await (attempt or Attempt()).run(
        ExecuteActivities(ns.cluster, effects(ns.cluster), BelievedInputs(ns.cluster)).execute_action, given
    )


def recorded_uid(outcome: ActionOutcome) -> str | None:
    assert outcome.outputs is not None
    assert outcome.outputs.resource_ref is not None
    return outcome.outputs.resource_ref.uid


async def test_the_object_goes_and_its_uid_is_recorded(ns: LiveNamespace) -> None:
    uid = ns.config_map("app")
    outcome = await execute(ns, removes(ns))
    assert (outcome.phase, outcome.message) == (Phase.SUCCEEDED, "Deleted ConfigMap app")
    assert (outcome.operation, outcome.created) == (Operation.DELETE, False)
    assert recorded_uid(outcome) == uid
    assert ns.deletions(at_least=1) == {uid: 1}


async def test_an_absent_object_is_a_success(ns: LiveNamespace) -> None:
    outcome = await execute(ns, removes(ns))
    assert (outcome.phase, outcome.message) == (Phase.SUCCEEDED, "ConfigMap app was already absent")
    assert ns.deletions() == {}


async def test_an_attempt_after_a_lost_one_knows_what_that_deleted(ns: LiveNamespace) -> None:
    uid, step, lost = ns.config_map("app"), removes(ns), Attempt()
    await execute(ns, step, lost)
    left = lost.beats[-1]
    outcome = await execute(ns, step, Attempt(number=2, left=left))
    assert left.deleting == uid
    assert (outcome.message, recorded_uid(outcome)) == ("Deleted ConfigMap app", uid)
    assert ns.deletions(at_least=1) == {uid: 1}


async def test_a_finalizer_is_waited_for(ns: LiveNamespace) -> None:
    uid, step, attempt = ns.config_map("app", finalizers=[HOLD]), removes(ns), Attempt()
    running = asyncio.create_task(execute(ns, step, attempt))
    await eventually(lambda: any(HOLD in beat.waiting_for for beat in attempt.beats), "a beat names the finalizer")
    ns.let_go("configmap", "app")
    assert recorded_uid(await running) == uid


async def test_a_namespace_that_stays_says_what_is_left_in_it(ns: LiveNamespace) -> None:
    site = f"{ns.namespace}-site"
    ns.kubectl("create", "namespace", site)
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": [HOLD]}}
    ns.admin.create(held, site)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": site}}
    ns.define(writes("remove", json.dumps(body), "Delete"))
    attempt = Attempt()
    with pytest.raises(ApplicationError) as caught:
        await execute(ns, ns.step("remove", timeout="12s"), attempt)
    ns.admin.patch("configmap", "held", {"metadata": {"finalizers": None}}, site)
    assert caught.value.message.startswith("Failed to delete Namespace: ")
    assert "configmaps. has 1 resource instances" in caught.value.message
    assert f"{HOLD} in 1 resource instances" in caught.value.message
    assert any("configmaps. has 1 resource instances" in beat.waiting_for for beat in attempt.beats)


async def test_a_kind_that_stays_says_which_objects_are_left(ns: LiveNamespace) -> None:
    with VersionedKind.defined(ns.stack, ns.namespace) as kind:
        kind.create("held", ns.namespace, finalizers=[HOLD])
        account = f"--serviceaccount={ns.namespace}:default"
        ns.kubectl("create", "clusterrolebinding", kind.group, "--clusterrole=cluster-admin", account)
        ns.define(writes("remove", json.dumps(kind.definition()), "Delete"))
        with pytest.raises(ApplicationError) as caught:
            await execute(ns, ns.step("remove", timeout="5s"))
        ns.kubectl("patch", kind.name, "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert f"1 object of its kind is left, with finalizers {HOLD}" in caught.value.message


async def test_a_finalizer_that_stays_fails_the_action_by_name(ns: LiveNamespace) -> None:
    ns.config_map("app", finalizers=[HOLD])
    with pytest.raises(ApplicationError, match=f"still exists after 4s, waiting for finalizers {HOLD}") as caught:
        await execute(ns, removes(ns, timeout="4s"))
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.DELETION_TIMED_OUT, True)
    (details,) = caught.value.details
    assert (details.operation, details.created) == (Operation.DELETE, False), "it was asked for, and may end yet"
    assert details.outputs.resource_ref.uid == ns.uid("configmap", "app")
    ns.let_go("configmap", "app")


async def test_a_delete_whose_answer_is_lost_is_not_sent_again(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    uid = faulty_ns.config_map("app")
    faulty.fault("DELETE", "/configmaps/app", Cut.AFTER)
    outcome = await execute(faulty_ns, removes(faulty_ns))
    assert recorded_uid(outcome) == uid
    assert faulty.count("DELETE", "/configmaps/app") == 1


async def test_an_account_without_rights_cannot_delete_through_a_plan(ns: LiveNamespace) -> None:
    uid = ns.config_map("app")
    with pytest.raises(ApplicationError, match="is forbidden") as caught:
        await execute(ns, removes(ns), account="nobody")
    assert caught.value.non_retryable
    assert ns.uid("configmap", "app") == uid


async def test_errors_of_earlier_attempts_are_kept_while_an_object_is_waited_for(ns: LiveNamespace) -> None:
    ns.config_map("app")
    attempt = Attempt(number=3, left=Heartbeat(errors=2))
    await execute(ns, removes(ns), attempt)
    assert {beat.errors for beat in attempt.beats} == {2}
