"""`drplan pause`: start no further action of a running execution."""

import argparse

from cli.options import add_execution
from cli.requests import add_reason, request


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_execution(parser)
    add_reason(parser)


def run(options: argparse.Namespace) -> int:
    """Ask for it, and tell the answer."""
    return request(options)
