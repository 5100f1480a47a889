"""The API server away, and writes against objects that changed meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from api.execution import DRPlanExecution
from api.phases import Phase
from bridge.kubernetes.entry import ObjectKind
from bridge.kubernetes.index import Index
from bridge.kubernetes.store import Store
from dev.stack import Stack
from kube.client import Cluster
from kube.errors import ConflictError
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.plan_namespace import PlanNamespace, bridge
from tests.bridge.scripted_workflows import done
from tests.bridge.tcp_gate import Gate, gate


@pytest.fixture
async def door(stack: Stack) -> AsyncIterator[Gate]:
    async with gate(stack.server.removeprefix("https://")) as made:
        yield made


@pytest.fixture
def through_the_door(stack: Stack, door: Gate, tmp_path: Path) -> str:
    """A kubeconfig of the bridge's that leads through the gate."""
    config = yaml.safe_load(Path(stack.env("bridge")["KUBECONFIG"]).read_text())
    for cluster in config["clusters"]:
        cluster["cluster"]["server"] = f"https://{door.address}"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


async def test_a_bridge_that_starts_without_an_api_server_works_once_it_is_there(
    stack: Stack, unwatched_ns: PlanNamespace, door: Gate, through_the_door: str
) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    await ns.execute("quick")
    await door.shut()
    async with bridge(stack, TASK_QUEUE, KUBECONFIG=through_the_door):
        assert (await ns.get("quick")).get("status") is None
        await door.open()
        await ns.phase("quick", Phase.SUCCEEDED)


async def test_a_bridge_catches_up_when_the_api_server_comes_back(
    stack: Stack, unwatched_ns: PlanNamespace, door: Gate, through_the_door: str
) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    async with bridge(stack, TASK_QUEUE, KUBECONFIG=through_the_door):
        item = await ns.execute("slow")
        await ns.phase("slow", Phase.RUNNING)
        await door.shut()
        await ns.close(item, done())
        await ns.execute("quick")
        await door.open()
        await ns.phase("slow", Phase.SUCCEEDED)
        await ns.phase("quick", Phase.SUCCEEDED)


async def test_a_status_that_was_computed_from_an_older_object_is_not_written(
    admin: Cluster, unwatched_ns: PlanNamespace
) -> None:
    ns = unwatched_ns
    objects = Store(admin, Index(lambda _: None))
    await ns.execute("slow")
    stale = await objects.get(DRPlanExecution, ns.namespace, "slow")
    newer = await ns.write_status(ObjectKind.EXECUTION, "slow", {"phase": "Succeeded", "message": "newer"})
    running = stale.model.status.model_copy(update={"phase": Phase.RUNNING})
    with pytest.raises(ConflictError):
        await objects.write_status(stale, running)
    with pytest.raises(ConflictError):
        await objects.write_metadata(stale, {"finalizers": ["example.com/late"]})
    assert await ns.get("slow") == newer


async def test_what_others_wrote_into_a_status_stays(admin: Cluster, unwatched_ns: PlanNamespace) -> None:
    ns = unwatched_ns
    objects = Store(admin, Index(lambda _: None))
    await ns.execute("slow")
    theirs = {"type": "Theirs", "status": "True", "reason": "Own", "message": ""}
    theirs["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    await ns.write_status(ObjectKind.EXECUTION, "slow", {"message": "theirs", "conditions": [theirs]})
    read = await objects.get(DRPlanExecution, ns.namespace, "slow")
    await objects.write_status(read, read.model.status.model_copy(update={"phase": Phase.PENDING}))
    status = (await ns.get("slow"))["status"]
    assert status == {"message": "theirs", "phase": "Pending", "conditions": [theirs]}
