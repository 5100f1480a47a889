"""`make chaos`: run the fault campaign on a stack of its own, or go on with it; print a report as it goes.

Each round runs plans side by side, an Execute and a Revert of each, while one fault follows the other. Plans and faults
are drawn from the round's seed: `make chaos ARGS="--seed 17 --executions 1"` repeats the round of the seed 17, with the
same `--parallel`, `--faults` and `--upgrade-from`. What
came of all rounds is in the report (JSON), from which a campaign that was interrupted goes on.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos import bounds
from tests.chaos.campaign import Campaign
from tests.chaos.faults import Kind
from tests.chaos.plans import SHAPES
from tests.chaos.processes import System
from tests.chaos.report import Report, line, write_page
from tests.private_stack import private_stack
from tests.programs import REPOSITORY

_SHOWN = 12
"""Problems of a round that are printed; all of them are in the report."""
_LOGS = 20_000
"""Characters of the end of each log that are kept beside the report where a round has problems."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--executions", type=int, default=320, help="how many, at least; those of the report count")
    parser.add_argument("--parallel", type=int, default=8, help="plans side by side in a round")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; each further round has the next one")
    parser.add_argument("--seconds", type=float, default=0, help="begin no round after so many seconds; 0: no limit")
    parser.add_argument(
        "--report", type=Path, default=Path(".chaos/report.json"), help="read, and written after each round"
    )
    parser.add_argument(
        "--upgrade-from",
        default="",
        metavar="REVISION",
        help="of Git: in a quarter of the rounds the worker begins with its code",
    )
    parser.add_argument(
        "--faults",
        type=_kinds,
        default=[],
        metavar="KIND,...",
        help=f"one of each comes first, in both halves of each round: {', '.join(each.value for each in Kind)}",
    )
    parser.add_argument(
        "--bounds", type=int, default=0, metavar="TIMES", help="measure the bounds so often, after the rounds"
    )
    parser.add_argument("--page", action="store_true", help="write the tables of docs/fault-campaign.md")
    return parser.parse_args()


def _kinds(text: str) -> list[Kind]:
    by_name = {each.value.lower(): each for each in Kind}
    names = [each.strip().lower() for each in text.split(",")]
    if unknown := [each for each in names if each not in by_name]:
        raise argparse.ArgumentTypeError(f'unsupported value "{unknown[0]}"; supported values: {", ".join(by_name)}')
    return [by_name[each] for each in names]


@contextmanager
def code_of(revision: str) -> Iterator[Path | None]:
    """Unpack the code of a revision; None without one."""
    if not revision:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", revision], cwd=REPOSITORY, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
        yield Path(folder)


def run(options: argparse.Namespace, report: Report) -> None:
    """Run rounds until there are enough, then measure the bounds."""
    end = time.monotonic() + options.seconds if options.seconds else float("inf")
    with (
        private_stack() as stack,
        tempfile.TemporaryDirectory() as folder,
        code_of(options.upgrade_from) as older_code,
    ):
        system = System.start(stack, Path(folder))
        campaign = Campaign.start(system, older_code)
        try:
            if report.executions < options.executions:
                campaign.run_undisturbed(sorted(SHAPES))
                print(f"undisturbed: {', '.join(sorted(SHAPES))}", flush=True)
            while report.executions < options.executions and time.monotonic() < end:
                one = campaign.run_round(options.seed + len(report.rounds), options.parallel, options.faults)
                report.rounds.append(one)
                report.save()
                print("\n  ".join([line(one), *one.problems[:_SHOWN]]), flush=True)
                if one.problems:
                    _keep_logs(system, report.file.parent / f"logs-{one.seed}")
            for _ in range(options.bounds):
                for name, seconds in bounds.measure(campaign):
                    report.bounds.setdefault(name, []).append(round(seconds, 2))
                    report.save()
                    print(f"{name}: {seconds:.1f} s, {bounds.BOUNDS[name]:g} s are allowed", flush=True)
        finally:
            campaign.close()
            system.close()


def _keep_logs(system: System, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for log in (*system.folder.glob("*.log"), *(system.stack.layout.root / "logs").glob("[!a]*.log")):
        (folder / log.name).write_text(log.read_text(errors="replace")[-_LOGS:])


def main() -> None:
    """Run, and end with 1 where anything did not hold."""
    options = _options()
    os.environ.setdefault("GOGC", "400")  # as in the tests
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended
    report = Report.load(
        options.report, options.seed, options.parallel, ", ".join(each.value for each in options.faults)
    )
    try:
        run(options, report)
    finally:
        print(report.summary(), flush=True)
        if options.page:
            write_page(report)
    sys.exit(1 if report.problems else 0)


if __name__ == "__main__":
    main()
