"""`drplan cancel`: request the cancel of an execution."""

import argparse

from cli.options import add_execution, add_wait, connected
from cli.watch import follow


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_execution(parser)
    add_wait(parser)


def run(options: argparse.Namespace) -> int:
    """Request the cancel; the exit code is 0 once the execution has ended, however it did."""
    with connected(options) as executions:
        name = executions.resolve(options.name)
        executions.cancel(name)
        print(f"drplanexecution/{name} cancel requested", flush=True)
        if options.wait:
            follow(executions, name, options.no_color)
    return 0
