"""waitReady: what an object's own state says, kind by kind; no state whatever breaks the judgement."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.effects.readiness import READY, Readiness, ReadinessState, StatusWait, readiness

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


def replica_set(spec: Object, *conditions: Object, **status: int) -> Object:
    return of("apps/v1", "ReplicaSet", {"observedGeneration": 2, "conditions": list(conditions), **status}, spec)


def claim(phase: str) -> Object:
    return of("v1", "PersistentVolumeClaim", {"phase": phase} if phase else {})


def service(kind: str, *addresses: Object, **spec: Any) -> Object:
    return of("v1", "Service", {"loadBalancer": {"ingress": list(addresses)}}, {"type": kind, **spec})


def api_service(*conditions: Object) -> Object:
    return of("apiregistration.k8s.io/v1", "APIService", {"conditions": list(conditions)})


def ours(kind: str, phase: str, message: str = "", *conditions: Object, **status: Any) -> Object:
    written = {"phase": phase, "message": message, "observedGeneration": 2, "conditions": list(conditions), **status}
    return of("dr.bkbcs.tencent.com/v1alpha1", kind, written)


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
PAUSED = {"paused": True}
QUOTA = condition("ReplicaFailure", reason="FailedCreate", message="exceeded quota: q")

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
    widget(condition("Ready")),
    widget(condition("Available"), condition("Synced", "False")),
    widget(condition("Ready", observedGeneration=2), observedGeneration=2),
    of("v1", "ConfigMap", {}),
    of("rbac.authorization.k8s.io/v1", "Role", {}),
    of("networking.k8s.io/v1", "Ingress", {"loadBalancer": {}}),
    of("policy/v1", "PodDisruptionBudget", {"observedGeneration": 2}),
    of("batch/v1", "CronJob", {}),
    widget(observedGeneration=2),
    widget(observedGeneration="2"),
    widget(condition("Ready"), observedGeneration="7d9f8c"),
    widget(condition("Ready"), observedGeneration="9" * 5000),
    widget(condition("Ready"), condition("Reconciling", "False"), condition("Stalled", "False")),
    deployment(THREE | PAUSED, replicas=3, updatedReplicas=3, availableReplicas=3),
    deployment(THREE, condition("Available"), replicas=3, updatedReplicas=3, availableReplicas=3),
    replica_set(THREE, replicas=3, readyReplicas=3, availableReplicas=3),
    replica_set({"replicas": 0}),
    of("v1", "ReplicationController", {"observedGeneration": 2, "replicas": 1, "availableReplicas": 1}),
    claim("Bound"),
    service("ClusterIP"),
    service("ExternalName"),
    service("LoadBalancer", {"ip": "192.0.2.1"}),
    service("LoadBalancer", {"hostname": "lb.example.com"}),
    service("LoadBalancer", externalIPs=["192.0.2.1"]),
    api_service(condition("Available")),
    ours("DRPlanExecution", "Succeeded"),
    ours("DRPlan", "Ready"),
    ours("DRPlan", "Executed"),
    ours("DRWorkflow", "Ready"),
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
    (widget(condition("Ready", observedGeneration="1")), "its controller has not seen its latest change"),
    (widget(condition("Ready"), observedGeneration="1"), "its controller has not seen its latest change"),
    (widget(condition("Ready"), observedGeneration=-1), "its controller has not seen its latest change"),
    (
        widget(condition("Reconciling", reason="Progressing", message="new revision"), condition("Ready")),
        "condition Reconciling is True: Progressing: new revision",
    ),
    (deployment(THREE | PAUSED, replicas=3, updatedReplicas=1), "1 of 3 replicas updated; it is paused"),
    (deployment({}, QUOTA), "0 of 1 replica updated; FailedCreate: exceeded quota: q"),
    (
        deployment(THREE, condition("Available", "False"), replicas=3, updatedReplicas=3, availableReplicas=3),
        "condition Available is False",
    ),
    (replica_set(THREE, replicas=3, availableReplicas=1), "1 of 3 replicas available"),
    (replica_set(THREE, replicas=4, availableReplicas=4), "1 replica of before still to go"),
    (replica_set({}, QUOTA), "0 of 1 replica available; FailedCreate: exceeded quota: q"),
    (of("apps/v1", "ReplicaSet", {}), "its controller has not seen its latest change"),
    (claim("Pending"), "its phase is Pending"),
    (claim(""), "its phase is not known"),
    (service("LoadBalancer"), "its load balancer has no address yet"),
    (of("v1", "Service", {}, {"type": "LoadBalancer"}), "its load balancer has no address yet"),
    (
        api_service(condition("Available", "False", reason="MissingEndpoints", message="none")),
        "condition Available is False: MissingEndpoints: none",
    ),
    (api_service(), "condition Available is not set"),
    (ours("DRPlanExecution", ""), "its phase is not known"),
    (ours("DRPlanExecution", "Running", "2 of 5 stages"), "its phase is Running: 2 of 5 stages"),
    (ours("DRPlan", "Invalid", "", condition("Valid", "False", message="no stage")), "its phase is Invalid: no stage"),
    (ours("DRWorkflow", "Ready", observedGeneration=1), "its controller has not seen its latest change"),
    (ours("DRPlan", "Ready", observedGeneration=None), "its controller has not seen its latest change"),
    (definition(), "condition Established is not set"),
    (
        definition(condition("Established", "False", reason="Installing", message="soon")),
        "condition Established is False: Installing: soon",
    ),
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
    (
        deployment({}, QUOTA, condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="too slow")),
        "it failed: ProgressDeadlineExceeded: too slow; FailedCreate: exceeded quota: q",
    ),
    (claim("Lost"), "it lost the volume that it was bound to"),
    (ours("DRPlanExecution", "Failed", "Failed to execute stage s"), "it failed: Failed to execute stage s"),
    (ours("DRPlanExecution", "Canceled", "Execution canceled"), "it was cancelled: Execution canceled"),
    (
        definition(condition("NamesAccepted", "False", reason="PluralConflict", message="taken")),
        "condition NamesAccepted is False: PluralConflict: taken",
    ),
    (
        definition(condition("Established", "False", reason="NotAccepted", message="names")),
        "condition Established is False: NotAccepted: names",
    ),
    (of("v1", "ConfigMap", {}, deletionTimestamp="2026-02-03T10:10:00Z"), "it is being deleted"),
]


UNREPORTED = [
    widget(),
    of("example.com/v1", "Widget", {}),
    of("gateway.networking.k8s.io/v1", "Gateway", {"conditions": [condition("Accepted", "Unknown", reason="Pending")]}),
    of("example.com/v1", "Widget", {"phase": "", "parts": []}),
]

NOT_KNOWN = [
    *((each, "its kind has no status") for each in UNREPORTED),
    (widget(phase="Pending"), "its status has no condition Ready, and its phase is Pending"),
    (widget(condition("Synced", "False")), "its status has no condition Ready"),
    (widget(condition("Accepted", "Unknown"), replicas=0), "its status has no condition Ready"),
]


@pytest.mark.parametrize(("found", "reason"), NOT_KNOWN)
def test_what_cannot_be_known_is_not_called_ready(found: Object, reason: str) -> None:
    assert readiness(found) == Readiness(ReadinessState.NOT_KNOWN, reason)


WAIT = StatusWait(30, over=False)
WAITED = StatusWait(30, over=True)


@pytest.mark.parametrize("found", UNREPORTED)
def test_a_custom_resource_without_a_status_is_not_ready_while_one_is_expected(found: Object) -> None:
    assert readiness(found, WAIT) == Readiness(ReadinessState.NOT_YET, "no controller has written its status yet")
    late = "no controller has written its status within 30 s"
    assert readiness(found, WAITED) == Readiness(ReadinessState.NOT_KNOWN, late)


def written(*writes: tuple[str, str, str], generation: int = 2, **status: Any) -> Object:
    """Give an object whose fields were last written like that: subresource, field, time."""
    fields = [
        {"subresource": part, "fieldsV1": {field: {}}, "time": f"2026-02-03T{time}Z"} for part, field, time in writes
    ]
    return of("example.com/v1", "Widget", status, managedFields=fields, generation=generation)


READY_SAID = [condition("Ready")]
CHANGED = ("", "f:spec", "10:01:00")
REPORTED = ("status", "f:status", "10:00:00")


def test_a_status_from_before_the_latest_change_that_names_no_generation_is_not_believed_at_once() -> None:
    found = written(CHANGED, REPORTED, conditions=READY_SAID)
    assert readiness(found, WAIT) == Readiness(ReadinessState.NOT_YET, "its controller has not seen its latest change")
    late = "its status is older than its latest change, and does not say which one it is about"
    assert readiness(found, WAITED) == Readiness(ReadinessState.NOT_KNOWN, late)


@pytest.mark.parametrize(
    "found",
    [
        written(CHANGED, ("status", "f:status", "10:01:00"), conditions=READY_SAID),
        written(CHANGED, REPORTED, generation=1, conditions=READY_SAID),
        written(CHANGED, REPORTED, observedGeneration="2", conditions=READY_SAID),
        written(CHANGED, REPORTED, conditions=[condition("Ready", observedGeneration=2)]),
        written(("", "f:metadata", "10:01:00"), REPORTED, conditions=READY_SAID),
        written(REPORTED, conditions=READY_SAID),
    ],
)
def test_a_status_that_is_about_the_latest_change_is_believed(found: Object) -> None:
    assert readiness(found, WAIT) == READY


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
        [
            "conditions",
            "replicas",
            "phase",
            "observedGeneration",
            "updateStrategy",
            "desiredNumberScheduled",
            "feed",
            "type",
            "externalIPs",
            "loadBalancer",
            "containerStatuses",
        ]
    ),
    ANYTHING,
)


METADATA = st.dictionaries(
    st.sampled_from(["labels", "generation", "deletionTimestamp", "managedFields"]), ANYTHING
) | st.fixed_dictionaries(
    {
        "generation": st.just(2),
        "managedFields": st.lists(
            st.dictionaries(st.sampled_from(["subresource", "time", "fieldsV1"]), ANYTHING | st.just("status"))
        ),
    }
)


@given(
    kind=st.sampled_from(KINDS),
    metadata=st.dictionaries(st.sampled_from(["labels", "generation", "deletionTimestamp", "managedFields"]), ANYTHING)
    | ANYTHING,
    spec=FIELDS | ANYTHING,
    status=FIELDS | ANYTHING,
)
def test_no_state_whatever_breaks_the_judgement(
    kind: tuple[str, str], metadata: object, spec: object, status: object
) -> None:
    found = {"apiVersion": kind[0], "kind": kind[1], "metadata": metadata, "spec": spec, "status": status}
    assert readiness(found).state in ReadinessState
    assert readiness(found, StatusWait(30, over=False)).state in ReadinessState


COUNTS = st.integers(min_value=0, max_value=4)


@given(wanted=COUNTS, replicas=COUNTS, updated=COUNTS, available=COUNTS)
def test_a_deployment_is_ready_when_all_that_is_wanted_is_new_and_available(
    wanted: int, replicas: int, updated: int, available: int
) -> None:
    found = deployment({"replicas": wanted}, replicas=replicas, updatedReplicas=updated, availableReplicas=available)
    ready = updated >= wanted and replicas <= updated and available >= wanted
    assert (readiness(found) == READY) is ready
