"""What is left to do for an execution that is over: settle its plan, then let go of it.

The finalizer goes last, so that its presence says that something is left to do.
"""

import structlog

from api.execution import DRPlanExecution
from api.meta import FINALIZER
from bridge.controller.context import Context
from bridge.kubernetes.api import Conflict, NotFound
from bridge.kubernetes.store import Stored, Unreadable
from bridge.status import plan as plan_status

_log = structlog.get_logger(__name__)

TRIES = 5
"""Attempts at a plan's status that others write too; beyond it the pass starts afresh."""


async def finish(context: Context, it: Stored[DRPlanExecution]) -> None:
    """End our part of a terminal execution. Raises Conflict when it changed meanwhile."""
    context.follower.stop(it.key)
    if not it.held or not (it.ours or it.deleting):
        return
    if it.ours:
        await settle(context, it.model)
    await let_go(context, it)


async def settle(context: Context, execution: DRPlanExecution) -> None:
    """Release the plan's lock, close the record in its history, move its phase; a plan that is gone needs none."""
    for _ in range(TRIES):
        try:
            plan = await context.objects.plan(execution.metadata.namespace, execution.spec.plan_ref)
            await context.objects.write_status(plan, plan_status.settled(plan.model, execution, context.now()))
        except Conflict:
            continue
        except NotFound:
            return
        except Unreadable as error:
            _log.warning("plan not settled", error=str(error))
            return
        return
    raise Conflict(f"DRPlan {execution.spec.plan_ref} changes all the time")


async def let_go(context: Context, it: Stored[DRPlanExecution]) -> None:
    """Take the finalizer off; the object may be gone with that."""
    left = [name for name in it.model.metadata.finalizers if name != FINALIZER]
    try:
        await context.objects.write_metadata(it, {"finalizers": left})
    except NotFound:
        return
