"""The second check of a Revert, some time after its end: its result is the only thing written after a terminal phase.

The time passes in a workflow of its own, which the Revert has started; here its end is waited for and written.
Source: docs/spec/drplanexecution.md, "Proof"; docs/decisions/0027-a-revert-proves-what-it-did.md.
"""

from bridge.controller.context import Context, StoredExecution
from bridge.controller.own_runs import own_run
from bridge.kubernetes.events import EventReason
from bridge.status import conditions
from bridge.status import execution as execution_status
from bridge.temporal.calls import RunNotFound, TemporalUnreachable
from kube.errors import NotFoundError
from planning.messages import proof as proof_messages

NOT_ENDED = 5.0
"""Seconds between two looks at a check that is due."""
LONGEST_WAIT = 3600.0
"""Seconds; a clock may be set meanwhile."""


async def check_again(context: Context, execution: StoredExecution) -> float | None:
    """Write what the second check of an ended Revert found; return the seconds until the next look at it.

    None where no check is due. Raises ConflictError when the execution changed since it was read.
    """
    if execution.model.status.proof is None or execution.model.status.proof.next_check_at is None:
        return None
    try:
        stored = await context.store.latest_execution(execution.key)
    except NotFoundError:
        return None
    proof, engine = stored.model.status.proof, own_run(context, stored)
    if stored.deleting or engine is None or proof is None or proof.next_check_at is None:
        return None
    left = (proof.next_check_at - context.now()).total_seconds()
    if left > 0:
        return min(left, LONGEST_WAIT)
    try:
        report = await context.temporal.proof(engine.workflow_id)
    except RunNotFound:
        report = proof_messages.CHECK_LOST
    except TemporalUnreachable:
        return NOT_ENDED
    if report is None:
        return NOT_ENDED
    status = execution_status.proved_again(stored.model.status, report, context.status_context(stored))
    written = await context.store.write_status(stored, status)
    condition = conditions.find(status.conditions, conditions.ConditionType.VERIFIED)
    if condition is not None:
        context.events.record(written.model, EventReason.CHECKED_AGAIN, condition.message)
    return None
