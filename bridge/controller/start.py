"""From a new execution to a running workflow, one step after the other, each safe to repeat.

A bridge that is killed between any two steps is followed by one that continues. Order: refuse copies and references
that are no names, accept, find a run that was started before, cancel, wait for references and for the plan, validate,
finalizer, lock, start.
Source: docs/spec/drplanexecution.md, "Starting, queueing, cancelling".
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from api.execution import DRPlanExecution, Engine, ExecutionStatus
from api.meta import ACCEPTED_ANNOTATION, FINALIZER, PLAN_LABEL, ObjectName
from api.phases import OperationType, Phase
from api.plan import DRPlan
from api.tree import RunState
from api.workflow import DRWorkflow
from bridge.controller.context import Context, OpenRun, PassResult, StoredExecution
from bridge.controller.engine_reports import report_engine
from bridge.controller.measure import count_end
from bridge.controller.own_runs import cancel_without_lock
from bridge.controller.plan_lock import Waiting, hold_lock, remove_finalizer, why_behind, why_waiting
from bridge.kubernetes.entry import Key, ObjectKind
from bridge.kubernetes.events import EventReason
from bridge.kubernetes.store import Store, StoredObject, UnreadableObjectError
from bridge.status import conditions
from bridge.status import execution as execution_status
from bridge.status import plan as plan_status
from bridge.temporal.calls import RunNotFound
from kube.client import Object
from kube.concurrency import parallel
from kube.errors import NotFoundError
from planning.definitions import identifiers
from planning.definitions.identifiers import full_name, is_object_name, workflow_references
from planning.messages import rejections as rejection_messages
from planning.messages import runs as run_messages
from planning.messages.requests import NOT_ENFORCED
from planning.revert.rejection import waits_for_end, why_rejected
from planning.validation.objects import execution_reference_errors, plan_reference_errors

_log = structlog.get_logger(__name__)

WAITING = 5.0
"""Seconds between passes over a waiting execution, in case no event wakes it; more the further back in a queue."""
LONGEST_WAITING = 60.0
"""The same for the end of a long queue, of which only the positions change."""
NO_TREE_YET = 0.1
"""Seconds between looks at a run whose first tree is about to come, where no long poll tells of it."""
FIRST_TREE_WAIT = 0.5
"""Seconds that the first status waits for its tree, so that it is complete from the first write; up to one more, for
they are counted by a clock of whole seconds."""
STARTS = 8
"""Executions at a time that get their first status with their run; of more, each is answered before any is started."""


@dataclass(frozen=True)
class MissingReference:
    """The first reference that does not exist."""

    kind: str
    name: str


@dataclass(frozen=True)
class References:
    """The plan, the plan's DRWorkflows for an Execute, and a Revert's original."""

    plan: StoredObject[DRPlan]
    workflows: Sequence[Object] = ()
    original: DRPlanExecution | None = None


def is_crowded(context: Context) -> bool:
    """Return whether so many are to be started that each gets its first status without its tree."""
    return context.index.starting() > STARTS


async def start(context: Context, execution: StoredExecution) -> PassResult:
    """Bring an execution without a run as far as it goes now: to a run, to its end, or to what it waits for."""
    uid, phase = execution.model.metadata.uid, execution.model.status.phase
    # The uid of another object, or a phase without acceptance: a copy, a restored backup, or the older controller's.
    if execution.accepted_by != uid and (execution.accepted_by or phase):
        if execution.has_finalizer and (engine := await _adopt(context, execution)) is not None:
            return PassResult(execution, engine=engine)
        status = execution_status.begun_elsewhere(execution.model.status, context.status_context(execution))
        return await report_end(context, execution, status)
    if not execution.accepted_by and execution.deleting:
        if execution.has_finalizer:
            await remove_finalizer(context, execution)
        return PassResult(execution)
    if errors := execution_reference_errors(execution.model):
        return await _end(
            context, execution, Phase.FAILED, rejection_messages.not_started([error.text for error in errors])
        )
    if execution.accepted and (execution.has_finalizer or not phase):
        engine = await _adopt(context, execution)
        if engine is not None:
            return PassResult(execution, engine=engine)
    if (started := await _start_at_once(context, execution)) is not None:
        return started
    execution = await _accept(context, execution)
    if execution.cancel_requested:
        deleted, canceled = run_messages.DELETED_BEFORE_START, run_messages.CANCELED_BEFORE_START
        return await _end(context, execution, Phase.CANCELED, deleted if execution.deleting else canceled)
    return await _start_or_wait(context, execution)


async def _adopt(context: Context, execution: StoredExecution) -> Engine | None:
    """Return the run of this very object that Temporal knows, if the execution has the plan's lock or gets it now.

    A bridge may have been killed after it started the run and before it wrote so. Where another execution has the lock,
    it was not the bridge that started the run: that is cancelled.
    """
    try:
        run = await context.temporal.find(identifiers.root_id_of(execution.model))
    except RunNotFound:
        return None
    if not await hold_lock(context, execution):
        await cancel_without_lock(context, execution, run)
        return None
    _log.debug("run adopted", workflow=run.workflow_id, run=run.run_id)
    context.runs[execution.key] = OpenRun(execution.model.metadata.uid, run.engine)
    return run.engine


async def _accept(
    context: Context, execution: StoredExecution, *, finalizers: Sequence[str] | None = None
) -> StoredExecution:
    """Annotate the object with its own uid, so that copies of it are known, and label it with its plan, if it is new.

    What is started at once gets its finalizers by the same write.
    """
    plan, is_new, change = execution.model.spec.plan_ref, not execution.accepted, dict[str, object]()
    if is_new:
        change["annotations"] = {ACCEPTED_ANNOTATION: execution.model.metadata.uid}
        change["labels"] = {PLAN_LABEL: identifiers.label_value(plan)}
    if finalizers is not None:
        change["finalizers"] = finalizers
    if change:
        execution = await context.store.write_metadata(execution, change)
    if is_new:
        context.events.record(execution.model, EventReason.ACCEPTED, run_messages.event_accepted(plan))
    return execution


async def _end(
    context: Context,
    execution: StoredExecution,
    phase: Phase,
    message: str,
    *,
    found: bool = False,
) -> PassResult:
    """End an execution that has no run; `found` says that all its references exist."""
    before, status_context = execution.model.status, context.status_context(execution)
    status = execution_status.never_started(before, phase, message, status_context, found=found)
    return await report_end(context, execution, status)


async def report_end(
    context: Context, execution: StoredExecution, status: ExecutionStatus, state: RunState | None = None
) -> PassResult:
    """Write the final status of an execution, and an Event that says the same; `state` is its run's final tree."""
    before = execution.model.status
    execution = await context.store.write_status(execution, status)
    count_end(context.metrics, execution.model, state)
    context.runs.pop(execution.key, None)
    report_engine(context, before, execution)
    context.events.record(execution.model, EventReason(status.phase or Phase.FAILED), status.message or "")
    return PassResult(execution)


