"""What is counted when an execution ends, and what is published of plans, open executions, passes and the queue."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api import metrics as table
from api.execution import DRPlanExecution, DRPlanExecutionSpec, ExecutionStatus
from api.meta import Condition, ConditionStatus, ObjectKey, ObjectMeta, ObjectName
from api.metrics import PLANS, ExecutionState
from api.nodes import ActionStatus, StageStatus, WorkflowExecutionStatus
from api.phases import ActionType, OperationType, Phase
from api.plan import DRPlan, DRPlanSpec, DRPlanStatus, ExecutionRecord, Stage
from api.requests import Pause
from api.tree import RunState, Summary
from bridge.controller import measure
from bridge.controller.context import Context
from bridge.controller.measure import PassEnd, Passes
from bridge.controller.open_executions import OpenExecutions
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.store import StoredObject
from bridge.status import conditions
from bridge.temporal.answers import TaskQueueState
from bridge.temporal.calls import NoAnswer
from tests.process.recorded_metrics import RecordedMetrics

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = Key(ObjectKind.EXECUTION, "shop", "back")


JOB = ActionType.JOB


def action(name: str, phase: Phase, kind: ActionType | None = JOB, retries: int | None = None) -> ActionStatus:
    return ActionStatus(name=name, type=kind, phase=phase, retries=retries, start_time=NOW)


def execution(
    operation: OperationType = OperationType.REVERT, phase: Phase = Phase.FAILED, **status: Any
) -> DRPlanExecution:
    actions = [
        action("a", Phase.SUCCEEDED, retries=2),
        action("b", Phase.SUCCEEDED),
        action("c", Phase.FAILED, ActionType.HTTP, retries=1),
        action("d", Phase.SKIPPED, None),
    ]
    flow = WorkflowExecutionStatus(workflow_ref=ObjectName(name="flow"), phase=phase, action_statuses=actions)
    stages = [StageStatus(name="s", phase=phase, workflow_executions=[flow])]
    fields = {
        "phase": phase,
        "start_time": NOW,
        "completion_time": NOW + timedelta(seconds=90),
        "stage_statuses": stages,
    }
    return DRPlanExecution(
        metadata=ObjectMeta(namespace="shop", name="back", uid="1"),
        spec=DRPlanExecutionSpec(plan_ref="plan", operation_type=operation),
        status=ExecutionStatus(**{**fields, **status}),
    )


@pytest.fixture
def metrics() -> RecordedMetrics:
    return RecordedMetrics()


def test_an_end_is_counted_with_its_actions(metrics: RecordedMetrics) -> None:
    state = RunState(left_standing=["ConfigMap shop/a"], not_deleted=["ConfigMap shop/b", "ConfigMap shop/c"])
    measure.count_end(metrics, execution(), state)
    assert metrics.of(table.EXECUTIONS, "Revert", "Failed") == 1
    assert metrics.observed[table.EXECUTION_SECONDS.name, "Revert", "Failed"] == [90]
    assert metrics.of(table.ACTIONS, "Revert", "Job", "Succeeded") == 2
    assert metrics.of(table.ACTIONS, "Revert", "HTTP", "Failed") == 1
    assert metrics.of(table.ACTIONS, "Revert", "Unknown", "Skipped") == 1
    assert metrics.of(table.ACTION_RETRIES, "Revert", "Job") == 2
    assert metrics.of(table.ACTION_RETRIES, "Revert", "HTTP") == 1
    assert metrics.of(table.LEFT_STANDING) == 3


def test_an_execute_leaves_nothing_standing(metrics: RecordedMetrics) -> None:
    measure.count_end(metrics, execution(OperationType.EXECUTE), RunState(left_standing=["ConfigMap shop/a"]))
    assert metrics.of(table.LEFT_STANDING) == 0


def test_of_a_preview_no_action_counts(metrics: RecordedMetrics) -> None:
    one = execution(phase=Phase.SUCCEEDED)
    measure.count_end(metrics, one.model_copy(update={"spec": one.spec.model_copy(update={"dry_run": True})}), None)
    assert metrics.of(table.EXECUTIONS, "Preview", "Succeeded") == 1
    assert not [name for name, *_ in metrics.values if name == table.ACTIONS.name]


def test_an_execution_that_never_started_has_no_duration(metrics: RecordedMetrics) -> None:
    measure.count_end(metrics, execution(start_time=None, stage_statuses=None), None)
    assert metrics.of(table.EXECUTIONS, "Revert", "Failed") == 1
    assert not metrics.observed


def record(operation: OperationType, phase: Phase, hours: int) -> ExecutionRecord:
    start = NOW - timedelta(hours=hours)
    return ExecutionRecord(
        name=f"{operation}-{hours}",
        namespace="shop",
        operation_type=operation.value,
        phase=phase.value,
        start_time=start,
        completion_time=start + timedelta(seconds=60 + hours),
    )


def plan(*history: ExecutionRecord, **conditions_of: ConditionStatus) -> DRPlan:
    told = [
        Condition(type=kind, status=status, reason="R", message="", last_transition_time=NOW)
        for kind, status in conditions_of.items()
    ]
    return DRPlan(
        metadata=ObjectMeta(namespace="shop", name="plan"),
        spec=DRPlanSpec(stages=[Stage.model_validate({"name": "s", "workflows": [{"workflowRef": {"name": "flow"}}]})]),
        status=DRPlanStatus(execution_history=list(history), conditions=told),
    )


def test_of_a_plan_its_last_ends_and_conditions_are_published(metrics: RecordedMetrics) -> None:
    history = [
        record(OperationType.REVERT, Phase.FAILED, 1),
        record(OperationType.EXECUTE, Phase.SUCCEEDED, 2),
        record(OperationType.EXECUTE, Phase.SUCCEEDED, 5),
    ]
    measure.publish_plan(metrics, plan(*history, Clean=ConditionStatus.FALSE, Executable=ConditionStatus.UNKNOWN))
    of = ("shop", "plan")
    ends = {(one.operation_type, one.phase): one.completion_time for one in reversed(history)}
    for (operation, phase), end in ends.items():
        assert end is not None
        assert metrics.of(table.PLAN_LAST_END, *of, operation, str(phase)) == end.timestamp()
    assert metrics.of(table.PLAN_LAST_END, *of, "Revert", "Succeeded") == 0
    assert metrics.of(table.PLAN_LAST_SECONDS, *of, "Execute") == 62
    clean = (table.PLAN_CONDITION, *of, "Clean")
    assert [metrics.of(*clean, status) for status in ("True", "False", "Unknown")] == [0, 1, 0]
    assert metrics.of(table.PLAN_CONDITION, *of, "Executable", "Unknown") == 1
    measure.publish_plan(metrics, plan(*history, Clean=ConditionStatus.TRUE))
    assert [metrics.of(*clean, status) for status in ("True", "False")] == [1, 0]
    assert metrics.of(table.PLAN_CONDITION, *of, "Executable", "Unknown") == 0


def test_of_too_many_plans_changes_are_counted_together_and_gauges_left_out(metrics: RecordedMetrics) -> None:
    for number in range(PLANS):
        metrics.of_plan("others", f"p{number}")
    found = Condition(type="Executable", status=ConditionStatus.FALSE, reason="R", message="", last_transition_time=NOW)
    measure.count_readiness(metrics, ObjectKey(namespace="shop", name="plan", uid="1"), found)
    measure.publish_plan(metrics, plan())
    assert metrics.of(table.READINESS_CHANGES, "other", "other", "Executable", "False") == 1
    assert not [key for key in metrics.values if "shop" in key]


def stored(one: DRPlanExecution) -> StoredObject[DRPlanExecution]:
    return StoredObject(raw={}, model=one)


def running(*updates: conditions.ConditionUpdate, succeeded: int = 0) -> StoredObject[DRPlanExecution]:
    told = conditions.updated(None, updates, NOW, 1)
    summary = Summary(total_actions=4, succeeded_actions=succeeded)
    return stored(execution(phase=Phase.RUNNING, completion_time=None, conditions=told, summary=summary))


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (running(conditions.of_engine()), ExecutionState.RUNNING),
        (running(conditions.of_engine(conditions.ENGINE_UNAVAILABLE)), ExecutionState.WITHOUT_ENGINE),
        (running(conditions.of_engine(conditions.WORKER_UNAVAILABLE)), ExecutionState.WITHOUT_WORKER),
        (running(conditions.of_engine(conditions.WORKER_FAILING)), ExecutionState.WITHOUT_WORKER),
        (running(*conditions.of_pause(None, Pause(by="alice", since=NOW), [])), ExecutionState.PAUSED),
        (running(*conditions.of_pause(None, None, ["s/flow/a"])), ExecutionState.PAUSED),
        (stored(execution(phase=Phase.PENDING, completion_time=None)), ExecutionState.WAITING),
    ],
)
def test_an_open_execution_is_counted_by_what_it_does(
    metrics: RecordedMetrics, one: StoredObject[DRPlanExecution], state: ExecutionState
) -> None:
    open_executions = OpenExecutions()
    open_executions.see(one, NOW)
    open_executions.publish(metrics)
    counted = {key: value for key, value in metrics.values.items() if key[0] == table.EXECUTIONS_OPEN.name and value}
    assert counted == {(table.EXECUTIONS_OPEN.name, "Revert", state.value): 1}


def test_the_longest_time_without_progress_is_published(metrics: RecordedMetrics) -> None:
    clock = [1000.0]
    open_executions = OpenExecutions(lambda: clock[0])
    idle = (table.EXECUTION_IDLE, "Revert", "Running")

    open_executions.see(running(), NOW + timedelta(seconds=40))
    open_executions.publish(metrics)
    assert metrics.of(*idle) == 40, "its last part began 40 s before this bridge saw it"
    clock[0] += 20
    open_executions.see(running(), NOW + timedelta(seconds=60))
    open_executions.publish(metrics)
    assert metrics.of(*idle) == 60
    open_executions.see(running(succeeded=1), NOW + timedelta(seconds=60))
    open_executions.publish(metrics)
    assert metrics.of(*idle) == 0
    open_executions.see(stored(execution()), NOW)
    open_executions.publish(metrics)
    assert metrics.of(table.EXECUTIONS_OPEN, "Revert", "Running") == 0


class Poller:
    """The changes that no pass has taken."""

    def __init__(self) -> None:
        self.noted: dict[Key, datetime] = {}

    def take_change(self, key: Key) -> datetime | None:
        return self.noted.pop(key, None)

    def note_change(self, key: Key, at: datetime) -> None:
        self.noted[key] = at

    def changes(self) -> list[datetime]:
        return list(self.noted.values())


class Index:
    """The versions that this process wrote last."""

    version: str | None = "1"

    def last_write(self, key: Key) -> str | None:
        return self.version

    def definition(self, key: Key) -> None:
        return None


def context(metrics: RecordedMetrics, **more: Any) -> Any:
    parts = {"metrics": metrics, "poller": Poller(), "index": Index(), "open_executions": OpenExecutions()}
    return SimpleNamespace(**parts, **more)


def test_the_lag_is_measured_from_the_change_to_the_write_that_shows_it(metrics: RecordedMetrics) -> None:
    of, clock = context(metrics), [0.0]
    passes = Passes(cast(Context, of), lambda: clock[0])
    changed_at = datetime.now(UTC) - timedelta(seconds=30)
    of.poller.note_change(KEY, changed_at)

    passes.begin(KEY)
    passes.end(KEY, PassEnd.KUBERNETES_ERROR)
    assert of.poller.changes() == [changed_at], "it is still to be shown"
    assert passes.oldest_change() >= 30
    passes.begin(KEY)
    assert passes.oldest_change() >= 30, "not before it is written"
    clock[0], of.index.version = 2.0, "2"
    passes.end(KEY, PassEnd.SUCCEEDED)
    [lag] = metrics.observed[table.STATUS_LAG.name,]
    assert 30 <= lag < 3600
    assert passes.oldest_change() == 0
    assert metrics.of(table.PASSES, "DRPlanExecution", "KubernetesError") == 1
    assert metrics.of(table.PASSES, "DRPlanExecution", "Succeeded") == 1
    assert metrics.observed[table.PASS_SECONDS.name, "DRPlanExecution"] == [0.0, 2.0]


def test_a_change_that_a_status_had_shown_before_is_no_lag(metrics: RecordedMetrics) -> None:
    of = context(metrics)
    passes = Passes(cast(Context, of), lambda: 0.0)
    of.poller.note_change(KEY, datetime.now(UTC))
    passes.begin(KEY)
    passes.end(KEY, PassEnd.SUCCEEDED)
    assert not metrics.observed[table.STATUS_LAG.name,]
    assert not of.poller.changes()


def test_a_pass_that_hangs_is_a_problem_of_the_process(metrics: RecordedMetrics) -> None:
    clock = [0.0]
    passes = Passes(cast(Context, context(metrics)), lambda: clock[0])
    passes.begin(KEY)
    clock[0] = 600.0
    assert passes.finding().ok
    clock[0] = 601.0
    assert passes.finding() == (False, "one has run for 601 s")
    passes.end(KEY, None)
    assert passes.finding().ok


async def test_what_is_the_case_is_published_while_leading_and_taken_back_after_it(metrics: RecordedMetrics) -> None:
    asked = asyncio.Event()

    class Temporal:
        async def task_queue(self) -> dict[str, TaskQueueState]:
            asked.set()
            return {"Workflow": TaskQueueState(2, 7, 1.5)}

    of = context(metrics, temporal=Temporal())
    passes = Passes(cast(Context, of), lambda: 0.0)
    task = asyncio.create_task(measure.sample(cast(Context, of), passes, lambda: (3, 1.25)))
    await asked.wait()
    await asyncio.sleep(0)
    assert metrics.of(table.LEADER) == 1
    assert (metrics.of(table.QUEUE_DEPTH), metrics.of(table.QUEUE_AGE)) == (3, 1.25)
    assert metrics.of(table.POLLERS, "Workflow") == 2
    assert (metrics.of(table.BACKLOG, "Workflow"), metrics.of(table.BACKLOG_AGE, "Workflow")) == (7, 1.5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert metrics.of(table.LEADER) == 0


async def test_without_temporal_the_rest_is_published(metrics: RecordedMetrics) -> None:
    class Temporal:
        async def task_queue(self) -> dict[str, TaskQueueState]:
            raise NoAnswer("away")

    of = context(metrics, temporal=Temporal())
    passes = Passes(cast(Context, of), lambda: 0.0)
    task = asyncio.create_task(measure.sample(cast(Context, of), passes, lambda: (0, 0.0)))
    while not metrics.of(table.LEADER):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
