"""The metrics of the processes of an installation, as Prometheus reads them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

SDK_LABELS = {"namespace", "task_queue", "workflow_type"}
"""Added by Temporal's SDK to what workflow code counts."""
_LINE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Series:
    """One line of a scrape."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Scrape:
    """All series of one or more processes."""

    series: list[Series]

    def matching(self, name: str, **labels: str) -> list[Series]:
        """Give the series of a metric whose labels fit regular expressions."""
        return [
            one
            for one in self.series
            if one.name == name
            and all(re.fullmatch(value, one.labels.get(label, "")) for label, value in labels.items())
        ]

    def largest(self, name: str, **labels: str) -> float:
        """Give the largest value of these series; -1 where there are none."""
        return max((one.value for one in self.matching(name, **labels)), default=-1.0)


def scrape(*addresses: str) -> Scrape:
    """Read the metrics at some addresses."""
    found = []
    for address in addresses:
        for line in httpx.get(f"http://{address}/metrics", timeout=60).text.splitlines():
            if (match := _LINE.fullmatch(line)) and not line.startswith("#"):
                labels = dict(_LABEL.findall(match["labels"] or ""))
                found.append(Series(match["name"], labels, float(match["value"])))
    return Scrape(found)
