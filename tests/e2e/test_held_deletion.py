"""A finalizer holds a Revert up: what still stands is named, and the next Revert goes on once it is gone."""

import httpx

from api.metrics import (
    ACTIONS,
    ATTEMPTS,
    ATTEMPTS_LOST,
    EXECUTIONS,
    EXECUTIONS_OPEN,
    LEADER,
    LEFT_STANDING,
    METRICS,
    PLAN_CONDITION,
    PLAN_LAST_END,
    POLLERS,
    READINESS_CHANGES,
    STATUS_LAG,
    MetricKind,
)
from dev.monitoring import queries
from tests.deploy.test_monitoring import selectors
from tests.e2e.installation import Guarded, Installation
from tests.e2e.scraped_metrics import SDK_LABELS, Scrape, scrape
from tests.e2e.story import Story, condition, told
from tests.eventually import until

BY_OTHER_EVENTS = {ATTEMPTS_LOST.name, READINESS_CHANGES.name}
"""Metrics that have no series where no worker died, and no rehearsal found something else."""


def failed_after_success(scraped: Scrape, namespace: str) -> bool:
    """Tell whether the alert DrplanRevertFailed fires for the plan: the comparison of its expression."""
    of_plan = {"plan_namespace": namespace, "plan": "shop"}
    failed = scraped.largest(PLAN_LAST_END.name, operation="Revert", phase="Failed", **of_plan)
    return failed > scraped.largest(PLAN_LAST_END.name, phase="Succeeded", **of_plan)


def is_ready(process: Guarded) -> bool:
    """Tell whether a process that must be alive is ready."""
    assert httpx.get(f"http://{process.health}/healthz", timeout=60).status_code == 200
    return httpx.get(f"http://{process.health}/readyz", timeout=60).status_code == 200


def test_the_revert_after_the_one_that_a_finalizer_held_up_goes_on(story: Story, installation: Installation) -> None:
    held = story.makes("held", held=True, timeout="6s", retryPolicy={"limit": 0})
    story.plan("shop", {"flow": [story.makes("first"), held]})
    story.executed("move", "shop")

    story.revert("back", "shop", "move")
    failed = story.failed("back")
    left = f"ConfigMap {story.namespace}/held, ConfigMap {story.namespace}/first"
    clean = condition(failed, "Clean")
    assert (clean["status"], clean["reason"]) == ("False", "RollbackIncomplete")
    assert clean["message"] == f"The rollback stopped early: 2 objects left standing: {left}"
    assert failed["progress"] == {"stages": "0/1", "actions": "0/2"}
    assert failed["nextSteps"][0]["command"] == f"drplan revert move --namespace {story.namespace}"
    assert "finalizer" in failed["nextSteps"][0]["why"]

    processes = (installation.worker, installation.bridge)

    def scraped() -> Scrape:
        return scrape(*(process.metrics for process in processes))

    until(lambda: failed_after_success(scraped(), story.namespace), "the alert fires")
    until(lambda: scraped().largest(EXECUTIONS_OPEN.name) >= 0 and scraped().largest(POLLERS.name) > 0, "a sample")
    found = scraped()
    assert found.largest(EXECUTIONS.name, operation="Execute", phase="Succeeded") >= 1
    assert found.largest(EXECUTIONS.name, operation="Revert", phase="Failed") >= 1
    assert found.largest(ACTIONS.name, operation="Revert", phase="Failed", type="KubernetesResource") >= 1
    assert found.largest(ATTEMPTS.name, activity="rollback_action", result="DeletionTimedOut") >= 1
    assert found.largest(LEFT_STANDING.name) >= 2
    condition_of = {"plan_namespace": story.namespace, "condition": "Clean"}
    assert found.largest(PLAN_CONDITION.name, status="False", **condition_of) == 1
    assert found.largest(f"{STATUS_LAG.name}_count") >= 1
    assert found.largest(LEADER.name) == 1
    for metric in METRICS:
        suffix = "_count" if metric.kind is MetricKind.HISTOGRAM else ""
        series = found.matching(metric.name + suffix)
        assert series or metric.name in BY_OTHER_EVENTS, metric.name
        extra = {label for one in series for label in one.labels} ^ (set(metric.labels) if series else set())
        assert extra <= SDK_LABELS, metric.name
    for title, query in queries():
        for name, labels in selectors(query):
            assert found.matching(name, **labels) or name in BY_OTHER_EVENTS, f"{title} shows nothing: {name} {labels}"
    until(lambda: all(is_ready(process) for process in processes), "both are ready")

    story.let_go("held")
    until(lambda: not story.exists("configmap", "held"), "the end of the object")
    story.revert("again", "shop", "move")
    status = story.succeeded("again")
    assert told(status) == [
        ("make-held", "Skipped", "Already rolled back by back: its deletion was asked for, and it is gone"),
        ("make-first", "Succeeded", "Rolled back: deleted ConfigMap first"),
    ]
    assert condition(status, "Clean")["status"] == "True"
    plan = until(lambda: settled(story.kubectl.get("drplan", "shop")), "the plan's end")
    assert (condition(plan, "Executed")["reason"], condition(plan, "Clean")["status"]) == ("TakenBack", "True")
    until(lambda: not failed_after_success(scraped(), story.namespace), "the alert ends")
    assert scraped().largest(PLAN_CONDITION.name, status="False", **condition_of) == 0


def settled(plan: dict[str, dict[str, object]]) -> dict[str, object] | None:
    return None if plan["status"].get("currentExecution") else plan["status"]
