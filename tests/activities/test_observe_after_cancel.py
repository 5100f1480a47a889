"""The last look at an action that a cancel found between two attempts: Succeeded or Canceled, nothing is touched."""

import json

import pytest
from temporalio.exceptions import ApplicationError

from activities.authorize import actor_of
from activities.execute_action import ExecuteActivities
from activities.registry import effects
from api.attempts import ActionOutcome, ExecuteInput, ObserveInput
from api.failures import FailureType
from api.objects import Actor
from api.phases import Operation, Phase
from api.steps import Deletion, ExecuteStep, RollbackStep
from tests.activities.believed_inputs import BelievedInputs
from tests.activities.live_namespace import Attempt, LiveNamespace, config_map
from tests.faulty_server import Answer, FaultyServer
from tests.manifests import writes


async def look_again(ns: LiveNamespace, step: RollbackStep, account: str = "default") -> ActionOutcome:
    given = ObserveInput(step=step, actor=actor_of(ns.namespace, account))
    return await Attempt().run(ns.rollbacks.look_again, given)


async def verify(ns: LiveNamespace, step: ExecuteStep, actor: Actor | None = None) -> ActionOutcome:
    given = ExecuteInput(dr_workflow=ns.flow, step=step, actor=actor or ns.actor)
    return await Attempt().run(
        ExecuteActivities(ns.cluster, effects(ns.cluster), BelievedInputs(ns.cluster)).verify_action, given
    )


def defines(ns: LiveNamespace, operation: str) -> ExecuteStep:
    metadata = {"name": "app", "namespace": ns.namespace}
    ns.define(writes("act", json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}), operation))
    return ns.step("act")


async def test_a_rollback_whose_objects_are_all_gone_has_succeeded(ns: LiveNamespace) -> None:
    uid = ns.config_map("app")
    ns.delete("configmap", "app")
    outcome = await look_again(ns, ns.deletion(config_map("app", ns.namespace), uid))
    assert outcome == ActionOutcome(phase=Phase.SUCCEEDED, message="Rolled back: deleted ConfigMap app")


async def test_a_rollback_with_one_object_left_is_canceled(ns: LiveNamespace) -> None:
    gone, left = ns.config_map("gone"), ns.config_map("left")
    ns.delete("configmap", "gone")
    second = Deletion(target=config_map("left", ns.namespace), uid=left)
    outcome = await look_again(ns, ns.deletion(config_map("gone", ns.namespace), gone, second))
    assert outcome.phase is Phase.CANCELED
    assert outcome.message == "Canceled between two attempts: ConfigMap left still exists"
    assert ns.uid("configmap", "left") == left


async def test_a_new_object_of_that_name_does_not_count(ns: LiveNamespace) -> None:
    uid = ns.config_map("app")
    outcome = await look_again(ns, ns.deletion(config_map("app", ns.namespace), "a-former-uid"))
    assert outcome.message == f"Rolled back: deleted ConfigMap app; a new ConfigMap app (uid {uid}) was left alone"


async def test_a_look_that_is_forbidden_ends_as_canceled_and_says_so(ns: LiveNamespace) -> None:
    uid = ns.config_map("app")
    outcome = await look_again(ns, ns.deletion(config_map("app", ns.namespace), uid), account="nobody")
    assert outcome.phase is Phase.CANCELED
    assert "is not known" in outcome.message
    assert "is forbidden" in outcome.message


async def test_a_look_without_an_answer_is_repeated(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    uid = faulty_ns.config_map("app")
    faulty.fault("GET", "/configmaps/app", Answer(503))
    with pytest.raises(ApplicationError) as caught:
        await look_again(faulty_ns, faulty_ns.deletion(config_map("app", faulty_ns.namespace), uid))
    assert (caught.value.type, caught.value.non_retryable) == (FailureType.TRANSIENT, False)


@pytest.mark.parametrize("operation", ["Create", "Apply"])
async def test_an_object_with_our_mark_shows_that_the_action_was_done(ns: LiveNamespace, operation: str) -> None:
    step = defines(ns, operation)
    done = await Attempt().run(
        ExecuteActivities(ns.cluster, effects(ns.cluster), BelievedInputs(ns.cluster)).execute_action,
        ExecuteInput(dr_workflow=ns.flow, step=step, actor=ns.actor),
    )
    assert await verify(ns, step) == done


@pytest.mark.parametrize("operation", ["Create", "Apply"])
async def test_an_object_without_our_mark_shows_nothing(ns: LiveNamespace, operation: str) -> None:
    step = defines(ns, operation)
    ns.config_map("app")
    outcome = await verify(ns, step)
    assert outcome.phase is Phase.CANCELED
    expected = f"Canceled between two attempts: {operation.lower()} of ConfigMap app was not done"
    assert outcome.message == expected
    assert outcome.outputs is None


async def test_a_delete_whose_object_is_gone_was_done(ns: LiveNamespace) -> None:
    outcome = await verify(ns, defines(ns, "Delete"))
    assert (outcome.phase, outcome.operation) == (Phase.SUCCEEDED, Operation.DELETE)
    assert outcome.message == "Deleted ConfigMap app"


async def test_a_delete_whose_object_is_there_was_not_done(ns: LiveNamespace) -> None:
    step, uid = defines(ns, "Delete"), ns.config_map("app")
    outcome = await verify(ns, step)
    assert outcome.phase is Phase.CANCELED
    assert ns.uid("configmap", "app") == uid


async def test_a_definition_that_is_gone_ends_as_canceled_with_the_reason(ns: LiveNamespace) -> None:
    outcome = await verify(ns, ns.step("act"))
    assert outcome.phase is Phase.CANCELED
    assert outcome.message == f"Action act is no longer defined in DRWorkflow {ns.namespace}/flow"
