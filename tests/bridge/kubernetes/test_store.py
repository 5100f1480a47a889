"""What the store asks the API server, and what of a status it writes."""

from datetime import timedelta

import pytest
from aiohttp import web

from api.execution import DRPlanExecution, Engine, ExecutionStatus
from api.phases import Phase
from api.plan import DRPlan
from api.workflow import DRWorkflow
from bridge.kubernetes.index import Index
from bridge.kubernetes.store import Store, difference, merge_patch, replaced
from bridge.status import execution as execution_status
from kube.errors import NotFoundError
from tests.bridge.status.open_run import MOMENT, NOW, RUN, running, seen
from tests.kube.scripted_server import scripted


@pytest.mark.parametrize("name", ["../../team-b/drplans/victim", "..", "victim/status", "", "%2e%2e"])
async def test_a_reference_that_is_no_name_leads_nowhere(name: str) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"metadata": {"name": "victim", "namespace": "team-b", "uid": "uid"}})

    async with scripted(answer) as (cluster, asked):
        store = Store(cluster, Index(lambda _: None))
        with pytest.raises(NotFoundError, match="is not a name that an object can have"):
            await store.get(DRPlan, "team-a", name)
        with pytest.raises(NotFoundError):
            await store.get(DRPlanExecution, "team-a", name)
        with pytest.raises(NotFoundError):
            await store.get(DRWorkflow, name or "..", "work")
        assert asked == []


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
