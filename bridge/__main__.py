"""Run the bridge: `python -m bridge`. At its end it gives up its lease."""

import asyncio
import time

from bridge.bridge import Bridge
from bridge.settings import BridgeSettings
from process.health import Health, serving
from process.main import collect_garbage_seldom, end, main
from process.temporal import traced

DESCRIPTION = "Starts a run in Temporal for each DRPlanExecution, and writes what happens to its status."


async def serve(settings: BridgeSettings, stop: asyncio.Event) -> None:
    """Run until `stop` is set. Raises ConfigurationError, TemporalConfigurationError and ListenError."""
    health = Health()
    with traced("bridge", enabled=settings.tracing) as interceptors:
        bridge = await Bridge.connect(settings, time.monotonic, interceptors)
        bridge.add_checks(health)
        async with serving(health, settings.health_address):
            collect_garbage_seldom()
            await bridge.run(stop)


if __name__ == "__main__":
    end(main("bridge", DESCRIPTION, BridgeSettings, serve))
