"""One pass over one object: its key in, 'when to look again' out; level-based and idempotent."""

from typing import assert_never

import structlog

from api.execution import DRPlanExecution, Engine
from api.phases import TERMINAL
from bridge.controller.context import Context
from bridge.controller.finish import finish
from bridge.controller.start import Later, begin
from bridge.controller.sync import TROUBLE, follow
from bridge.controller.validate_definitions import judge_plan, judge_workflow
from bridge.keys import Key, Kind
from bridge.kubernetes.api import NotFound
from bridge.kubernetes.store import Stored, Unreadable
from bridge.status import execution as execution_status
from bridge.temporal.client import EngineUnreachable
from planning.definitions import identifiers

_log = structlog.get_logger(__name__)


async def reconcile(context: Context, key: Key) -> float | None:
    """Pass over one object; give the seconds until the next look, None when an event will bring it back.

    Raises ClusterError: the pass failed and is to be repeated.
    """
    try:
        return await _pass(context, key)
    except NotFound:
        await _forsake(context, key, None)
    except Unreadable as error:
        _log.error("object cannot be read", kind=key.kind, namespace=key.namespace, name=key.name, error=str(error))
    return None


async def _pass(context: Context, key: Key) -> float | None:
    match key.kind:
        case Kind.EXECUTION:
            return await _execution(context, key)
        case Kind.PLAN:
            await judge_plan(context, key)
        case Kind.DR_WORKFLOW:
            await judge_workflow(context, key)
        case _:
            assert_never(key.kind)
    return None


async def _execution(context: Context, key: Key) -> float | None:
    it = await context.objects.latest_execution(key)
    await _forsake(context, key, it)
    if it.model.status.phase in TERMINAL:
        await finish(context, it)
        return None
    carried = context.runs.get(key)
    engine = it.model.status.engine or (carried and carried.engine)
    if engine and _is_its_own(it, engine):
        return await follow(context, it, engine)
    try:
        step = await begin(context, it)
    except EngineUnreachable as error:
        return await _out_of_reach(context, key, str(error))
    return step.seconds if isinstance(step, Later) else await follow(context, step.it, step.engine)


def _is_its_own(it: Stored[DRPlanExecution], engine: Engine) -> bool:
    """Tell whether a run carries this very object: a copy brings another one's along, which goes on without it."""
    own = identifiers.root_id(it.model.spec.operation_type, it.model.metadata.key)
    return engine.workflow_id == own and it.accepted_by in ("", it.model.metadata.uid)


async def _forsake(context: Context, key: Key, it: Stored[DRPlanExecution] | None) -> None:
    """Cancel a run of this process whose object is gone, is another, or ended without it.

    That takes a finalizer taken off by force, or a bridge stopped between its last look and the start.
    """
    carried = context.runs.get(key)
    if carried is None:
        return
    status = it.model.status if it is not None and it.model.metadata.uid == carried.uid else None
    if status is None or (status.phase in TERMINAL and status.engine is None):
        _log.warning("run without its object is cancelled", workflow=carried.engine.workflow_id)
        await context.engine.cancel(carried.engine.workflow_id, carried.engine.run_id)
    if status is None or status.phase in TERMINAL:
        del context.runs[key]
        context.follower.stop(key)


async def _out_of_reach(context: Context, key: Key, reason: str) -> float:
    """Say in the object that it cannot start for now; it may have changed since it was read."""
    it = await context.objects.execution(key.namespace, key.name)
    new = execution_status.out_of_reach(it.model.status, reason, context.moment(it))
    await context.objects.write_status(it, new)
    return TROUBLE
