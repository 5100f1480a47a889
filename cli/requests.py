"""What a person asks of a running execution: written as annotations, then followed until the bridge has answered.

Source: docs/spec/drplanexecution.md, "Pause and repair".
"""

import asyncio
import time
import uuid
from dataclasses import dataclass

from api.execution import DRPlanExecution
from api.requests import (
    REQUEST_ANNOTATION,
    REQUEST_BY_ANNOTATION,
    REQUEST_GROUP_ANNOTATION,
    REQUEST_ID_ANNOTATION,
    REQUEST_REASON_ANNOTATION,
    REQUEST_TARGET_ANNOTATION,
    REQUEST_TIMEOUT_ANNOTATION,
    RequestState,
    RequestStatus,
    RequestType,
)
from cli.executions import POLL_SECONDS, Executions
from kube.errors import ApiError

ANSWER_SECONDS = 30.0
"""How long the answer of the bridge is waited for; the request stays, and is answered later."""


@dataclass(frozen=True)
class Asked:
    """A request in the words of the command line; None is left out."""

    type: RequestType
    target: str | None = None
    reason: str | None = None
    timeout: str | None = None
    group: str | None = None


async def ask(executions: Executions, name: str, asked: Asked) -> RequestStatus | None:
    """Write a request and return the bridge's answer; None while it has not answered. Raises ApiError."""
    request_id = uuid.uuid4().hex
    # None removes what an earlier request had set.
    annotations = {
        REQUEST_ANNOTATION: asked.type.lower(),
        REQUEST_ID_ANNOTATION: request_id,
        REQUEST_BY_ANNOTATION: await executions.user(),
        REQUEST_TARGET_ANNOTATION: asked.target,
        REQUEST_REASON_ANNOTATION: asked.reason,
        REQUEST_TIMEOUT_ANNOTATION: asked.timeout,
        REQUEST_GROUP_ANNOTATION: asked.group,
    }
    await executions.annotate(name, annotations)
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        try:
            answer = _answer(await executions.get(name), request_id)
        except ApiError as error:
            if not error.unavailable:
                raise
            answer = None
        if answer is not None:
            return answer
        await asyncio.sleep(POLL_SECONDS)
    return None


def _answer(execution: DRPlanExecution, request_id: str) -> RequestStatus | None:
    found = (each for each in execution.status.requests or [] if each.id == request_id)
    request = next(found, None)
    return request if request is not None and request.state is not RequestState.REQUESTED else None
