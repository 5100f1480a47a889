"""Pass a person's request, written as annotations, to the workflow that it is about.

The update's id is the request's, so that a request that is passed twice is carried out once.
Source: docs/spec/drplanexecution.md, "Pause and repair".
"""

from api.execution import ExecutionStatus
from api.requests import RequestType
from bridge.controller.context import Context, StoredExecution
from bridge.kubernetes.events import EventReason
from bridge.status import requests
from bridge.temporal.calls import RequestRefused, RunNotFound, TemporalUnreachable
from planning.messages import requests as messages
from planning.messages import runs as run_messages


async def carry_out(
    context: Context, execution: StoredExecution, status: ExecutionStatus, root: str
) -> ExecutionStatus:
    """Return the status of a running execution after what its annotations ask for.

    While no worker answers, the request stays Requested.
    """
    annotations = execution.model.metadata.annotations
    request = requests.current(status, annotations, context.now())
    if request is None:
        return status
    preview = bool(execution.model.spec.dry_run)
    passable = requests.passable(request, annotations, status, root, preview=preview)
    try:
        why = passable if isinstance(passable, str) else await _pass_on(context, execution, passable)
    except TemporalUnreachable:
        return requests.recorded(status, request)
    request = requests.refused(request, why) if why else requests.accepted(request, context.now())
    reason = EventReason.REQUEST_REFUSED if why else EventReason.REQUEST_ACCEPTED
    context.events.record(execution.model, reason, run_messages.event_request(request))
    return requests.recorded(status, request)


async def _pass_on(context: Context, execution: StoredExecution, passable: requests.Passable) -> str:
    """Pass a request on, and return why the workflow refuses it; empty where it accepts."""
    request = passable.request
    if request.type is RequestType.APPROVE and not await context.store.checks_requests(execution):
        return messages.NOT_ENFORCED
    try:
        await context.temporal.update(passable.workflow_id, request)
    except RequestRefused as refusal:
        return str(refusal)
    except RunNotFound:
        return messages.WAITS_FOR_NOTHING if request.type.decides else messages.TOO_LATE
    return ""
