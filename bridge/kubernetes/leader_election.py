"""Who leads: one Lease, renewed by whoever holds it. It only saves double work, for two leaders do no harm.

Expiry is judged by the own monotonic clock, from when a change of the lease was last seen, so that the
clocks of two hosts need not agree; an own lease counts from before the call that renewed it.
Source: client-go's leader election, "tools/leaderelection"; docs/decisions, "A controller of our own".
"""

import asyncio
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from api.steps import Target
from bridge.settings import Settings
from kube.client import OWN, Cluster, Object
from kube.errors import AlreadyExistsError, ApiError, ConflictError, NotFoundError

_API_VERSION = "coordination.k8s.io/v1"

_log = structlog.get_logger(__name__)


class LeaderElection:
    """Takes the lease and keeps it. `leading` is set while it is held."""

    def __init__(self, cluster: Cluster, settings: Settings, clock: Callable[[], float]) -> None:
        self._cluster = cluster
        self._identity = settings.identity
        self._target = Target(
            api_version=_API_VERSION, kind="Lease", name=settings.lease_name, namespace=settings.lease_namespace
        )
        self._duration = settings.lease_duration.total_seconds()
        self._renewal = settings.lease_renewal.total_seconds()
        self._clock = clock
        self._held_until = 0.0
        self._seen: tuple[str, str] = ("", "")
        self._seen_at = 0.0
        self.leading = asyncio.Event()
        self.lost = asyncio.Event()
        self.lost.set()

    @property
    def held(self) -> bool:
        """Tell whether the lease is held at this very moment."""
        return self._clock() < self._held_until

    async def run(self) -> None:
        """Take and renew until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._renew_for_ever())
            tasks.create_task(self._watch_over())

    async def _renew_for_ever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(2 * self._renewal):
                    await self.round()
            except (ApiError, TimeoutError) as error:
                _log.warning("lease not renewed", error=str(error) or "no answer in time")
            await asyncio.sleep(self._renewal)

    async def _watch_over(self) -> None:
        """Say that the lease is lost as soon as it is, even while a call hangs."""
        while True:
            self._tell()
            await asyncio.sleep(self._renewal / 4)

    def _tell(self) -> None:
        if self.held and not self.leading.is_set():
            _log.info("bridge leading", identity=self._identity)
            self.lost.clear()
            self.leading.set()
        elif not self.held and self.leading.is_set():
            _log.warning("lease lost", identity=self._identity)
            self.leading.clear()
            self.lost.set()

    async def round(self) -> None:
        """Try once to take or renew it. Raises ApiError."""
        began = self._clock()
        try:
            lease = await self._cluster.get(self._target, OWN)
        except NotFoundError:
            lease = None
        if lease is not None and not self._free(lease["spec"]):
            self._held_until = 0.0
            return
        try:
            await self._take(lease)
        except (ConflictError, AlreadyExistsError):
            self._held_until = 0.0
            return
        self._held_until = began + self._duration
        self._tell()

    async def _take(self, lease: Object | None) -> None:
        spec = self._spec((lease or {}).get("spec") or {})
        if lease is None:
            body = {"apiVersion": _API_VERSION, "kind": "Lease", "metadata": {"name": self._target.name}, "spec": spec}
            await self._cluster.create(self._target, body, OWN)
        else:
            await self._cluster.replace(self._target, {**lease, "spec": spec}, OWN)

    def _spec(self, before: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        ours = before.get("holderIdentity") == self._identity
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._duration)),
            "acquireTime": before.get("acquireTime", now) if ours else now,
            "renewTime": now,
            "leaseTransitions": int(before.get("leaseTransitions") or 0) + (0 if ours else 1),
        }

    def _free(self, spec: dict[str, Any]) -> bool:
        """Tell whether the lease is ours, given up, or its holder not heard of for its duration."""
        holder = str(spec.get("holderIdentity") or "")
        if holder in ("", self._identity) or dead_here(holder):
            return True
        seen = (holder, str(spec.get("renewTime") or ""))
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._clock()
        return self._clock() - self._seen_at > float(spec.get("leaseDurationSeconds") or self._duration)

    async def release(self) -> None:
        """Give the lease up, so that the next one need not wait."""
        if not self.held:
            return
        self._held_until = 0.0
        try:
            async with asyncio.timeout(2 * self._renewal):
                lease = await self._cluster.get(self._target, OWN)
                if lease["spec"].get("holderIdentity") == self._identity:
                    spec = {**lease["spec"], "holderIdentity": ""}
                    await self._cluster.replace(self._target, {**lease, "spec": spec}, OWN)
        except (ApiError, TimeoutError) as error:
            _log.info("lease not released", error=str(error) or "no answer in time")


def dead_here(holder: str) -> bool:
    """Tell whether a holder is a process of this host that no longer lives (a bridge started anew by hand)."""
    host, _, rest = holder.partition("_")
    number = rest.partition("_")[0]
    if host != socket.gethostname() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
