"""One pass over an execution that has a run: ask the engine, compute, write once.

Source: docs/architecture.md, "Bridge".
"""

import structlog

from api.execution import DRPlanExecution, Engine, ExecutionStatus
from api.phases import Phase
from bridge.controller.context import Carried, Context
from bridge.controller.finish import finish
from bridge.kubernetes.events import EventReason
from bridge.kubernetes.store import Stored
from bridge.status import execution as execution_status
from bridge.status.observation import Observation, Run, RunEnd
from bridge.temporal.client import EngineUnreachable, RunNotFound
from bridge.temporal.observe import open_runs
from planning.messages import conditions as condition_messages

_log = structlog.get_logger(__name__)

It = Stored[DRPlanExecution]

NO_TREE_YET = 0.1
"""Seconds between looks while the first tree is about to come."""
FIRST_TREE_WAIT = 1.5
"""Seconds that the first status waits for its tree, so that it is whole from the first write."""
ATTEMPTS = 0.7
"""Seconds between looks while an action runs: attempts leave no trace in any history."""
UNFOLLOWED = 1.0
"""Seconds between looks at runs that no long poll follows."""
IDLE = 10.0
"""Seconds between looks while nothing happens, should a wake-up ever be missed."""
TROUBLE = 2.0
"""Seconds between looks while engine or worker do not answer."""


async def follow(context: Context, it: It, engine: Engine) -> float | None:
    """Bring a started execution's status up to date; give when to look again. Raises Conflict."""
    context.runs[it.key] = Carried(it.model.metadata.uid, engine)
    try:
        run = await context.engine.find(engine.workflow_id)
        if run.end is not RunEnd.OPEN:
            await _close(context, it, execution_status.ended(it.model.status, run, context.moment(it)))
            return None
        return await _observe(context, it, await _pass_cancel_on(context, it, run))
    except RunNotFound:
        await _close(context, it, execution_status.lost(it.model.status, context.moment(it)))
        return None
    except EngineUnreachable as error:
        new = execution_status.out_of_reach(it.model.status, str(error), context.moment(it))
        await context.objects.write_status(it, new)
        return TROUBLE


async def _close(context: Context, it: It, new: ExecutionStatus) -> None:
    """Write the end, tell of it, and let go."""
    it = await context.objects.write_status(it, new)
    context.events.record(it.model, EventReason(new.phase or Phase.FAILED), new.message or "")
    await finish(context, it)


async def _pass_cancel_on(context: Context, it: It, run: Run) -> Run:
    if not it.cancel_asked or run.cancel_requested:
        return run
    await context.engine.cancel(run.workflow_id, run.run_id)
    context.events.record(it.model, EventReason.CANCELING, condition_messages.EVENT_CANCELING)
    return run.model_copy(update={"cancel_requested": True})


async def _observe(context: Context, it: It, run: Run) -> float:
    seen = await context.observer.observe(run, it.model.status.stages)
    new = execution_status.running(it.model.status, run, seen, context.moment(it))
    followed = context.follower.follow(it.key, open_runs(run.workflow_id, new.stages))
    if not new.stages and not seen.trouble and _young(context, run):
        return NO_TREE_YET
    await context.objects.write_status(it, new)
    return _again(new, seen, followed)


def _young(context: Context, run: Run) -> bool:
    return run.start_time is not None and (context.now() - run.start_time).total_seconds() < FIRST_TREE_WAIT


def _again(new: ExecutionStatus, seen: Observation, followed: bool) -> float:
    if seen.trouble:
        return TROUBLE
    if not new.stages:
        return UNFOLLOWED
    busy = any(
        action.phase is Phase.RUNNING
        for stage in new.stages
        if stage.phase is Phase.RUNNING
        for workflow in stage.workflows
        for action in workflow.actions
    )
    if busy:
        return ATTEMPTS
    return IDLE if followed else UNFOLLOWED
