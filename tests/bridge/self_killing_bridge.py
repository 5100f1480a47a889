"""A bridge that kills itself, as SIGKILL would: `python -m tests.bridge.self_killing_bridge before|after STEP`."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from api.execution import DRPlanExecution
from api.objects import Actor, Target
from bridge.bridge import Bridge
from bridge.kubernetes.entry import ObjectKind
from bridge.settings import BridgeSettings
from bridge.temporal.answers import StartedRun
from bridge.temporal.client import TemporalClient
from kube.client import Cluster, Object
from kube.request import WriteOptions

Write = tuple[str, dict[str, Any]]


def _meta(write: Write, field: str) -> Any:
    return write[0] == ObjectKind.EXECUTION and write[1].get("metadata", {}).get(field)


def _status(write: Write, kind: ObjectKind) -> dict[str, Any]:
    return (write[1].get("status") or {}) if write[0] == kind else {}


WRITES: dict[str, Callable[[Write], bool]] = {
    "accept": lambda write: bool(_meta(write, "annotations")),
    "finalizer": lambda write: bool(_meta(write, "finalizers")),
    "lock": lambda write: bool(_status(write, ObjectKind.PLAN).get("currentExecution")),
    "status": lambda write: bool(_status(write, ObjectKind.EXECUTION).get("engine")),
    "end": lambda write: bool(_status(write, ObjectKind.EXECUTION).get("completionTime")),
    "settle": lambda write: (
        "executionHistory" in _status(write, ObjectKind.PLAN)
        and not _status(write, ObjectKind.PLAN).get("currentExecution")
    ),
    "let-go": lambda write: _meta(write, "finalizers") == [],
}
START = "start"
STEPS = [*WRITES, START]
_WHEN, _STEP = sys.argv[1:3] if len(sys.argv) == 3 else ("", "")


def _die(when: str, step: bool) -> None:
    if step and when == _WHEN:
        os.kill(os.getpid(), signal.SIGKILL)


class DeadlyCluster(Cluster):
    async def patch(
        self, target: Target, body: Object | list[Object], actor: Actor, *options: WriteOptions, **more: Any
    ) -> Object:
        fatal = _STEP in WRITES and isinstance(body, dict) and WRITES[_STEP]((target.kind, body))
        _die("before", fatal)
        answer = await super().patch(target, body, actor, *options, **more)
        _die("after", fatal)
        return answer

    async def replace(self, target: Target, body: Object, actor: Actor, *, subresource: str = "") -> Object:
        # The body of a status holds the object's whole metadata, which this write leaves alone.
        fatal = _STEP in WRITES and WRITES[_STEP]((target.kind, {"status": body.get("status")}))
        _die("before", fatal)
        answer = await super().replace(target, body, actor, subresource=subresource)
        _die("after", fatal)
        return answer


class DeadlyClient(TemporalClient):
    async def start(self, execution: DRPlanExecution, original: DRPlanExecution | None = None) -> StartedRun:
        _die("before", _STEP == START)
        answer = await super().start(execution, original)
        _die("after", _STEP == START)
        return answer


async def main() -> None:
    settings = BridgeSettings()
    temporal = await DeadlyClient.connect(settings)
    bridge = Bridge(settings, await DeadlyCluster.connect(), temporal, time.monotonic)
    await bridge.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
