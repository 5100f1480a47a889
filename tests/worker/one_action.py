"""A DRWorkflow of one action, run on Temporal by whatever worker serves the namespace's own task queue."""

import asyncio
import os
from typing import Any

from temporalio.client import Client, WorkflowHandle

from api.actions import Action
from api.execution import ActionStatus, WorkflowExecutionStatus
from api.phases import Phase, WorkflowFailurePolicy
from api.steps import Attempts, ExecuteStep, ExecuteWorkflowInput
from tests.activities.site import Site
from workflows.contract import WorkflowType
from workflows.converter import DATA_CONVERTER

Run = WorkflowHandle[object, WorkflowExecutionStatus]


async def begin(site: Site, mark: str, definition: dict[str, Any]) -> Run:
    """Define the action and start it; its attempts are those that it asks for."""
    site.define(definition)
    action = Action.model_validate(definition)
    attempts = Attempts(timeout=action.timeout, retry=action.retries)
    step = ExecuteStep(index=0, action=action.name, mark=mark, title=action.name, attempts=attempts)
    pending = ActionStatus(name=action.name, type=action.type, phase=Phase.PENDING)
    node = WorkflowExecutionStatus(workflow_ref=site.flow, phase=Phase.PENDING, action_statuses=[pending])
    policy = WorkflowFailurePolicy.FAIL_FAST
    client = await Client.connect(site.stack.temporal_address, data_converter=DATA_CONVERTER)
    return await client.start_workflow(
        WorkflowType.EXECUTE_WORKFLOW,
        ExecuteWorkflowInput(workflow=node, steps=[step], actor=site.actor, policy=policy),
        id=f"{site.namespace}-{os.getpid()}",
        task_queue=site.namespace,
        result_type=WorkflowExecutionStatus,
    )


def environment(site: Site, **more: str) -> dict[str, str]:
    """Give the settings of a worker that serves it."""
    return site.stack.env("worker") | {"DRPLAN_TASK_QUEUE": site.namespace} | more


async def the_action(run: Run) -> ActionStatus:
    """Wait for the end and give the action as the last query answer shows it, whichever way the run ended."""
    async with asyncio.timeout(90):
        while (await run.describe()).close_time is None:
            await asyncio.sleep(0.1)
        state: WorkflowExecutionStatus = await run.query("state", result_type=WorkflowExecutionStatus)
    return state.actions[0]


async def says(run: Run, words: str) -> None:
    """Return once the server has heard these words from an attempt."""
    async with asyncio.timeout(60):
        while True:
            pending = (await run.describe()).raw_description.pending_activities
            if pending and words.encode() in pending[0].heartbeat_details.SerializeToString():
                return
            await asyncio.sleep(0.1)
