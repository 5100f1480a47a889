"""What the benchmark found, as text for a terminal and for docs/benchmarks.md."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Round:
    """One pair of runs and what was seen of the bridged one. Times in seconds."""

    bare: float
    bridged: float
    status_bytes: int
    writes: int
    lag_p50: float
    lag_p99: float
    events: int

    @property
    def ratio(self) -> float:
        """Bridged against bare."""
        return self.bridged / self.bare


def table(rounds: list[Round]) -> str:
    """Give the rounds and their medians as a Markdown table."""
    head = "| round | bare s | bridged s | ratio | status bytes | writes | lag p50 s | lag p99 s | history events |"
    rule = "| --- " * 9 + "|"
    rows = [_row(str(number), each) for number, each in enumerate(rounds, 1)]
    return "\n".join([head, rule, *rows, _medians(rounds)])


def _row(name: str, each: Round) -> str:
    figures = f"{each.bare:.2f} | {each.bridged:.2f} | {each.ratio:.3f} | {each.status_bytes} | {each.writes}"
    return f"| {name} | {figures} | {each.lag_p50:.2f} | {each.lag_p99:.2f} | {each.events} |"


def _medians(rounds: list[Round]) -> str:
    def median(name: str) -> float:
        return statistics.median(float(getattr(each, name)) for each in rounds)

    figures = f"{median('bare'):.2f} | {median('bridged'):.2f} | **{median('ratio'):.3f}**"
    sizes = f"{median('status_bytes'):.0f} | {median('writes'):.0f}"
    return (
        f"| median | {figures} | {sizes} | {median('lag_p50'):.2f} | {median('lag_p99'):.2f} | {median('events'):.0f} |"
    )
