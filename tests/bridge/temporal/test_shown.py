"""What a root's start says to Temporal's UI, and what is left out where the namespace does not have the attributes."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.execution import DRPlanExecution, DRPlanExecutionSpec, Engine, ExecutionStatus
from api.meta import ObjectMeta
from api.phases import OperationType
from bridge.temporal.client import TemporalClient
from bridge.temporal.shown import static_details
from workflows.contract import OF_EARLIER_RELEASES, SearchAttribute

UID = "00000000-0000-4000-8000-000000000001"


def execution(name: str, **spec: Any) -> DRPlanExecution:
    given = {"plan_ref": "shop", "operation_type": OperationType.EXECUTE, **spec}
    meta = ObjectMeta(name=name, namespace="team", uid=UID)
    engine = Engine(workflow_id="w", run_id="r")
    return DRPlanExecution(metadata=meta, spec=DRPlanExecutionSpec(**given), status=ExecutionStatus(engine=engine))


REVERT = execution("back", operation_type=OperationType.REVERT, revert_execution_ref="shop-1")


def test_a_revert_leads_to_the_run_that_it_takes_back() -> None:
    details = static_details(REVERT, execution("shop-1"), tuple(SearchAttribute))
    link = f"[shop-1](namespaces/{{namespace}}/workflows/execute%2Fteam%2Fshop-1%2F{UID})"
    assert details.startswith(f"Takes back {link}.\n\n`kubectl describe drplanexecution -n team back`")


def test_an_original_that_the_older_controller_ran_has_no_run_to_lead_to() -> None:
    older = execution("shop-1").model_copy(update={"status": ExecutionStatus()})
    assert static_details(REVERT, older, ()).startswith("Takes back `shop-1`.")


def test_an_execute_leads_to_the_reverts_of_it_where_they_can_be_found() -> None:
    details = static_details(execution("shop-1"), None, tuple(SearchAttribute))
    query = 'drplanOriginal="shop-1" AND drplanNamespace="team"'
    quoted = "drplanOriginal%3D%22shop-1%22%20AND%20drplanNamespace%3D%22team%22"
    assert details.startswith(f"[Reverts of it](namespaces/{{namespace}}/workflows?query={quoted}): `{query}`.")
    assert static_details(execution("shop-1"), None, OF_EARLIER_RELEASES).startswith("`kubectl describe")


@dataclass
class Namespace:
    """Takes starts, and refuses them where they have an attribute that is not registered."""

    registered: tuple[SearchAttribute, ...]
    starts: list[dict[str, Any]] = field(default_factory=list)

    async def start_workflow(self, *_: Any, **options: Any) -> Any:
        self.starts.append(options)
        if {pair.key.name for pair in options["search_attributes"]} - {*self.registered}:
            raise RPCError("no such search attribute", RPCStatusCode.INVALID_ARGUMENT, b"")
        return self

    first_execution_run_id = "run"


@pytest.mark.parametrize("registered", [tuple(SearchAttribute), OF_EARLIER_RELEASES, ()], ids=len)
async def test_a_run_starts_with_as_many_as_the_namespace_has(registered: tuple[SearchAttribute, ...]) -> None:
    namespace = Namespace(registered)
    started = await TemporalClient(cast(Client, namespace), "queue").start(REVERT)
    assert started.searchable is (len(registered) == len(SearchAttribute))
    values = {pair.key.name: pair.value for pair in namespace.starts[-1]["search_attributes"]}
    wanted = {
        "drplanPlan": "shop",
        "drplanNamespace": "team",
        "drplanExecution": "back",
        "drplanOperation": "Revert",
        "drplanStage": "none",
        "drplanFailedAction": "none",
        "drplanOriginal": "shop-1",
    }
    assert values == {name: value for name, value in wanted.items() if name in registered}
    assert len(namespace.starts) == {7: 1, 4: 2, 0: 3}[len(registered)]
