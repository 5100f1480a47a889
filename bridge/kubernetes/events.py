"""Events on objects, for `kubectl describe` and `kubectl events`. One that cannot be posted never fails a pass.

Source: events.k8s.io/v1.
"""

import asyncio
import secrets
from datetime import UTC, datetime
from enum import StrEnum

import structlog

from api.execution import DRPlanExecution
from api.meta import API_VERSION
from api.objects import Target
from api.plan import DRPlan
from kube.client import OWN, Cluster, Object
from kube.errors import ApiError
from planning.messages import runs as run_messages
from planning.messages.text import bounded

_EVENTS = "events.k8s.io/v1"
BACKLOG = 500
"""Events that wait to be posted; beyond it new ones are dropped."""

_log = structlog.get_logger(__name__)


class EventReason(StrEnum):
    """What happened to an execution, to the engine while it runs (reasons of EngineReachable), or was rehearsed."""

    ACCEPTED = "Accepted"
    WAITING = "Waiting"
    STARTED = "Started"
    ATTEMPT_LOST = "AttemptLost"
    CANCELING = "Canceling"
    REQUEST_ACCEPTED = "RequestAccepted"
    REQUEST_REFUSED = "RequestRefused"
    RESTORED = "Restored"
    ENGINE_UNAVAILABLE = "EngineUnavailable"
    WORKER_UNAVAILABLE = "WorkerUnavailable"
    WORKER_FAILING = "WorkerFailing"
    REACHABLE = "Reachable"
    REHEARSED = "Rehearsed"
    OBSTRUCTED = "Obstructed"
    NOT_REHEARSED = "NotRehearsed"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"
    CHECKED_AGAIN = "CheckedAgain"


_WARNINGS = (
    EventReason.ATTEMPT_LOST,
    EventReason.FAILED,
    EventReason.REQUEST_REFUSED,
    EventReason.RESTORED,
    EventReason.ENGINE_UNAVAILABLE,
    EventReason.WORKER_UNAVAILABLE,
    EventReason.WORKER_FAILING,
    EventReason.OBSTRUCTED,
    EventReason.NOT_REHEARSED,
)


def event(on: DRPlanExecution | DRPlan, reason: EventReason, note: str, reporter: str, now: datetime) -> Object:
    """Return an event on an execution or its plan; its time needs six digits of a second."""
    meta = on.metadata
    return {
        "apiVersion": _EVENTS,
        "kind": "Event",
        "metadata": {"name": f"{meta.name[:200].rstrip('-.')}.{secrets.token_hex(8)}", "namespace": meta.namespace},
        "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": "Warning" if reason in _WARNINGS else "Normal",
        "reason": reason.value,
        "action": on.spec.operation_type.value if isinstance(on, DRPlanExecution) else "Observe",
        "note": bounded(note, run_messages.EVENT_BOUND),
        "reportingController": "drplan-bridge",
        "reportingInstance": reporter[:128],
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": on.kind,
            "namespace": meta.namespace,
            "name": meta.name,
            "uid": meta.uid,
        },
    }


class EventRecorder:
    """Posts events in the background."""

    def __init__(self, cluster: Cluster, reporter: str) -> None:
        self._cluster = cluster
        self._reporter = reporter
        self._backlog: asyncio.Queue[Object] = asyncio.Queue(BACKLOG)

    def record(self, on: DRPlanExecution | DRPlan, reason: EventReason, note: str) -> None:
        """Post an event later; it is dropped where BACKLOG others wait."""
        try:
            self._backlog.put_nowait(event(on, reason, note, self._reporter, datetime.now(UTC)))
        except asyncio.QueueFull:
            _log.debug("event dropped", reason=reason)

    async def run(self) -> None:
        """Post events until cancelled."""
        while True:
            body = await self._backlog.get()
            meta = body["metadata"]
            target = Target(api_version=_EVENTS, kind="Event", name=meta["name"], namespace=meta["namespace"])
            try:
                await self._cluster.create(target, body, OWN)
            except ApiError as error:
                _log.debug("event not posted", error=str(error))
