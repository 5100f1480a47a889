"""What several benches print in the same way."""

import statistics
from collections.abc import Sequence


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def median_and_p99(values: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th of a hundred of two values or more."""
    percentiles = statistics.quantiles(values, n=100, method="inclusive")
    return percentiles[49], percentiles[98]