async def _wait(
    context: Context, execution: StoredExecution, reason: str, message: str, requeue: float = WAITING
) -> PassResult:
    before = execution.model.status
    status = execution_status.waiting(before, reason, message, context.status_context(execution))
    if status != before:
        context.events.record(execution.model, EventReason.WAITING, message)
    return PassResult(await context.store.write_status(execution, status), requeue=requeue)


async def _start_at_once(context: Context, execution: StoredExecution) -> PassResult | None:
    """Start an execution whose plan is free and that is valid by what the watch has brought; None where it is not.

    The watch may be behind. So the lock is written against the very version of the plan from which it was decided,
    execution and plan are read where that is refused, and the workflow reads and validates again. What keeps an
    execution from its start, or ends it, is never decided here; nor is a preview, which takes no lock.
    """
    spec = execution.model.spec
    if spec.dry_run or execution.cancel_requested or (is_crowded(context) and not execution.model.status.phase):
        return None
    plan = context.store.copy_of(DRPlan, execution.key.namespace, spec.plan_ref)
    if plan is None or plan.model.status.current_execution is not None:
        return None
    references = await _from_copies(context.store, execution.model, plan)
    if references is None or await _obstacle(context, execution, references) is not None:
        return None
    return await _start_run(context, execution, references)


async def _start_or_wait(context: Context, execution: StoredExecution) -> PassResult:
    """Start an execution once its references exist, the plan is free and it is valid."""
    preview = execution.model.spec.dry_run
    if not preview and (behind := why_behind(context, execution)) is not None:
        return await _wait_for_turn(context, execution, behind)
    if not execution.model.status.phase and is_crowded(context):
        before, status_context = execution.model.status, context.status_context(execution)
        status = execution_status.accepted(before, status_context)
        return PassResult(await context.store.write_status(execution, status), requeue=0.0)
    try:
        references = await resolve(context.store, execution.model)
    except UnreadableObjectError as error:
        return await _end(context, execution, Phase.FAILED, str(error))
    if isinstance(references, MissingReference):
        return await _wait_for_reference(context, execution, references)
    obstacle = await _obstacle(context, execution, references)
    if isinstance(obstacle, Waiting):
        return await _wait_for_turn(context, execution, obstacle)
    if obstacle is not None:
        return await _end(context, execution, Phase.FAILED, obstacle, found=True)
    return await _start_run(context, execution, references)


