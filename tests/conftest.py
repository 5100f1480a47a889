"""Fixtures that every test may use."""

from collections.abc import Iterator

import pytest

from dev.stack import Stack
from tests.private_stack import new_namespace, private_stack

pytest_plugins = ["tests.leftovers", "tests.time_limits", "tests.distribution"]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One real API server and one real Temporal for the whole run, without worker and bridge."""
    with private_stack() as running:
        yield running


@pytest.fixture
def namespace(stack: Stack) -> str:
    """A namespace of this test's own; its service account `default` may do what actions do."""
    return new_namespace(stack)
