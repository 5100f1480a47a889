"""Write the Grafana dashboard, and the tables of docs/monitoring.md: `python -m dev.monitoring`, or `make monitoring`.

Metrics come from the table in api/metrics.py, alerts from the rules that the chart installs; tests hold that what is
written is current, and load each query against metrics of real processes.
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from api import metrics as table
from api.metrics import METRICS, Metric, MetricKind, Source
from dev.layout import REPOSITORY

FILES = REPOSITORY / "deploy/charts/drplan/files"
DASHBOARD, ALERTS = FILES / "dashboard.json", FILES / "alerts.yaml"
PAGE = REPOSITORY / "docs/monitoring.md"
_SOURCES = {
    Source.BOTH: "both",
    Source.WORKER: "worker",
    Source.BRIDGE: "bridge",
    Source.LEADER: "bridge that leads",
}
_WIDTH, _HEIGHT = 24, 7


class Panel(NamedTuple):
    """One panel: what it asks for, and how that is shown. `%` in a query is the selector of the installation."""

    title: str
    query: str
    legend: str = ""
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8


def _value(metric: Metric, labels: str = "", by: str = "", func: str = "sum") -> str:
    where = f"{{{', '.join(each for each in ('%', labels) if each)}}}"
    return f"{func} by ({by}) ({metric.name}{where})" if by else f"{func}({metric.name}{where})"


def _rate(metric: Metric, by: str, labels: str = "", suffix: str = "") -> str:
    where = f"{{{', '.join(each for each in ('%', labels) if each)}}}"
    return f"sum by ({by}) (rate({metric.name}{suffix}{where}[$__rate_interval]))"


def _increase(metric: Metric, by: str, span: str = "1h") -> str:
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (increase({metric.name}{{%}}[{span}]))"


def _quantile(metric: Metric, by: str = "") -> str:
    return f"histogram_quantile(0.99, {_rate(metric, ', '.join(filter(None, (by, 'le'))), suffix='_bucket')})"


_MEDIAN = f"histogram_quantile(0.5, sum by (operation, le) ({table.EXECUTION_SECONDS.name}_bucket{{%}}))"
"""Not of a rate: executions are rare, and a series that has just begun has no rate."""
ROWS: dict[str, list[Panel]] = {
    "Now": [
        Panel("Bridges that lead", _value(table.LEADER), kind="stat", width=4),
        Panel("Temporal is reachable", _value(table.TEMPORAL_REACHABLE, func="min"), kind="stat", width=4),
        Panel("Workers", _value(table.POLLERS, 'type="Activity"', func="max"), kind="stat", width=4),
        Panel("Open executions", _value(table.EXECUTIONS_OPEN), kind="stat", width=4),
        Panel("Age of the oldest change not shown", _value(table.STATUS_AGE, func="max"), "", "s", "stat", 4),
        Panel(
            "Objects left standing, 24 h",
            f"sum(increase({table.LEFT_STANDING.name}{{%}}[24h]))",
            "",
            "short",
            "stat",
            4,
        ),
    ],
    "Executions": [
        Panel("Open, by state", _value(table.EXECUTIONS_OPEN, by="operation, state"), "{{operation}} {{state}}"),
        Panel(
            "Longest time without progress",
            _value(table.EXECUTION_IDLE, by="operation, state", func="max"),
            "{{operation}} {{state}}",
            "s",
        ),
        Panel(
            "Ended in an hour",
            _increase(table.EXECUTIONS, "operation, phase"),
            "{{operation}} {{phase}}",
        ),
        Panel("Duration, median since the bridge started", _MEDIAN, "{{operation}}", "s"),
        Panel(
            "Actions ended in an hour",
            _increase(table.ACTIONS, "operation, type, phase"),
            "{{operation}} {{type}} {{phase}}",
        ),
        Panel(
            "Retries in an hour",
            _increase(table.ACTION_RETRIES, "operation, type"),
            "{{operation}} {{type}}",
        ),
    ],
    "Plans": [
        Panel(
            "Plans with a failure after their last success",
            _value(table.PLAN_LAST_END, 'phase="Failed"', "plan_namespace, plan, operation", "max")
            + " > ignoring (operation) group_left "
            + _value(table.PLAN_LAST_END, 'phase="Succeeded"', "plan_namespace, plan", "max"),
            "{{plan_namespace}}/{{plan}} {{operation}}",
            kind="table",
        ),
        Panel(
            "Conditions that are False",
            _value(table.PLAN_CONDITION, 'status="False"', "plan_namespace, plan, condition", "max") + " == 1",
            "{{plan_namespace}}/{{plan}} {{condition}}",
            kind="table",
        ),
        Panel(
            "Duration of the last success",
            _value(table.PLAN_LAST_SECONDS, by="plan_namespace, plan, operation", func="max") + " > 0",
            "{{plan_namespace}}/{{plan}} {{operation}}",
            "s",
            "table",
        ),
        Panel(
            "Rehearsals in a day",
            _increase(table.REHEARSALS, "operation, status", "24h"),
            "{{operation}} {{status}}",
            width=12,
        ),
        Panel(
            "Changes of readiness in a day",
            _increase(table.READINESS_CHANGES, "plan_namespace, plan, condition, status", "24h") + " > 0",
            "{{plan_namespace}}/{{plan}} {{condition}} {{status}}",
            width=12,
        ),
    ],
    "Bridge": [
        Panel("Status lag, 99 %", _quantile(table.STATUS_LAG), "lag", "s"),
        Panel("Passes, by result", _rate(table.PASSES, "kind, result"), "{{kind}} {{result}}", "ops"),
        Panel("Duration of a pass, 99 %", _quantile(table.PASS_SECONDS, "kind"), "{{kind}}", "s"),
        Panel("Queue", _value(table.QUEUE_DEPTH, func="max"), "objects"),
        Panel("Oldest object in the queue", _value(table.QUEUE_AGE, func="max"), "waits", "s"),
        Panel(
            "Restarts of watches in an hour",
            _increase(table.WATCH_RESTARTS, "kind, reason"),
            "{{kind}} {{reason}}",
        ),
        Panel(
            "Validations, 99 %", _quantile(table.VALIDATION_SECONDS, "subject, result"), "{{subject}} {{result}}", "s"
        ),
    ],
    "Worker": [
        Panel("Attempts, by result", _rate(table.ATTEMPTS, "activity, result"), "{{activity}} {{result}}", "ops"),
        Panel("Duration of an attempt, 99 %", _quantile(table.ATTEMPT_SECONDS, "activity"), "{{activity}}", "s"),
        Panel(
            "Attempts lost in an hour",
            _increase(table.ATTEMPTS_LOST, "drworkflow_namespace, drworkflow, action") + " > 0",
            "{{drworkflow_namespace}}/{{drworkflow}} {{action}}",
        ),
        Panel("Tasks that wait", _value(table.BACKLOG, by="type", func="max"), "{{type}}"),
        Panel("Oldest task that waits", _value(table.BACKLOG_AGE, by="type", func="max"), "{{type}}", "s"),
    ],
    "Processes": [
        Panel("Event loop is late by", _value(table.LOOP_LAG, by="instance", func="max"), "{{instance}}", "s"),
        Panel(
            "Requests to the API server",
            _rate(table.KUBERNETES_REQUESTS, "method, code"),
            "{{method}} {{code}}",
            "reqps",
        ),
        Panel("Duration of such a request, 99 %", _quantile(table.KUBERNETES_SECONDS, "method"), "{{method}}", "s"),
    ],
}


def queries() -> Iterator[tuple[str, str]]:
    """Yield title and query of every panel, without Grafana's variables."""
    for panels in ROWS.values():
        for panel in panels:
            query = panel.query.replace("{%}", "").replace("{%, ", "{").replace("$__rate_interval", "5m")
            yield panel.title, query


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana reads it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS.items():
        panels.append(_placed({"type": "row", "title": title, "collapsed": False}, 0, y, _WIDTH, 1, len(panels)))
        x, y = 0, y + 1
        height = 4 if all(panel.kind == "stat" for panel in row) else _HEIGHT
        for panel in row:
            if x + panel.width > _WIDTH:
                x, y = 0, y + height
            panels.append(_placed(_panel(panel), x, y, panel.width, height, len(panels)))
            x += panel.width
        y += height
    return {
        "title": "drplan",
        "uid": "drplan",
        "tags": ["drplan", "disaster-recovery"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_DATASOURCE, _NAMESPACE]},
        "panels": panels,
    }


