"""What the bridge writes around the start of a run, for measurements, recordings and tests that run without one.

A worker carries out only what an execution records. Source: docs/decisions/0020-what-gives-power-is-derived.md.
"""

import asyncio
import json
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import TypedSearchAttributes

from api.execution import Engine, ExecutionStatus
from api.meta import ACCEPTED_ANNOTATION, FINALIZER, ObjectKey
from api.phases import OperationType, Phase
from api.runs import RunInput
from api.tree import RunState
from dev.stack import Stack
from planning.definitions.identifiers import root_id
from workflows.contract import STATE_QUERY, root_type

RootHandle = WorkflowHandle[Any, RunState]


def accept(stack: Stack, namespace: str, name: str) -> ObjectKey:
    """Mark an execution and lock its plan as the bridge does before it starts the run."""
    item = json.loads(_kubectl(stack, namespace, "get", "drplanexecution", name, "-o", "json"))
    uid = item["metadata"]["uid"]
    change = {"metadata": {"annotations": {ACCEPTED_ANNOTATION: uid}, "finalizers": [FINALIZER]}}
    _kubectl(stack, namespace, "patch", "drplanexecution", name, "--type=merge", "-p", json.dumps(change))
    lock = {"status": {"currentExecution": {"name": name, "namespace": namespace, "uid": uid}}}
    arguments = ("--subresource=status", "--type=merge", "-p", json.dumps(lock))
    _kubectl(stack, namespace, "patch", "drplan", item["spec"]["planRef"], *arguments)
    return ObjectKey(namespace=namespace, name=name, uid=uid)


async def start(
    client: Client,
    key: ObjectKey,
    plan: str,
    operation: OperationType,
    task_queue: str,
    *,
    preview: bool = False,
    search_attributes: TypedSearchAttributes = TypedSearchAttributes.empty,
) -> RootHandle:
    """Start the root workflow of an execution."""
    return await client.start_workflow(
        root_type(operation, preview=preview),
        RunInput(execution=key, plan=plan, operation=operation),
        id=root_id(operation, key),
        task_queue=task_queue,
        result_type=RunState,
        search_attributes=search_attributes,
    )


async def record(stack: Stack, key: ObjectKey, run: RootHandle, run_id: str | None = None) -> None:
    """Write the run and its first tree into the status once there is one; `run_id` in place of the run's own."""
    state = RunState(phase=Phase.PENDING)
    while not state.stages:
        if (await run.describe()).close_time is not None:
            return
        state = await run.query(STATE_QUERY, result_type=RunState)
        await asyncio.sleep(0.02)
    engine = Engine(workflow_id=run.id, run_id=run_id or run.first_execution_run_id or "")
    status = ExecutionStatus.model_validate({**state.model_dump(), "engine": engine}).to_object()
    body = json.dumps({"status": status})
    arguments = ("patch", "drplanexecution", key.name, "--subresource=status", "--type=merge", "-p", body)
    await asyncio.to_thread(_kubectl, stack, key.namespace, *arguments)


def _kubectl(stack: Stack, namespace: str, *arguments: str) -> str:
    return stack.kubectl(*arguments, f"--namespace={namespace}").stdout
