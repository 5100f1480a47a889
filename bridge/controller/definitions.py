"""One pass over a DRPlan or a DRWorkflow: validate it and write the result, remove a lock that is void."""

from contextlib import suppress

from api.plan import DRPlan
from api.workflow import DRWorkflow
from bridge.controller.context import Context
from bridge.controller.plan_lock import is_locked_by
from bridge.keys import Key, Kind
from bridge.kubernetes.store import UnreadableObjectError, read
from bridge.status import plan as plan_status
from planning.definitions.lookup import used_workflows, workflow_references
from planning.validation import objects as validation


async def validate_plan(context: Context, key: Key) -> None:
    """Bring a plan's status up to date. Raises NotFoundError, UnreadableObjectError, ConflictError."""
    stored = await context.store.plan(key.namespace, key.name)
    plan, workflows = stored.model, _known_workflows(context, stored.model)
    errors = validation.plan_errors(plan, workflows)
    for dr_workflow in used_workflows(plan, workflows):
        errors += validation.workflow_errors(dr_workflow)
    status = plan_status.validated(plan, [error.text for error in errors], context.now())
    lock = status.current_execution
    if lock is not None and not await is_locked_by(context, plan, lock):
        status = status.model_copy(update={"current_execution": None})
    await context.store.write_status(stored, status)


def _known_workflows(context: Context, plan: DRPlan) -> dict[tuple[str, str], DRWorkflow]:
    """Return the DRWorkflows of a plan as the index knows them; one that is unreadable is left out."""
    workflows = {}
    for ref in workflow_references(plan):
        raw = context.index.definition(Kind.DR_WORKFLOW, ref.in_namespace, ref.name)
        if raw is not None:
            with suppress(UnreadableObjectError):
                workflows[ref.in_namespace, ref.name] = read(raw, DRWorkflow).model
    return workflows


async def validate_dr_workflow(context: Context, key: Key) -> None:
    """Bring a DRWorkflow's status up to date. Raises NotFoundError, UnreadableObjectError, ConflictError."""
    stored = await context.store.dr_workflow(key.namespace, key.name)
    errors = [error.text for error in validation.workflow_errors(stored.model)]
    status = plan_status.validated_dr_workflow(stored.model, errors, context.now())
    await context.store.write_status(stored, status)
