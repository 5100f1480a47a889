"""A bridge that dies by SIGKILL at its first start of a workflow: `python -m tests.e2e.doomed_bridge before|after`.

It is the real bridge; only its Temporal client is one that kills its process.
"""

import asyncio
import os
import signal
import sys
import time

from api.execution import DRPlanExecution
from bridge.bridge import Bridge
from bridge.settings import Settings
from bridge.temporal.client import StartedRun, TemporalClient
from kube.client import Cluster


class DeadBefore(TemporalClient):
    """Never starts anything."""

    async def start(self, execution: DRPlanExecution) -> StartedRun:
        """Die before Temporal hears of it."""
        os.kill(os.getpid(), signal.SIGKILL)
        return await super().start(execution)


class DeadAfter(TemporalClient):
    """Starts one workflow, and does not live to write it down."""

    async def start(self, execution: DRPlanExecution) -> StartedRun:
        """Die when Temporal has answered."""
        started = await super().start(execution)
        os.kill(os.getpid(), signal.SIGKILL)
        return started


async def serve(engine: type[TemporalClient]) -> None:
    """Run as `bridge` does, until the end."""
    settings = Settings()
    bridge = Bridge(settings, await Cluster.connect(), await engine.connect(settings.task_queue), time.monotonic)
    await bridge.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(serve({"before": DeadBefore, "after": DeadAfter}[sys.argv[1]]))
