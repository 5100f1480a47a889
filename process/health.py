"""Liveness and readiness of a process: /healthz and /readyz at DRPLAN_HEALTH_ADDRESS.

/healthz is about the process: what only a restart mends. /readyz is about its service, too: whether it can do its work
now. Checks read what the process knows and call nobody, so a probe costs nothing. They are answered by the event loop
that does the work: one that hangs does not answer. Source: docs/monitoring.md, "Health"; Kubernetes, "Kubernetes API
health endpoints".
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from api.metrics import LOOP_LAG
from process.http_server import listening
from process.metrics import Metrics
from process.settings import host_and_port

LOOP_SAMPLES = 15
_log = structlog.get_logger(__name__)


class Finding(NamedTuple):
    """The result of one check."""

    ok: bool
    text: str
    """The problem, or what there is to know."""


class _Check(NamedTuple):
    check: Callable[[], Finding]
    of_process: bool


def no_problem(text: str, fact: str = "") -> Finding:
    """Return a finding from the text of a problem, which is empty where there is none."""
    return Finding(not text, text or fact)


class Health:
    """The checks of a process; those that come later in its start are added then."""

    def __init__(self) -> None:
        self._checks: dict[str, _Check] = {}
        self.add("event-loop", lambda: Finding(True, "answers"), of_process=True)

    def add(self, name: str, check: Callable[[], Finding], *, of_process: bool = False) -> None:
        """Add a check, or replace the one of that name. One `of_process` fails where only a restart helps."""
        self._checks[name] = _Check(check, of_process)

    def findings(self, *, ready: bool) -> dict[str, Finding]:
        """Return the result of each check of /readyz, or of /healthz."""
        return {name: each.check() for name, each in self._checks.items() if ready or each.of_process}


class Deadline:
    """Whether a loop goes on: it fails where the loop has not reported for so many seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic, *, begun: bool = True) -> None:
        """Begin with the first report, unless the loop has not `begun`."""
        self._seconds = seconds
        self._clock = clock
        self._at = clock() if begun else float("-inf")

    def reset(self) -> None:
        """Report that the loop goes on."""
        self._at = self._clock()

    def finding(self) -> Finding:
        """Return whether it does."""
        silent = self._clock() - self._at
        return no_problem(f"did not go on for {silent:.0f} s" if silent > self._seconds else "", "goes on")


class LoopWatch:
    """Measures how late the event loop is: by how much each of the last sleeps was too long."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._late: deque[float] = deque([0.0], maxlen=LOOP_SAMPLES)

    def finding(self) -> Finding:
        """Return that the loop answers, and how late it was."""
        return Finding(True, f"answers; was late by {max(self._late) * 1000:.0f} ms")

    async def run(self) -> None:
        """Measure every second, until cancelled."""
        while True:
            began = self._clock()
            await asyncio.sleep(1.0)
            self._late.append(max(0.0, self._clock() - began - 1.0))
            self._metrics.set(LOOP_LAG, max(self._late))


def answer(findings: dict[str, Finding], *, verbose: bool = False, as_json: bool = False) -> web.Response:
    """Return 200 where every check passes, else 503; the body lists the checks."""
    ok = all(each.ok for each in findings.values())
    status = 200 if ok else 503
    if as_json:
        checks = [{"name": name, "ok": each.ok, "text": each.text} for name, each in findings.items()]
        return web.Response(
            status=status, text=json.dumps({"ok": ok, "checks": checks}), content_type="application/json"
        )
    lines = [
        f"[{'+' if each.ok else '-'}] {name}" + (f": {each.text}" if verbose or not each.ok else "")
        for name, each in findings.items()
    ]
    return web.Response(status=status, text="\n".join([*lines, "ok" if ok else "not ok", ""]))


def application(health: Health) -> web.Application:
    """Return the HTTP application."""

    def endpoint(*, ready: bool) -> Handler:
        async def get(request: web.Request) -> web.Response:
            as_json = request.query.get("format") == "json" or request.headers.get("Accept") == "application/json"
            findings = health.findings(ready=ready)
            response = answer(findings, verbose="verbose" in request.query, as_json=as_json)
            response.headers["Cache-Control"] = "no-store"
            return response

        return get

    app = web.Application(client_max_size=1024)
    app.router.add_get("/healthz", endpoint(ready=False))
    app.router.add_get("/readyz", endpoint(ready=True))
    return app


@asynccontextmanager
async def serving(health: Health, address: str | None) -> AsyncIterator[None]:
    """Answer at an address while the block runs; without one, nowhere. Raises ListenError."""
    if address is None:
        yield
        return
    async with listening(application(health), host_and_port(address), "DRPLAN_HEALTH_ADDRESS"):
        _log.info("health endpoint started", address=address)
        yield
