"""One pass over a DRPlan or a DRWorkflow: validate it, say so in its status, drop a lock that is void."""

from api.plan import DRPlan
from api.workflow import DRWorkflow
from bridge.controller import admission
from bridge.controller.context import Context
from bridge.controller.plan_lock import holds_on
from bridge.controller.references import workflow_refs
from bridge.keys import Key, Kind
from bridge.kubernetes.api import NotFound
from bridge.kubernetes.store import Unreadable, read
from bridge.status import plan as plan_status


async def judge_plan(context: Context, key: Key) -> None:
    """Bring a plan's status up to date. Raises NotFound, Unreadable, Conflict."""
    stored = await context.objects.plan(key.namespace, key.name)
    workflows = _known_workflows(context, stored.model)
    problems = admission.of_plan(stored.model, workflows)
    status = plan_status.judged(stored.model, problems, context.now())
    lock = status.current_execution
    if lock is not None and not await holds_on(context, stored.model, lock):
        status = status.model_copy(update={"current_execution": None})
    await context.objects.write_status(stored, status)


def _known_workflows(context: Context, plan: DRPlan) -> dict[tuple[str, str], DRWorkflow]:
    found = {}
    for ref in workflow_refs(plan):
        raw = context.index.definition(Kind.DR_WORKFLOW, ref.in_namespace, ref.name)
        if raw is None:
            continue
        try:
            found[ref.in_namespace, ref.name] = read(raw, DRWorkflow).model
        except Unreadable:
            continue
    return found


async def judge_workflow(context: Context, key: Key) -> None:
    """Bring a DRWorkflow's status up to date. Raises NotFound, Unreadable, Conflict."""
    try:
        stored = await context.objects.dr_workflow(key.namespace, key.name)
    except NotFound:
        return
    problems = admission.of_workflow(stored.model)
    status = plan_status.judged_workflow(stored.model, problems, context.now())
    await context.objects.write_status(stored, status)
