"""Rounds of the campaign: plans that are executed and reverted side by side while one fault follows the other."""

import random
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.admin import Admin
from tests.audit_log import AuditLog
from tests.chaos import oracle
from tests.chaos.faults import Fault, Kind, draw_faults
from tests.chaos.inject import Injector
from tests.chaos.oracle import Outcome
from tests.chaos.plans import EXECUTE, PLAN, REVERT, SHAPES
from tests.chaos.processes import Name, System
from tests.chaos.upgrades import OtherBuild, OtherCode, Upgrade
from tests.chaos.watching import Surroundings, Watcher
from tests.e2e.steps_back import flat
from tests.e2e.temporal_runs import Runs
from tests.eventually import until
from tests.kubectl import Object
from tests.manifests import execute, revert
from tests.private_stack import empty_namespace, new_namespace

DEADLINE = 420.0
"""Seconds after the last fault within which every execution must have ended: the longest pauses are over by then."""
_FAULTS = (3, 6)
"""How many faults each half of a round has, at least and at most."""


@dataclass
class Round:
    """What came of one round. It is written as JSON."""

    seed: int
    shapes: list[str]
    bridges: int
    upgrade: str = ""
    """How the worker is replaced in its middle: by one of other `code`, or beside one of another `build`."""
    faults: list[str] = field(default_factory=list)
    dropped: int = 0
    """Answers that were dropped after the request had been carried out."""
    executions: int = 0
    problems: list[str] = field(default_factory=list)
    """What the oracle found; none is wanted."""
    own_ends: dict[str, list[int]] = field(default_factory=dict)
    """Exit codes of processes of ours that ended by themselves, and were started again."""
    seconds: float = 0.0


