"""Compares what became of a plan under faults with what became of it without, and with what may never happen."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from api.meta import FINALIZER
from tests.admin import Admin
from tests.audit_log import AuditLog
from tests.chaos.plans import EXECUTE, PLAN, REVERT
from tests.chaos.watching import Watcher
from tests.e2e.steps_back import flat, steps_back
from tests.e2e.temporal_runs import Runs
from tests.eventually import until
from tests.kubectl import Object

_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_KINDS = ("configmaps", "localizations", "jobs")
_BYSTANDERS = ("theirs", "bystander")
"""Objects that no plan may touch."""


@dataclass(frozen=True)
class Outcome:
    """What became of one half of a round (the Execute or the Revert) in one namespace, without what may differ."""

    nodes: list[tuple[str, str, str, str]]
    """Place, phase, reason and message of every node, the plan's first."""
    summary: Object
    plan: tuple[str, list[tuple[str, str, str]]]
    """The plan's phase, and its history."""
    objects: dict[str, object]
    """By kind and name: what people see in them."""
    changes: dict[str, int]
    """How often each object was created and deleted."""


def read_outcome(admin: Admin, watcher: Watcher, namespace: str, half: str, since: float) -> Outcome:
    """Read what became of an execution that has ended."""
    execution = admin.get("drplanexecutions", half, namespace) or {}
    status = execution.get("status", {})
    plan = (admin.get("drplans", PLAN, namespace) or {}).get("status", {})
    history = plan.get("executionHistory", [])
    return Outcome(
        nodes=[
            (place, each.get("phase", ""), each.get("reason", ""), _without_names(each.get("message", ""), namespace))
            for place, each in flat(status)
        ],
        summary=status.get("summary", {}),
        plan=(plan.get("phase", ""), [(each["name"], each["operationType"], each["phase"]) for each in history]),
        objects={
            f"{kind} {each['metadata']['name']}": each.get("data") or bool(each.get("spec"))
            for kind in _KINDS
            for each in admin.list(kind, namespace)
            if each["metadata"]["name"] != "kube-root-ca.crt"
        },
        changes=dict(watcher.came_and_went(namespace, since)),
    )


def _without_names(message: str, namespace: str) -> str:
    return _UID.sub("<uid>", message.replace(namespace, "<namespace>"))


def differences(undisturbed: Outcome, disturbed: Outcome) -> Iterator[str]:
    """Name everything in which two outcomes differ."""
    wanted, got = asdict(undisturbed), asdict(disturbed)
    for name in wanted:
        if isinstance(wanted[name], list):
            wanted[name], got[name] = ({each[0]: each[1:] for each in one[name]} for one in (wanted, got))
        if isinstance(wanted[name], dict):
            for key in sorted({*wanted[name], *got[name]}):
                one, other = wanted[name].get(key), got[name].get(key)
                if one != other:
                    yield f"{name}: {key or 'plan'}: {_short(other)} instead of {_short(one)}"
        elif wanted[name] != got[name]:
            yield f"{name}: {_short(got[name])} instead of {_short(wanted[name])}"


def _short(value: object) -> str:
    return json.dumps(value, default=str)[:600]


def is_released(admin: Admin, namespace: str, half: str) -> bool:
    """Tell whether an execution that has ended is let go of: no finalizer on it, no lock on its plan."""
    meta = (admin.get("drplanexecutions", half, namespace) or {"metadata": {}})["metadata"]
    status = (admin.get("drplans", PLAN, namespace) or {}).get("status", {})
    return FINALIZER not in meta.get("finalizers", []) and not status.get("currentExecution")


def violations(watcher: Watcher, audit: AuditLog, runs: Runs, namespace: str) -> Iterator[str]:
    """Name everything that may never happen and did, in a namespace whose plan was executed and reverted."""
    for half in (EXECUTE, REVERT):
        yield from (f"{half} went backwards: {each}" for each in steps_back(watcher.statuses(namespace, half)))
    yield from writes_too_many(audit, namespace)
    until(lambda: len(runs.of_namespace(namespace)) > 1, "Temporal lists both runs", 60)
    ids = [each.id for each in runs.of_namespace(namespace)]
    if len(ids) != 2:
        yield f"{len(ids)} runs instead of 2: {sorted(ids)}"


def writes_too_many(audit: AuditLog, namespace: str) -> Iterator[str]:
    """Name what was created or deleted more than once under one uid, and what was written to a bystander."""
    counts = {"create": audit.creations(namespace), "delete": audit.deletions(namespace)}
    for verb, by_uid in counts.items():
        yield from (f"{number} {verb}s of the object with uid {uid}" for uid, number in by_uid.items() if number > 1)
    actor = f"system:serviceaccount:{namespace}:default"
    for each in audit.writes(namespace):
        if each.user == actor and each.name in _BYSTANDERS:
            yield f"{each.verb} of {each.resource} {each.name}, which is somebody else's"


def first_statuses(watcher: Watcher, namespace: str) -> dict[str, float]:
    """Return for each execution of a namespace the seconds from its creation to its first status."""
    created: dict[str, float] = {}
    waits: dict[str, float] = {}
    for each in list(watcher.events[namespace]):
        if each.kind == "drplanexecutions":
            created.setdefault(each.name, each.at)
            if each.object.get("status", {}).get("phase"):
                waits.setdefault(each.name, each.at - created[each.name])
    return waits
