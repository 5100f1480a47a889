"""The worker or the bridge as it is run, with a watch over its event loop; the argument says which of them.

The longest stretch for which the loop stood still is written to a file, with what ran then; whoever removes the file
lets the watch begin again. Stretches are of this process's processor time, for a busy machine gives it to others.
Collections of garbage are not counted: how long they take depends on what the worker caches, not on an input.
It is a package because each process that the bridge forks for a validation would run the bridge's main module again,
unless that is called `__main__`, and so import all of worker and bridge.
Source: `multiprocessing/spawn.py`, `_fixup_main_from_name`.
"""

import asyncio
import gc
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import bridge.__main__ as bridge
import worker.__main__ as worker
from bridge.settings import BridgeSettings
from process.main import Serve, main
from worker.settings import Settings

REPORT = "MEASURED_LOOP"
LEAST = 0.02
"""Seconds; shorter stretches are not reported."""
_TICK = 0.005
_SAMPLE = 0.03


class LoopWatch:
    """Measures how long the loop of the main thread stands still."""

    def __init__(self, report: Path) -> None:
        self._report = report
        self._longest = 0.0
        self._ticks = 0
        self._stack = ""
        self._collecting = 0.0
        self._collected = 0.0
        """Seconds that collections of garbage took since the last tick."""
        gc.callbacks.append(self._on_collection)

    def _on_collection(self, phase: str, _: object) -> None:
        if phase == "start":
            self._collecting = time.process_time()
        else:
            self._collected += time.process_time() - self._collecting

    async def run(self) -> None:
        """Measure until cancelled."""
        threading.Thread(target=self._sample, daemon=True).start()
        while True:
            began = time.process_time()
            self._stack, self._collected = "", 0.0
            await asyncio.sleep(0)
            await asyncio.sleep(_TICK)
            self._ticks += 1
            stretch = time.process_time() - began - self._collected
            if stretch > LEAST:
                self._write(stretch)

    def _write(self, stretch: float) -> None:
        if stretch > self._longest or not self._report.exists():
            self._longest = stretch
            self._report.write_text(json.dumps({"seconds": stretch, "stack": self._stack}))

    def _sample(self) -> None:
        """Keep the stack of the main thread while the loop is late."""
        seen = 0
        while True:
            time.sleep(_SAMPLE)
            if self._ticks == seen and not self._stack:
                frame = sys._current_frames().get(threading.main_thread().ident or 0)
                self._stack = "".join(traceback.format_stack(frame)[-6:]) if frame else ""
            seen = self._ticks


def _watched(serve: Serve[Any]) -> Serve[Any]:
    async def watched(settings: Any, stop: asyncio.Event) -> None:
        watch = asyncio.create_task(LoopWatch(Path(os.environ[REPORT])).run())
        try:
            await serve(settings, stop)
        finally:
            watch.cancel()

    return watched


if __name__ == "__main__":
    if sys.argv.pop(1) == "worker":
        sys.exit(main("worker", worker.DESCRIPTION, Settings, _watched(worker.serve)))
    sys.exit(main("bridge", bridge.DESCRIPTION, BridgeSettings, _watched(bridge.serve)))
