"""`execute_action` for Delete: whatever is there now goes, and nothing there is a success."""

import asyncio
import json
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.execute_action import ExecuteActivities
from activities.load import actor_of
from activities.registry import effects
from api.phases import Operation, Phase
from api.steps import ActionOutcome, ExecuteInput, ExecuteStep, FailureType, Heartbeat
from tests.activities.site import HOLD, Attempt, Site
from tests.eventually import eventually
from tests.faulty_server import Cut, FaultyServer
from tests.manifests import writes


def removes(site: Site, **attempts: Any) -> ExecuteStep:
    """Define one action that deletes the ConfigMap `app`; give its step."""
    metadata = {"name": "app", "namespace": site.namespace}
    body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    site.define(writes("remove", body, "Delete"))
    return site.step("remove", **attempts)


async def execute(
    site: Site, step: ExecuteStep, attempt: Attempt | None = None, account: str = "default"
) -> ActionOutcome:
    given = ExecuteInput(dr_workflow=site.flow, step=step, actor=actor_of(site.namespace, account))
    return await (attempt or Attempt()).run(
        ExecuteActivities(site.cluster, effects(site.cluster)).execute_action, given
    )


def recorded_uid(outcome: ActionOutcome) -> str | None:
    assert outcome.outputs is not None
    assert outcome.outputs.resource_ref is not None
    return outcome.outputs.resource_ref.uid


async def test_the_object_goes_and_its_uid_is_recorded(site: Site) -> None:
    uid = site.config_map("app")
    outcome = await execute(site, removes(site))
    assert (outcome.phase, outcome.message) == (Phase.SUCCEEDED, "Deleted ConfigMap app")
    assert (outcome.operation, outcome.created) == (Operation.DELETE, False)
    assert recorded_uid(outcome) == uid
    assert site.deletions(at_least=1) == {uid: 1}


async def test_an_absent_object_is_a_success(site: Site) -> None:
    outcome = await execute(site, removes(site))
    assert (outcome.phase, outcome.message) == (Phase.SUCCEEDED, "ConfigMap app was already absent")
    assert site.deletions() == {}


async def test_an_attempt_after_a_lost_one_knows_what_that_deleted(site: Site) -> None:
    uid, step, lost = site.config_map("app"), removes(site), Attempt()
    await execute(site, step, lost)
    left = lost.beats[-1]
    outcome = await execute(site, step, Attempt(number=2, left=left))
    assert left.deleting == uid
    assert (outcome.message, recorded_uid(outcome)) == ("Deleted ConfigMap app", uid)
    assert site.deletions(at_least=1) == {uid: 1}


async def test_a_finalizer_is_waited_for(site: Site) -> None:
    uid, step, attempt = site.config_map("app", finalizers=[HOLD]), removes(site), Attempt()
    running = asyncio.create_task(execute(site, step, attempt))
    await eventually(lambda: any(HOLD in beat.waiting_for for beat in attempt.beats), "a beat names the finalizer")
    site.let_go("configmap", "app")
    assert recorded_uid(await running) == uid


async def test_a_finalizer_that_stays_fails_the_action_by_name(site: Site) -> None:
    site.config_map("app", finalizers=[HOLD])
    with pytest.raises(ApplicationError, match=f"still exists after 1s, waiting for finalizers {HOLD}") as caught:
        await execute(site, removes(site, timeout="1s"))
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.DELETION_TIMED_OUT, True)
    site.let_go("configmap", "app")


async def test_a_delete_whose_answer_is_lost_is_not_sent_again(faulty: FaultyServer, faulty_site: Site) -> None:
    uid = faulty_site.config_map("app")
    faulty.fault("DELETE", "/configmaps/app", Cut.AFTER)
    outcome = await execute(faulty_site, removes(faulty_site))
    assert recorded_uid(outcome) == uid
    assert faulty.count("DELETE", "/configmaps/app") == 1


async def test_an_account_without_rights_cannot_delete_through_a_plan(site: Site) -> None:
    uid = site.config_map("app")
    with pytest.raises(ApplicationError, match="is forbidden") as caught:
        await execute(site, removes(site), account="nobody")
    assert caught.value.non_retryable
    assert site.uid("configmap", "app") == uid


async def test_errors_of_earlier_attempts_are_kept_while_an_object_is_waited_for(site: Site) -> None:
    site.config_map("app")
    attempt = Attempt(number=3, left=Heartbeat(errors=2))
    await execute(site, removes(site), attempt)
    assert {beat.errors for beat in attempt.beats} == {2}
