"""The fixtures of the end-to-end tests: one installation for all, a story in a namespace of its own for each."""

from collections.abc import Iterator

import pytest

from dev.stack import Stack
from tests.e2e.site import Site, open_site
from tests.e2e.story import Story
from tests.private_stack import private_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A stack for these tests alone: their worker and bridge would take up what other tests create."""
    with private_stack() as running:
        yield running


@pytest.fixture(scope="session")
def installation(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Worker and bridge, running with their own rights."""
    with open_site(stack, tmp_path_factory.mktemp("e2e")) as site:
        yield site


@pytest.fixture
def site(installation: Site) -> Iterator[Site]:
    """The installation, whole before and after the test."""
    installation.restore()
    yield installation
    installation.restore()


@pytest.fixture
def story(site: Site) -> Story:
    """A namespace for this test."""
    return site.story()
