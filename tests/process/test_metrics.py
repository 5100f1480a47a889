"""The table of metrics, and the instruments that are made from it."""

import re
import urllib.request

import pytest

from api.metrics import (
    ATTEMPTS_LOST,
    EXECUTION_SECONDS,
    EXECUTIONS,
    LEADER,
    METRICS,
    PLAN_CONDITION,
    PLANS,
    QUEUE_DEPTH,
    Metric,
    MetricKind,
)
from process.metrics import Metrics
from process.temporal import runtime
from tests.process.test_health import free_address

UNITS = ("_seconds", "_total")
COUNTS_OF_NOW = {"drplan_queue_depth", "drplan_task_queue_pollers", "drplan_task_queue_backlog"}


def test_no_name_stands_twice() -> None:
    assert len({each.name for each in METRICS}) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_are_as_prometheus_recommends(metric: Metric) -> None:
    assert re.fullmatch(r"drplan_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is MetricKind.COUNTER)
    if metric.kind is MetricKind.HISTOGRAM:
        assert metric.name.endswith("_seconds")
        assert list(metric.buckets) == sorted(metric.buckets)
    assert metric.help[0].isupper() or metric.help[0].isdigit()
    assert not metric.help.endswith(".")
    assert all(re.fullmatch(r"[a-z_]+", label) for label in metric.labels)
    assert not {"le", "instance", "job", "namespace", "pod"} & set(metric.labels), "Prometheus sets these"


@pytest.fixture(scope="module")
def scraped() -> str:
    address = free_address()
    metrics = Metrics(runtime(address, "error").metric_meter)
    metrics.count(EXECUTIONS, "Revert", "Failed", by=0)
    metrics.count(EXECUTIONS, "Revert", "Succeeded")
    metrics.count(EXECUTIONS, "Revert", "Succeeded", by=2)
    metrics.observe(EXECUTION_SECONDS, 61.0, "Revert", "Succeeded")
    metrics.set(LEADER, True)
    metrics.set(QUEUE_DEPTH, 7)
    for plan in ("kept", "gone"):
        labels = metrics.of_plan("shop", plan)
        assert labels is not None
        metrics.set(PLAN_CONDITION, 1, *labels, "Clean", "False")
    metrics.forget_plan("shop", "gone")
    metrics.stop_leading()
    metrics.set(PLAN_CONDITION, 1, "shop", "kept", "Clean", "True")
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        text: str = answer.read().decode()
    return text


@pytest.mark.parametrize(
    "line",
    [
        'drplan_executions_total{operation="Revert",phase="Failed"} 0',
        'drplan_executions_total{operation="Revert",phase="Succeeded"} 3',
        'drplan_execution_duration_seconds_bucket{operation="Revert",phase="Succeeded",le="60"} 0',
        'drplan_execution_duration_seconds_bucket{operation="Revert",phase="Succeeded",le="300"} 1',
        'drplan_execution_duration_seconds_sum{operation="Revert",phase="Succeeded"} 61',
        "drplan_leader 1",
        "drplan_queue_depth 0",
        'drplan_plan_condition{condition="Clean",plan="gone",plan_namespace="shop",status="False"} 0',
        'drplan_plan_condition{condition="Clean",plan="kept",plan_namespace="shop",status="False"} 0',
        'drplan_plan_condition{condition="Clean",plan="kept",plan_namespace="shop",status="True"} 1',
        "# TYPE drplan_executions_total counter",
    ],
)
def test_what_prometheus_reads(scraped: str, line: str) -> None:
    assert line in scraped.splitlines()


def test_labels_are_those_of_the_table() -> None:
    with pytest.raises(ValueError, match="zip"):
        Metrics().count(ATTEMPTS_LOST, "shop")


def test_plans_beyond_a_number_get_no_series() -> None:
    metrics = Metrics()
    assert all(metrics.of_plan("shop", f"p{number}") for number in range(PLANS))
    assert metrics.of_plan("shop", "one-more") is None
    assert metrics.of_plan("shop", "p0") == ("shop", "p0")
