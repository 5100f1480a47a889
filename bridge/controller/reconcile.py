"""One pass over one object, level-based and idempotent: observe, decide, act, report.

A pass over an execution reads the object, starts its run or observes it, computes the next status and writes it once,
and releases what an ended execution holds. A pass over a DRPlan or a DRWorkflow validates it; a plan is rehearsed, too.
Source: docs/architecture.md, "Bridge".
"""

import asyncio
from typing import assert_never

import structlog

from api.execution import DRPlanExecution, Engine, ExecutionStatus
from api.plan import DRPlan
from api.workflow import DRWorkflow
from bridge.controller import validation
from bridge.controller.context import Context, OpenRun, PassResult, StoredExecution
from bridge.controller.engine_reports import report_engine
from bridge.controller.measure import publish_plan
from bridge.controller.own_runs import (
    cancel_orphaned_run,
    cancel_without_lock,
    own_run,
    restore_metadata,
    run_after_end,
)
from bridge.controller.plan_lock import close_records, finish, hold_lock, lock_holder
from bridge.controller.proof import check_again
from bridge.controller.rehearse import rehearse, report_readiness
from bridge.controller.requests import carry_out
from bridge.controller.start import FIRST_TREE_WAIT, NO_TREE_YET, is_crowded, report_end, start
from bridge.controller.validation import NotYourTurnError
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.events import EventReason
from bridge.kubernetes.store import UnreadableObjectError
from bridge.status import execution as execution_status
from bridge.status import plan as plan_status
from bridge.status.merge import Observation, RootRun, RunStatus
from bridge.status.requests import is_working
from bridge.temporal.calls import RunNotFound, TemporalUnreachable
from bridge.temporal.observe import open_runs
from kube.errors import ConflictError, NotFoundError
from planning.definitions.identifiers import workflow_references
from planning.messages import runs as run_messages

_log = structlog.get_logger(__name__)

ACTION_RUNNING = 0.7
"""Seconds between passes while an action runs: attempts leave no trace in any history."""
NOT_POLLED = 1.0
"""Seconds between passes over runs that no long poll watches."""
IDLE = 10.0
"""Seconds between passes while nothing happens, in case a wake-up is missed."""
NOT_ANSWERING = 2.0
"""Seconds between passes while Temporal or the worker does not answer."""


async def reconcile(context: Context, key: Key) -> float | None:
    """Pass over one object; return the seconds until the next pass, None when only an event requires one.

    Raises ApiError and TemporalError: the pass failed and is to be repeated.
    """
    try:
        match key.kind:
            case ObjectKind.EXECUTION:
                return await _reconcile_execution(context, key)
            case ObjectKind.PLAN:
                return await _reconcile_plan(context, key)
            case ObjectKind.DR_WORKFLOW:
                await validate_dr_workflow(context, key)
            case _:
                assert_never(key.kind)
    except NotFoundError:
        context.open_executions.forget(key)
        await cancel_orphaned_run(context, key, None)
    except UnreadableObjectError as error:
        _log.error("object cannot be read", kind=key.kind, namespace=key.namespace, name=key.name, error=str(error))
    return None


async def _reconcile_execution(context: Context, key: Key) -> float | None:
    # By an execution whose run is followed it is known whether that is still there: then only a newer one will do.
    new = None if key in context.runs else context.store.new_execution(key)
    execution = new or await context.store.latest_execution(key)
    await cancel_orphaned_run(context, key, execution)
    result = PassResult(execution, engine=own_run(context, execution))
    if execution.ended and (engine := await run_after_end(context, execution)) is not None:
        return (await _sync(context, execution, engine, reopened=True)).requeue
    if not execution.ended and result.engine is None:
        result = await _start(context, execution)
    if not result.execution.ended and result.engine is not None and result.requeue is None:
        result = await _sync(context, result.execution, result.engine)
    context.open_executions.see(result.execution, context.now())
    if result.execution.ended:
        ended = result.execution if result.engine is None else await restore_metadata(context, result.execution)
        await finish(context, ended)
        await _count_older(context, ended)
        return await check_again(context, ended)
    return result.requeue


async def _count_older(context: Context, execution: StoredExecution) -> None:
    """Add the counts of its columns to an execution that the older controller finished; nothing else is written."""
    status = execution.model.status
    foreign = not execution.accepted_by and status.engine is None
    if not foreign or execution.deleting or status.progress is not None or not status.stages:
        return
    await context.store.write_status(execution, execution_status.counted(status))


async def _start(context: Context, execution: StoredExecution) -> PassResult:
    try:
        return await start(context, execution)
    except TemporalUnreachable as error:
        # What was read is out of date: the steps before the failed one have written.
        latest = await context.store.get(DRPlanExecution, execution.key.namespace, execution.key.name)
        return await _report_unreachable(context, latest, error)


