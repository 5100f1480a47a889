"""The older CRDs and ours, side by side on the real API server under groups of the tests' own.

They stay until the stack ends: removing kinds would make its garbage collector pause for other tests.
"""

import pytest

from dev.stack import Stack
from tests.api.documents import MODELS, committed, reference
from tests.api.shelf import Shelf, open_shelf
from tests.private_stack import new_namespace


@pytest.fixture(scope="session")
def theirs(stack: Stack) -> Shelf:
    """The CRDs of existing installations."""
    shelf = open_shelf(stack, "theirs.test", new_namespace(stack))
    shelf.install(*(reference(plural) for plural in MODELS))
    return shelf


@pytest.fixture(scope="session")
def ours(stack: Stack) -> Shelf:
    """Our CRDs as they stand in the checkout."""
    shelf = open_shelf(stack, "ours.test", new_namespace(stack))
    shelf.install(*(committed(plural) for plural in MODELS))
    return shelf


@pytest.fixture
def upgraded(stack: Stack) -> Shelf:
    """An installation of the older CRDs that the test replaces by ours."""
    shelf = open_shelf(stack, "upgraded.test", new_namespace(stack))
    shelf.install(*(reference(plural) for plural in MODELS))
    return shelf
