"""`drplan preview`: what an Execute or a Revert would do, and what would keep it from that."""

import argparse
import sys
from datetime import UTC, datetime

from api.phases import OperationType
from cli.commands import execute, revert
from cli.executions import Executions
from cli.options import (
    EXECUTIONS,
    LATEST_HELP,
    UsageError,
    add_on_failure,
    add_output,
    completed,
    connected,
    connection_options,
    print_objects,
)
from cli.preview import next_command
from cli.run import read_run
from cli.screen import screen
from cli.terminal import Terminal, neutral, show
from kube.blocking import Object


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description = f"""{parser.description}

It creates a DRPlanExecution with dryRun, waits for its end, and prints the tree of what would happen, the
obstacles, and the command that does just that. Exit code 0 without obstacles, 1 with obstacles. The
object stays: from it an execution with its digest tells what has changed since. Nothing else is changed."""
    execute.add_plan(parser)
    text = f"preview the Revert of this execution of the plan; {LATEST_HELP}"
    completed(parser.add_argument("--revert", metavar="NAME", help=text), EXECUTIONS)
    parser.add_argument("--name", help="name of the preview; generated when omitted")
    execute.add_path(parser)
    revert.add_scope(parser)
    add_on_failure(parser)
    add_output(parser, "json", "yaml", "name")


def run(options: argparse.Namespace) -> int:
    """Create it, wait for its end, and print what it found."""
    spec = {"dryRun": True, **({"onFailure": options.on_failure} if options.on_failure else {})}
    with connected(options) as executions:
        body = _ended(executions, _created(executions, options, spec))
    run = read_run(body)
    if options.output:
        print_objects([body], options.output, one=True)
    else:
        terminal = Terminal.of(no_color=options.no_color)
        command = next_command(body, connection_options(options))
        show(screen(run, datetime.now(UTC), terminal, whole=True, command=command), terminal)
    return run.exit_code


def _created(executions: Executions, options: argparse.Namespace, spec: Object) -> str:
    path = execute.path_fields(options)
    if options.revert is None:
        if revert.scope_fields(options, options.plan):
            raise UsageError("options of a Revert need --revert NAME")
        return executions.execute(options.plan, options.name, spec | path)
    if path:
        raise UsageError("a Revert takes no --mode and no --param: it works with those of its original")
    name = options.revert if options.revert != "@latest" else f"{options.plan}@latest"
    original = executions.resolve(name, OperationType.EXECUTE)
    plan = executions.get(original)["spec"]["planRef"]
    if plan != options.plan:
        raise UsageError(f"drplanexecution/{neutral(original)} is one of DRPlan {neutral(plan)}, not of {options.plan}")
    return executions.revert(original, options.name, spec | revert.scope_fields(options, original))


def _ended(executions: Executions, name: str) -> Object:
    """Wait for the end of a preview; what it waits for meanwhile goes to stderr."""
    told = ""
    for seen in executions.follow(name):
        run = read_run(seen.body)
        if not seen.away and run.ended:
            return seen.body
        if (words := seen.away or run.message) != told:
            print(f"drplanexecution/{name}: {neutral(words)}", file=sys.stderr, flush=True)
            told = words
    raise AssertionError
