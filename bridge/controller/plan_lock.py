"""The lock of a plan: one running execution per plan, the oldest waiting one is next. And its release at the end.

The finalizer of an execution is there for that release: it is removed last. Source: docs/spec/drplanexecution.md,
"The lock".
"""

from contextlib import suppress

import structlog

from api.execution import DRPlanExecution
from api.meta import FINALIZER, ObjectName
from api.phases import OperationType
from api.plan import CurrentExecution, DRPlan, DRPlanStatus
from bridge.controller.context import Context, StoredExecution
from bridge.controller.own_runs import has_orphaned_run, own_run
from bridge.kubernetes.index import Age, Entry
from bridge.kubernetes.store import UnreadableObjectError
from bridge.status import plan as plan_status
from kube.errors import ConflictError, NotFoundError
from planning.messages import runs as run_messages

_log = structlog.get_logger(__name__)

RELEASE_ATTEMPTS = 5
"""Writes of a plan's status, which others write too; after that the whole pass is repeated."""


async def why_waiting(context: Context, execution: DRPlanExecution, plan: DRPlan) -> str | None:
    """Return what an execution waits for before it may take the plan's lock; None when it is next."""
    if plan_status.holds_lock(plan, execution):
        return None
    meta, name = execution.metadata, plan.metadata.name
    older = before(context.index.queue(meta.namespace, name), execution)
    position, holder = len(older) + 1, await lock_holder(context, plan)
    if holder is not None and holder.uid != meta.uid:
        return run_messages.waiting_for_lock(ObjectName(name=holder.name), name, position)
    return run_messages.waiting_for_turn(older[0].key.name, name, position) if older else None


def before(queue: list[Entry], execution: DRPlanExecution) -> list[Entry]:
    """Return the entries of the queue that start before this execution."""
    meta = execution.metadata
    created = str(meta.to_object().get("creationTimestamp", ""))
    age = Age(created, execution.spec.operation_type is OperationType.REVERT, meta.uid)
    return [entry for entry in queue if entry.uid != meta.uid and entry.age < age]


async def lock_holder(context: Context, plan: DRPlan) -> CurrentExecution | None:
    """Return the lock of a plan as it should be: held by an execution that runs, or by a run that is left of one.

    Raises TemporalUnreachable.
    """
    lock, meta = plan.status.current_execution, plan.metadata
    if lock is not None and await _counts(context, plan, lock):
        return lock
    # A plan that was deleted and created again, or whose status others have changed, has lost its lock.
    running = context.index.running(meta.namespace, meta.name)
    return CurrentExecution(name=running.key.name, namespace=meta.namespace, uid=running.uid) if running else None


async def _counts(context: Context, plan: DRPlan, lock: CurrentExecution) -> bool:
    """Return whether a lock counts: its execution is of this plan, exists, is the very one, and has not ended.

    Where the execution is gone, its run may still be there, and counts until it has ended. A lock without a uid was
    written by the older controller. It does not count for an execution that the bridge accepted, which would wait for
    itself.
    """
    namespace = plan.metadata.namespace
    if (lock.namespace or namespace) != namespace:
        return False
    try:
        stored = await context.store.get(DRPlanExecution, namespace, lock.name)
    except NotFoundError:
        return await has_orphaned_run(context, namespace, lock)
    except UnreadableObjectError:
        return True
    holder = stored.model
    if lock.uid and lock.uid != holder.metadata.uid:
        return await has_orphaned_run(context, namespace, lock)
    if holder.spec.plan_ref != plan.metadata.name or (not lock.uid and stored.accepted):
        return False
    return not stored.ended


async def close_records(context: Context, plan: DRPlan, status: DRPlanStatus) -> DRPlanStatus:
    """Return a plan's status in which the records of executions that have ended are closed.

    The end of an execution of ours closes its record. What the older controller left running, or had ended without
    closing its record, is found here. Raises ApiError.
    """
    holder, meta = status.current_execution, plan.metadata
    for record in status.execution_history or []:
        if not plan_status.is_open(record) or (holder is not None and holder.name == record.name):
            continue
        try:
            stored = await context.store.get(DRPlanExecution, record.namespace, record.name)
        except (NotFoundError, UnreadableObjectError):
            continue
        if stored.ended and stored.model.spec.plan_ref == meta.name:
            status = plan_status.with_closed_record(status, stored.model, context.now())
    return status


async def finish(context: Context, execution: StoredExecution) -> None:
    """Release what an ended execution holds: its long polls, the plan's lock, and last its finalizer.

    Raises ConflictError when it changed since it was read.
    """
    context.poller.stop(execution.key)
    ours = execution.accepted or own_run(context, execution) is not None
    if not execution.has_finalizer or not (ours or execution.deleting):
        return
    if not execution.model.spec.dry_run:
        await _release(context, execution.model)
    await remove_finalizer(context, execution)


async def _release(context: Context, execution: DRPlanExecution) -> None:
    for _ in range(RELEASE_ATTEMPTS):
        try:
            plan = await context.store.get(DRPlan, execution.metadata.namespace, execution.spec.plan_ref)
            await context.store.write_status(plan, plan_status.release_lock(plan.model, execution, context.now()))
        except ConflictError:
            continue
        except NotFoundError:
            return
        except UnreadableObjectError as error:
            _log.warning("plan lock not released", error=str(error))
            return
        return
    raise ConflictError(f"DRPlan {execution.spec.plan_ref} changes all the time", 409)


async def remove_finalizer(context: Context, execution: StoredExecution) -> None:
    """Remove the finalizer; an object that waited only for this is gone then."""
    others = [name for name in execution.model.metadata.finalizers if name != FINALIZER]
    with suppress(NotFoundError):
        await context.store.write_metadata(execution, {"finalizers": others})
