"""What an execution refers to, read live: its plan, the plan's DRWorkflows, a Revert's original."""

import asyncio
from dataclasses import dataclass, field

from api.execution import DRPlanExecution
from api.meta import ObjectName
from api.phases import OperationType
from api.plan import DRPlan
from api.workflow import DRWorkflow
from bridge.kubernetes.api import NotFound
from bridge.kubernetes.store import Objects, Stored
from planning.definitions.lookup import Workflows, full_name

AT_ONCE = 16
"""DRWorkflows read at a time."""


@dataclass(frozen=True)
class Missing:
    """A reference that is not there."""

    kind: str
    name: str


@dataclass(frozen=True)
class References:
    """All that was found; `missing` names the first that was not."""

    plan: Stored[DRPlan] | None = None
    workflows: Workflows = field(default_factory=dict)
    original: DRPlanExecution | None = None
    missing: Missing | None = None


async def resolve(objects: Objects, execution: DRPlanExecution) -> References:
    """Read what an execution refers to. Raises Unreadable where an object has not the form of its kind.

    A Revert does not wait for DRWorkflows: the original's record is mostly enough.
    """
    namespace, spec = execution.metadata.namespace, execution.spec
    try:
        plan = await objects.plan(namespace, spec.plan_ref)
    except NotFound:
        return References(missing=Missing("DRPlan", spec.plan_ref))
    if spec.operation_type is OperationType.REVERT:
        return await _with_original(objects, plan, namespace, spec.revert_execution_ref)
    return await _with_workflows(objects, plan)


async def _with_original(objects: Objects, plan: Stored[DRPlan], namespace: str, name: str | None) -> References:
    if not name:
        return References(plan=plan)
    try:
        original = await objects.execution(namespace, name)
    except NotFound:
        return References(plan=plan, missing=Missing("DRPlanExecution", name))
    return References(plan=plan, original=original.model)


async def _with_workflows(objects: Objects, plan: Stored[DRPlan]) -> References:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(ref: ObjectName) -> DRWorkflow | None:
        async with room:
            try:
                return (await objects.dr_workflow(ref.in_namespace, ref.name)).model
            except NotFound:
                return None

    refs = workflow_refs(plan.model)
    answers = list(zip(refs, await asyncio.gather(*map(one, refs)), strict=True))
    gone = next((ref for ref, dr_workflow in answers if dr_workflow is None), None)
    if gone is not None:
        return References(plan=plan, missing=Missing("DRWorkflow", full_name(gone)))
    found = {(ref.in_namespace, ref.name): dr_workflow for ref, dr_workflow in answers if dr_workflow is not None}
    return References(plan=plan, workflows=found)


def workflow_refs(plan: DRPlan) -> list[ObjectName]:
    """Give the DRWorkflows of a plan, each once, in order."""
    refs = (workflow.workflow_ref for stage in plan.spec.stages for workflow in stage.workflows)
    return list({(ref.in_namespace, ref.name): ref for ref in refs}.values())
