"""`drplan execute`: create an execution of a plan."""

import argparse

from api.phases import Mode
from cli.executions import Executions
from cli.options import PLANS, add_creation, add_parameters, completed, connected, creation_fields, parameters
from cli.watch import follow


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_plan(parser)
    parser.add_argument("--name", help="name of the new DRPlanExecution; generated when omitted")
    add_path(parser)
    add_creation(parser)


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names a plan."""
    completed(parser.add_argument("plan", metavar="PLAN", help="name of the DRPlan"), PLANS)


def add_path(parser: argparse.ArgumentParser) -> None:
    """Add what an Execute does of its plan."""
    parser.add_argument("--mode", choices=[mode.value for mode in Mode], help="path through the plan")
    add_parameters(parser, "a parameter; may be repeated")


def path_fields(options: argparse.Namespace) -> dict[str, object]:
    """Return the fields of the spec that these options set."""
    params = [{"name": name, "value": value} for name, value in parameters(options.param).items()]
    fields = {"mode": options.mode, "params": params}
    return {field: value for field, value in fields.items() if value}


def run(options: argparse.Namespace) -> int:
    """Create it, and follow it where that is wanted."""
    spec = creation_fields(options) | path_fields(options)
    with connected(options) as executions:
        return created(executions, executions.execute(options.plan, options.name, spec), options)


def created(executions: Executions, name: str, options: argparse.Namespace) -> int:
    """Tell of a new execution, and follow it where that is wanted; return the exit code."""
    by_name = f"drplanexecution.dr.bkbcs.tencent.com/{name}"
    print(by_name if options.output == "name" else f"drplanexecution/{name} created", flush=True)
    return follow(executions, name, options.no_color).exit_code if options.wait else 0
