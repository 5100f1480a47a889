"""Alerts and dashboard ask for metrics that exist, by labels and values that these have; each alert has a runbook."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from api.meta import ConditionStatus
from api.metrics import METRICS, ExecutionState, Metric, MetricKind, OperationLabel
from api.phases import Phase
from bridge.controller.measure import PLAN_CONDITIONS, PassEnd
from dev.monitoring import DASHBOARD, PAGE, alerts, dashboard, dashboard_text, page, queries

OF_TARGET = {"namespace", "pod", "instance", "job", "le"}
"""Labels that come from Prometheus."""
PROMTOOL = shutil.which("promtool")
SUFFIXES = ("_bucket", "_sum", "_count")
BY_NAME = {metric.name: metric for metric in METRICS}
VALUES: dict[str, set[str]] = {
    "operation": set(OperationLabel),
    "state": set(ExecutionState),
    "phase": {Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELED},
    "condition": {kind.value for kind in PLAN_CONDITIONS},
    "status": set(ConditionStatus),
    "type": {"Workflow", "Activity"},
    "code": {"0", "200", "429", "500", "503"},
}


def nodes(expression: Any) -> Iterator[Any]:
    """Yield an expression and all that it consists of."""
    yield expression
    for name in ("lhs", "rhs", "expr", "args", "param", "vector_selector"):
        inner = getattr(expression, name, None)
        for each in inner if isinstance(inner, list) else [inner]:
            if each is not None:
                yield from nodes(each)


def selectors(query: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the name of each series that a query reads, and its labels as regular expressions."""
    for node in nodes(promql_parser.parse(query)):
        if isinstance(node, promql_parser.VectorSelector):
            labels = {
                one.name: one.value if "Re" in str(one.op) else re.escape(one.value) for one in node.matchers.matchers
            }
            yield str(node.name), labels


def metric_of(name: str) -> Metric:
    for suffix in SUFFIXES:
        histogram = BY_NAME.get(name.removesuffix(suffix))
        if name.endswith(suffix) and histogram is not None and histogram.kind is MetricKind.HISTOGRAM:
            return histogram
    assert name in BY_NAME, f"{name} is not in the table"
    assert BY_NAME[name].kind is not MetricKind.HISTOGRAM
    return BY_NAME[name]


def check(query: str) -> set[str]:
    """Check a query against the table, and return the names of its metrics."""
    used, labels = set(), set[str]()
    for name, matchers in selectors(query):
        for label, pattern in matchers.items():
            assert label in {*metric_of(name).labels, *OF_TARGET}, f"{name} has no label {label}"
            for part in pattern.split("|"):
                known = VALUES.get(label, {part})
                assert any(re.fullmatch(part, value) for value in known), f"{label} is never {part}"
    for node in nodes(promql_parser.parse(query)):
        if isinstance(node, promql_parser.VectorSelector):
            metric = metric_of(str(node.name))
            used.add(metric.name)
            labels |= set(metric.labels)
        if isinstance(node, promql_parser.Call) and node.func.name in ("rate", "increase"):
            selector = node.args[0].vector_selector
            assert metric_of(str(selector.name)).kind is not MetricKind.GAUGE, f"{selector.name} is a gauge"
    for node in nodes(promql_parser.parse(query)):
        grouped = getattr(getattr(node, "modifier", None), "labels", None) or ()
        assert set(grouped) <= labels | OF_TARGET, f"{query} groups by what no metric has"
    return used


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_what_there_is_and_says_what_to_do(alert: dict[str, Any]) -> None:
    check(alert["expr"])
    assert re.fullmatch(r"Drplan[A-Z][A-Za-z]+", alert["alert"])
    assert alert["labels"]["severity"] in ("critical", "warning")
    annotations = alert["annotations"]
    assert set(annotations) == {"summary", "description", "runbook"}
    words = re.findall(r"[A-Z][a-z]+", alert["alert"].removeprefix("Drplan"))
    assert annotations["runbook"] == f"/runbooks/{'-'.join(words).lower()}"
    named = re.findall(r"\$labels\.(\w+)", annotations["summary"] + annotations["description"])
    grouped = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", alert["expr"])))) | {"instance"}
    assert set(named) <= grouped, "a label that the expression does not keep"


def test_a_query_that_asks_for_something_else_is_noticed() -> None:
    for query in (
        "drplan_nothing",
        'drplan_executions_total{fase="Failed"}',
        'drplan_executions_total{phase="Fialed"}',
        "sum by (plan) (drplan_executions_total)",
        "rate(drplan_leader[5m])",
        "drplan_status_lag_seconds",
    ):
        with pytest.raises(AssertionError):
            check(query)


@pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed; on Debian and Ubuntu: apt-get install prometheus"
)
def test_alerts_fire_and_end_as_they_should() -> None:
    rules = Path(__file__).with_name("alerts_test.yaml")
    done = subprocess.run([str(PROMTOOL), "test", "rules", rules], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_alert_stands_twice() -> None:
    names = [alert["alert"] for alert in alerts()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("title", "query"), list(queries()))
def test_a_panel_asks_for_what_there_is(title: str, query: str) -> None:
    assert check(query), title


def test_the_dashboard_shows_every_metric() -> None:
    assert set().union(*(check(query) for _, query in queries())) == set(BY_NAME)


def test_the_panels_of_the_dashboard_lie_side_by_side() -> None:
    taken = set[tuple[int, int]]()
    for panel in dashboard()["panels"]:
        grid = panel["gridPos"]
        across, down = range(grid["x"], grid["x"] + grid["w"]), range(grid["y"], grid["y"] + grid["h"])
        cells = {(x, y) for x in across for y in down}
        assert not cells & taken, panel["title"]
        assert across.stop <= 24
        taken |= cells
        for target in panel.get("targets", []):
            assert 'namespace=~"$namespace"' in target["expr"]
            promql_parser.parse(target["expr"].replace("$__rate_interval", "5m"))


def test_what_make_monitoring_writes_is_current() -> None:
    assert DASHBOARD.read_text() == dashboard_text(), "run make monitoring"
    assert PAGE.read_text() == page(PAGE.read_text()), "run make monitoring"


def test_results_of_passes_are_those_that_the_table_names() -> None:
    help_text = BY_NAME["drplan_passes_total"].help
    assert all(result.value in help_text for result in PassEnd)
