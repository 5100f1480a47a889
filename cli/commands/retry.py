"""`drplan retry`: try an action again that waits for a decision."""

import argparse

from cli.options import add_execution, add_parameters
from cli.requests import add_action, add_reason, request


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_execution(parser)
    add_action(parser)
    text = "what bounds each further attempt, such as 10m, in place of the action's timeout"
    parser.add_argument("--timeout", metavar="DURATION", help=text)
    add_parameters(parser, "a parameter of the action for its further attempts; may be repeated, never secret")
    add_reason(parser)


def run(options: argparse.Namespace) -> int:
    """Ask for it, and tell the answer."""
    return request(options, options.action)
