"""An open run at one moment, with a tree in which something runs."""

from datetime import UTC, datetime
from typing import Any

from api.execution import ExecutionStatus
from api.phases import OperationType, Phase
from api.tree import RunState
from bridge.status import execution as execution_status
from bridge.status.execution import StatusContext
from bridge.status.merge import Observation, RootRun, RunStatus
from tests.bridge.scripted_workflows import action, node, stage, state

NOW = datetime(2026, 2, 3, 10, 0, 0, tzinfo=UTC)
MOMENT = StatusContext(operation=OperationType.EXECUTE, generation=1, now=NOW)
REVERT = MOMENT.model_copy(update={"operation": OperationType.REVERT})
RUN = RootRun(workflow_id="execute/default/x/1", run_id="run", status=RunStatus.OPEN, start_time=NOW)
TREE = state(
    stage(
        "first",
        node("work", action("one", Phase.RUNNING), action("two"), phase=Phase.RUNNING),
        phase=Phase.RUNNING,
    ),
    stage("second", node("work", action("three"))),
)


def seen(state: RunState | None = TREE, **update: Any) -> Observation:
    return Observation(state=state).model_copy(update=update)


def running(before: ExecutionStatus, **update: Any) -> ExecutionStatus:
    return execution_status.running(before, RUN, seen(**update), MOMENT)
