"""`drplan list`: the executions of a namespace, or of all; of one plan also what its rehearsals found."""

import argparse
from datetime import UTC, datetime

from api.phases import Phase
from cli.options import PLANS, add_output, completed, connected, print_objects
from cli.run import TIMES, Object, Run, age, between, read_conditions, read_run
from cli.screen import sign
from cli.terminal import Line, Terminal, line, show

_GAP = "   "


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    completed(parser.add_argument("--plan", metavar="NAME", default="", help="only executions of this DRPlan"), PLANS)
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="of all namespaces")
    add_output(parser, "json", "yaml", "name", "wide")


def run(options: argparse.Namespace) -> int:
    """Print them, the newest first."""
    with connected(options) as executions:
        objects = executions.newest(options.plan, options.all_namespaces)
        one_plan = options.plan and not options.all_namespaces and options.output in (None, "wide")
        rehearsed = readiness(executions.plan(options.plan)) if one_plan else []
        namespace = executions.namespace
    if options.output in ("json", "yaml", "name"):
        print_objects(objects, options.output, one=False)
        return 0
    terminal = Terminal.of(no_color=options.no_color)
    if not objects:
        print("No executions found." if options.all_namespaces else f"No executions found in namespace {namespace}.")
        show(rehearsed, terminal)
        return 0
    wide = options.output == "wide"
    show(table([read_run(each) for each in objects], datetime.now(UTC), options.all_namespaces, wide), terminal)
    show(rehearsed, terminal)
    return 0


def readiness(plan: Object) -> list[Line]:
    """Return whether a plan can be executed and reverted, after an empty line; nothing where that is not rehearsed."""
    found = read_conditions(plan)
    styles = {"True": "good", "False": "bad"}
    lines = [
        line(f"{kind}: ", (found[kind].status, styles.get(found[kind].status, "")), f": {found[kind].message}", hang=2)
        for kind in ("Executable", "Revertible")
        if kind in found
    ]
    return [line(), *lines] if lines else []


def table(runs: list[Run], now: datetime, namespaces: bool, wide: bool) -> list[Line]:
    """Return the rows, with a heading."""
    head = [*(["NAMESPACE"] if namespaces else []), "NAME", "PLAN", "OPERATION", "PHASE", "STAGES", "ACTIONS", "AGE"]
    head += ["DURATION", "WORKED", "PEOPLE", "TURN", "MESSAGE"] if wide else []
    rows = [_cells(run, now, namespaces, wide) for run in runs]
    widths = [max(len(each) for each in column) for column in zip(head, *rows, strict=True)]
    lines = [line(_GAP.join(each.ljust(width) for each, width in zip(head, widths, strict=True)).rstrip(), cut=True)]
    place = head.index("PHASE")
    for run, row in zip(runs, rows, strict=True):
        cells = [each.ljust(width) for each, width in zip(row, widths, strict=True)]
        before, after = _GAP.join([*cells[:place], ""]), _GAP.join(["", *cells[place + 1 :]]).rstrip()
        lines.append(line(before, (cells[place], sign(run.phase)[1]), after, cut=True))
    return lines


def _cells(run: Run, now: datetime, namespaces: bool, wide: bool) -> list[str]:
    cells = [*([run.namespace] if namespaces else []), run.name, run.plan, run.operation]
    cells.append(run.phase.value if run.phase else "")
    for part in ("stages", "actions"):
        total, counted = run.count(part)
        cells.append(f"{counted.get(Phase.SUCCEEDED, 0)}/{total}" if total else "")
    cells.append(between(run.created, now))
    if wide:
        spent = run.spent(now)
        times = [age(spent[name]) if name in spent else "" for name in TIMES]
        cells += [between(run.start, run.end or now), *times, run.message]
    return cells
