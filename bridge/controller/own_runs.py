"""Which run is an execution's own, and the end of runs whose execution is gone.

The id of a root workflow holds the uid of its execution, so an execution that names that id names its own run, whatever
else was changed on it. Source: docs/spec/drplanexecution.md, "Starting, queueing, cancelling".
"""

import asyncio
from contextlib import suppress

import structlog

from api.execution import DRPlanExecution, Engine
from api.meta import FINALIZER, ObjectKey, ObjectName
from api.phases import OperationType
from api.plan import CurrentExecution
from api.runs import RunInput
from bridge.controller.context import Context, StoredExecution
from bridge.kubernetes.entry import Key, lost_metadata
from bridge.kubernetes.events import EventReason
from bridge.kubernetes.store import UnreadableObjectError
from bridge.status.merge import RootRun, RunStatus
from bridge.temporal.answers import OpenRoot
from bridge.temporal.calls import NoAnswer, RunNotFound, TemporalError
from kube.errors import ApiError, NotFoundError
from planning.definitions import identifiers
from planning.definitions.identifiers import is_object_name
from planning.messages import runs as run_messages

SWEEP_RETRY = 10.0
"""Seconds until the runs are listed again after an error."""

_log = structlog.get_logger(__name__)


def own_run(context: Context, execution: StoredExecution) -> Engine | None:
    """Return the run of this very object. A copy names the run of another object, which continues without it."""
    known = context.runs.get(execution.key)
    engine = execution.model.status.engine or (known.engine if known else None)
    return engine if engine is not None and engine.workflow_id == identifiers.root_id_of(execution.model) else None


async def run_after_end(context: Context, execution: StoredExecution) -> Engine | None:
    """Return the run of an execution that has ended by its status, if it goes on: then another has written that.

    It is asked only until the finalizer is gone. Raises TemporalUnreachable.
    """
    engine = own_run(context, execution)
    if not execution.has_finalizer or not (execution.accepted or engine):
        return None
    try:
        run = await context.temporal.find(identifiers.root_id_of(execution.model), engine.run_id if engine else None)
    except RunNotFound:
        return None
    return run.engine if run.status is RunStatus.OPEN else None


async def cancel_without_lock(context: Context, execution: StoredExecution, run: RootRun) -> None:
    """Cancel a run of an execution whose plan another one runs: whoever started it, the bridge did not."""
    if run.status is not RunStatus.OPEN or run.cancel_requested:
        return
    _log.warning("run without the lock of its plan is cancelled", workflow=run.workflow_id)
    await context.temporal.cancel(run.workflow_id, run.run_id)
    note = run_messages.event_without_lock(run.workflow_id, execution.model.spec.plan_ref)
    context.events.record(execution.model, EventReason.CANCELING, note)


async def restore_metadata(context: Context, execution: StoredExecution) -> StoredExecution:
    """Put back what others have changed or removed of our metadata on an execution that has a run.

    Also once it has ended: later Reverts find an earlier one by its label, and accept an original by its annotation.
    """
    change = lost_metadata(execution.raw)
    if not execution.has_finalizer and not execution.deleting and not execution.ended:
        change["finalizers"] = [*execution.model.metadata.finalizers, FINALIZER]
    if not change:
        return execution
    execution = await context.store.write_metadata(execution, change)
    context.events.record(execution.model, EventReason.RESTORED, run_messages.event_restored(sorted(change)))
    return execution


async def cancel_orphaned_run(context: Context, key: Key, execution: StoredExecution | None) -> None:
    """Cancel a run of this process whose execution is gone, is another object, or ended without the run.

    That needs a finalizer that was removed by force, or a bridge that stopped between reading the object and the start.
    While the finalizer is there, an end may be one that another has written.
    """
    run = context.runs.get(key)
    if run is None:
        return
    same = execution is not None and execution.model.metadata.uid == run.uid
    if execution is not None and same and (execution.has_finalizer or not execution.ended):
        return
    if execution is None or not same or execution.model.status.engine is None:
        await _cancel(context, run.engine.workflow_id, run.engine.run_id)
    del context.runs[key]
    context.without_worker.discard(key)
    context.poller.stop(key)


async def has_orphaned_run(context: Context, namespace: str, lock: CurrentExecution) -> bool:
    """Return whether the execution that a lock names has left an open run behind; that is cancelled.

    Raises TemporalUnreachable.
    """
    run = await open_run(context, lock.model_copy(update={"namespace": namespace}))
    if run is not None and not run.cancel_requested:
        await _cancel(context, run.workflow_id, run.run_id)
    return run is not None


