"""Every metric of the processes: its name, kind, labels and help. Nothing else names one.

The names follow Prometheus: base units, `_total` for counters. Labels have few values each; those that a person chooses
are bounded by PLANS. Source: docs/monitoring.md, "Metrics"; docs/decisions/0029-metrics-go-through-temporals-meter.md.
"""

from enum import StrEnum
from typing import NamedTuple

PLANS = 200
"""Plans of which a process has series of their own. Of more, counters have `other` in both labels, and gauges are left
out: their series stay until the process ends."""
OTHER = "other"


class MetricKind(StrEnum):
    """How Prometheus reads a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Source(StrEnum):
    """Which process has a metric."""

    BOTH = "both"
    WORKER = "worker"
    BRIDGE = "bridge"
    """Each bridge: what it counts, it did."""
    LEADER = "leader"
    """The bridge that leads; the gauges of the others are 0."""


class Metric(NamedTuple):
    """One row of the table."""

    name: str
    kind: MetricKind
    source: Source
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Of a histogram: upper bounds in seconds."""


class ExecutionState(StrEnum):
    """What an execution that has not ended does: values of the label `state`."""

    WAITING = "Waiting"
    """For its turn, or for an object that it refers to."""
    RUNNING = "Running"
    PAUSED = "Paused"
    """A person's pause, decision or approval is waited for."""
    WITHOUT_WORKER = "WithoutWorker"
    """Temporal answers, and no worker carries the run on."""
    WITHOUT_ENGINE = "WithoutEngine"
    """Temporal does not answer."""


class OperationLabel(StrEnum):
    """Values of the label `operation` of executions."""

    EXECUTE = "Execute"
    REVERT = "Revert"
    PREVIEW = "Preview"
    """Of either; it changes nothing."""


_CALL = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
_LONG = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
_LAG = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 120.0)

_COUNTER, _GAUGE, _HISTOGRAM = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM
_OF_PLAN = ("plan_namespace", "plan")

