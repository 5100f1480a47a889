"""Temporal or the worker away: the last status stays, a condition says since when, and it heals by itself."""

import asyncio
import re
from collections.abc import AsyncIterator
from functools import partial

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from api.meta import CANCEL_ANNOTATION
from api.phases import Phase
from dev.stack import Stack
from kube.client import Cluster
from tests.bridge.conftest import TASK_QUEUE
from tests.bridge.controller.test_sync import BEGUN
from tests.bridge.plan_namespace import PlanNamespace, bridge, condition, left_running
from tests.bridge.scripted_workflows import done, scripted_worker
from tests.bridge.tcp_gate import Gate, gate
from tests.eventually import eventually
from workflows.converter import DATA_CONVERTER

QUEUE = "sometimes-served"
KINDS = ("DRPlanExecution", "DRPlan")


@pytest.fixture
async def door(stack: Stack) -> AsyncIterator[Gate]:
    async with gate(stack.temporal_address) as made:
        yield made


def reach(item: object) -> tuple[str, str]:
    assert isinstance(item, dict)
    found = condition(item, "EngineReachable")
    return found.get("status", ""), found.get("reason", "")


async def told_of(ns: PlanNamespace, problem: str, *, times: int) -> bool:
    """Tell whether execution and plan each have as many events of a problem as of its end."""
    events = await ns.events()
    counts = {kind: [one["reason"] for one in events if one["regarding"]["kind"] == kind] for kind in KINDS}
    return all(one.count(problem) == one.count("Reachable") == times for one in counts.values())


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_while_temporal_is_away_the_last_status_stays_and_heals(
    stack: Stack, unwatched_ns: PlanNamespace, door: Gate, how: str
) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    async with bridge(stack, TASK_QUEUE, TEMPORAL_ADDRESS=door.address):
        item = await ns.execute("slow")
        await ns.phase("slow", Phase.RUNNING)
        await ns.root(item).signal("show", BEGUN)
        before = await ns.until("slow", lambda one: "stageStatuses" in one["status"], "tree")
        if how == "refused":
            await door.shut()
        else:
            door.silence()
        away = await ns.until("slow", lambda one: reach(one) == ("False", "EngineUnavailable"), "condition")
        assert away["status"]["phase"] == "Running"
        assert away["status"]["stageStatuses"] == before["status"]["stageStatuses"]
        await ns.annotate("slow", {CANCEL_ANNOTATION: "true"})
        await ns.until("slow", lambda one: condition(one, "CancelRequested").get("reason") == "Requested", "cancel")
        since = condition(away, "EngineReachable")["lastTransitionTime"]
        now = condition(await ns.get("slow"), "EngineReachable")
        assert now["lastTransitionTime"] == since
        await ns.close(item, done())
        await door.shut()
        await door.open()
        door.resume()
        ended = await ns.phase("slow", Phase.SUCCEEDED)
        assert reach(ended) == ("True", "Reachable")
        await eventually(partial(told_of, ns, "EngineUnavailable", times=1), "events of execution and plan")


async def test_an_execution_created_while_temporal_is_away_starts_when_it_is_back(
    stack: Stack, unwatched_ns: PlanNamespace, door: Gate
) -> None:
    ns = unwatched_ns
    await ns.ready_plan()
    await door.shut()
    async with bridge(stack, TASK_QUEUE, TEMPORAL_ADDRESS=door.address):
        item = await ns.execute("quick")
        waiting = await ns.until("quick", lambda one: reach(one)[0] == "False", "condition")
        assert waiting["status"]["phase"] == "Pending"
        assert condition(waiting, "Progressing")["reason"] == "EngineUnavailable"
        await door.open()
        await ns.phase("quick", Phase.SUCCEEDED)
        await ns.ran_once(item)


async def test_without_a_worker_the_last_tree_stays_and_heals(
    stack: Stack, admin: Cluster, temporal: Client, namespace: str
) -> None:
    ns = PlanNamespace(admin, temporal, namespace)
    await ns.ready_plan()
    async with bridge(stack, QUEUE):
        item = await ns.execute("slow")
        waiting = await ns.until("slow", lambda one: reach(one) == ("False", "WorkerUnavailable"), "condition")
        assert waiting["status"]["phase"] == "Running"
        assert re.fullmatch(r"No worker answers since \d\d:\d\d:\d\d; nothing is lost", waiting["status"]["message"])
        first = waiting["status"]["startTime"]
        async with scripted_worker(temporal, QUEUE):
            await ns.root(item).signal("show", BEGUN)
            before = await ns.until("slow", lambda one: "stageStatuses" in one["status"], "tree")
            assert reach(before) == ("True", "Reachable")
            assert before["status"]["startTime"] == first
        await ns.root(item).signal("show", BEGUN)
        away = await ns.until("slow", lambda one: reach(one) == ("False", "WorkerUnavailable"), "condition")
        assert away["status"]["stageStatuses"] == before["status"]["stageStatuses"]
        assert "before that: stage first / work / one" in away["status"]["message"]
        async with scripted_worker(temporal, QUEUE):
            await ns.close(item, done())
            ended = await ns.phase("slow", Phase.SUCCEEDED)
        assert ended["status"]["startTime"] == first
        await eventually(partial(told_of, ns, "WorkerUnavailable", times=2), "events of execution and plan")


async def test_a_namespace_that_does_not_exist_is_no_verdict_on_a_run(
    stack: Stack, unwatched_ns: PlanNamespace
) -> None:
    ns = unwatched_ns
    item = await left_running(stack, ns, TASK_QUEUE)
    async with bridge(stack, TASK_QUEUE, TEMPORAL_NAMESPACE="nowhere"):
        away = await ns.until("slow", lambda one: reach(one) == ("False", "EngineUnavailable"), "condition")
        assert away["status"]["phase"] == "Running"
    async with bridge(stack, TASK_QUEUE):
        await ns.close(item, done())
        await ns.phase("slow", Phase.SUCCEEDED)


async def test_without_search_attributes_it_starts_all_the_same_and_a_condition_says_so(
    stack: Stack, admin: Cluster, temporal: Client, namespace: str
) -> None:
    bare = await _namespace(stack, temporal, "bare")
    ns = PlanNamespace(admin, bare, namespace)
    await ns.ready_plan()
    async with scripted_worker(bare, TASK_QUEUE), bridge(stack, TASK_QUEUE, TEMPORAL_NAMESPACE="bare"):
        await ns.execute("quick")
        ended = await ns.phase("quick", Phase.SUCCEEDED)
        assert condition(ended, "Searchable")["status"] == "False"
        assert condition(ended, "Searchable")["reason"] == "NotRegistered"


async def _namespace(stack: Stack, temporal: Client, name: str) -> Client:
    kept = Duration(seconds=86400)
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=kept)
    await temporal.workflow_service.register_namespace(request)
    client = await Client.connect(stack.temporal_address, namespace=name, data_converter=DATA_CONVERTER)

    async def known() -> bool:
        try:
            return (await client.count_workflows()).count == 0
        except Exception:
            await asyncio.sleep(0.2)
            return False

    await eventually(known, "namespace")
    return client
