"""An action's definition is read when its turn comes; what it says wrong is told by field, never by value."""

import json

import pytest
from temporalio.exceptions import ApplicationError

from activities.execute_action import ExecuteActivities
from activities.registry import effects
from api.steps import ExecuteInput, ExecuteStep, FailureType
from kube.client import Cluster
from tests.activities.site import Attempt, Site
from tests.faulty_server import Answer, FaultyServer
from tests.manifests import makes_config_map, writes


async def failure(site: Site, step: ExecuteStep) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await Attempt().run(
            ExecuteActivities(site.cluster, effects(site.cluster)).execute_action,
            ExecuteInput(dr_workflow=site.flow, step=step, actor=site.actor),
        )
    return caught.value


async def test_a_definition_that_is_gone_is_not_guessed(site: Site) -> None:
    error = await failure(site, site.step("make-app"))
    assert error.message == f"Action make-app is no longer defined in DRWorkflow {site.namespace}/flow"
    assert (error.type, error.non_retryable) == (FailureType.UNDEFINED, True)


@pytest.mark.parametrize(("name", "index"), [("make-app", 1), ("make-app", 7), ("another", 0)])
async def test_an_action_that_is_not_where_it_was_is_not_guessed(site: Site, name: str, index: int) -> None:
    site.define(makes_config_map("app", site.namespace), makes_config_map("other", site.namespace))
    error = await failure(site, site.step(name, index))
    assert error.type == FailureType.UNDEFINED
    assert site.get("configmap", "app") is None


async def test_a_manifest_that_is_no_object_is_refused_without_quoting_it(site: Site) -> None:
    site.define(writes("make", "password: correct-horse"))
    error = await failure(site, site.step("make"))
    assert (error.type, error.non_retryable) == (FailureType.INVALID, True)
    assert error.message.startswith("The manifest of action make cannot be understood: ")
    assert "correct-horse" not in error.message


async def test_a_definition_without_an_answer_is_read_again(faulty: FaultyServer, faulty_site: Site) -> None:
    faulty_site.define(makes_config_map("app", faulty_site.namespace))
    faulty.fault("GET", "/drworkflows/flow", Answer(503, json.dumps({"message": "shutting down"})))
    error = await failure(faulty_site, faulty_site.step("make-app"))
    assert error.message == f"Failed to read DRWorkflow {faulty_site.namespace}/flow: shutting down"
    assert (error.type, error.non_retryable) == (FailureType.TRANSIENT, False)


async def test_a_worker_that_may_not_read_definitions_says_so(site: Site) -> None:
    site.define(makes_config_map("app", site.namespace))
    bridge = await Cluster.connect(str(site.stack.layout.kubeconfig_of("bridge")))
    site.kubectl("get", "drworkflow", "flow")
    step = site.step("make-app")
    given = ExecuteInput(dr_workflow=site.flow, step=step, actor=site.actor)
    with pytest.raises(ApplicationError, match="cannot impersonate") as caught:
        await Attempt().run(ExecuteActivities(bridge, effects(bridge)).execute_action, given)
    assert caught.value.type == FailureType.FORBIDDEN
    await bridge.close()
