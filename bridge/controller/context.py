"""What every pass over an execution works with, and what it returns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.execution import DRPlanExecution, Engine
from bridge.controller.open_executions import OpenExecutions
from bridge.controller.turns import Turns
from bridge.controller.validation import Validator
from bridge.kubernetes.entry import Key
from bridge.kubernetes.events import EventRecorder
from bridge.kubernetes.index import Index
from bridge.kubernetes.store import Store, StoredObject
from bridge.settings import BridgeSettings
from bridge.status.execution import StatusContext
from bridge.status.next_steps import command_options
from bridge.temporal.client import TemporalClient
from bridge.temporal.history_poller import HistoryPoller
from bridge.temporal.observe import RunObserver
from kube.client import Cluster
from process.metrics import Metrics

StoredExecution = StoredObject[DRPlanExecution]


def utc_now() -> datetime:
    """Return the time as objects hold it: whole seconds, UTC."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class OpenRun:
    """A run, and the uid of the execution that it belongs to."""

    uid: str
    engine: Engine


@dataclass(frozen=True)
class PassResult:
    """The execution as it was last read or written, and how to continue."""

    execution: StoredExecution
    engine: Engine | None = None
    """The run of an execution that has started; the status may not name it yet."""
    requeue: float | None = None
    """Seconds until the next pass; None when only an event requires one."""


@dataclass(frozen=True)
class Context:
    """The clients and stores of a bridge. What it remembers between passes can be lost at any time."""

    settings: BridgeSettings
    cluster: Cluster
    temporal: TemporalClient
    index: Index
    store: Store
    observer: RunObserver
    poller: HistoryPoller
    events: EventRecorder
    turns: Turns
    metrics: Metrics
    validator: Validator
    open_executions: OpenExecutions
    now: Callable[[], datetime] = utc_now
    without_worker: set[Key] = field(default_factory=set)
    """The executions whose run no worker continues now."""
    runs: dict[Key, OpenRun] = field(default_factory=dict)
    """The open runs that this process follows: their executions have the lock of their plan. By them it knows a run
    whose object disappears, and which of two counts."""

    def followed(self) -> set[str]:
        """Return the uids of the executions whose run this process follows."""
        return {run.uid for run in self.runs.values()}

    def status_context(self, execution: StoredExecution) -> StatusContext:
        """Return what the next status of this execution depends on."""
        return StatusContext(
            operation=execution.model.spec.operation_type,
            generation=execution.model.metadata.generation,
            now=self.now(),
            cancel_requested=execution.cancel_requested,
            namespace=execution.key.namespace,
            name=execution.key.name,
            plan=execution.model.spec.plan_ref,
            original=execution.model.spec.revert_execution_ref or execution.model.spec.revert_to or "",
            options=command_options(execution.model.spec),
            cancel_annotation=execution.cancel_annotation,
            preview=bool(execution.model.spec.dry_run),
        )
