"""A bridge in the tests' process over a real API server and Temporal, with scripted workflows behind it."""

from collections.abc import AsyncIterator, Iterator
from unittest import mock

import pytest
from temporalio.client import Client

from bridge.bridge import Bridge
from dev.stack import Stack
from kube.client import Cluster
from tests.bridge import plan_namespace
from tests.bridge.plan_namespace import PlanNamespace
from tests.bridge.scripted_workflows import scripted_worker
from tests.private_stack import empty_all_namespaces, empty_namespace, new_namespace
from workflows.converter import DATA_CONVERTER

TASK_QUEUE = "scripted"


@pytest.fixture(scope="package")
async def admin(stack: Stack) -> AsyncIterator[Cluster]:
    with mock.patch.dict("os.environ", stack.env("admin")):
        cluster = await Cluster.connect()
    yield cluster
    await cluster.close()


@pytest.fixture(scope="package")
async def temporal(stack: Stack) -> Client:
    return await Client.connect(stack.temporal_address, data_converter=DATA_CONVERTER)


@pytest.fixture(scope="package")
async def worker(temporal: Client) -> AsyncIterator[None]:
    async with scripted_worker(temporal, TASK_QUEUE):
        yield


@pytest.fixture
def namespace(stack: Stack) -> Iterator[str]:
    """A namespace that leaves no work to the bridges of later tests."""
    name = new_namespace(stack)
    yield name
    empty_namespace(stack, name)


@pytest.fixture
def unwatched_ns(admin: Cluster, temporal: Client, worker: None, namespace: str) -> PlanNamespace:
    """A namespace, without a bridge."""
    return PlanNamespace(admin, temporal, namespace)


@pytest.fixture(scope="module")
async def bridge(stack: Stack) -> AsyncIterator[Bridge]:
    # Hundreds of definitions that no bridge has seen would be validated before those of the first test.
    empty_all_namespaces(stack)
    async with plan_namespace.bridge(stack, TASK_QUEUE) as running:
        yield running


@pytest.fixture
def ns(unwatched_ns: PlanNamespace, bridge: Bridge) -> PlanNamespace:
    """A namespace that a bridge looks after."""
    return unwatched_ns


@pytest.fixture
def second_namespace(ns: PlanNamespace, stack: Stack) -> Iterator[PlanNamespace]:
    """Another team's namespace, which the same bridge looks after."""
    name = new_namespace(stack)
    yield PlanNamespace(ns.cluster, ns.temporal, name)
    empty_namespace(stack, name)
