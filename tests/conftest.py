"""Fixtures that every test may use."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from dev.stack import Stack
from tests.fork_server import preload_children
from tests.private_stack import new_namespace, private_stack

pytest_plugins = ["tests.leftovers", "tests.time_limits", "tests.distribution"]

# How long a drawn example takes says more of the machine than of the code. `make test-fast` draws fewer examples.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("untimed"), max_examples=20)
settings.load_profile("untimed")
preload_children()


# For etcd, API server, Temporal and kubectl, which then take a third less of the processor and a little more memory.
# There are more of these than processors, and idle threads of each would look for work in it.
os.environ.setdefault("GOGC", "400")
os.environ.setdefault("GOMAXPROCS", "1")
# Of what a killed etcd has written nothing is lost; only a machine without power would lose some, with the whole run.
os.environ.setdefault("ETCD_UNSAFE_NO_FSYNC", "true")
GARBAGE = (10_000, 20, 50)
"""How many objects are made between two looks for garbage; with Python's own numbers these take 3 % more."""
# What is made while tests are collected stays to the end: to look through it for garbage, now or later, takes seconds.
gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave all that was collected alone, and look for garbage among what tests make."""
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    gc.enable()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One real API server and one real Temporal for the whole run, without worker and bridge."""
    with private_stack() as running:
        yield running


@pytest.fixture
def namespace(stack: Stack) -> str:
    """A namespace of this test's own; its service account `default` may do what actions do."""
    return new_namespace(stack)
