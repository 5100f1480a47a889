"""Run the bridge: `python -m bridge`. Ends with 0 on SIGTERM or SIGINT, having given up its lease."""

import asyncio
import logging
import signal
import sys
import time

import structlog

from bridge.process import Bridge
from bridge.settings import Settings
from kube.errors import ConfigurationError


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def serve(settings: Settings) -> None:
    """Run until told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    bridge = await Bridge.connect(settings, time.monotonic)
    await bridge.run(stop)


def main() -> int:
    """Start the process; give its exit code."""
    _log_to_stderr()
    try:
        asyncio.run(serve(Settings()))
    except ConfigurationError as error:
        structlog.get_logger(__name__).error("bridge cannot start", error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
