"""`drplan wait`: return when an execution has ended."""

import argparse
import sys
import time

from cli.executions import LATEST
from cli.options import UsageError, add_execution, connected
from cli.run import read_run
from cli.terminal import neutral


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_execution(parser, LATEST)
    parser.add_argument("--timeout", metavar="DURATION", help="as 30s, 5m or 1h30m; without it there is no limit")


def run(options: argparse.Namespace) -> int:
    """Wait; the exit code tells how the execution ended, and is 1 where it has not ended in time."""
    deadline = time.monotonic() + _seconds(options.timeout) if options.timeout else None
    with connected(options) as executions:
        name = executions.resolve(options.name)
        executions.get(name)
        for seen in executions.follow(name):
            run = read_run(seen.body)
            if not seen.away and run.ended:
                print(f"drplanexecution/{name} {run.phase.value if run.phase else ''}: {neutral(run.message)}")
                return run.exit_code
            if deadline is not None and time.monotonic() > deadline:
                print(f"Error: drplanexecution/{name} has not ended within {options.timeout}", file=sys.stderr)
                return 1
    raise AssertionError


def _seconds(text: str) -> float:
    # Not by the models' function: those load for longer than the command takes.
    import durationpy

    try:
        return float(durationpy.from_str(text).total_seconds())
    except durationpy.DurationError:
        raise UsageError(f'"{text}" is not a duration such as 30s, 5m or 1h30m') from None
