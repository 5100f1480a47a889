"""PURE: what of a status is written, and how."""

from datetime import timedelta

from api.execution import (
    Engine,
    ExecutionStatus,
)
from api.phases import Phase
from bridge.status import execution as execution_status
from bridge.status.patch import difference, merge_patch, replaced
from tests.bridge.status.open_run import MOMENT, NOW, RUN, running, seen


def test_only_what_changed_is_written_and_what_is_gone_is_named() -> None:
    before = running(ExecutionStatus()).model_copy(update={"message": "old"})
    after = before.model_copy(update={"message": None, "phase": Phase.SUCCEEDED})
    change = difference(before, after)
    assert change == {"message": None, "phase": "Succeeded"}
    stored = {"message": "old", "phase": "Running", "foreign": "stays"}
    assert replaced(stored, change) == {"phase": "Succeeded", "foreign": "stays"}
    assert merge_patch(stored, change) == change


def test_nothing_is_written_where_nothing_changed() -> None:
    before = running(ExecutionStatus())
    again = execution_status.running(before, RUN, seen(), MOMENT.model_copy(update={"now": NOW + timedelta(hours=1)}))
    assert difference(before, again) == {}


def test_parts_of_a_second_are_no_change() -> None:
    before = running(ExecutionStatus())
    after = before.model_copy(update={"start_time": NOW + timedelta(milliseconds=300)})
    assert difference(before, after) == {}


def test_a_changed_object_is_given_whole() -> None:
    before = ExecutionStatus(engine=Engine(workflow_id="w", run_id="old"))
    stored = {"engine": {"workflowId": "w", "runId": "old", "foreign": 1}}
    after = before.model_copy(update={"engine": Engine(workflow_id="w", run_id="new")})
    change = difference(before, after)
    assert replaced(stored, change) == {"engine": {"workflowId": "w", "runId": "new"}}
    assert merge_patch(stored, change) == {"engine": {"workflowId": "w", "runId": "new", "foreign": None}}
