"""The worker serves exactly what the workflows call, under the names and with the models that they use."""

import inspect
from typing import Any, get_type_hints

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.common import VersioningBehavior
from temporalio.worker import UnsandboxedWorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.authorize import Impersonation, RunAuthorizer
from activities.execute_action import ExecuteActivities
from activities.load import LoadActivities
from activities.registry import activities
from dev.stack import Stack
from kube.client import Cluster
from tests.activities.believed_inputs import BelievedInputs
from worker.build import build_worker
from worker.settings import Settings
from workflows.activity_stubs import HEARTBEAT_TIMEOUT, SIGNATURES
from workflows.contract import WorkflowType
from workflows.converter import DATA_CONVERTER


@pytest.fixture
async def cluster(stack: Stack) -> Any:
    cluster = await Cluster.connect(str(stack.layout.kubeconfig_of("worker")))
    yield cluster
    await cluster.close()


@pytest.fixture
async def client(stack: Stack) -> Client:
    return await Client.connect(stack.temporal_address, data_converter=DATA_CONVERTER)


async def test_activities_have_the_names_and_models_that_the_workflows_call(cluster: Cluster) -> None:
    served = {}
    for method in activities(cluster, Impersonation(), BelievedInputs(cluster)):
        definition = activity._Definition.must_from_callable(method)
        hints = get_type_hints(method)
        [given] = inspect.signature(method).parameters
        served[definition.name] = (hints[given], hints["return"])
    assert served == {name: (each.input, each.output) for name, each in SIGNATURES.items()}


async def test_the_worker_serves_every_workflow_type(client: Client, cluster: Cluster) -> None:
    config = build_worker(client, cluster, Settings(task_queue="build")).config()
    names = {workflow.__temporal_workflow_definition.name for workflow in config["workflows"]}  # type: ignore[attr-defined]
    assert names == set(WorkflowType)


async def test_all_that_reads_stored_documents_shares_one_store(client: Client, cluster: Cluster) -> None:
    authorizers: list[RunAuthorizer] = []

    def authorization(*arguments: Any) -> RunAuthorizer:
        authorizers.append(RunAuthorizer.of(*arguments))
        return authorizers[0]

    methods = build_worker(client, cluster, Settings(), authorization).config()["activities"]
    owners: list[Any] = [method.__self__ for method in methods if hasattr(method, "__self__")]
    stores: list[object] = [
        owner._snapshots for owner in (*authorizers, *owners) if isinstance(owner, RunAuthorizer | LoadActivities)
    ]
    stores += [owner._resolver._snapshots for owner in owners if isinstance(owner, ExecuteActivities)]
    assert len(stores) == 1 + 5 + 2  # the authorizer, and the activities of both
    assert len({id(store) for store in stores}) == 1


async def test_beats_reach_the_server_well_within_the_heartbeat_timeout(client: Client, cluster: Cluster) -> None:
    config = build_worker(client, cluster, Settings()).config()
    assert config["max_heartbeat_throttle_interval"] * 3 < HEARTBEAT_TIMEOUT


async def test_settings_reach_the_worker(client: Client, cluster: Cluster) -> None:
    settings = Settings(task_queue="blue", max_concurrent_activities=7)
    config = build_worker(client, cluster, settings).config()
    assert (config["task_queue"], config["max_concurrent_activities"]) == ("blue", 7)
    assert config["graceful_shutdown_timeout"] == settings.graceful_shutdown


async def test_workflow_code_is_sandboxed_only_where_that_is_set(client: Client, cluster: Cluster) -> None:
    runner = build_worker(client, cluster, Settings()).config()["workflow_runner"]
    sandboxed = build_worker(client, cluster, Settings(task_queue="sandbox", workflow_sandbox=True)).config()[
        "workflow_runner"
    ]
    assert isinstance(runner, UnsandboxedWorkflowRunner)
    assert isinstance(sandboxed, SandboxedWorkflowRunner)


@pytest.mark.parametrize("settings", [Settings(), Settings(deployment_name="drplan"), Settings(build_id="1")])
async def test_versioning_is_off_unless_named_in_full(client: Client, cluster: Cluster, settings: Settings) -> None:
    assert build_worker(client, cluster, settings).config()["deployment_config"] is None


async def test_versioning_pins_runs_to_the_build_that_began_them(client: Client, cluster: Cluster) -> None:
    settings = Settings(deployment_name="drplan", build_id="1.2.3")
    deployment = build_worker(client, cluster, settings).config()["deployment_config"]
    assert deployment is not None
    assert deployment.use_worker_versioning
    assert (deployment.version.deployment_name, deployment.version.build_id) == ("drplan", "1.2.3")
    assert deployment.default_versioning_behavior is VersioningBehavior.PINNED
