"""The older CRDs and ours, side by side on the real API server under groups of the tests' own.

They stay until the stack ends: removing kinds would make its garbage collector pause for other tests.
"""

import pytest

from dev.stack import Stack
from tests.api.crd_group import CrdGroup, open_crd_group
from tests.api.documents import MODELS, committed, reference
from tests.private_stack import new_namespace


@pytest.fixture(scope="session")
def theirs(stack: Stack) -> CrdGroup:
    """The CRDs of existing installations."""
    crds = open_crd_group(stack, "theirs.test", new_namespace(stack))
    crds.install(*(reference(plural) for plural in MODELS))
    return crds


@pytest.fixture(scope="session")
def ours(stack: Stack) -> CrdGroup:
    """Our CRDs as they stand in the checkout."""
    crds = open_crd_group(stack, "ours.test", new_namespace(stack))
    crds.install(*(committed(plural) for plural in MODELS))
    return crds


@pytest.fixture
def upgraded(stack: Stack) -> CrdGroup:
    """An installation of the older CRDs that the test replaces by ours."""
    crds = open_crd_group(stack, "upgraded.test", new_namespace(stack))
    crds.install(*(reference(plural) for plural in MODELS))
    return crds
