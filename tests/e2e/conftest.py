"""The fixtures of the end-to-end tests: one installation for all, a story in a namespace of its own for each."""

from collections.abc import Iterator

import pytest

from dev.stack import Stack
from tests.e2e.installation import Installation, start_installation
from tests.e2e.story import Story
from tests.private_stack import empty_namespace, private_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A stack for these tests alone: their worker and bridge would take up what other tests create."""
    with private_stack() as running:
        yield running


@pytest.fixture(scope="module")
def module_stack() -> Iterator[Stack]:
    """A stack for the tests of one module, whose worker and bridge would be in the way of all others."""
    with private_stack() as running:
        yield running


@pytest.fixture(scope="session")
def shared_installation(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Worker and bridge, running with their own rights."""
    with start_installation(stack, tmp_path_factory.mktemp("e2e")) as installation:
        yield installation


@pytest.fixture
def installation(shared_installation: Installation) -> Iterator[Installation]:
    """The installation, whole before and after the test."""
    shared_installation.restore()
    yield shared_installation
    shared_installation.restore()


@pytest.fixture
def story(installation: Installation) -> Iterator[Story]:
    """A namespace for this test, which leaves no work to the bridges of later tests."""
    story = installation.story()
    yield story
    empty_namespace(installation.stack, story.namespace)
