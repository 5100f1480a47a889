"""A stack of its own for the short campaign: its servers are killed."""

from collections.abc import Iterator

import pytest

from dev.stack import Stack
from tests.private_stack import private_stack


@pytest.fixture(scope="module")
def module_stack() -> Iterator[Stack]:
    """A running stack without worker and bridge."""
    with private_stack() as stack:
        yield stack
