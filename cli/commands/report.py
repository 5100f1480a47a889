"""`drplan report`: what an execution did, for those who were not there."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from cli.executions import LATEST
from cli.options import add_execution, connected
from cli.report import FORMS
from cli.run import read_run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_execution(parser, LATEST)
    parser.add_argument("-o", "--output", choices=list(FORMS), default="text", help="form of the report [text]")
    parser.add_argument("-f", "--file", metavar="FILE", help="write it to a file, in UTF-8")


def run(options: argparse.Namespace) -> int:
    """Print or write the report."""
    with connected(options) as executions:
        shown = read_run(executions.get(executions.resolve(options.name)))
    text = FORMS[options.output](shown, datetime.now(UTC))
    if options.file:
        Path(options.file).write_text(text, encoding="utf-8")
        print(f"{options.file} written", file=sys.stderr)
        return 0
    encoding = sys.stdout.encoding or "utf-8"
    errors = "xmlcharrefreplace" if options.output == "html" else "backslashreplace"
    sys.stdout.write(text.encode(encoding, errors).decode(encoding))
    return 0