async def _obstacle(context: Context, execution: StoredExecution, references: References) -> Waiting | str | None:
    """Return what an execution waits for, or the message with which it ends as Failed; None where it may start.

    Raises NotYourTurnError.
    """
    plan = references.plan
    if any(stage.approval for stage in plan.model.spec.stages) and not await context.store.checks_requests(execution):
        return rejection_messages.not_started([NOT_ENFORCED])
    if not execution.model.spec.dry_run:
        waiting = await why_waiting(context, execution, plan.model)
        if waiting := waiting or await _why_waiting_for_end(context, execution, references):
            return waiting
    if execution.model.spec.operation_type is OperationType.REVERT:
        return why_rejected(execution.model, references.original)
    return await context.validator.rejection(execution.raw, plan.raw, references.workflows)


async def _why_waiting_for_end(context: Context, execution: StoredExecution, references: References) -> Waiting | None:
    """Return that a Revert which is next waits for the end of its Execute.

    It has no lock before that. One that somebody else has written for it would keep the Execute waiting for it.
    """
    plan, original = references.plan, references.original
    if original is None or not waits_for_end(execution.model, original):
        return None
    if plan.model.locked_by(execution.model.metadata.key):
        await context.store.write_status(plan, plan.model.status.model_copy(update={"current_execution": None}))
    return Waiting(run_messages.waiting_for_end(original.metadata.name), position=1)


async def _wait_for_turn(context: Context, execution: StoredExecution, waiting: Waiting) -> PassResult:
    requeue = min(WAITING * waiting.position, LONGEST_WAITING)
    return await _wait(context, execution, conditions.WAITING_FOR_PLAN, waiting.message, requeue)


async def _wait_for_reference(context: Context, execution: StoredExecution, missing: MissingReference) -> PassResult:
    kind, name, limit = missing.kind, missing.name, context.settings.reference_wait
    since = conditions.missing_since(execution.model.status.conditions) or context.now()
    left = (since + limit - context.now()).total_seconds()
    if left <= 0:
        message = run_messages.waited_in_vain(kind, name, limit)
        return await _end(context, execution, Phase.FAILED, message)
    message = run_messages.waiting_for(kind, name)
    return await _wait(context, execution, conditions.WAITING_FOR_REFERENCE, message, min(left, WAITING))


