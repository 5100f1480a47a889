"""Leader election by one Lease, which its holder renews. It only avoids double work: two leaders do no harm.

Expiry is computed with this process's monotonic clock, from when a change of the lease was last seen, so that the
clocks of two hosts need not agree; a lease held here counts from before the call that renewed it.
Source: client-go's leader election, "tools/leaderelection"; docs/decisions, "A controller of our own".
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from api.objects import Target
from bridge.settings import BridgeSettings
from kube.client import OWN, Cluster, Object
from kube.errors import AlreadyExistsError, ApiError, ConflictError, NotFoundError
from process.health import Deadline, Finding
from process.identity import ProcessState, state_of

_API_VERSION = "coordination.k8s.io/v1"
_LONGEST = 3600
"""Seconds for which another's lease is waited for, whatever it says."""
MISSED_RENEWAL = 3 / 8
"""Part of its duration after which a lease has missed a renewal: one and a half of the four that it has."""
SOON_AFTER = 0.05
"""Seconds after which a lease is looked at again that is about to be free."""
LEASE_SILENT = 30.0
"""Seconds without an answer from which it is not known who leads; twice the lease's duration, if that is longer."""
LOOP_SILENT = 120.0
"""Seconds; four renewals, if these are longer: two rounds of the loop are at most three renewals apart."""
_MOST_TRANSITIONS = 2**31 - 1
"""Of the API's 32 bits; one more would be refused."""

_log = structlog.get_logger(__name__)


class LeaderElection:
    """Takes the lease and keeps it. `leading` is set while it is held, `lost` while it is not."""

    def __init__(self, cluster: Cluster, settings: BridgeSettings, clock: Callable[[], float]) -> None:
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
        self._next_round = self._renewal
        self._answered = Deadline(max(LEASE_SILENT, 2 * self._duration), clock, begun=False)
        self.going_on = Deadline(max(LOOP_SILENT, 4 * self._renewal), clock)
        """Fails where the loop that renews the lease hangs."""
        self.leading = asyncio.Event()
        self.lost = asyncio.Event()
        self.lost.set()

    @property
    def held(self) -> bool:
        """Whether the lease is held at this moment."""
        return self._clock() < self._held_until

    def finding(self) -> Finding:
        """Return whether it is known who leads; to stand by is as good as to lead."""
        if self.held:
            return Finding(True, "leads")
        return Finding(True, "stands by") if self._answered.finding().ok else Finding(False, "cannot read its lease")

    async def run(self) -> None:
        """Take and renew until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._renew())
            tasks.create_task(self._check_expiry())

    async def _renew(self) -> None:
        while True:
            self.going_on.reset()
            try:
                async with asyncio.timeout(2 * self._renewal):
                    await self.round()
                self._answered.reset()
            except (ApiError, TimeoutError) as error:
                _log.warning("lease not renewed", error=str(error) or "no answer in time")
            await asyncio.sleep(self._next_round)

    async def _check_expiry(self) -> None:
        """Set `lost` as soon as the lease expires, even while a call hangs."""
        while True:
            self._set_events()
            await asyncio.sleep(self._renewal / 4)

    def _set_events(self) -> None:
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
        began, self._next_round = self._clock(), self._renewal
        try:
            lease = await self._cluster.get(self._target, OWN)
        except NotFoundError:
            lease = None
        if lease is not None and (seconds := self._free_in(lease.get("spec") or {})) > 0:
            self._held_until = 0.0
            self._next_round = min(self._renewal, seconds + SOON_AFTER)
            return
        try:
            await self._take(lease)
        except (ConflictError, AlreadyExistsError):
            self._held_until = 0.0
            return
        self._held_until = began + self._duration
        self._set_events()

    async def _take(self, lease: Object | None) -> None:
        """Write the lease as ours. Raises ConflictError or AlreadyExistsError where another process was quicker."""
        before = (lease or {}).get("spec") or {}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        ours = before.get("holderIdentity") == self._identity
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._duration)),
            "acquireTime": before.get("acquireTime", now) if ours else now,
            "renewTime": now,
            "leaseTransitions": _number(before, "leaseTransitions", _MOST_TRANSITIONS - 1) + (0 if ours else 1),
        }
        if lease is None:
            body = {"apiVersion": _API_VERSION, "kind": "Lease", "metadata": {"name": self._target.name}, "spec": spec}
            await self._cluster.create(self._target, body, OWN)
        else:
            await self._cluster.replace(self._target, {**lease, "spec": spec}, OWN)

    def _free_in(self, spec: Object) -> float:
        """Return in how many seconds the lease is free: ours, released, not renewed for its duration, or a dead one's.

        A holder of this host whose process has ended renews no more: a bridge that was killed and started again takes
        the lease at once. In another container it counts as ended once it has missed a renewal, by the clock that all
        containers of a host share.
        """
        holder = str(spec.get("holderIdentity") or "")
        state = state_of(holder)
        if holder in ("", self._identity) or state is ProcessState.ENDED:
            return 0.0
        seen = (holder, str(spec.get("renewTime") or ""))
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._clock()
        duration = _number(spec, "leaseDurationSeconds", _LONGEST) or self._duration
        left = self._seen_at + duration - self._clock()
        if state is ProcessState.OTHER_CONTAINER:
            left = min(left, MISSED_RENEWAL * duration - _seconds_since(seen[1]))
        return max(left, 0.0)

    async def release(self) -> None:
        """Release the lease, so that the next leader need not wait for it to expire."""
        if not self.held:
            return
        self._held_until = 0.0
        try:
            async with asyncio.timeout(2 * self._renewal):
                lease = await self._cluster.get(self._target, OWN)
                spec = lease.get("spec") or {}
                if spec.get("holderIdentity") == self._identity:
                    spec = {**spec, "holderIdentity": ""}
                    await self._cluster.replace(self._target, {**lease, "spec": spec}, OWN)
        except (ApiError, TimeoutError) as error:
            _log.info("lease not released", error=str(error) or "no answer in time")


def _number(spec: Object, name: str, most: int) -> int:
    """Return a number of a lease, which others may write: `most` where it is larger, 0 where it is none."""
    value = spec.get(name)
    return max(0, min(value, most)) if isinstance(value, int) else 0


def _seconds_since(moment: str) -> float:
    """Return how long ago a moment of RFC 3339 was; 0 for a text that is none."""
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
