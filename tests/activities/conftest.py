"""Fixtures of the tests of activities: a namespace, and an API server that misbehaves on order."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dev.stack import Stack
from kube.client import Cluster
from tests.activities.live_namespace import LiveNamespace
from tests.fake_clusternet import Clusternet
from tests.faulty_server import FaultyServer


@pytest.fixture
async def ns(stack: Stack, namespace: str) -> AsyncIterator[LiveNamespace]:
    """A namespace, and the worker's own way to the API server."""
    cluster = await Cluster.connect(str(stack.layout.kubeconfig_of("worker")))
    yield LiveNamespace(stack, namespace, cluster)
    await cluster.close()


@pytest.fixture
async def faulty(stack: Stack) -> AsyncIterator[FaultyServer]:
    """The same API server behind a proxy that breaks on order."""
    async with FaultyServer.before(stack) as server:
        yield server


@pytest.fixture
async def faulty_ns(stack: Stack, namespace: str, faulty: FaultyServer, tmp_path: Path) -> AsyncIterator[LiveNamespace]:
    """A namespace whose activities go through the faulty proxy."""
    cluster = await Cluster.connect(str(faulty.kubeconfig(tmp_path)))
    yield LiveNamespace(stack, namespace, cluster)
    await cluster.close()


@pytest.fixture
def clusternet(ns: LiveNamespace) -> Iterator[Clusternet]:
    with Clusternet.at_work(ns.stack, ns.namespace, finalizers=True) as clusternet:
        yield clusternet


@pytest.fixture
def faulty_clusternet(faulty_ns: LiveNamespace) -> Iterator[Clusternet]:
    with Clusternet.at_work(faulty_ns.stack, faulty_ns.namespace) as clusternet:
        yield clusternet
