"""Metrics that remember what was counted and measured."""

from collections import defaultdict

from api.metrics import Metric
from process.metrics import Metrics


class RecordedMetrics(Metrics):
    """Values by name and labels, as Prometheus would read them; of a histogram, what was observed."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[tuple[str, ...], float] = defaultdict(float)
        self.observed: dict[tuple[str, ...], list[float]] = defaultdict(list)

    def count(self, metric: Metric, *labels: str, by: int = 1) -> None:
        super().count(metric, *labels, by=by)
        self.values[metric.name, *map(str, labels)] += by

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        super().set(metric, value, *labels)
        self.values[metric.name, *map(str, labels)] = float(value)

    def observe(self, metric: Metric, seconds: float, *labels: str) -> None:
        super().observe(metric, seconds, *labels)
        self.observed[metric.name, *map(str, labels)].append(seconds)

    def of(self, metric: Metric, *labels: str) -> float:
        """Give the value of a series; 0 where there is none."""
        return self.values.get((metric.name, *map(str, labels)), 0.0)
