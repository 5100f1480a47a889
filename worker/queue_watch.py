"""Whether Temporal sees this worker poll its task queue: what makes it ready.

Temporal lists who polled within the last five minutes, and a poll without a task takes one minute.
Source: Temporal, "DescribeTaskQueue".
"""

import asyncio
from datetime import UTC, datetime

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client
from temporalio.service import RPCError

from process.health import Finding
from process.temporal import NO_ANSWER, describe_task_queue

FIRST_SECONDS = 1.0
"""Between two questions while this worker has not been seen."""
SECONDS = 30.0
"""Between two questions later."""
SILENT = 180.0
"""Seconds after its last poll from which this worker does not count as polling."""
_KINDS = {
    "workflows": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activities": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}
_log = structlog.get_logger(__name__)


class QueueWatch:
    """Asks now and then; while Temporal does not answer, or refuses to, the last answer counts."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue
        self._finding = Finding(False, "not polled yet")

    def finding(self) -> Finding:
        """Return whether this worker polls."""
        return self._finding

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            self._finding = await self._ask()
            await asyncio.sleep(SECONDS if self._finding.ok else FIRST_SECONDS)

    async def _ask(self) -> Finding:
        try:
            answers = [await describe_task_queue(self._client, self._task_queue, kind) for kind in _KINDS.values()]
        except RPCError as error:
            if error.status in NO_ANSWER:
                return self._finding
            # A key that may work but not describe: that is no reason to be unready.
            if not self._finding.ok:
                _log.info("task queue cannot be described", error=f"{error.status.name}: {error.message}")
            return Finding(True, f"not known: {error.status.name}")
        except (RuntimeError, TimeoutError):
            return self._finding
        now, own = datetime.now(UTC), self._client.identity
        for name, answer in zip(_KINDS, answers, strict=True):
            polls = [each.last_access_time.ToDatetime(UTC) for each in answer.pollers if each.identity == own]
            if not polls or (now - max(polls)).total_seconds() > SILENT:
                return Finding(False, f"{self._task_queue} is not polled for {name}")
        return Finding(True, f"{self._task_queue} is polled")
