"""Events on objects, for `kubectl describe` and `kubectl events`. They are a courtesy: none ever fails a pass.

Source: events.k8s.io/v1.
"""

import asyncio
import secrets
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import structlog

from api.execution import DRPlanExecution
from api.meta import API_VERSION
from bridge.kubernetes.api import Cluster, ClusterError
from planning.messages import conditions as condition_messages
from planning.messages.actions import bounded

BACKLOG = 500
"""Events that wait to be posted; beyond it new ones are dropped."""

_log = structlog.get_logger(__name__)


class EventReason(StrEnum):
    """What happened to an execution."""

    ACCEPTED = "Accepted"
    WAITING = "Waiting"
    STARTED = "Started"
    CANCELING = "Canceling"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


def event(execution: DRPlanExecution, reason: EventReason, note: str, reporter: str, now: datetime) -> dict[str, Any]:
    """Make an event on an execution; a time needs six digits of a second there."""
    meta = execution.metadata
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{meta.name[:200].rstrip('-.')}.{secrets.token_hex(8)}", "namespace": meta.namespace},
        "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": "Warning" if reason is EventReason.FAILED else "Normal",
        "reason": reason.value,
        "action": execution.spec.operation_type.value,
        "note": bounded(note, condition_messages.EVENT_BOUND),
        "reportingController": "drplan-bridge",
        "reportingInstance": reporter[:128],
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": "DRPlanExecution",
            "namespace": meta.namespace,
            "name": meta.name,
            "uid": meta.uid,
        },
    }


class Recorder:
    """Posts events in the background."""

    def __init__(self, cluster: Cluster, reporter: str) -> None:
        self._cluster = cluster
        self._reporter = reporter
        self._backlog: asyncio.Queue[dict[str, Any]] = asyncio.Queue(BACKLOG)

    def record(self, execution: DRPlanExecution, reason: EventReason, note: str) -> None:
        """Tell of something; dropped when too much is told."""
        try:
            self._backlog.put_nowait(event(execution, reason, note, self._reporter, datetime.now(UTC)))
        except asyncio.QueueFull:
            _log.debug("event dropped", reason=reason)

    async def run(self) -> None:
        """Post what is told until cancelled."""
        while True:
            one = await self._backlog.get()
            path = f"/apis/events.k8s.io/v1/namespaces/{one['metadata']['namespace']}/events"
            try:
                await self._cluster.call("POST", path, body=one)
            except ClusterError as error:
                _log.debug("event not posted", error=str(error))
