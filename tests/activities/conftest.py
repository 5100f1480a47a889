"""Fixtures of the activities' tests: a site, and an API server that misbehaves on order."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dev.stack import Stack
from kube.client import Cluster
from tests.activities.site import Site
from tests.fake_clusternet import Clusternet
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


@pytest.fixture
def clusternet(site: Site) -> Iterator[Clusternet]:
    with Clusternet.at_work(site.stack, site.namespace, finalizers=True) as clusternet:
        yield clusternet


@pytest.fixture
def faulty_clusternet(faulty_site: Site) -> Iterator[Clusternet]:
    with Clusternet.at_work(faulty_site.stack, faulty_site.namespace) as clusternet:
        yield clusternet
