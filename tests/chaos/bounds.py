"""How long it takes until work goes on after a fault, and until a crowd of executions has its first statuses.

Each bound is measured from outside: from a signal or a creation to what a watcher of the API server sees.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.admin import Admin
from tests.chaos import oracle
from tests.chaos.campaign import Campaign
from tests.chaos.plans import CAMPAIGN
from tests.chaos.processes import Name, OwnProcess
from tests.chaos.watching import Watcher
from tests.eventually import until
from tests.kubectl import Object
from tests.manifests import config_map, dr_plan, dr_workflow, execute, stage, writes
from tests.private_stack import empty_namespace, new_namespace

EFFECT = "next effect after the worker was killed"
LONE_BRIDGE = "next status after a lone bridge was killed"
TAKEOVER = "next status after the leading bridge of two was killed"
AT_ONCE = "first status, 40 executions created at once"
QUEUED = "first status, 200 executions queued for one plan"

HEARTBEAT_TIMEOUT = 10.0
"""Seconds after which Temporal takes an attempt for lost. Source: docs/architecture.md, "Temporal"."""
BOUNDS = {EFFECT: HEARTBEAT_TIMEOUT + 3, LONE_BRIDGE: 5.0, TAKEOVER: 15.0, AT_ONCE: 2.0, QUEUED: 2.0}
"""Seconds that are allowed."""
_LONG = 400
"""Actions of a plan that is still running when a process is killed."""
_MOMENT = 0.2
"""Seconds after a kill within which a watcher may still see what was done before it."""


def measure(campaign: Campaign) -> Iterator[tuple[str, float]]:
    """Measure each bound once, in seconds; of a crowd the 99th of a hundred executions counts."""
    system = campaign.system
    system.set_bridges(1)
    yield EFFECT, _after_a_kill(campaign, Name.WORKER, "configmaps")
    yield LONE_BRIDGE, _after_a_kill(campaign, Name.BRIDGE, "drplanexecutions")
    yield AT_ONCE, _crowd(campaign, 40, plans=40)
    system.set_bridges(2)
    yield TAKEOVER, _after_a_kill(campaign, None, "drplanexecutions")
    system.set_bridges(1)
    yield QUEUED, _crowd(campaign, 200, plans=1)


def _after_a_kill(campaign: Campaign, name: Name | None, kind: str) -> float:
    """Return the seconds from a kill to the next event; without a name the leading bridge is killed, and stays so."""
    admin, watcher, namespace = campaign.admin, campaign.watcher, new_namespace(campaign.system.stack)
    _create_plan(admin, namespace, "plan", _LONG)
    admin.create(execute("run", "plan"), namespace)
    until(lambda: len(watcher.came_and_went(namespace)) > 20, "it runs")
    process = campaign.system.own[name] if name else _leading(campaign)
    process.program.real = True  # a fork of a loaded process would be there sooner than one of an installation
    process.send(signal.SIGKILL)
    killed = time.monotonic()
    process.wait_for_end()
    if name:
        process.start()
    seconds = until(lambda: _next(watcher, namespace, kind, killed + _MOMENT), f"{kind} after the kill", 120) - killed
    process.start()
    process.program.real = False
    until(lambda: watcher.has_ended(namespace, "run"), "the end", 600)
    until(lambda: oracle.is_released(admin, namespace, "run"), "released", 60)
    empty_namespace(campaign.system.stack, namespace)
    return seconds


def _next(watcher: Watcher, namespace: str, kind: str, since: float) -> float | None:
    return next((each.at for each in list(watcher.events[namespace]) if each.kind == kind and each.at >= since), None)


def _leading(campaign: Campaign) -> OwnProcess:
    lease = campaign.admin.get("leases", "drplan-bridge", "drplan-system") or {"spec": {}}
    holder = lease["spec"].get("holderIdentity")
    bridges = [each for each in campaign.system.own.values() if each.name is not Name.WORKER]
    return next(each for each in bridges if each.program.env.get("DRPLAN_IDENTITY") == holder)


def _crowd(campaign: Campaign, executions: int, plans: int) -> float:
    """Return how long the 99th of a hundred executions waits for its first status."""
    admin, watcher, namespace = campaign.admin, campaign.watcher, new_namespace(campaign.system.stack)
    for number in range(plans):
        _create_plan(admin, namespace, f"plan-{number}", 1)
    until(lambda: all(_is_valid(each) for each in admin.list("drplans", namespace)), "plans are validated")
    names = [f"run-{number:03}" for number in range(executions)]

    def create(name: str) -> None:
        admin.create(execute(name, f"plan-{int(name[4:]) % plans}"), namespace)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(create, names))
    waits = until(_all_of(watcher, namespace, names), "all have a status", 600)
    until(lambda: all(watcher.has_ended(namespace, each) for each in names), "all have ended", 900)
    empty_namespace(campaign.system.stack, namespace)
    return waits[max(0, round(len(waits) * 0.99) - 1)]


def _all_of(watcher: Watcher, namespace: str, names: list[str]) -> Callable[[], list[float] | None]:
    def waits() -> list[float] | None:
        seen = oracle.first_statuses(watcher, namespace)
        return sorted(seen.values()) if len(seen) == len(names) else None

    return waits


def _is_valid(plan: Object) -> bool:
    conditions = plan.get("status", {}).get("conditions", [])
    return any(each["type"] == "Valid" and each["status"] == "True" for each in conditions)


def _create_plan(admin: Admin, namespace: str, name: str, actions: int) -> None:
    bodies = [json.dumps(config_map(f"{name}-{n}", namespace=namespace, labels=dict(CAMPAIGN))) for n in range(actions)]
    flow = dr_workflow(name, *[writes(f"create-{n}", body, "Apply") for n, body in enumerate(bodies)])
    admin.create(flow, namespace)
    admin.create(dr_plan(name, stage("only", namespace, name)), namespace)
