"""`drplan execute`: create an execution of a plan."""

import argparse

from api.phases import Mode
from cli.options import (
    PLANS,
    UsageError,
    add_on_failure,
    add_output,
    add_preview,
    add_wait,
    completed,
    connected,
    preview_fields,
)
from cli.watch import follow


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    completed(parser.add_argument("plan", metavar="PLAN", help="name of the DRPlan"), PLANS)
    parser.add_argument("--name", help="name of the new DRPlanExecution; generated when omitted")
    parser.add_argument("--mode", choices=[mode.value for mode in Mode], help="path through the plan")
    parser.add_argument(
        "-p", "--param", metavar="NAME=VALUE", action="append", default=[], help="a parameter; may be repeated"
    )
    add_preview(parser)
    add_on_failure(parser)
    add_wait(parser)
    add_output(parser, "name")


def run(options: argparse.Namespace) -> int:
    """Create it, and follow it where that is wanted."""
    spec = preview_fields(options) | ({"mode": options.mode} if options.mode else {})
    if options.on_failure:
        spec["onFailure"] = options.on_failure
    params = [each.partition("=") for each in options.param]
    if any(not equals for _, equals, _ in params):
        raise UsageError("a parameter is NAME=VALUE")
    if params:
        spec["params"] = [{"name": name, "value": value} for name, _, value in params]
    with connected(options) as executions:
        name = executions.execute(options.plan, options.name, spec)
        print(created(name, options.output), flush=True)
        return follow(executions, name, options.no_color).exit_code if options.wait else 0


def created(name: str, form: str | None) -> str:
    """Return what is said of a new execution."""
    return f"drplanexecution.dr.bkbcs.tencent.com/{name}" if form == "name" else f"drplanexecution/{name} created"