TEMPORAL_REACHABLE = Metric(
    "drplan_temporal_reachable", _GAUGE, Source.BOTH, "1 while Temporal answers the process, which asks every 2 s"
)
LOOP_LAG = Metric(
    "drplan_event_loop_lag_seconds",
    _GAUGE,
    Source.BOTH,
    "How long the event loop of the process was late at most, within the last 15 s",
)
KUBERNETES_REQUESTS = Metric(
    "drplan_kubernetes_requests_total",
    _COUNTER,
    Source.BOTH,
    "Requests to the API server, by HTTP status; code 0 where no answer came",
    ("method", "code"),
)
KUBERNETES_SECONDS = Metric(
    "drplan_kubernetes_request_duration_seconds",
    _HISTOGRAM,
    Source.BOTH,
    "Time until the answer of the API server; watches are not counted",
    ("method",),
    _CALL,
)
ATTEMPTS = Metric(
    "drplan_activity_attempts_total",
    _COUNTER,
    Source.WORKER,
    "Attempts at activities that ended, by activity and result: Succeeded, Canceled or the failure's type",
    ("activity", "result"),
)
ATTEMPT_SECONDS = Metric(
    "drplan_activity_attempt_duration_seconds",
    _HISTOGRAM,
    Source.WORKER,
    "How long attempts at activities took",
    ("activity",),
    _LONG,
)
ATTEMPTS_LOST = Metric(
    "drplan_attempts_lost_total",
    _COUNTER,
    Source.WORKER,
    "Attempts of an action that were lost with their workers",
    ("drworkflow_namespace", "drworkflow", "action"),
)
LEADER = Metric("drplan_leader", _GAUGE, Source.BRIDGE, "1 while this bridge holds the lease and works")
QUEUE_DEPTH = Metric(
    "drplan_queue_depth", _GAUGE, Source.LEADER, "Objects that are due for a pass of the bridge and wait for it"
)
QUEUE_AGE = Metric("drplan_queue_oldest_seconds", _GAUGE, Source.LEADER, "How long the oldest of them has waited")
PASSES = Metric(
    "drplan_passes_total",
    _COUNTER,
    Source.BRIDGE,
    "Passes over objects, by kind and result: Succeeded, Conflict, KubernetesError, NoAnswer (of Temporal), "
    "TemporalError or Broken (a bug)",
    ("kind", "result"),
)
PASS_SECONDS = Metric(
    "drplan_pass_duration_seconds", _HISTOGRAM, Source.BRIDGE, "How long passes took", ("kind",), _CALL
)
WATCH_RESTARTS = Metric(
    "drplan_watch_restarts_total",
    _COUNTER,
    Source.BRIDGE,
    "Watches that ended and began again, by kind and reason: Closed (by the server, as it does every few minutes), "
    "ClosedAtOnce, Expired or Failed",
    ("kind", "reason"),
)
STATUS_LAG = Metric(
    "drplan_status_lag_seconds",
    _HISTOGRAM,
    Source.BRIDGE,
    "Time from a change in Temporal until the write of the status that shows it",
    (),
    _LAG,
)
STATUS_AGE = Metric(
    "drplan_status_oldest_change_seconds",
    _GAUGE,
    Source.LEADER,
    "Age of the oldest change in Temporal that no status shows yet",
)
POLLERS = Metric(
    "drplan_task_queue_pollers",
    _GAUGE,
    Source.LEADER,
    "Workers that polled the task queue within the last minutes, by what they take: Workflow or Activity",
    ("type",),
)
BACKLOG = Metric(
    "drplan_task_queue_backlog", _GAUGE, Source.LEADER, "Tasks that wait for a worker, as Temporal counts", ("type",)
)
BACKLOG_AGE = Metric(
    "drplan_task_queue_backlog_age_seconds", _GAUGE, Source.LEADER, "How long the oldest of them has waited", ("type",)
)
EXECUTIONS_OPEN = Metric(
    "drplan_executions_open",
    _GAUGE,
    Source.LEADER,
    "Executions that have not ended, by operation and state",
    ("operation", "state"),
)
EXECUTION_IDLE = Metric(
    "drplan_executions_open_idle_seconds",
    _GAUGE,
    Source.LEADER,
    "The longest time for which one of them has not begun or ended any part, in this state",
    ("operation", "state"),
)
EXECUTIONS = Metric("drplan_executions_total", _COUNTER, Source.BRIDGE, "Executions that ended", ("operation", "phase"))
EXECUTION_SECONDS = Metric(
    "drplan_execution_duration_seconds",
    _HISTOGRAM,
    Source.BRIDGE,
    "How long executions took from start to end, by operation and phase",
    ("operation", "phase"),
    _LONG,
)
ACTIONS = Metric(
    "drplan_actions_total",
    _COUNTER,
    Source.BRIDGE,
    "Actions of executions that ended, previews excluded; of a Revert, their rollbacks",
    ("operation", "type", "phase"),
)
ACTION_RETRIES = Metric(
    "drplan_action_retries_total", _COUNTER, Source.BRIDGE, "Retries of those actions", ("operation", "type")
)
LEFT_STANDING = Metric(
    "drplan_objects_left_standing_total",
    _COUNTER,
    Source.BRIDGE,
    "Objects that Reverts which ended left standing or did not delete",
)
PLAN_LAST_END = Metric(
    "drplan_plan_last_end_timestamp_seconds",
    _GAUGE,
    Source.LEADER,
    "When the last execution of a plan ended so, in Unix time; 0 for none among its last ten",
    (*_OF_PLAN, "operation", "phase"),
)
PLAN_LAST_SECONDS = Metric(
    "drplan_plan_last_duration_seconds",
    _GAUGE,
    Source.LEADER,
    "How long the last execution of a plan that succeeded took; 0 for none among its last ten",
    (*_OF_PLAN, "operation"),
)
PLAN_CONDITION = Metric(
    "drplan_plan_condition",
    _GAUGE,
    Source.LEADER,
    "1 for the status that a condition of a plan has: Executable and Revertible (rehearsals), Clean (the last Revert), "
    "Valid; all 0 where the plan has no such condition",
    (*_OF_PLAN, "condition", "status"),
)
READINESS_CHANGES = Metric(
    "drplan_readiness_changes_total",
    _COUNTER,
    Source.BRIDGE,
    "What a rehearsal found, where that changed",
    (*_OF_PLAN, "condition", "status"),
)
REHEARSALS = Metric(
    "drplan_rehearsals_total",
    _COUNTER,
    Source.BRIDGE,
    "Rehearsals that ended, by what they found: True (no obstacle), False or Unknown",
    ("operation", "status"),
)
VALIDATION_SECONDS = Metric(
    "drplan_validation_duration_seconds",
    _HISTOGRAM,
    Source.BRIDGE,
    "How long validations took that were not known from before, by what was validated and result: Valid, Invalid or "
    "Broken",
    ("subject", "result"),
    _CALL,
)

METRICS = (
    TEMPORAL_REACHABLE,
    LOOP_LAG,
    KUBERNETES_REQUESTS,
    KUBERNETES_SECONDS,
    ATTEMPTS,
    ATTEMPT_SECONDS,
    ATTEMPTS_LOST,
    LEADER,
    EXECUTIONS_OPEN,
    EXECUTION_IDLE,
    EXECUTIONS,
    EXECUTION_SECONDS,
    ACTIONS,
    ACTION_RETRIES,
    LEFT_STANDING,
    PLAN_LAST_END,
    PLAN_LAST_SECONDS,
    PLAN_CONDITION,
    REHEARSALS,
    READINESS_CHANGES,
    STATUS_LAG,
    STATUS_AGE,
    QUEUE_DEPTH,
    QUEUE_AGE,
    PASSES,
    PASS_SECONDS,
    WATCH_RESTARTS,
    VALIDATION_SECONDS,
    POLLERS,
    BACKLOG,
    BACKLOG_AGE,
)
"""In the order of docs/monitoring.md."""
