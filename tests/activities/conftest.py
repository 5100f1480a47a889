"""Fixtures of the activities' tests: a site, and an API server that misbehaves on order."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dev.stack import Stack
from kube.client import Cluster
from tests.activities.site import Site
from tests.faulty_server import FaultyServer


@pytest.fixture
async def site(stack: Stack, namespace: str) -> AsyncIterator[Site]:
    """A namespace, and the worker's own way to the API server."""
    cluster = await Cluster.connect(str(stack.layout.kubeconfig_of("worker")))
    yield Site(stack, namespace, cluster)
    await cluster.close()


@pytest.fixture
async def faulty(stack: Stack) -> AsyncIterator[FaultyServer]:
    """The same API server behind a proxy that breaks on order."""
    async with FaultyServer.before(stack) as server:
        yield server


@pytest.fixture
async def faulty_site(stack: Stack, namespace: str, faulty: FaultyServer, tmp_path: Path) -> AsyncIterator[Site]:
    """A site whose activities go through the faulty proxy."""
    cluster = await Cluster.connect(str(faulty.kubeconfig(tmp_path)))
    yield Site(stack, namespace, cluster)
    await cluster.close()
