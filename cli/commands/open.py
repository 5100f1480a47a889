"""`drplan open`: the address of an execution's run in Temporal's UI."""

import argparse
import os
import sys
from urllib.parse import quote

from cli.executions import LATEST
from cli.options import add_execution, connected
from cli.run import read_run
from cli.terminal import neutral

_UI = "http://localhost:8233"
"""Where `temporal server start-dev` and the local stack's forwarding serve it."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_execution(parser, LATEST)
    parser.add_argument("--ui", metavar="URL", help=f"address of Temporal's UI [{_UI}]")
    parser.add_argument(
        "--temporal-namespace", metavar="NAME", help="namespace in Temporal [TEMPORAL_NAMESPACE, else default]"
    )
    parser.add_argument("--browser", action="store_true", help="show it in the browser as well")


def run(options: argparse.Namespace) -> int:
    """Print the address; exit code 1 where the execution has no run."""
    with connected(options) as executions:
        shown = read_run(executions.get(executions.resolve(options.name)))
    if not shown.workflow_id:
        print(f"Error: drplanexecution/{neutral(shown.name)} has no run in Temporal", file=sys.stderr)
        return 1
    ui = (options.ui or _UI).rstrip("/")
    namespace = options.temporal_namespace or os.environ.get("TEMPORAL_NAMESPACE") or "default"
    run = f"{quote(shown.workflow_id, safe='')}/{quote(shown.run_id, safe='')}"
    address = f"{ui}/namespaces/{quote(namespace, safe='')}/workflows/{run}/history"
    print(address)
    if options.browser:
        import webbrowser

        webbrowser.open(address)
    return 0
