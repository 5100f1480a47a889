"""`drplan approve`: agree to the start of a stage."""

import argparse

from cli.options import add_execution
from cli.requests import add_reason, request


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_execution(parser)
    parser.add_argument("--stage", metavar="NAME", help="the stage; the one that waits when omitted")
    parser.add_argument("--group", metavar="NAME", help="your group that the stage asks for")
    add_reason(parser)


def run(options: argparse.Namespace) -> int:
    """Ask for it, and tell the answer."""
    return request(options, options.stage)
