"""`drplan execute`: create an execution of a plan."""

import argparse

from api.phases import Mode
from cli.executions import Executions
from cli.options import PLANS, add_creation, add_parameters, completed, connected, creation_fields, parameters
from cli.watch import follow


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    completed(parser.add_argument("plan", metavar="PLAN", help="name of the DRPlan"), PLANS)
    parser.add_argument("--name", help="name of the new DRPlanExecution; generated when omitted")
    parser.add_argument("--mode", choices=[mode.value for mode in Mode], help="path through the plan")
    add_parameters(parser, "a parameter; may be repeated")
    add_creation(parser)


def run(options: argparse.Namespace) -> int:
    """Create it, and follow it where that is wanted."""
    spec = creation_fields(options) | ({"mode": options.mode} if options.mode else {})
    if params := parameters(options.param):
        spec["params"] = [{"name": name, "value": value} for name, value in params.items()]
    with connected(options) as executions:
        return created(executions, executions.execute(options.plan, options.name, spec), options)


def created(executions: Executions, name: str, options: argparse.Namespace) -> int:
    """Tell of a new execution, and follow it where that is wanted; return the exit code."""
    by_name = f"drplanexecution.dr.bkbcs.tencent.com/{name}"
    print(by_name if options.output == "name" else f"drplanexecution/{name} created", flush=True)
    return follow(executions, name, options.no_color).exit_code if options.wait else 0