async def _start_run(context: Context, execution: StoredExecution, references: References) -> PassResult:
    """Add the finalizer, take the lock, start the workflow. Raises ConflictError where another bridge was quicker.

    A preview takes no lock, and is not in the plan's history.
    """
    plan, finalizers = references.plan, execution.model.metadata.finalizers
    more = None if execution.has_finalizer else [*finalizers, FINALIZER]
    execution = await _accept(context, execution, finalizers=more)
    if not execution.model.spec.dry_run and not plan.model.locked_by(execution.model.metadata.key):
        await context.store.write_status(plan, plan_status.take_lock(plan.model, execution.model, context.now()))
    started = await context.temporal.start(execution.model, references.original)
    engine = Engine(workflow_id=identifiers.root_id_of(execution.model), run_id=started.run_id)
    context.runs[execution.key] = OpenRun(execution.model.metadata.uid, engine)
    context.events.record(execution.model, EventReason.STARTED, run_messages.event_started(engine.workflow_id))
    if not started.searchable:
        status_context = context.status_context(execution)
        status = execution_status.not_searchable(execution.model.status, engine, status_context)
        execution = await context.store.write_status(execution, status)
    polled = context.poller.poll(execution.key, [engine.workflow_id])
    return PassResult(execution, engine=engine, requeue=FIRST_TREE_WAIT if polled else NO_TREE_YET)


async def _from_copies(store: Store, execution: DRPlanExecution, plan: StoredObject[DRPlan]) -> References | None:
    """Return what an execution refers to, with copies of the DRWorkflows; None where something is to be read.

    The original of a Revert is read: it has ended, and of what has ended there is no copy.
    """
    if execution.spec.operation_type is OperationType.REVERT:
        with suppress(UnreadableObjectError):
            references = await resolve(store, execution, plan)
            return references if isinstance(references, References) else None
        return None
    copies = [store.copy_of(DRWorkflow, ref.in_namespace, ref.name) for ref in workflow_references(plan.model)]
    workflows = [copy.raw for copy in copies if copy is not None]
    return References(plan, workflows) if len(workflows) == len(copies) else None


async def resolve(
    store: Store, execution: DRPlanExecution, plan: StoredObject[DRPlan] | None = None
) -> References | MissingReference:
    """Read what an execution refers to, but not a plan that is given. Raises UnreadableObjectError.

    A Revert does not wait for DRWorkflows: the record of the original is enough for most actions.
    """
    namespace, spec = execution.metadata.namespace, execution.spec
    try:
        plan = plan or await store.get(DRPlan, namespace, spec.plan_ref)
    except NotFoundError:
        return MissingReference("DRPlan", spec.plan_ref)
    if spec.operation_type is not OperationType.REVERT:
        return await _with_workflows(store, plan)
    name = spec.revert_execution_ref or spec.revert_to
    if not name:
        return References(plan)
    try:
        original = await store.get(DRPlanExecution, namespace, name)
    except NotFoundError:
        return MissingReference("DRPlanExecution", name)
    return References(plan, original=original.model)


async def _with_workflows(store: Store, plan: StoredObject[DRPlan]) -> References | MissingReference:
    async def read(ref: ObjectName) -> Object | None:
        try:
            return await store.get_raw(Key(ObjectKind.DR_WORKFLOW, ref.in_namespace, ref.name))
        except NotFoundError:
            return None

    # Of a plan with references that are no names nothing is waited for: the validation names these and what is missing.
    invalid = any(True for _ in plan_reference_errors(plan.model))
    references = [ref for ref in workflow_references(plan.model) if is_object_name(ref)]
    workflows = []
    for ref, dr_workflow in zip(references, await parallel(references, read), strict=True):
        if dr_workflow is not None:
            workflows.append(dr_workflow)
        elif not invalid:
            return MissingReference("DRWorkflow", full_name(ref))
    return References(plan, workflows)