_SOURCE_REF = {"type": "prometheus", "uid": "${datasource}"}
_DATASOURCE = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
_NAMESPACE = {
    "name": "namespace",
    "label": "Installation",
    "type": "query",
    "datasource": _SOURCE_REF,
    "query": {"query": f"label_values({table.LEADER.name}, namespace)", "refId": "namespace"},
    "refresh": 2,
    "includeAll": True,
    "allValue": ".*",
    "current": {"text": "All", "value": "$__all"},
}


def _placed(panel: dict[str, Any], x: int, y: int, width: int, height: int, number: int) -> dict[str, Any]:
    return {"id": number + 1, "gridPos": {"x": x, "y": y, "w": width, "h": height}, **panel}


def _panel(panel: Panel) -> dict[str, Any]:
    is_table = panel.kind == "table"
    target = {
        "refId": "A",
        "datasource": _SOURCE_REF,
        "expr": panel.query.replace("%", 'namespace=~"$namespace"'),
        "legendFormat": panel.legend or "__auto",
        **({"instant": True, "format": "table"} if is_table or panel.kind == "stat" else {}),
    }
    return {
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE_REF,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}} if panel.kind == "timeseries" else {},
        "targets": [target],
    }


def metrics_table() -> str:
    """Return the table of metrics."""
    lines = ["| metric | type | process | labels | meaning |", "| --- | --- | --- | --- | --- |"]
    for one in METRICS:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        kind = f"{one.kind.value}, up to {one.buckets[-1]:g} s" if one.kind is MetricKind.HISTOGRAM else one.kind.value
        lines.append(f"| `{one.name}` | {kind} | {_SOURCES[one.source]} | {labels} | {one.help} |")
    return "\n".join(lines)