@dataclass
class Campaign:
    """A system, what watches it, and what an undisturbed run of each shape comes to."""

    system: System
    watcher: Watcher
    surroundings: Surroundings
    older_code: Path | None = None
    """A folder with another version of the code, from which rounds with an upgrade start."""
    undisturbed: dict[str, dict[str, Outcome]] = field(default_factory=dict)

    @classmethod
    def start(cls, system: System, older_code: Path | None = None) -> "Campaign":
        """Begin to watch a system."""
        admin = Admin.of(system.stack)
        return cls(system, Watcher(admin).start(), Surroundings(admin).start(), older_code)

    @property
    def admin(self) -> Admin:
        """Who creates objects and reads them."""
        return Admin.of(self.system.stack)

    def close(self) -> None:
        """Stop watching."""
        self.watcher.close()
        self.surroundings.close()

    def run_undisturbed(self, shapes: Sequence[str]) -> None:
        """Run shapes once without faults. Raises AssertionError where even that breaks a rule."""
        record = Round(0, list(shapes), 1)
        for shape, outcomes in _Run(self, record, [], []).go().items():
            self.undisturbed[shape] = outcomes
        assert not record.problems, f"without any fault: {record.problems}"

    def run_round(self, seed: int, parallel: int, first: Sequence[Kind] = ()) -> Round:
        """Run a round that is drawn from its seed; each half begins with a fault of each of the kinds in `first`."""
        chance = random.Random(seed)
        bridges = chance.choice((1, 1, 2))
        upgrade = chance.choice(("", "", "build", "code" if self.older_code else ""))
        if Kind.UPGRADE in first:
            upgrade = "code" if self.older_code else "build"
        drawn = [
            each for _ in range(parallel // len(SHAPES) + 1) for each in chance.sample(sorted(SHAPES), len(SHAPES))
        ]
        own = (Name.BRIDGE, Name.OTHER_BRIDGE)[:bridges]
        later = Name.OTHER_WORKER if upgrade == "build" else Name.WORKER
        faults = draw_faults(chance, chance.randint(*_FAULTS), (Name.WORKER, *own), upgrade=upgrade != "", first=first)
        again = [each for each in first if each is not Kind.UPGRADE]
        faults_of_revert = draw_faults(chance, chance.randint(*_FAULTS), (later, *own), first=again)
        return self.run_with(Round(seed, drawn[:parallel], bridges, upgrade), faults, faults_of_revert)

    def run_with(self, record: Round, faults: list[Fault], faults_of_revert: list[Fault]) -> Round:
        """Run a round with these faults, and compare."""
        began = time.monotonic()
        self.system.set_bridges(record.bridges)
        upgrade = self._upgrade(record)
        if upgrade is not None:
            upgrade.prepare(self.system)
        _Run(self, record, faults, faults_of_revert, upgrade).go()
        if upgrade is not None:
            upgrade.finish(self.system)
        record.own_ends = {each.name.value: each.ends for each in self.system.own.values() if each.ends}
        for each in self.system.own.values():
            each.ends = []
        record.seconds = round(time.monotonic() - began, 1)
        return record

    def _upgrade(self, record: Round) -> Upgrade | None:
        """Return how the worker of a round is replaced; None where it stays."""
        if record.upgrade == "code":
            assert self.older_code is not None, "--upgrade-from names the code"
            return OtherCode(self.older_code)
        return OtherBuild(f"{record.seed}") if record.upgrade == "build" else None


class _Run:
    """One round under way."""

    def __init__(
        self,
        campaign: Campaign,
        record: Round,
        faults: list[Fault],
        faults_of_revert: list[Fault],
        upgrade: Upgrade | None = None,
    ) -> None:
        self._campaign = campaign
        self._pending_upgrade = upgrade
        self._record = record
        self._faults = {EXECUTE: faults, REVERT: faults_of_revert}
        self._admin = campaign.admin
        self._watcher = campaign.watcher
        log = campaign.system.stack.layout.audit_log
        self._audit = AuditLog(log, log.stat().st_size)
        self._runs = Runs(campaign.system.stack.temporal_address)

    def go(self) -> dict[str, dict[str, Outcome]]:
        """Run both halves and compare; return the outcomes by shape and half."""
        stack = self._campaign.system.stack
        namespaces = [(new_namespace(stack), shape) for shape in self._record.shapes]
        shapes = {namespace: SHAPES[shape](namespace) for namespace, shape in namespaces}
        for namespace, prepared in shapes.items():
            for body in prepared.objects():
                self._admin.create(body, namespace)
            self._wait_for_watcher(namespace)
        outcomes: dict[str, dict[str, Outcome]] = {shape: {} for _, shape in namespaces}
        for half in (EXECUTE, REVERT):
            bodies = {
                each: execute(EXECUTE, PLAN)
                if half == EXECUTE
                else revert(REVERT, PLAN, EXECUTE, **shapes[each].revert)
                for each in shapes
            }
            if half == REVERT:
                self._upgrade()
            since = time.monotonic()
            if not self._run_half(half, bodies):
                break
            for namespace, shape in namespaces:
                outcomes[shape][half] = self._compare(namespace, shape, half, since)
            if self._record.problems:
                break  # what a Revert makes of it would be another story
        else:
            for namespace, shape in namespaces:
                self._note(namespace, shape, oracle.violations(self._watcher, self._audit, self._runs, namespace))
        for namespace in shapes:
            empty_namespace(stack, namespace)
            self._watcher.events.pop(namespace, None)
        return outcomes

    def _upgrade(self) -> None:
        """Replace the worker, unless that has happened."""
        pending, self._pending_upgrade = self._pending_upgrade, None
        if pending is not None:
            pending.upgrade(self._campaign.system)

    def _run_half(self, half: str, bodies: dict[str, Object]) -> bool:
        """Create the executions and let faults happen until they have ended; return whether all have."""
        record = self._record
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda each: self._admin.create(bodies[each], each), bodies))
        record.executions += len(bodies)
        injector = Injector(self._campaign.system, record.seed, self._upgrade)
        if faults := self._faults[half]:
            with injector.injecting(faults) as done:
                until(lambda: done.is_set() or not self._running(half, bodies), "faults or executions end", 900)
        record.faults += [f"{half}: {each}" for each in injector.happened]
        record.dropped += injector.dropped
        record.problems += [f"the campaign itself: {each}" for each in injector.errors]
        try:
            until(lambda: not self._running(half, bodies), seconds=DEADLINE)
            until(lambda: all(oracle.is_released(self._admin, each, half) for each in bodies), seconds=DEADLINE)
        except AssertionError:
            for each in bodies:
                self._explain(each, half)
            return False
        return True

    def _running(self, half: str, bodies: dict[str, Object]) -> list[str]:
        return [each for each in bodies if not self._watcher.has_ended(each, half)]

    def _explain(self, namespace: str, half: str) -> None:
        if not self._watcher.has_ended(namespace, half):
            last = next(reversed(self._watcher.statuses(namespace, half)), {})
            at = [f"{place} {each.get('message', '')}" for place, each in flat(last) if each.get("phase") == "Running"]
            self._record.problems.append(
                f"{namespace}: {half} has not ended {DEADLINE:.0f} s after the last fault: {at}"
            )
        elif not oracle.is_released(self._admin, namespace, half):
            self._record.problems.append(f"{namespace}: {half} has ended, but its lock or finalizer stays")

    def _compare(self, namespace: str, shape: str, half: str, since: float) -> Outcome:
        self._wait_for_watcher(namespace)
        outcome = oracle.read_outcome(self._admin, self._watcher, namespace, half, since)
        if shape in self._campaign.undisturbed:
            self._note(
                namespace, f"{shape} {half}", oracle.differences(self._campaign.undisturbed[shape][half], outcome)
            )
        return outcome

    def _wait_for_watcher(self, namespace: str) -> None:
        """Wait until everything is seen that has happened: each kind has a connection of its own, which may be late."""
        until(lambda: self._watcher.caught_up(namespace), f"the watcher has seen {namespace}", 60)

    def _note(self, namespace: str, what: str, problems: Iterable[str]) -> None:
        self._record.problems += [f"{what} ({namespace}): {each}" for each in problems]
