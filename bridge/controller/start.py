"""From a new execution to a running workflow, one step after the other, each safe to repeat.

A bridge killed between any two steps is followed by one that goes on. Order: refuse copies, accept, find
a run that was started already, cancel, wait for references and for the turn, validate, finalizer, lock,
start. Source: docs/spec/drplanexecution.md, "Starting, queueing, cancelling".
"""

from dataclasses import dataclass

import structlog

from api.execution import DRPlanExecution, Engine
from api.meta import ACCEPTED_ANNOTATION, FINALIZER, PLAN_LABEL
from api.phases import Phase
from bridge.controller import admission
from bridge.controller.context import Carried, Context
from bridge.controller.finish import finish, let_go
from bridge.controller.plan_lock import obstacle
from bridge.controller.references import Missing, References, resolve
from bridge.kubernetes.events import EventReason
from bridge.kubernetes.store import Stored, Unreadable
from bridge.status import conditions
from bridge.status import execution as execution_status
from bridge.status import plan as plan_status
from bridge.temporal.client import RunNotFound
from planning.definitions import identifiers
from planning.messages import conditions as condition_messages

_log = structlog.get_logger(__name__)

LOOK_AGAIN = 5.0
"""Seconds after which a waiting execution is looked at again, should no event have woken it."""

It = Stored[DRPlanExecution]


@dataclass(frozen=True)
class Later:
    """Nothing more can be done now; look again after so many seconds, or when woken."""

    seconds: float | None


@dataclass(frozen=True)
class Begun:
    """The execution has a run; it is not in the status yet, but written together with what is seen of it."""

    it: It
    engine: Engine


async def begin(context: Context, it: It) -> Begun | Later:
    """Bring an execution without a run as far as it goes now."""
    if it.accepted_by != it.model.metadata.uid and (it.accepted_by or it.model.status.phase):
        return await end(context, it, Phase.FAILED, condition_messages.COPY)
    if not it.accepted_by and it.deleting:
        if it.held:
            await let_go(context, it)
        return Later(None)
    known = it.ours
    if not known:
        it = await _accept(context, it)
    elif it.held or not it.model.status.phase:
        adopted = await _adopt(context, it)
        if adopted is not None:
            return adopted
    if it.cancel_asked:
        said = condition_messages.DELETED_BEFORE_START if it.deleting else condition_messages.CANCELED_BEFORE_START
        return await end(context, it, Phase.CANCELED, said)
    return await _queue(context, it)


async def _accept(context: Context, it: It) -> It:
    """Mark the object as this very one, and label it with its plan."""
    meta, plan = it.model.metadata, it.model.spec.plan_ref
    change = {
        "annotations": {ACCEPTED_ANNOTATION: meta.uid},
        "labels": {PLAN_LABEL: identifiers.label_value(plan)},
    }
    it = await context.objects.write_metadata(it, change)
    context.events.record(it.model, EventReason.ACCEPTED, condition_messages.event_accepted(plan))
    return it


def _root(it: It) -> str:
    return identifiers.root_id(it.model.spec.operation_type, it.model.metadata.key)


async def _adopt(context: Context, it: It) -> Begun | None:
    """Find the run that a bridge before this one started, and did not live to write down."""
    try:
        run = await context.engine.find(_root(it))
    except RunNotFound:
        return None
    _log.debug("run adopted", workflow=run.workflow_id, run=run.run_id)
    return Begun(it, Engine(workflow_id=run.workflow_id, run_id=run.run_id))


async def end(context: Context, it: It, phase: Phase, message: str, *, found: bool = False) -> Later:
    """End an execution that never started, and let go of whatever a killed bridge had taken for it.

    `found` says that all that it refers to was there at last.
    """
    new = execution_status.never_started(it.model.status, phase, message, context.moment(it), found=found)
    it = await context.objects.write_status(it, new)
    context.events.record(it.model, EventReason(phase.value), message)
    await finish(context, it)
    return Later(None)


async def _wait(context: Context, it: It, reason: str, message: str, seconds: float = LOOK_AGAIN) -> Later:
    if it.model.status.message != message:
        context.events.record(it.model, EventReason.WAITING, message)
    new = execution_status.waiting(it.model.status, reason, message, context.moment(it))
    await context.objects.write_status(it, new)
    return Later(seconds)


async def _queue(context: Context, it: It) -> Begun | Later:
    """Wait for references and for the turn, and then start."""
    try:
        found = await resolve(context.objects, it.model)
    except Unreadable as error:
        return await end(context, it, Phase.FAILED, str(error))
    if found.missing is not None:
        return await _await_reference(context, it, found.missing)
    assert found.plan is not None, "what is not missing is there"
    stands = await obstacle(context, it.model, found.plan.model)
    if stands is not None:
        return await _wait(context, it, conditions.WAITING_FOR_PLAN, stands)
    rejected = admission.rejection(it.model, found)
    if rejected is not None:
        return await end(context, it, Phase.FAILED, rejected, found=True)
    return await _start(context, it, found)


async def _await_reference(context: Context, it: It, missing: Missing) -> Later:
    bound = context.settings.reference_wait
    since = execution_status.waits_since(it.model.status) or context.now()
    left = (since + bound - context.now()).total_seconds()
    if left <= 0:
        return await end(
            context, it, Phase.FAILED, condition_messages.waited_in_vain(missing.kind, missing.name, bound)
        )
    message = condition_messages.waiting_for(missing.kind, missing.name)
    return await _wait(context, it, conditions.WAITING_FOR_REFERENCE, message, min(left, LOOK_AGAIN))


async def _start(context: Context, it: It, found: References) -> Begun:
    """Finalizer, lock, start. Raises Conflict where another was quicker."""
    plan = found.plan
    assert plan is not None, "an execution starts with its plan"
    if not it.held:
        held = [*it.model.metadata.finalizers, FINALIZER]
        it = await context.objects.write_metadata(it, {"finalizers": held})
    if not plan_status.holds(plan.model, it.model):
        await context.objects.write_status(plan, plan_status.locked(plan.model, it.model, context.now()))
    started = await context.engine.start(it.model)
    engine = Engine(workflow_id=_root(it), run_id=started.run_id)
    context.runs[it.key] = Carried(it.model.metadata.uid, engine)
    context.events.record(it.model, EventReason.STARTED, condition_messages.event_started(engine.workflow_id))
    if not started.searchable:
        new = execution_status.not_searchable(it.model.status, engine, context.moment(it))
        it = await context.objects.write_status(it, new)
    return Begun(it, engine)
