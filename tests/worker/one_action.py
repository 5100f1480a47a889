"""A DRWorkflow of one action, run on Temporal by whatever worker serves the namespace's own task queue."""

import asyncio
import os
from typing import Any

from temporalio.client import Client, WorkflowHandle

from api.actions import Action
from api.nodes import ActionStatus, WorkflowExecutionStatus
from api.phases import Phase, WorkflowFailurePolicy
from api.runs import ExecuteWorkflowInput
from api.steps import Attempts, ExecuteStep
from tests.activities.live_namespace import LiveNamespace
from tests.eventually import DEADLINE
from workflows.contract import WorkflowType
from workflows.converter import DATA_CONVERTER

Run = WorkflowHandle[object, WorkflowExecutionStatus]


async def begin(ns: LiveNamespace, mark: str, definition: dict[str, Any]) -> Run:
    """Define the action and start it; its attempts are those that it asks for."""
    ns.define(definition)
    action = Action.model_validate(definition)
    attempts = Attempts(timeout=action.timeout, retry=action.retries)
    step = ExecuteStep(index=0, action=action.name, mark=mark, title=action.name, attempts=attempts)
    pending = ActionStatus(name=action.name, type=action.type, phase=Phase.PENDING)
    node = WorkflowExecutionStatus(workflow_ref=ns.flow, phase=Phase.PENDING, action_statuses=[pending])
    policy = WorkflowFailurePolicy.FAIL_FAST
    client = await Client.connect(ns.stack.temporal_address, data_converter=DATA_CONVERTER)
    return await client.start_workflow(
        WorkflowType.EXECUTE_WORKFLOW,
        ExecuteWorkflowInput(workflow=node, steps=[step], actor=ns.actor, policy=policy),
        id=f"{ns.namespace}-{os.getpid()}",
        task_queue=ns.namespace,
        result_type=WorkflowExecutionStatus,
    )


def environment(ns: LiveNamespace, **more: str) -> dict[str, str]:
    """Give the settings of a worker that serves it."""
    return ns.stack.env("worker") | {"DRPLAN_TASK_QUEUE": ns.namespace} | more


async def the_action(run: Run) -> ActionStatus:
    """Wait for the end and give the action as the last query answer shows it, whichever way the run ended."""
    async with asyncio.timeout(DEADLINE):
        while (await run.describe()).close_time is None:
            await asyncio.sleep(0.1)
        state: WorkflowExecutionStatus = await run.query("state", result_type=WorkflowExecutionStatus)
    return state.actions[0]


async def says(run: Run, words: str) -> None:
    """Return once the server has heard these words from an attempt."""
    async with asyncio.timeout(DEADLINE):
        while True:
            pending = (await run.describe()).raw_description.pending_activities
            if pending and words.encode() in pending[0].heartbeat_details.SerializeToString():
                return
            await asyncio.sleep(0.1)
