"""The metrics of a process, which Temporal's SDK serves beside its own.

Source: docs/decisions/0029-metrics-go-through-temporals-meter.md.
"""

from typing import Any

from temporalio.common import MetricMeter

from api.metrics import KUBERNETES_REQUESTS, KUBERNETES_SECONDS, METRICS, PLANS, Metric, MetricKind, Source

BUCKETS = {metric.name: metric.buckets for metric in METRICS if metric.kind is MetricKind.HISTOGRAM}
"""Upper bounds of each histogram."""


class Metrics:
    """Counts and measures into a meter; without one, into nothing. Label values come in the order of the table."""

    def __init__(self, meter: MetricMeter = MetricMeter.noop) -> None:
        create = {
            MetricKind.COUNTER: meter.create_counter,
            MetricKind.GAUGE: meter.create_gauge_float,
            MetricKind.HISTOGRAM: meter.create_histogram_float,
        }
        self._instruments: dict[str, Any] = {one.name: create[one.kind](one.name, one.help) for one in METRICS}
        self._series: dict[tuple[str, tuple[str, ...]], Any] = {}
        """Instruments with their labels: to make one takes ten times as long as to use it."""
        self._leading = {one.name for one in METRICS if one.source is Source.LEADER}
        self._of_plans = {one.name for one in METRICS if one.kind is MetricKind.GAUGE and "plan" in one.labels}
        self._plans: set[tuple[str, str]] = set()

    def count(self, metric: Metric, *labels: str, by: int = 1) -> None:
        """Add to a counter. With 0 the series is there, so that its first growth can be seen."""
        self._of(metric, labels).add(by)

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        self._of(metric, labels).set(float(value))

    def observe(self, metric: Metric, seconds: float, *labels: str) -> None:
        """Record a duration."""
        self._of(metric, labels).record(float(seconds))

    def answered(self, method: str, status: int, seconds: float) -> None:
        """Measure a call to the API server."""
        self.count(KUBERNETES_REQUESTS, method, str(status))
        self.observe(KUBERNETES_SECONDS, seconds, method)

    def of_plan(self, namespace: str, name: str) -> tuple[str, str] | None:
        """Return the labels of a plan; None where so many plans have series that it gets none."""
        if (namespace, name) not in self._plans:
            if len(self._plans) >= PLANS:
                return None
            self._plans.add((namespace, name))
        return namespace, name

    def stop_leading(self) -> None:
        """Set all gauges to 0 that only the bridge which leads sets."""
        for (name, _), series in self._series.items():
            if name in self._leading:
                series.set(0.0)

    def plans(self) -> list[tuple[str, str]]:
        """Return the plans that have series."""
        return list(self._plans)

    def forget_plan(self, namespace: str, name: str) -> None:
        """Set the gauges of a plan that was deleted to 0."""
        for (metric, labels), series in self._series.items():
            if metric in self._of_plans and labels[:2] == (namespace, name):
                series.set(0.0)

    def _of(self, metric: Metric, labels: tuple[str, ...]) -> Any:
        series = self._series.get((metric.name, labels))
        if series is None:
            attributes = dict(zip(metric.labels, labels, strict=True))
            series = self._instruments[metric.name].with_additional_attributes(attributes)
            self._series[metric.name, labels] = series
        return series
