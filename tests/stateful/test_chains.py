"""Several actions of one Execute on one object: a Revert undoes them from the last to the first, each by its record."""

import asyncio
import itertools
import json

import pytest

from kube.client import Object
from tests.manifests import config_map, dr_plan, dr_workflow, execute, revert, stage, writes
from tests.stateful.api_server import Place
from tests.stateful.claims import Claims
from tests.stateful.installation import NAMESPACE, Engine, Installation

_APP = Place("ConfigMap", NAMESPACE, "app")
_numbers = itertools.count(1)


def changes(operation: str, **data: str | None) -> Object:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app", "namespace": NAMESPACE}}
    more = {"data": data} if data else {}
    return writes(f"{operation.lower()}-{next(_numbers)}", json.dumps({**body, **more}), operation)


CHAINS: dict[str, list[list[Object]]] = {
    "apply, apply": [[changes("Apply", color="red"), changes("Apply", size="2")]],
    "an apply that changes nothing, apply": [[changes("Apply", color="blue", size="1"), changes("Apply", color="red")]],
    "patch, apply, patch": [[changes("Patch", color=None), changes("Apply", color="red"), changes("Patch", size="9")]],
    "apply, delete, create": [[changes("Apply", size="7"), changes("Delete"), changes("Create", size="8")]],
    "across DRWorkflows": [[changes("Apply", color="red")], [changes("Apply", color="green")]],
    "apply, delete, apply": [[changes("Apply", size="7"), changes("Delete")], [changes("Apply", size="8")]],
}


@pytest.mark.parametrize("created_by_a_plan", [False, True])
@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_of_changes_is_undone_from_the_last_to_the_first(
    temporal: Engine, name: str, created_by_a_plan: bool
) -> None:
    installation = Installation.in_memory(temporal.client, temporal.runs)
    claims = Claims(installation)
    installation.server.on_change = claims.note
    temporal.run(asyncio.wait_for(_undone(installation, CHAINS[name], created_by_a_plan), 60))
    claims.check()


async def _undone(installation: Installation, chain: list[list[Object]], created_by_a_plan: bool) -> None:
    create = installation.create
    await installation.start()
    first = changes("Create", color="blue", size="1")
    for number, actions in enumerate([[first], *chain]):
        create("DRWorkflow", dr_workflow(f"w{number}", *actions))
    stages = [stage(f"s{number}", NAMESPACE, f"w{number}") for number in range(1, len(chain) + 1)]
    create("DRPlan", dr_plan("plan", *stages))
    if created_by_a_plan:
        create("DRPlan", dr_plan("first", stage("s", NAMESPACE, "w0")))
        create("DRPlanExecution", execute("base", "first"))
        await installation.rest()
    else:
        create("ConfigMap", {**config_map("app"), "data": {"color": "blue", "size": "1"}})
    before = installation.server.objects[_APP]
    for body in (execute("execute", "plan"), revert("revert", "plan", "execute")):
        create("DRPlanExecution", body)
        await installation.rest()
        status = installation.server.objects[Place("DRPlanExecution", NAMESPACE, body["metadata"]["name"])]["status"]
        assert status["phase"] == "Succeeded", status["message"]
    messages = [
        action["message"]
        for each in status["stageStatuses"]
        for node in each["workflowExecutions"]
        for action in node["actionStatuses"]
    ]
    assert all("Rolled back" in message for message in messages), messages
    after = installation.server.objects[_APP]
    assert after["data"] == before["data"]
    if after["metadata"]["uid"] == before["metadata"]["uid"]:
        assert after["metadata"]["managedFields"] == before["metadata"]["managedFields"]
    await installation.stop()


def test_a_restored_object_is_another_one_to_the_execution_that_created_it(temporal: Engine) -> None:
    """The Revert of the Delete keeps no ledger: nothing that is trusted says that the new uid is that of the same."""
    installation = Installation.in_memory(temporal.client, temporal.runs)
    installation.server.on_change = Claims(installation).note
    temporal.run(asyncio.wait_for(_created_deleted_and_restored(installation), 60))


async def _created_deleted_and_restored(installation: Installation) -> None:
    await installation.start()
    for name, action in {"create": changes("Create", color="blue"), "delete": changes("Delete")}.items():
        installation.create("DRWorkflow", dr_workflow(name, action))
        installation.create("DRPlan", dr_plan(f"{name}-plan", stage("s", NAMESPACE, name)))
    created: Object = {}
    for body, phase in (
        (execute("create", "create-plan"), "Succeeded"),
        (execute("delete", "delete-plan"), "Succeeded"),
        (revert("restore", "delete-plan", "delete"), "Succeeded"),
        (revert("take-back", "create-plan", "create"), "Failed"),
    ):
        installation.create("DRPlanExecution", body)
        await installation.rest()
        status = installation.server.objects[Place("DRPlanExecution", NAMESPACE, body["metadata"]["name"])]["status"]
        assert status["phase"] == phase, status["message"]
        created = created or installation.server.objects[_APP]
    restored = installation.server.objects[_APP]
    assert restored["metadata"]["uid"] != created["metadata"]["uid"]
    assert restored["data"] == created["data"]
    message = status["stageStatuses"][0]["workflowExecutions"][0]["actionStatuses"][0]["message"]
    assert restored["metadata"]["uid"] in message, message
    assert created["metadata"]["uid"] in message, message
    assert "by the Revert of an execution that had deleted it" in status["nextSteps"][0]["why"]
    await installation.stop()
