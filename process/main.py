"""What a process does around its work: arguments, settings, log, signals, exit code.

A process ends with 0 on SIGTERM or SIGINT, with 2 where its settings or its configuration cannot be used, and with 1
where it failed. Source: docs/operations.md, "Settings".
"""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn, TypeVar

import structlog
from pydantic import ValidationError

from kube.errors import ConfigurationError
from process.http_server import ListenError
from process.logs import DEFAULT_LEVEL, log_as_json
from process.settings import LogSettings, describe_errors, listing
from process.temporal import TemporalConfigurationError

T = TypeVar("T")
SettingsT = TypeVar("SettingsT", bound=LogSettings)
Serve = Callable[[SettingsT, asyncio.Event], Awaitable[None]]
"""Works until the event is set."""


class StoppedError(Exception):
    """The process was told to stop before it served."""


async def unless_stopped(call: Awaitable[T], stop: asyncio.Event) -> T:
    """Return the call's result. Raises StoppedError where the process is told to stop before."""
    running, stopped = asyncio.ensure_future(call), asyncio.ensure_future(stop.wait())
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if running.done():
        return running.result()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    raise StoppedError


def main(
    name: str,
    description: str,
    settings_type: type[SettingsT],
    serve: Serve[SettingsT],
    arguments: list[str] | None = None,
) -> int:
    """Run the process called `name` until it is told to stop, and return its exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=description,
        epilog=listing(settings_type),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)
    log_as_json(DEFAULT_LEVEL)
    log = structlog.get_logger(name)
    try:
        settings = settings_type()
    except ValidationError as error:
        log.error(f"{name} cannot start", reason=describe_errors(error))
        return 2
    log_as_json(settings.log_level)
    try:
        asyncio.run(_serve_until_signaled(serve, settings))
    except StoppedError:
        log.info(f"{name} stopped before it served")
    except (ConfigurationError, TemporalConfigurationError, ListenError) as error:
        log.error(f"{name} cannot start", reason=str(error))
        return 2
    except Exception:
        log.exception(f"{name} failed")
        return 1
    return 0


def collect_garbage_seldom() -> None:
    """Leave what is loaded by now out of garbage collections, and collect less often than Python does by itself.

    To read an object of a megabyte makes 200,000 values, and nothing of them is garbage: 300 collections took longer
    than the reading, and the event loop stood still for more than 100 ms.

    The middle generation is collected often, for as long as it is small: with twenty of the youngest in it, one of its
    collections took 50 ms, in the middle of whatever was being read. A full one comes as seldom as with (20, 50).
    """
    gc.freeze()
    gc.set_threshold(10_000, 2, 350)


def end(code: int) -> NoReturn:
    """End the process at once, with everything logged.

    The interpreter's own end frees Temporal's runtime, and waits for ever where a thread of that is about to log.
    """
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


async def _serve_until_signaled(serve: Serve[SettingsT], settings: SettingsT) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await serve(settings, stop)
    finally:
        # A loop that closes restores the default, and a second signal would then kill the process in its last steps.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
