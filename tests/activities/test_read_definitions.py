"""An action's definition is read when its turn comes; what it says wrong is told by field, never by value."""

import json

import pytest
from temporalio.exceptions import ApplicationError

from activities.execute_action import ExecuteActivities
from activities.registry import effects
from api.attempts import ExecuteInput
from api.failures import FailureType
from api.steps import ExecuteStep
from kube.client import Cluster
from tests.activities.believed_inputs import BelievedInputs
from tests.activities.live_namespace import Attempt, LiveNamespace
from tests.faulty_server import Answer, FaultyServer
from tests.manifests import makes_config_map, writes


async def failure(ns: LiveNamespace, step: ExecuteStep) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await Attempt().run(
            ExecuteActivities(ns.cluster, effects(ns.cluster), BelievedInputs(ns.cluster)).execute_action,
            ExecuteInput(dr_workflow=ns.flow, step=step, actor=ns.actor),
        )
    return caught.value


async def test_a_definition_that_is_gone_is_not_guessed(ns: LiveNamespace) -> None:
    error = await failure(ns, ns.step("make-app"))
    assert error.message == f"Action make-app is no longer defined in DRWorkflow {ns.namespace}/flow"
    assert (error.type, error.non_retryable) == (FailureType.UNDEFINED, True)


@pytest.mark.parametrize(("name", "index"), [("make-app", 1), ("make-app", 7), ("another", 0)])
async def test_an_action_that_is_not_where_it_was_is_not_guessed(ns: LiveNamespace, name: str, index: int) -> None:
    ns.define(makes_config_map("app", ns.namespace), makes_config_map("other", ns.namespace))
    error = await failure(ns, ns.step(name, index))
    assert error.type == FailureType.UNDEFINED
    assert ns.get("configmap", "app") is None


async def test_a_manifest_that_is_no_object_is_refused_without_quoting_it(ns: LiveNamespace) -> None:
    ns.define(writes("make", "password: correct-horse"))
    error = await failure(ns, ns.step("make"))
    assert (error.type, error.non_retryable) == (FailureType.INVALID, True)
    assert error.message == "The manifest of action make is not usable once its secret values are filled in"
    assert "correct-horse" not in error.message


async def test_a_definition_without_an_answer_is_read_again(faulty: FaultyServer, faulty_ns: LiveNamespace) -> None:
    faulty_ns.define(makes_config_map("app", faulty_ns.namespace))
    faulty.fault("GET", "/drworkflows/flow", Answer(503, json.dumps({"message": "shutting down"})))
    error = await failure(faulty_ns, faulty_ns.step("make-app"))
    assert error.message == f"Failed to read DRWorkflow {faulty_ns.namespace}/flow: shutting down"
    assert (error.type, error.non_retryable) == (FailureType.TRANSIENT, False)


async def test_a_worker_that_may_not_read_definitions_says_so(ns: LiveNamespace) -> None:
    ns.define(makes_config_map("app", ns.namespace))
    bridge = await Cluster.connect(str(ns.stack.layout.kubeconfig_of("bridge")))
    ns.kubectl("get", "drworkflow", "flow")
    step = ns.step("make-app")
    given = ExecuteInput(dr_workflow=ns.flow, step=step, actor=ns.actor)
    with pytest.raises(ApplicationError, match="cannot impersonate") as caught:
        await Attempt().run(ExecuteActivities(bridge, effects(bridge), BelievedInputs(bridge)).execute_action, given)
    assert caught.value.type == FailureType.FORBIDDEN
    await bridge.close()
