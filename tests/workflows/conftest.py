"""One dev server and one worker for all tests of this folder; every test's runs are replayed at its end."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from tests.workflows.engine import DevEngine, Replays, dev_server, started_replays, worker
from tests.workflows.fake_activities import FakeActivities

TASK_QUEUE = "tests"


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    """A client of a real dev server."""
    async with dev_server() as client:
        yield client


@pytest.fixture(scope="session")
async def fake_activities(temporal: Client) -> AsyncIterator[FakeActivities]:
    """What the running worker does for activities."""
    activities = FakeActivities()
    async with worker(temporal, activities, TASK_QUEUE):
        yield activities


@pytest.fixture(scope="session")
async def replays() -> AsyncIterator[Replays]:
    """Replays what tests have run."""
    async with started_replays() as running:
        yield running


@pytest.fixture
async def engine(temporal: Client, fake_activities: FakeActivities, replays: Replays) -> AsyncIterator[DevEngine]:
    """Starts runs; what ran is replayed afterwards."""
    running = DevEngine(temporal, fake_activities, TASK_QUEUE)
    yield running
    running.release()
    await running.replay_everything(replays)
