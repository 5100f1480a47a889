"""The worker as `python -m worker` builds it, under a name that tells nothing of the machine."""

import asyncio
import os

from temporalio.client import Client

from kube.client import Cluster
from worker.build import build_worker
from worker.settings import Settings
from workflows.converter import DATA_CONVERTER

SERVING = "serving"


async def main() -> None:
    """Serve until killed."""
    address = os.environ["TEMPORAL_ADDRESS"]
    client = await Client.connect(address, data_converter=DATA_CONVERTER, identity="worker")
    cluster = await Cluster.connect()
    async with build_worker(client, cluster, Settings()):
        print(SERVING, flush=True)  # noqa: T201 - what the recorder waits for
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
