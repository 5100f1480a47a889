"""What a campaign has found so far: a JSON file from which it goes on, and the tables of docs/fault-campaign.md."""

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.chaos.bounds import BOUNDS
from tests.chaos.campaign import Round

PAGE = Path("docs/fault-campaign.md")
_BEGIN, _END = "<!-- campaign -->", "<!-- end of campaign -->"


@dataclass
class Report:
    """All rounds of a campaign, and the bounds that it measured."""

    file: Path
    seed: int
    parallel: int
    first: str = ""
    """The kinds of faults with which each half of a round begins."""
    rounds: list[Round] = field(default_factory=list)
    bounds: dict[str, list[float]] = field(default_factory=dict)
    """Seconds by what was measured."""

    @classmethod
    def load(cls, file: Path, seed: int, parallel: int, first: str = "") -> Self:
        """Return the report of an earlier run with these options, to go on with; else a new one."""
        if file.exists():
            found: dict[str, Any] = json.loads(file.read_text())
            if (found["seed"], found["parallel"], found.get("first", "")) == (seed, parallel, first):
                return cls(file, seed, parallel, first, [Round(**each) for each in found["rounds"]], found["bounds"])
        return cls(file, seed, parallel, first)

    @property
    def executions(self) -> int:
        """How many executions have been through faults."""
        return sum(each.executions for each in self.rounds)

    @property
    def problems(self) -> list[str]:
        """Everything that the oracle found, and every bound that was missed."""
        found = [f"seed {each.seed}: {problem}" for each in self.rounds for problem in each.problems]
        late = ((name, value) for name, values in self.bounds.items() for value in values if value > BOUNDS[name])
        return found + [f"{name}: {value:.1f} s, {BOUNDS[name]:g} s are allowed" for name, value in late]

    def save(self) -> None:
        """Write the file, completely or not at all."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        content = {name: value for name, value in asdict(self).items() if name != "file"}
        partial = self.file.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=1, default=str) + "\n")
        partial.replace(self.file)

    def summary(self) -> str:
        """Return one line about all of it."""
        faults, dropped = sum(len(each.faults) for each in self.rounds), sum(each.dropped for each in self.rounds)
        ends = sum(len(codes) for each in self.rounds for codes in each.own_ends.values())
        return (
            f"{self.executions} executions in {len(self.rounds)} rounds under {faults} faults "
            f"and {dropped} dropped answers; {ends} times a process of ours ended by itself; "
            f"{len(self.problems)} problems"
        )


def line(one: Round) -> str:
    """Return what to print when a round has ended."""
    result = "held" if not one.problems else f"{len(one.problems)} PROBLEMS"
    upgrade = f", other {one.upgrade}" if one.upgrade else ""
    return (
        f"seed {one.seed}: {one.executions} executions, {one.bridges} bridge(s){upgrade}, "
        f"{len(one.faults)} faults, {one.dropped} answers dropped, {one.seconds:.0f} s: {result}"
    )


def tables(report: Report) -> str:
    """Return the tables of the page."""
    parts = [f"{report.summary()[0].upper()}{report.summary()[1:]}.", "", *_kinds(report), "", *_rounds(report)]
    return "\n".join([*parts, "", *_bounds(report)])


def _kinds(report: Report) -> list[str]:
    counts = Counter(_kind(each) for one in report.rounds for each in one.faults)
    return ["| fault | times |", "| --- | --- |", *(f"| {kind} | {count} |" for kind, count in sorted(counts.items()))]


def _kind(fault: str) -> str:
    """Return a fault without its half and its numbers."""
    parts = [each for each in fault.partition(": ")[2].split(", ") if not re.fullmatch(r"-?[\d.]+( s)?", each)]
    return ", ".join(parts)


def _rounds(report: Report) -> list[str]:
    rows = [
        f"| {each.seed} | {each.executions} | {each.bridges} | {each.upgrade} | {len(each.faults)} | {each.dropped} | "
        f"{each.seconds:.0f} | {'held' if not each.problems else len(each.problems)} |"
        for each in report.rounds
    ]
    head = "| seed | executions | bridges | upgrade | faults | dropped answers | seconds | result |"
    return [head, "| --- | --- | --- | --- | --- | --- | --- | --- |", *rows]


def _bounds(report: Report) -> list[str]:
    rows = [
        f"| {name} | {BOUNDS[name]:g} | {len(values)} | {sorted(values)[len(values) // 2]:.1f} | {max(values):.1f} |"
        for name, values in report.bounds.items()
        if values
    ]
    head = ["| bound | allowed, s | measured | median, s | longest, s |", "| --- | --- | --- | --- | --- |"]
    return [*head, *rows] if rows else []


def write_page(report: Report, page: Path = PAGE) -> None:
    """Replace the tables in the page."""
    text = page.read_text()
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    page.write_text(f"{before}{_BEGIN}\n{tables(report)}\n{_END}{after}")
