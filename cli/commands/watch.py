"""`drplan watch`: the one screen until the end."""

import argparse

from cli.executions import LATEST
from cli.options import add_execution, connected
from cli.watch import follow


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_execution(parser, LATEST)


def run(options: argparse.Namespace) -> int:
    """Follow an execution; the exit code tells how it ended."""
    with connected(options) as executions:
        name = executions.resolve(options.name)
        executions.get(name)
        return follow(executions, name, options.no_color).exit_code
