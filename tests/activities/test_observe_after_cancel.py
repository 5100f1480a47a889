"""The last look at an action that a cancel found between two attempts: Succeeded or Canceled, nothing is touched."""

import json

import pytest
from temporalio.exceptions import ApplicationError

from activities.execute_action import ExecuteActivities
from activities.load import actor_of
from activities.registry import effects
from api.phases import Operation, Phase
from api.steps import ActionOutcome, Actor, Deletion, ExecuteInput, ExecuteStep, FailureType, ObserveInput, RollbackStep
from tests.activities.site import Attempt, Site, config_map
from tests.faulty_server import Answer, FaultyServer
from tests.manifests import writes


async def look_again(site: Site, step: RollbackStep, account: str = "default") -> ActionOutcome:
    given = ObserveInput(step=step, actor=actor_of(site.namespace, account))
    return await Attempt().run(site.rollbacks.look_again, given)


async def verify(site: Site, step: ExecuteStep, actor: Actor | None = None) -> ActionOutcome:
    given = ExecuteInput(dr_workflow=site.flow, step=step, actor=actor or site.actor)
    return await Attempt().run(ExecuteActivities(site.cluster, effects(site.cluster)).verify_action, given)


def defines(site: Site, operation: str) -> ExecuteStep:
    metadata = {"name": "app", "namespace": site.namespace}
    site.define(writes("act", json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}), operation))
    return site.step("act")


async def test_a_rollback_whose_objects_are_all_gone_has_succeeded(site: Site) -> None:
    uid = site.config_map("app")
    site.kubectl("delete", "configmap", "app")
    outcome = await look_again(site, site.deletion(config_map("app", site.namespace), uid))
    assert outcome == ActionOutcome(phase=Phase.SUCCEEDED, message="Rolled back: deleted ConfigMap app")


async def test_a_rollback_with_one_object_left_is_canceled(site: Site) -> None:
    gone, left = site.config_map("gone"), site.config_map("left")
    site.kubectl("delete", "configmap", "gone")
    second = Deletion(target=config_map("left", site.namespace), uid=left)
    outcome = await look_again(site, site.deletion(config_map("gone", site.namespace), gone, second))
    assert outcome.phase is Phase.CANCELED
    assert outcome.message == "Canceled between two attempts: ConfigMap left still exists"
    assert site.uid("configmap", "left") == left


async def test_a_new_object_of_that_name_does_not_count(site: Site) -> None:
    uid = site.config_map("app")
    outcome = await look_again(site, site.deletion(config_map("app", site.namespace), "a-former-uid"))
    assert outcome.message == f"Rolled back: deleted ConfigMap app; a new ConfigMap app (uid {uid}) was left alone"


async def test_a_look_that_is_forbidden_ends_as_canceled_and_says_so(site: Site) -> None:
    uid = site.config_map("app")
    outcome = await look_again(site, site.deletion(config_map("app", site.namespace), uid), account="nobody")
    assert outcome.phase is Phase.CANCELED
    assert "is not known" in outcome.message
    assert "is forbidden" in outcome.message


async def test_a_look_without_an_answer_is_repeated(faulty: FaultyServer, faulty_site: Site) -> None:
    uid = faulty_site.config_map("app")
    faulty.fault("GET", "/configmaps/app", Answer(503))
    with pytest.raises(ApplicationError) as caught:
        await look_again(faulty_site, faulty_site.deletion(config_map("app", faulty_site.namespace), uid))
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.TRANSIENT, False)


@pytest.mark.parametrize("operation", ["Create", "Apply"])
async def test_an_object_with_our_mark_shows_that_the_action_was_done(site: Site, operation: str) -> None:
    step = defines(site, operation)
    done = await Attempt().run(
        ExecuteActivities(site.cluster, effects(site.cluster)).execute_action,
        ExecuteInput(dr_workflow=site.flow, step=step, actor=site.actor),
    )
    assert await verify(site, step) == done


@pytest.mark.parametrize("operation", ["Create", "Apply"])
async def test_an_object_without_our_mark_shows_nothing(site: Site, operation: str) -> None:
    step = defines(site, operation)
    site.config_map("app")
    outcome = await verify(site, step)
    assert outcome.phase is Phase.CANCELED
    expected = f"Canceled between two attempts: {operation.lower()} of ConfigMap app was not done"
    assert outcome.message == expected
    assert outcome.outputs is None


async def test_a_delete_whose_object_is_gone_was_done(site: Site) -> None:
    outcome = await verify(site, defines(site, "Delete"))
    assert (outcome.phase, outcome.operation) == (Phase.SUCCEEDED, Operation.DELETE)
    assert outcome.message == "Deleted ConfigMap app"


async def test_a_delete_whose_object_is_there_was_not_done(site: Site) -> None:
    step, uid = defines(site, "Delete"), site.config_map("app")
    outcome = await verify(site, step)
    assert outcome.phase is Phase.CANCELED
    assert site.uid("configmap", "app") == uid


async def test_a_definition_that_is_gone_ends_as_canceled_with_the_reason(site: Site) -> None:
    outcome = await verify(site, site.step("act"))
    assert outcome.phase is Phase.CANCELED
    assert outcome.message == f"Action act is no longer defined in DRWorkflow {site.namespace}/flow"
