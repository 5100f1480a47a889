"""Run the worker: `python -m worker`. Ends with 0 on SIGTERM or SIGINT, 2 for wrong settings, 1 where it broke."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

import structlog
from pydantic import ValidationError

from kube.client import Cluster, Limits
from kube.errors import ConfigurationError
from worker.build import build_worker
from worker.connecting import WrongConfigurationError, reach_cluster, reach_temporal
from worker.logs import log_as_json
from worker.settings import PREFIX, Settings, listing

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class _Stopped(Exception):  # noqa: N818 - it is no error to be told to stop
    """The process was told to end before it served."""


async def serve(settings: Settings) -> None:
    """Serve until told to stop; then let running actions end within the graceful time.

    Raises ConfigurationError or WrongConfigurationError where the way to cluster or Temporal is not known.
    """
    stop = _stop_event()
    cluster = await Cluster.connect(
        user_agent="drplan-worker", limits=Limits(connections=settings.kubernetes_connections)
    )
    try:
        client = await _unless_stopped(reach_temporal(), stop)
        version = await _unless_stopped(reach_cluster(cluster), stop)
        async with build_worker(client, cluster, settings):
            _log.info("worker started", task_queue=settings.task_queue, kubernetes=version, namespace=client.namespace)
            await stop.wait()
            _log.info("worker stopping", graceful_seconds=settings.graceful_shutdown.total_seconds())
    finally:
        await cluster.close()
    _log.info("worker stopped")


def _stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _unless_stopped(call: Awaitable[T], stop: asyncio.Event) -> T:
    """Give the call's result. Raises _Stopped where the process is told to end before."""
    running, stopped = asyncio.ensure_future(call), asyncio.ensure_future(stop.wait())
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if running.done():
        return running.result()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    raise _Stopped


def main(arguments: list[str] | None = None) -> int:
    """Start the process; give its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m worker",
        description="Carries out the actions of disaster-recovery plans.",
        epilog=listing(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(_wrong_settings(error))
        return 2
    log_as_json(settings.log_level)
    return _run(settings)


def _run(settings: Settings) -> int:
    try:
        asyncio.run(serve(settings))
    except _Stopped:
        _log.info("worker stopped before it served")
    except (ConfigurationError, WrongConfigurationError) as error:
        _log.error("worker cannot start", reason=str(error))
        return 2
    except Exception:
        _log.exception("worker cannot go on")
        return 1
    return 0


def _wrong_settings(error: ValidationError) -> str:
    """Name each wrong setting, without its value."""
    lines = [f"{PREFIX}{'.'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()]
    return "".join(f"{line}\n" for line in lines) + "See --help for all settings.\n"


if __name__ == "__main__":
    sys.exit(main())
