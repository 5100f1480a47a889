"""Whose turn it is: one running execution to a plan, the oldest waiting one next.

Source: docs/spec/drplanexecution.md, "The lock".
"""

from api.execution import DRPlanExecution
from api.meta import ObjectName
from api.phases import OperationType
from api.plan import CurrentExecution, DRPlan
from bridge.controller.context import Context
from bridge.kubernetes.api import NotFound
from bridge.kubernetes.index import Age, Entry
from bridge.kubernetes.store import Unreadable
from bridge.status import plan as plan_status
from planning.messages import conditions as condition_messages


async def obstacle(context: Context, execution: DRPlanExecution, plan: DRPlan) -> str | None:
    """Say what stands between an execution and its plan; None when it is its turn."""
    if plan_status.holds(plan, execution):
        return None
    meta = execution.metadata
    older = before(context.index.queue(meta.namespace, plan.metadata.name), execution)
    lock = plan.status.current_execution
    if lock is not None and await holds_on(context, plan, lock):
        holder = ObjectName(name=lock.name, namespace=lock.namespace)
        return condition_messages.waiting_for_lock(holder, plan.metadata.name, len(older) + 1)
    running = context.index.running(meta.namespace, plan.metadata.name, besides=meta.uid)
    if running is not None:
        holder = ObjectName(name=running.key.name, namespace=running.key.namespace)
        return condition_messages.waiting_for_lock(holder, plan.metadata.name, len(older) + 1)
    if older:
        return condition_messages.waiting_for_turn(older[0].key.name, plan.metadata.name, len(older) + 1)
    return None


def before(queue: list[Entry], execution: DRPlanExecution) -> list[Entry]:
    """Give those of the queue whose turn comes before that of this execution."""
    meta = execution.metadata
    created = str(meta.to_object().get("creationTimestamp", ""))
    age = Age(created, execution.spec.operation_type is OperationType.REVERT, meta.uid)
    return [entry for entry in queue if entry.uid != meta.uid and entry.age < age]


async def holds_on(context: Context, plan: DRPlan, lock: CurrentExecution) -> bool:
    """Tell whether a lock counts: its execution is there, is the very one, and is not over.

    A lock without a uid is the older controller's: it never counts for an execution that the bridge accepted,
    which would wait for itself.
    """
    namespace = lock.namespace or plan.metadata.namespace
    try:
        stored = await context.objects.execution(namespace, lock.name)
    except NotFound:
        return False
    except Unreadable:
        return True
    holder = stored.model
    if stored.ours if not lock.uid else holder.metadata.uid != lock.uid:
        return False
    return holder.status.phase is None or not holder.status.phase.terminal