def alerts() -> list[dict[str, Any]]:
    """Return the alerts that the chart installs."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts_table() -> str:
    """Return the table of alerts."""
    lines = ["| alert | severity | after | what it says |", "| --- | --- | --- | --- |"]
    for one in alerts():
        said = re.sub(r"\{\{ *\$labels\.(\w+) *\}\}", r"*\1*", one["annotations"]["summary"])
        said = re.sub(r"\{\{ *\$value[^}]*\}\}", "*so much*", said)
        after = one.get("for", "at once")
        severity, description = one["labels"]["severity"], one["annotations"]["description"]
        link = f"[`{one['alert']}`]({one['annotations']['runbook'].lstrip('/')}.md)"
        lines.append(f"| {link} | {severity} | {after} | {said}. {description} |")
    return re.sub(r"\{\{ *\$labels\.(\w+) *\}\}", r"*\1*", "\n".join(lines))


def page(text: str) -> str:
    """Return the page with current tables."""
    for name, content in {"metrics": metrics_table(), "alerts": alerts_table()}.items():
        begin, end = f"<!-- table of {name} -->", f"<!-- end of {name} -->"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n{content}\n{end}{rest.partition(end)[2]}"
    return text


def dashboard_text() -> str:
    """Return the file of the dashboard."""
    return json.dumps(dashboard(), indent=1) + "\n"


def main() -> int:
    """Write both files."""
    DASHBOARD.write_text(dashboard_text())
    PAGE.write_text(page(PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
