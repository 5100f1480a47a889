"""The worker as `python -m worker` runs it, but that it believes the inputs of activities: for tests of attempts."""

import asyncio

from process.main import end, main
from tests.activities.believed_inputs import BelievedInputs
from worker.__main__ import DESCRIPTION, serve
from worker.settings import Settings


async def serve_believing(settings: Settings, stop: asyncio.Event) -> None:
    await serve(settings, stop, lambda client, cluster, snapshots, impersonation: BelievedInputs(cluster))


if __name__ == "__main__":
    end(main("worker", DESCRIPTION, Settings, serve_believing))
