"""The lock of a plan: one running execution per plan, the oldest waiting one is next. And its release at the end.

The finalizer of an execution is there for that release: it is removed last. Source: docs/spec/drplanexecution.md,
"The lock".
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from api.execution import DRPlanExecution
from api.meta import FINALIZER, ObjectName
from api.phases import OperationType
from api.plan import CurrentExecution, DRPlan, DRPlanStatus
from bridge.controller.context import Context, StoredExecution
from bridge.controller.own_runs import has_orphaned_run, open_run, own_run
from bridge.kubernetes.entry import Entry, Key, ObjectKind
from bridge.kubernetes.store import UnreadableObjectError, read
from bridge.status import plan as plan_status
from kube.errors import ConflictError, NotFoundError
from planning.definitions.identifiers import workflow_references
from planning.messages import runs as run_messages

_log = structlog.get_logger(__name__)

RELEASE_ATTEMPTS = 5
"""Writes of a plan's status, which others write too; after that the whole pass is repeated."""


@dataclass(frozen=True)
class Waiting:
    """What an execution waits for before it may take the lock of its plan."""

    message: str
    position: int
    """In the queue; 1 is next."""


def why_behind(context: Context, execution: StoredExecution) -> Waiting | None:
    """Return what an execution waits for that is not next, from the index alone; None where objects have to be read.

    So a long queue costs nothing but the writes of its positions. What refers to something that does not exist is not
    answered here.
    """
    namespace, spec = execution.model.metadata.namespace, execution.model.spec
    raw = context.index.definition(Key(ObjectKind.PLAN, namespace, spec.plan_ref))
    older = context.index.ahead_of(execution.raw)
    if raw is None or not older or spec.operation_type is OperationType.REVERT:
        return None
    with suppress(UnreadableObjectError):
        plan = read(raw, DRPlan).model
        named = [Key(ObjectKind.DR_WORKFLOW, ref.in_namespace, ref.name) for ref in workflow_references(plan)]
        if all(context.index.definition(each) is not None for each in named):
            return _turn(spec.plan_ref, plan.status.current_execution, older)
    return None


async def why_waiting(context: Context, execution: StoredExecution, plan: DRPlan) -> Waiting | None:
    """Return what an execution waits for before it may take the plan's lock; None when it is next."""
    holder = await lock_holder(context, plan)
    if holder is not None and holder.uid == execution.model.metadata.uid:
        return None
    return _turn(plan.metadata.name, holder, context.index.ahead_of(execution.raw))


def _turn(plan: str, holder: CurrentExecution | None, older: Sequence[Entry]) -> Waiting | None:
    position = len(older) + 1
    if holder is not None:
        return Waiting(run_messages.waiting_for_lock(ObjectName(name=holder.name), plan, position), position)
    return Waiting(run_messages.waiting_for_turn(older[0].key.name, plan, position), position) if older else None


async def lock_holder(context: Context, plan: DRPlan, *, may_lag: bool = False) -> CurrentExecution | None:
    """Return the lock of a plan as it should be: held by an execution that runs, or by a run that is left of one.

    With `may_lag` the last write of this process tells that an execution goes on: its end would be known by a pass
    that follows, so it is for those that lose nothing by it. Raises TemporalUnreachable.
    """
    lock, meta = plan.status.current_execution, plan.metadata
    known = lock is not None and may_lag and _goes_on(context, plan, lock)
    if lock is not None and not known and not await _counts(context, plan, lock):
        lock = None
    # A plan that was deleted and created again, or whose status others have changed, has lost its lock.
    running = await _running(context, meta.namespace, meta.name, lock)
    return await _holder_of(context, [lock, *running] if lock else running)


async def _running(
    context: Context, namespace: str, plan: str, lock: CurrentExecution | None = None
) -> list[CurrentExecution]:
    """Return the executions that run a plan, other than the one with the lock, oldest first.

    They say so in their status, or this process follows their run: others may have written that status.
    """
    running, followed = list[CurrentExecution](), context.followed()
    for entry in context.index.of_plan(namespace, plan):
        runs = not entry.preview and (entry.runs or entry.uid in followed)
        if not runs or (lock is not None and lock.uid == entry.uid):
            continue
        try:
            # The index may not know an end yet that this process has written.
            stored = await context.store.get(DRPlanExecution, namespace, entry.key.name)
        except NotFoundError:
            continue
        except UnreadableObjectError:
            stored = None
        if stored is None or (stored.model.metadata.uid == entry.uid and not stored.ended):
            running.append(CurrentExecution(name=entry.key.name, namespace=namespace, uid=entry.uid))
    return running


