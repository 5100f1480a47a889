"""`drplan skip`: go on without an action that waits for a decision."""

import argparse

from cli.options import add_execution
from cli.requests import add_action, add_reason, request


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_execution(parser)
    add_action(parser)
    add_reason(parser, required=True)


def run(options: argparse.Namespace) -> int:
    """Ask for it, and tell the answer."""
    return request(options, options.action)
