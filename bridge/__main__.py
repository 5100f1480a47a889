"""Run the bridge: `python -m bridge`. At its end it gives up its lease."""

import asyncio
import time

from bridge.bridge import Bridge
from bridge.settings import BridgeSettings
from process.main import collect_garbage_seldom, end, main

DESCRIPTION = "Starts a run in Temporal for each DRPlanExecution, and writes what happens to its status."


async def serve(settings: BridgeSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set. Raises ConfigurationError and TemporalConfigurationError."""
    bridge = await Bridge.connect(settings, time.monotonic)
    collect_garbage_seldom()
    await bridge.run(stop)


if __name__ == "__main__":
    end(main("bridge", DESCRIPTION, BridgeSettings, serve))