async def _holder_of(context: Context, claims: Sequence[CurrentExecution]) -> CurrentExecution | None:
    """Return which of the executions that are said to run a plan holds its lock.

    There is more than one only where somebody else has written a lock, or a run into a status. Then a run that this
    process follows counts before one that Temporal knows, and that before what only a status says.
    """
    if len(claims) > 1:
        followed = context.followed()
        for claim in claims:
            if claim.uid in followed:
                return claim
        for claim in claims:
            if await open_run(context, claim) is not None:
                return claim
    return claims[0] if claims else None


async def hold_lock(context: Context, execution: StoredExecution) -> bool:
    """Return whether an execution that has a run holds the lock of its plan, which it takes if that is free.

    A plan that is gone has no lock: then only one of the executions that run it counts. A preview needs none. Raises
    TemporalUnreachable, and ConflictError when the plan, or the execution that is to take its lock, changed since it
    was read.
    """
    if execution.model.spec.dry_run:
        return True
    key, name = execution.model.metadata.key, execution.model.spec.plan_ref
    try:
        plan = await context.store.get(DRPlan, key.namespace, name)
        holder = await lock_holder(context, plan.model)
        if holder is None:
            await _require_latest(context, execution)
        if holder is None or (holder.uid == key.uid and not plan.model.locked_by(key)):
            await context.store.write_status(plan, plan_status.take_lock(plan.model, execution.model, context.now()))
    except (NotFoundError, UnreadableObjectError):
        holder = await _holder_of(context, await _running(context, key.namespace, name))
    return holder is None or holder.uid == key.uid


async def _require_latest(context: Context, execution: StoredExecution) -> None:
    """Raise ConflictError where an execution has changed since it was read.

    Another leader may have ended it and released its lock meanwhile: taken again, that would be a second record in the
    history of the plan. The end is written before the release, so whoever sees a free lock sees the end as well.
    """
    with suppress(NotFoundError, UnreadableObjectError):
        raw = await context.store.get_raw(execution.key)
        if raw["metadata"]["resourceVersion"] == execution.version:
            return
    raise ConflictError(f"DRPlanExecution {execution.key.name} changed since it was read", 409)


async def _counts(context: Context, plan: DRPlan, lock: CurrentExecution) -> bool:
    """Return whether a lock counts: its execution is of this plan, exists, is the very one, and has not ended.

    Where the execution is gone or has ended, its run may still be there, and counts until it has ended. One that has
    ended counts until the pass that releases it, which sets the plan's phase as well. A lock without a uid was written
    by the older controller. It does not count for an execution that the bridge accepted, which would wait for itself.
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
    if holder.spec.plan_ref != plan.metadata.name or holder.spec.dry_run or (not lock.uid and stored.accepted):
        return False
    if not stored.ended or (stored.accepted and stored.has_finalizer):
        return True
    return await has_orphaned_run(context, namespace, lock)


def _goes_on(context: Context, plan: DRPlan, lock: CurrentExecution) -> bool:
    """Return whether the last write of this process shows that the execution which a lock names runs the plan."""
    namespace = plan.metadata.namespace
    known = context.store.last_written(Key(ObjectKind.EXECUTION, namespace, lock.name))
    return (
        known is not None
        and lock.namespace in (None, namespace)
        and known.model.spec.plan_ref == plan.metadata.name
        and not known.model.spec.dry_run
        and plan.locked_by(known.model.metadata.key)
    )


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
    namespace, name = execution.metadata.namespace, execution.spec.plan_ref
    for _ in range(RELEASE_ATTEMPTS):
        try:
            # A copy that is older than the lock says that there is nothing to release: that only a read tells.
            plan = context.store.copy_of(DRPlan, namespace, name)
            if plan is None or not plan.model.locked_by(execution.metadata.key):
                plan = await context.store.get(DRPlan, namespace, name)
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
