"""What the status of an execution says, read from plain JSON: models take longer to load than a command may take.

A field or a phase that a later release adds is read as none; nothing that a person wrote makes a command fail.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from api.phases import Phase
from api.reasons import Reason

Object = dict[str, Any]

STALE = {
    "WorkerUnavailable": "no worker answers",
    "EngineUnavailable": "Temporal does not answer",
    "WorkerFailing": "the worker fails to carry it on",
}
"""Reasons of the condition EngineReachable while the status cannot be brought up to date."""
WAITS = {
    Reason.PAUSED.value: "is paused in Temporal",
    Reason.AWAITING_DECISION.value: "waits for a decision",
    Reason.AWAITING_APPROVAL.value: "waits for approval",
}
"""Reasons of parts that go on only when a person wants it."""
OUTCOME_LOST = frozenset({"", Reason.RUN_LOST.value, Reason.OUTCOME_UNKNOWN.value, Reason.INTERNAL_ERROR.value})
"""Reasons of a failed action which do not tell why the run failed: the message of the run does."""
_PROOFS = {"Verified": "as before", "NotApplicable": "nothing to compare"}
"""Results of a proof that need no more words."""
TIMES = {"working": "", "waitingForPeople": "for people", "waitingForTurn": "for its turn"}
"""Names in `status.timing`, with what is waited for."""
_WRONG_WHERE_FALSE = ("DefinitionsKept", "LedgerIntact", "Searchable")
"""Conditions that a person must know of where they are False."""


@dataclass(frozen=True)
class Proof:
    """Whether the objects of an action are as they were before the Execute."""

    result: str
    difference: str
    fields: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        return _PROOFS.get(self.result) or self.message or self.result


@dataclass(frozen=True)
class Node:
    """A stage, a workflow or an action."""

    kind: str
    name: str
    phase: Phase
    reason: str = ""
    message: str = ""
    facts: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    children: tuple["Node", ...] = ()
    proof: "Proof | None" = None
    """Of an action of a Revert that was checked after its end."""

    @property
    def actions(self) -> Iterator["Node"]:
        """The node itself where it is an action, else those below it."""
        if self.kind == "action":
            yield self
        for child in self.children:
            yield from child.actions

    def paths(self, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], "Node"]]:
        """Yield this node and all below it, each with the names that lead to it."""
        path = (*above, self.name)
        yield path, self
        for child in self.children:
            yield from child.paths(path)


@dataclass(frozen=True)
class Condition:
    """An aspect of the state."""

    status: str
    reason: str
    message: str
    since: datetime | None


@dataclass(frozen=True)
class Step:
    """What a person can do."""

    what: str
    why: str
    command: str


@dataclass(frozen=True)
class Run:
    """An execution."""

    name: str
    namespace: str
    plan: str
    operation: str
    original: str
    phase: Phase | None
    message: str
    created: datetime | None
    start: datetime | None
    end: datetime | None
    stages: tuple[Node, ...]
    conditions: Mapping[str, Condition]
    steps: tuple[Step, ...]
    summary: Mapping[str, int] = field(default_factory=dict)
    workflow_id: str = ""
    run_id: str = ""
    account: str = ""
    paused: str = ""
    """Who paused the run and why; empty where nobody did."""
    paused_since: datetime | None = None
    is_preview: bool = False
    preview: Mapping[str, Any] = field(default_factory=dict)
    """`status.preview`."""
    timing: Mapping[str, Any] = field(default_factory=dict)
    """`status.timing`; empty where an earlier release wrote the status."""

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self.phase is not None and self.phase.terminal

    @property
    def actions(self) -> list[Node]:
        """All actions."""
        return [action for stage in self.stages for action in stage.actions]

    @property
    def paths(self) -> Iterator[tuple[tuple[str, ...], Node]]:
        """All nodes, each with the names that lead to it."""
        for stage in self.stages:
            yield from stage.paths()

    def count(self, part: str) -> tuple[int, Mapping[Phase, int]]:
        """Return how many stages or actions (`part`) there are, and how many of them in which phase.

        Counted in the tree; where the tree was cut, the counts of the summary are the true ones.
        """
        nodes = self.stages if part == "stages" else self.actions
        plural = part.capitalize()
        total = self.summary.get(f"total{plural}", 0)
        if total <= len(nodes):
            return len(nodes), Counter(node.phase for node in nodes)
        counted = {
            phase: number for phase in Phase if (number := self.summary.get(f"{phase.value.lower()}{plural}", 0))
        }
        return total, counted

    @property
    def standing(self) -> str:
        """What a Revert left standing; empty where nothing, or where that is not known."""
        clean = self.conditions.get("Clean")
        return clean.message or clean.reason if clean and clean.status == "False" else ""

    @property
    def unproven(self) -> str:
        """Where the proof after the end differs; empty where it does not, or where there is none."""
        verified = self.conditions.get("Verified")
        return verified.message or verified.reason if verified and verified.status == "False" else ""

    @property
    def proven(self) -> Condition | None:
        """What the proof after the end found; None where there is none, or where it differs."""
        verified = self.conditions.get("Verified")
        return verified if verified and verified.status != "False" else None

    @property
    def obstacles(self) -> list[str]:
        """What of a preview no action tells: obstacles to the execution as a whole."""
        whole = [each for each in _list(self.preview.get("obstacles")) if not each.get("action")]
        return [str(each.get("message") or "") for each in whole if self.is_preview]

    @property
    def stale(self) -> Condition | None:
        """Why the status cannot be brought up to date now, if it cannot."""
        reachable = self.conditions.get("EngineReachable")
        return reachable if reachable and reachable.status == "False" and not self.ended else None

    @property
    def warnings(self) -> list[str]:
        """What else a person must know."""
        found = [self.conditions.get(kind) for kind in _WRONG_WHERE_FALSE]
        return [each.message or each.reason for each in found if each and each.status == "False"]

    def spent(self, now: datetime) -> Mapping[str, float]:
        """Return how many seconds it has worked and waited until now, by the names that `status.timing` has."""
        seconds = {name: _seconds(self.timing.get(name)) for name in TIMES} if self.timing else {}
        current, since = _current(self.timing), _moment(self.timing.get("since"))
        if current in seconds and since is not None:
            seconds[current] += max(0.0, (now - since).total_seconds())
        return seconds

    def waits(self, now: datetime) -> Mapping[str, str]:
        """Return how long it has worked and waited, in words; empty where it has not waited a second."""
        spent, current = self.spent(now), _current(self.timing)
        words = {
            (f"waiting {what}" if name == current else f"waited {what}"): age(spent[name])
            for name, what in TIMES.items()
            if what and spent.get(name, 0) >= 1
        }
        return {"worked": age(spent["working"]), **words} if words else {}

    @property
    def exit_code(self) -> int:
        """0 where it succeeded and nothing stands, 3 where something stands or the proof differs, else 1."""
        if self.phase is not Phase.SUCCEEDED:
            return 1
        return 3 if self.standing or self.unproven else 0


def read_conditions(body: Object) -> dict[str, Condition]:
    """Return the conditions of an object by type."""
    return {
        str(each.get("type")): Condition(
            str(each.get("status")),
            str(each.get("reason") or ""),
            str(each.get("message") or ""),
            _moment(each.get("lastTransitionTime")),
        )
        for each in _list(_mapping(body.get("status")).get("conditions"))
    }


def read_run(body: Object) -> Run:
    """Return what an object of the kind DRPlanExecution says."""
    metadata, spec, status = (_mapping(body.get(name)) for name in ("metadata", "spec", "status"))
    engine, paused = _mapping(status.get("engine")), _mapping(status.get("paused"))
    return Run(
        name=str(metadata.get("name") or ""),
        namespace=str(metadata.get("namespace") or "default"),
        plan=str(spec.get("planRef") or ""),
        operation=("Preview: " if spec.get("dryRun") else "") + str(spec.get("operationType") or ""),
        original=str(spec.get("revertExecutionRef") or ""),
        phase=_phase(status["phase"]) if status.get("phase") else None,
        message=str(status.get("message") or ""),
        created=_moment(metadata.get("creationTimestamp")),
        start=_moment(status.get("startTime")),
        end=_moment(status.get("completionTime")),
        stages=tuple(_stage(each) for each in _list(status.get("stageStatuses"))),
        conditions=read_conditions(body),
        steps=tuple(
            Step(str(each.get("what") or ""), str(each.get("why") or ""), str(each.get("command") or ""))
            for each in _list(status.get("nextSteps"))
        ),
        summary={name: each for name, each in _mapping(status.get("summary")).items() if isinstance(each, int)},
        workflow_id=str(engine.get("workflowId") or ""),
        run_id=str(engine.get("runId") or ""),
        account=str(status.get("serviceAccountName") or ""),
        paused=" ".join([f"by {paused.get('by') or 'somebody'}:", str(paused.get("reason") or "no reason told")])
        if paused
        else "",
        paused_since=_moment(paused.get("since")),
        is_preview=spec.get("dryRun") is True,
        preview=_mapping(status.get("preview")),
        timing=_mapping(status.get("timing")),
    )


def _current(timing: Mapping[str, Any]) -> str:
    """Return the name of the time that goes on."""
    state = str(timing.get("current") or "")
    return state[:1].lower() + state[1:]


def _seconds(duration: object) -> float:
    import durationpy

    try:
        return float(durationpy.from_str(str(duration or "0s")[:100]).total_seconds())
    except (durationpy.DurationError, OverflowError):
        return 0.0


def _stage(body: Object) -> Node:
    facts = ("parallel",) if body.get("parallel") else ()
    return _node("stage", body, body.get("name"), facts, tuple(map(_workflow, _list(body.get("workflowExecutions")))))


def _workflow(body: Object) -> Node:
    name = _mapping(body.get("workflowRef")).get("name")
    facts = (str(body["progress"]),) if body.get("progress") else ()
    return _node("workflow", body, name, facts, tuple(map(_action, _list(body.get("actionStatuses")))))


def _action(body: Object) -> Node:
    clusters = [
        f"{each.get('cluster')}: {each.get('phase')}{' ' if each.get('message') else ''}{each.get('message') or ''}"
        for each in _list(body.get("clusterStatuses"))
        if each.get("phase") == Phase.FAILED
    ]
    kind = (str(body["type"]),) if body.get("type") and not body.get("message") else ()
    message = body.get("message") or "; ".join(clusters)
    return _node("action", {**body, "message": message}, body.get("name"), kind, ())


def _node(kind: str, body: Object, name: object, facts: tuple[str, ...], children: tuple[Node, ...]) -> Node:
    return Node(
        kind=kind,
        name=str(name or ""),
        phase=_phase(body.get("phase")),
        reason=str(body.get("reason") or ""),
        message=str(body.get("message") or ""),
        facts=facts,
        start=_moment(body.get("startTime")),
        end=_moment(body.get("completionTime")),
        children=children,
        proof=_proof(_mapping(body.get("proof"))) if kind == "action" else None,
    )


def _proof(body: Mapping[str, Any]) -> Proof | None:
    if not body:
        return None
    fields = body.get("fields")
    named = tuple(map(str, fields)) if isinstance(fields, list) else ()
    result, difference, message = (str(body.get(name) or "") for name in ("result", "difference", "message"))
    return Proof(result, difference, named, message)


def _phase(value: object) -> Phase:
    return next((phase for phase in Phase if phase == value), Phase.UNKNOWN)


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Object]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def age(seconds: float) -> str:
    """Return a time that has passed, for people: `12s`, `3m12s`, `1h02m`, `2d3h`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def between(start: datetime | None, end: datetime | None) -> str:
    """Return how long something took; empty where it has not begun."""
    return age((end - start).total_seconds()) if start and end else ""
