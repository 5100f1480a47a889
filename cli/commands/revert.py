"""`drplan revert`: create a Revert of an execution."""

import argparse

from api.phases import OnMissing, OperationType
from cli.commands.execute import created
from cli.options import EXECUTIONS, LATEST_HELP, add_creation, completed, connected, creation_fields


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    text = f"name of the DRPlanExecution to revert, an Execute; {LATEST_HELP}"
    completed(parser.add_argument("execution", metavar="NAME", help=text), EXECUTIONS)
    parser.add_argument("--name", help="name of the new DRPlanExecution; generated when omitted")
    add_scope(parser)
    add_creation(parser)


def add_scope(parser: argparse.ArgumentParser) -> None:
    """Add what a Revert takes back."""
    parser.add_argument(
        "--on-missing",
        choices=[each.value for each in OnMissing],
        help="what to do about objects that no longer exist: Fail (default) or Ignore",
    )
    add = parser.add_argument
    add("--include-partial", action="store_true", help="take back what parts that did not succeed have done, too")
    add("--stage", action="append", help="take back this stage only; repeatable")
    add("--workflow", action="append", help="take back this DRWorkflow only; repeatable")
    add("--action", action="append", help="take back this action only; repeatable")
    add("--force", action="store_true", help="take back objects on which a later execution of the plan rests, too")
    add("--return-to", action="store_true", help="take back all later executions of the plan instead; this one stays")
    add("--soak", metavar="DURATION", help="check once more after this time whether all is as before: 10m, 24h")


def scope_fields(options: argparse.Namespace, original: str) -> dict[str, object]:
    """Return the fields of the spec that these options set."""
    selected = {"stages": options.stage, "workflows": options.workflow, "actions": options.action}
    fields = {
        "onMissing": options.on_missing,
        "includePartial": options.include_partial,
        "only": {level: names for level, names in selected.items() if names},
        "force": options.force,
        "soak": options.soak,
        "revertTo": original if options.return_to else None,
    }
    return {field: value for field, value in fields.items() if value}


def run(options: argparse.Namespace) -> int:
    """Create it, and follow it where that is wanted."""
    with connected(options) as executions:
        original = executions.resolve(options.execution, OperationType.EXECUTE)
        spec = creation_fields(options) | scope_fields(options, original)
        return created(executions, executions.revert(original, options.name, spec), options)
