"""One Temporal for all tests of this folder; each has a worker, a bridge and a cluster of its own."""

from collections.abc import Iterator

import pytest

from tests.stateful.installation import Engine


@pytest.fixture(scope="session")
def temporal() -> Iterator[Engine]:
    """A dev server, and the loop in which everything runs."""
    with Engine.running() as engine:
        yield engine