async def _sync(context: Context, execution: StoredExecution, engine: Engine, *, reopened: bool = False) -> PassResult:
    """Bring the status of a started execution up to date.

    `reopened` says that somebody else has written an end that is not so: then nothing of that status is believed.
    Raises ConflictError when the execution changed since it was read.
    """
    execution = await restore_metadata(context, execution)
    before = execution.model.status
    if reopened:
        context.events.record(execution.model, EventReason.RESTORED, run_messages.event_restored(["status"]))
        before = execution_status.reopened(before)
    try:
        # Anybody who may write a status may have written this run into it.
        has_lock = (execution.key in context.runs and not reopened) or await hold_lock(context, execution)
        run = await context.temporal.find(engine.workflow_id, engine.run_id)
        if has_lock:
            context.runs[execution.key] = OpenRun(execution.model.metadata.uid, engine)
        else:
            await cancel_without_lock(context, execution, run)
        if run.status is not RunStatus.OPEN:
            status = await asyncio.to_thread(execution_status.closed, before, run, context.status_context(execution))
            return await report_end(context, execution, status, run.state)
        run = await _pass_cancel_on(context, execution, run)
        young = run.start_time is not None and (context.now() - run.start_time).total_seconds() < FIRST_TREE_WAIT
        observation = await _observe(context, before, run, young=young)
    except RunNotFound:
        status = execution_status.run_unknown(before, context.status_context(execution))
        return await report_end(context, execution, status)
    except TemporalUnreachable as error:
        return await _report_unreachable(context, execution, error)
    # In a thread, for a tree may have thousands of actions, and the other passes go on.
    status = await asyncio.to_thread(
        execution_status.running, before, run, observation, context.status_context(execution)
    )
    polled = context.poller.poll(execution.key, open_runs(run.workflow_id, status.stages))
    waits = young and not is_crowded(context)
    if waits and observation.answered and not status.stages:
        return PassResult(execution, requeue=FIRST_TREE_WAIT if polled else NO_TREE_YET)
    status = await carry_out(context, execution, status, run.workflow_id)
    execution = await context.store.write_status(execution, status)
    report_engine(context, before, execution)
    for action, message in execution_status.lost_attempts(before, status):
        note = run_messages.event_attempt_lost(action, message)
        context.events.record(execution.model, EventReason.ATTEMPT_LOST, note)
    requeue = _requeue(status, polled) if observation.answered else NOT_ANSWERING
    return PassResult(execution, requeue=requeue)


async def _observe(context: Context, before: ExecutionStatus, run: RootRun, *, young: bool) -> Observation:
    """Observe a run; one that started before the others of a crowd came gets its first status without its tree."""
    shown = before.phase is not None
    if not shown and is_crowded(context):
        return Observation()
    return await context.observer.observe(run, before.stages, young=young, shown=shown)


async def _pass_cancel_on(context: Context, execution: StoredExecution, run: RootRun) -> RootRun:
    if not execution.cancel_requested or run.cancel_requested:
        return run
    await context.temporal.cancel(run.workflow_id, run.run_id)
    context.events.record(execution.model, EventReason.CANCELING, run_messages.EVENT_CANCELING)
    return run.model_copy(update={"cancel_requested": True})


def _requeue(status: ExecutionStatus, polled: bool) -> float:
    """Return when to pass over a running execution again; `polled` says that long polls watch all its runs."""
    if not status.stages:
        return NOT_POLLED
    if is_working(status):
        return ACTION_RUNNING
    return IDLE if polled else NOT_POLLED


async def _report_unreachable(context: Context, execution: StoredExecution, error: TemporalUnreachable) -> PassResult:
    before = execution.model.status
    status = execution_status.unreachable(before, str(error), context.status_context(execution))
    execution = await context.store.write_status(execution, status)
    report_engine(context, before, execution)
    return PassResult(execution, requeue=NOT_ANSWERING)


async def _reconcile_plan(context: Context, key: Key) -> float | None:
    try:
        return await validate_plan(context, key)
    except (ConflictError, NotYourTurnError):
        raise
    except Exception:
        # A plan whose passes fail must not keep others from their rehearsals.
        context.turns.leave(key)
        raise


async def validate_plan(context: Context, key: Key) -> float | None:
    """Bring a plan's status up to date, rehearse it where that is due; return the seconds until the next pass.

    Raises NotFoundError, UnreadableObjectError, ConflictError, NotYourTurnError.
    """
    # A copy may be behind: then what is written against it is refused, or the watch brings more, and a pass follows.
    stored = await context.store.copy_or_read(DRPlan, key.namespace, key.name)
    plan, index = stored.model, context.index
    named = [Key(ObjectKind.DR_WORKFLOW, ref.in_namespace, ref.name) for ref in workflow_references(plan)]
    known = [raw for each in named if (raw := index.definition(each)) is not None]
    findings = await context.validator.findings(validation.plan_findings, [stored.raw, *known])
    status = plan_status.validated(plan, findings.errors, context.now(), findings.warnings)
    holder = await lock_holder(context, plan, may_lag=True)
    status = await close_records(context, plan, status.model_copy(update={"current_execution": holder}))
    status, requeue = await rehearse(context, stored, status)
    written = await context.store.write_status(stored, status)
    report_readiness(context, plan, written.model)
    publish_plan(context.metrics, written.model)
    # An execution that is gone wakes nobody when its run ends.
    gone = holder is not None and context.index.entry(Key(ObjectKind.EXECUTION, key.namespace, holder.name)) is None
    return min(NOT_POLLED, requeue or NOT_POLLED) if gone else requeue


async def validate_dr_workflow(context: Context, key: Key) -> None:
    """Bring a DRWorkflow's status up to date.

    Raises NotFoundError, UnreadableObjectError, ConflictError, NotYourTurnError.
    """
    stored = await context.store.copy_or_read(DRWorkflow, key.namespace, key.name)
    errors, warnings = await context.validator.findings(validation.dr_workflow_findings, [stored.raw])
    status = plan_status.validated_dr_workflow(stored.model, errors, context.now(), warnings)
    await context.store.write_status(stored, status)
