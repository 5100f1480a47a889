"""A bridge in the tests' process over a real API server and Temporal, with scripted workflows behind it."""

from collections.abc import AsyncIterator
from unittest import mock

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from bridge.kubernetes.api import Cluster
from bridge.process import Bridge
from dev.stack import Stack
from tests.bridge import world as worlds
from tests.bridge.scripted import scripted_worker
from tests.bridge.world import World

TASK_QUEUE = "scripted"


@pytest.fixture(scope="package")
async def admin(stack: Stack) -> AsyncIterator[Cluster]:
    with mock.patch.dict("os.environ", stack.env("admin")):
        cluster = await Cluster.connect()
    yield cluster
    await cluster.close()


@pytest.fixture(scope="package")
async def temporal(stack: Stack) -> Client:
    return await Client.connect(stack.temporal_address, data_converter=pydantic_data_converter)


@pytest.fixture(scope="package")
async def worker(temporal: Client) -> AsyncIterator[None]:
    async with scripted_worker(temporal, TASK_QUEUE):
        yield


@pytest.fixture
def empty_world(admin: Cluster, temporal: Client, worker: None, namespace: str) -> World:
    """A namespace, without a bridge."""
    return World(admin, temporal, namespace)


@pytest.fixture(scope="module")
async def bridge(stack: Stack) -> AsyncIterator[Bridge]:
    async with worlds.bridge(stack, TASK_QUEUE) as running:
        yield running


@pytest.fixture
def world(empty_world: World, bridge: Bridge) -> World:
    """A namespace that a bridge looks after."""
    return empty_world
