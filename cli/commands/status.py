"""`drplan status`: the one screen, once."""

import argparse
from datetime import UTC, datetime

from cli.commands import watch
from cli.executions import LATEST
from cli.options import add_execution, add_output, connected, connection_options, print_objects
from cli.preview import next_command
from cli.run import read_run
from cli.screen import screen
from cli.terminal import Terminal, show


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_execution(parser, LATEST)
    parser.add_argument("-a", "--all", action="store_true", help="the whole tree, nothing folded or left out")
    parser.add_argument("-w", "--watch", action="store_true", help="follow it, as the command watch does")
    add_output(parser, "json", "yaml", "name", "wide")


def run(options: argparse.Namespace) -> int:
    """Print the status; the exit code is 0 however the execution fares."""
    if options.watch:
        return watch.run(options)
    with connected(options) as executions:
        body = executions.get(executions.resolve(options.name))
    if options.output in ("json", "yaml", "name"):
        print_objects([body], options.output, one=True)
        return 0
    terminal = Terminal.of(no_color=options.no_color)
    whole = options.all or options.output == "wide"
    command = next_command(body, connection_options(options))
    show(screen(read_run(body), datetime.now(UTC), terminal, whole=whole, command=command), terminal)
    return 0