async def open_run(context: Context, lock: CurrentExecution) -> RootRun | None:
    """Return the open run of the execution that a lock names. Raises TemporalUnreachable."""
    holder = ObjectKey(namespace=lock.namespace or "", name=lock.name, uid=lock.uid or "")
    for operation in OperationType:
        with suppress(RunNotFound):
            run = await context.temporal.find(identifiers.root_id(operation, holder))
            if run.status is RunStatus.OPEN:
                return run
    return None


async def end_strange_runs(context: Context, reported: set[str]) -> bool:
    """End every open run that no execution has or can have, as there may be after a bridge was down.

    Return whether all were compared: an error of one run ends nothing for the others. It is logged once, for which
    `reported` has the runs of the sweep before. Raises NoAnswer, and TemporalError where the runs cannot be listed.
    """
    known, failed = context.index.workflow_ids(), set[str]()
    async for run in context.temporal.open_roots():
        if run.workflow_id in known:
            continue
        try:
            await _end_if_strange(context, run)
        except NoAnswer:
            raise
        except RunNotFound:
            continue
        except (ApiError, TemporalError) as error:
            failed.add(run.run_id)
            if run.run_id not in reported:
                _log.warning("open run not compared", workflow=run.workflow_id, error=str(error))
    # Only those that are open now, so that it does not grow by each strange run that there ever was.
    reported.clear()
    reported.update(failed)
    return not failed


async def end_parts_of_ended(context: Context) -> None:
    """Terminate open runs of stages and DRWorkflows whose root has ended: they were reset after that.

    Nobody follows such a run, the worker carries nothing out for it, and a cancel would wait for that. The server has
    terminated the other parts with their root. Raises TemporalUnreachable.
    """
    is_open: dict[str, bool] = {}
    async for part in context.temporal.open_parts():
        if part.root_id not in is_open:
            is_open[part.root_id] = await context.temporal.is_open(part.root_id)
        if not is_open[part.root_id]:
            _log.warning("part of an execution that has ended is terminated", workflow=part.workflow_id)
            await context.temporal.terminate(part.workflow_id, part.run_id, run_messages.ROOT_ENDED)


async def _end_if_strange(context: Context, run: OpenRoot) -> None:
    """Cancel a run whose execution is gone or has ended, and terminate one that never had an execution.

    A cancel would be answered by none that the worker cannot even start, because its input is not one of ours.
    """
    root_input = await context.temporal.input_of(run.workflow_id, run.run_id)
    if root_input is None or not _can_be_root(run, root_input):
        _log.warning("run that no execution can have is terminated", workflow=run.workflow_id)
        await context.temporal.terminate(run.workflow_id, run.run_id, run_messages.NO_EXECUTION)
        return
    execution = root_input.execution
    try:
        stored = await context.store.get(DRPlanExecution, execution.namespace, execution.name)
    except UnreadableObjectError:
        return
    except NotFoundError:
        stored = None
    # An execution that has ended, and waits for nothing of ours, has an open run only where that was reset.
    gone = stored is None or stored.model.metadata.uid != execution.uid
    if gone or (stored is not None and stored.ended and not stored.has_finalizer):
        await _cancel(context, run.workflow_id, run.run_id)


def _can_be_root(run: OpenRoot, root_input: RunInput) -> bool:
    """Return whether an execution has this root by its input. A name with slashes is a path to another object."""
    execution = root_input.execution
    is_name = is_object_name(ObjectName(name=execution.name, namespace=execution.namespace))
    return is_name and run.belongs_to(execution, root_input.operation)


async def _cancel(context: Context, workflow_id: str, run_id: str) -> None:
    _log.warning("orphaned run is cancelled", workflow=workflow_id)
    await context.temporal.cancel(workflow_id, run_id)


async def sweep(context: Context) -> None:
    """End strange runs now, and as often as everything is listed again."""
    reported = set[str]()
    while True:
        try:
            compared = await end_strange_runs(context, reported)
            await end_parts_of_ended(context)
        except NoAnswer:
            await asyncio.sleep(SWEEP_RETRY)
        except TemporalError as error:
            _log.warning("open runs not compared", error=str(error), retry_in=SWEEP_RETRY)
            await asyncio.sleep(SWEEP_RETRY)
        else:
            await asyncio.sleep(context.settings.relist.total_seconds() if compared else SWEEP_RETRY)
