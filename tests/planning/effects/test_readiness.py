"""waitReady: what an object's own state says, kind by kind; no state whatever breaks the judgement."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.effects.readiness import READY, Readiness, ReadinessState, readiness

Object = dict[str, Any]
UID = "0b0fb1f0-4f43-4c1c-9d3b-6d4c7c1c9a11"


def of(api_version: str, kind: str, status: Object, spec: Object | None = None, **metadata: Any) -> Object:
    named = {"name": "shop", "namespace": "default", "generation": 2, **metadata}
    return {"apiVersion": api_version, "kind": kind, "metadata": named, "spec": spec or {}, "status": status}


def deployment(spec: Object, *conditions: Object, **status: int) -> Object:
    return of("apps/v1", "Deployment", {"observedGeneration": 2, "conditions": list(conditions), **status}, spec)


def stateful_set(spec: Object, **status: Any) -> Object:
    return of("apps/v1", "StatefulSet", {"observedGeneration": 2, **status}, spec)


def daemon_set(spec: Object, **status: int) -> Object:
    return of("apps/v1", "DaemonSet", {"observedGeneration": 2, **status}, spec)


def job(*conditions: Object, **status: int) -> Object:
    return of("batch/v1", "Job", {"conditions": list(conditions), **status}, {"completions": 4})


def pod(phase: str, *conditions: Object, **status: str) -> Object:
    return of("v1", "Pod", {"phase": phase, "conditions": list(conditions), **status})


def widget(*conditions: Object, **status: Any) -> Object:
    return of("example.com/v1", "Widget", {"conditions": list(conditions), **status})


def definition(*conditions: Object) -> Object:
    return of("apiextensions.k8s.io/v1", "CustomResourceDefinition", {"conditions": list(conditions)})


def chart(**status: str) -> Object:
    return of("apps.clusternet.io/v1alpha1", "HelmChart", dict(status))


def override(kind: str, labels: dict[str, str]) -> Object:
    feed = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop", "namespace": "default"}
    return of("apps.clusternet.io/v1alpha1", kind, {}, {"feed": feed}, labels=labels)


def condition(name: str, status: str = "True", **more: Any) -> Object:
    return {"type": name, "status": status, **more}


THREE = {"replicas": 3}
DONE = {"currentRevision": "shop-1", "updateRevision": "shop-1"}
ROLLING = {"currentRevision": "shop-1", "updateRevision": "shop-2"}
PARTED = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}
ON_DELETE = {"updateStrategy": {"type": "OnDelete"}}

ARE_READY = [
    deployment(THREE, replicas=3, updatedReplicas=3, availableReplicas=3),
    deployment(THREE, replicas=5, updatedReplicas=5, availableReplicas=4),
    deployment({}, replicas=1, updatedReplicas=1, availableReplicas=1),
    deployment({"replicas": 0}),
    stateful_set(THREE, replicas=3, readyReplicas=3, **DONE),
    stateful_set(THREE, replicas=3, readyReplicas=3),
    stateful_set(THREE | PARTED, replicas=3, readyReplicas=3, updatedReplicas=1, **ROLLING),
    stateful_set(THREE | ON_DELETE, replicas=3, readyReplicas=3, **ROLLING),
    daemon_set({}, desiredNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=2),
    daemon_set({}, desiredNumberScheduled=0),
    daemon_set(ON_DELETE, desiredNumberScheduled=2, updatedNumberScheduled=0, numberAvailable=2),
    job(condition("Complete")),
    pod("Running", condition("Ready")),
    pod("Succeeded", condition("Ready", "False", reason="PodCompleted")),
    widget(),
    widget(condition("Ready")),
    widget(condition("Available"), condition("Synced", "False")),
    widget(condition("Ready", observedGeneration=2), observedGeneration=2),
    of("v1", "ConfigMap", {}),
    definition(condition("Established"), condition("NamesAccepted")),
    chart(phase="Found"),
    override("Localization", {UID: "Deployment"}),
    override("Globalization", {UID: "Deployment", "team": "shop"}),
]

NOT_YET = [
    (deployment(THREE, updatedReplicas=1, replicas=4), "1 of 3 replicas updated"),
    (deployment(THREE, updatedReplicas=3, replicas=4, availableReplicas=3), "1 replica of before still to go"),
    (deployment(THREE, updatedReplicas=3, replicas=3, availableReplicas=2), "2 of 3 replicas available"),
    (deployment({}), "0 of 1 replica updated"),
    (deployment(THREE, observedGeneration=1), "its controller has not seen its latest change"),
    (of("apps/v1", "Deployment", {}, {"replicas": 0}), "its controller has not seen its latest change"),
    (stateful_set(THREE, readyReplicas=2, replicas=3), "2 of 3 replicas ready"),
    (stateful_set(THREE, readyReplicas=3, replicas=5), "2 replicas of before still to go"),
    (stateful_set(THREE, readyReplicas=3, replicas=3, **ROLLING), "its update has not reached every replica"),
    (
        stateful_set(THREE | PARTED, readyReplicas=3, replicas=3, updatedReplicas=0, **ROLLING),
        "its update has not reached every replica",
    ),
    (of("apps/v1", "StatefulSet", {}), "its controller has not seen its latest change"),
    (daemon_set({}), "on how many nodes it runs is not known yet"),
    (of("apps/v1", "DaemonSet", {"desiredNumberScheduled": 0}), "its controller has not seen its latest change"),
    (daemon_set({}, desiredNumberScheduled=2, updatedNumberScheduled=1), "1 of 2 replicas updated"),
    (
        daemon_set({}, desiredNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=1),
        "1 of 2 replicas available",
    ),
    (job(succeeded=1), "1 of 4 completions"),
    (job(condition("Complete", "False"), condition("Suspended")), "it is suspended"),
    (pod("Pending"), "its phase is Pending"),
    (pod("Running", condition("Ready", "False")), "its phase is Running"),
    (
        widget(condition("Ready", "False", reason="NoNodes", message="no node fits")),
        "condition Ready is False: NoNodes: no node fits",
    ),
    (widget(condition("Ready"), condition("Available", "Unknown")), "condition Available is Unknown"),
    (widget(condition("Ready", observedGeneration=1)), "its controller has not seen its latest change"),
    (widget(condition("Ready"), observedGeneration=1), "its controller has not seen its latest change"),
    (definition(), "condition Established is not set"),
    (chart(), "Clusternet has not looked for the chart yet"),
    (chart(phase="NotFound", reason="no such version"), "Clusternet did not find the chart: no such version"),
    (override("Localization", {}), "Clusternet has not bound it to its feed yet"),
    (override("Localization", {UID: "Subscription"}), "Clusternet has not bound it to its feed yet"),
    (override("Localization", {"team": "Deployment"}), "Clusternet has not bound it to its feed yet"),
]

NEVER = [
    (
        deployment(THREE, condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="too slow")),
        "it failed: ProgressDeadlineExceeded: too slow",
    ),
    (job(condition("Failed", reason="BackoffLimitExceeded")), "it failed: BackoffLimitExceeded"),
    (pod("Failed", reason="Evicted", message="disk pressure"), "it failed: Evicted: disk pressure"),
    (
        widget(condition("Stalled", message="bad spec"), condition("Ready", "False")),
        "its controller has stalled: bad spec",
    ),
    (of("v1", "ConfigMap", {}, deletionTimestamp="2026-02-03T10:10:00Z"), "it is being deleted"),
]


@pytest.mark.parametrize("found", ARE_READY)
def test_what_is_ready(found: Object) -> None:
    assert readiness(found) == READY


@pytest.mark.parametrize(("found", "reason"), NOT_YET)
def test_what_may_become_ready(found: Object, reason: str) -> None:
    assert readiness(found) == Readiness(ReadinessState.NOT_YET, reason)


@pytest.mark.parametrize(("found", "reason"), NEVER)
def test_what_will_not_become_ready(found: Object, reason: str) -> None:
    assert readiness(found) == Readiness(ReadinessState.NEVER, reason)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = sorted({(each["apiVersion"], each["kind"]) for each in ARE_READY})
FIELDS = st.dictionaries(
    st.sampled_from(
        ["conditions", "replicas", "phase", "observedGeneration", "updateStrategy", "desiredNumberScheduled", "feed"]
    ),
    ANYTHING,
)


@given(
    kind=st.sampled_from(KINDS),
    metadata=st.dictionaries(st.sampled_from(["labels", "generation", "deletionTimestamp"]), ANYTHING) | ANYTHING,
    spec=FIELDS | ANYTHING,
    status=FIELDS | ANYTHING,
)
def test_no_state_whatever_breaks_the_judgement(
    kind: tuple[str, str], metadata: object, spec: object, status: object
) -> None:
    found = {"apiVersion": kind[0], "kind": kind[1], "metadata": metadata, "spec": spec, "status": status}
    assert readiness(found).state in ReadinessState


COUNTS = st.integers(min_value=0, max_value=4)


@given(wanted=COUNTS, replicas=COUNTS, updated=COUNTS, available=COUNTS)
def test_a_deployment_is_ready_when_all_that_is_wanted_is_new_and_available(
    wanted: int, replicas: int, updated: int, available: int
) -> None:
    found = deployment({"replicas": wanted}, replicas=replicas, updatedReplicas=updated, availableReplicas=available)
    ready = updated >= wanted and replicas <= updated and available >= wanted
    assert (readiness(found) == READY) is ready
