"""waitReady of a Subscription: bindings, Descriptions and reported states, cluster by cluster."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.reasons import Reason
from planning.effects.readiness import READY, Readiness, ReadinessState
from planning.effects.subscription import distribution

Object = dict[str, Any]

EAST, WEST = "clusternet-a/east", "clusternet-b/west"
SHOP = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "default", "name": "shop"}
SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "default", "name": "settings"}
SEED = {"apiVersion": "batch/v1", "kind": "Job", "namespace": "default", "name": "seed"}
CHART = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "HelmChart", "namespace": "default", "name": "shop"}
WRAPPED = {"apiVersion": "apps.clusternet.io/v1alpha1", "kind": "Manifest", "namespace": "default", "name": "seed"}


def subscription(*feeds: Object, bound: Any = (EAST,), **status: Any) -> Object:
    return {
        "apiVersion": "apps.clusternet.io/v1alpha1",
        "kind": "Subscription",
        "metadata": {"name": "shop", "namespace": "default", "uid": "u"},
        "spec": {"feeds": list(feeds)},
        "status": {"bindingClusters": list(bound), **status},
    }


def whole(feed: Object, **spec: Any) -> Object:
    """Give the object of a feed as it goes to the cluster."""
    metadata = {"name": feed["name"], "namespace": feed["namespace"], "generation": 7}
    return {"apiVersion": feed["apiVersion"], "kind": feed["kind"], "metadata": metadata, "spec": spec}


def raw(made: Object) -> str:
    return base64.b64encode(json.dumps(made).encode()).decode()


def description(phase: str = "Success", *sent: Object, reason: str = "", states: Any = ()) -> Object:
    return {
        "metadata": {"name": "shop-x-generic"},
        "spec": {"deployer": "Generic", "raw": [raw(made) for made in sent]},
        "status": {"phase": phase, "reason": reason, "manifestStatuses": list(states)},
    }


def helm(phase: str, reason: str = "") -> Object:
    return {
        "metadata": {"name": "shop-x-helm"},
        "spec": {"deployer": "Helm", "raw": ["IA=="]},
        "status": {"phase": phase, "reason": reason},
    }


def observed(feed: Object, **status: Any) -> Object:
    return {**feed, "observedStatus": status}


def counts(feed: Object, numbers: dict[str, int], cluster: str = "east", *, available: bool = True) -> Object:
    detail = {"clusterName": cluster, "available": available, "replicaStatus": numbers}
    return {**feed, "feedStatusDetails": [detail]}


UP = {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
THREE = whole(SHOP, replicas=3)

HAS_ARRIVED = [
    (subscription(), []),
    (subscription(SETTINGS), [description("Success", whole(SETTINGS))]),
    (subscription(SHOP), [description("Success", THREE, states=[observed(SHOP, **UP)])]),
    (subscription(SHOP, aggregatedStatuses=[counts(SHOP, UP)]), [description("Success", THREE)]),
    (subscription(CHART), [helm("Success")]),
    (subscription(WRAPPED, CHART), [helm("Success"), description("Success", whole(SETTINGS))]),
    (subscription(SEED, aggregatedStatuses=[counts(SEED, {"succeeded": 1})]), [description("Success", whole(SEED))]),
]

NOT_YET = [
    (subscription(SHOP, bound=()), [], "Clusternet has bound it to no cluster yet"),
    (subscription(SHOP), [], f"{EAST}: Clusternet has made no Description yet"),
    (subscription(SHOP, CHART), [description("Success", THREE)], f"{EAST}: Clusternet has made no Description yet"),
    (subscription(SHOP), [description("")], f"{EAST}: Description shop-x-generic is not handled yet"),
    (
        subscription(CHART),
        [helm("Installing", "one moment")],
        f"{EAST}: Description shop-x-helm is Installing: one moment",
    ),
    (
        subscription(SHOP, SETTINGS),
        [description("Success", THREE, states=[observed(SHOP, **UP)])],
        f"{EAST}: ConfigMap default/settings is not part of its Description yet",
    ),
    (
        subscription(SHOP),
        [description("Success", THREE)],
        f"{EAST}: Deployment default/shop: Clusternet has not reported its state yet",
    ),
    (
        subscription(SHOP, aggregatedStatuses=[counts(SHOP, {}, available=False)]),
        [description("Success", THREE)],
        f"{EAST}: Deployment default/shop: Clusternet has not reported its state yet",
    ),
    (
        subscription(SHOP, aggregatedStatuses=[counts(SHOP, UP, "west")]),
        [description("Success", THREE)],
        f"{EAST}: Deployment default/shop: Clusternet has not reported its state yet",
    ),
    (
        subscription(SHOP, aggregatedStatuses=[counts(SHOP, dict.fromkeys(UP, 1))]),
        [description("Success", THREE)],
        f"{EAST}: Deployment default/shop: 1 of 3 replicas updated",
    ),
    (
        subscription(SHOP, aggregatedStatuses=[counts(SHOP, UP)]),
        [description("Success", THREE, states=[observed(SHOP, **(UP | {"availableReplicas": 2}))])],
        f"{EAST}: Deployment default/shop: 2 of 3 replicas available",
    ),
    (
        subscription(SEED, aggregatedStatuses=[counts(SEED, {"active": 1})]),
        [description("Success", whole(SEED, completions=2))],
        f"{EAST}: Job default/seed: 0 of 2 completions",
    ),
]

NEVER = [
    (
        subscription(SHOP),
        [description("Failure", reason="quota exceeded")],
        f"{EAST}: Description shop-x-generic failed: quota exceeded",
    ),
    (
        subscription(SEED),
        [
            description(
                "Success",
                whole(SEED),
                states=[
                    observed(SEED, conditions=[{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}])
                ],
            )
        ],
        f"{EAST}: Job default/seed: it failed: DeadlineExceeded",
    ),
    (subscription(SHOP, bound=["east"]), [], 'east: status.bindingClusters holds "east", which is not namespace/name'),
]


@pytest.mark.parametrize(("found", "descriptions"), HAS_ARRIVED)
def test_what_has_arrived(found: Object, descriptions: list[Object]) -> None:
    assert distribution(found, {EAST: descriptions}) == READY


@pytest.mark.parametrize(("found", "descriptions", "reason"), NOT_YET)
def test_what_may_still_arrive(found: Object, descriptions: list[Object], reason: str) -> None:
    why = Reason.NO_STATE_FROM_CLUSTER if reason.endswith("has not reported its state yet") else Reason.NOT_READY
    assert distribution(found, {EAST: descriptions}) == Readiness(ReadinessState.NOT_YET, reason, why)


@pytest.mark.parametrize(("found", "descriptions", "reason"), NEVER)
def test_what_will_not_arrive(found: Object, descriptions: list[Object], reason: str) -> None:
    assert distribution(found, {EAST: descriptions}) == Readiness(ReadinessState.NEVER, reason)


def test_a_cluster_that_failed_decides_before_one_that_is_waited_for() -> None:
    found = subscription(SETTINGS, bound=(EAST, WEST))
    verdict = distribution(found, {WEST: [description("Failure", reason="no such namespace")]})
    assert verdict == Readiness(ReadinessState.NEVER, f"{WEST}: Description shop-x-generic failed: no such namespace")


def test_all_clusters_are_waited_for() -> None:
    found = subscription(SETTINGS, bound=(EAST, WEST))
    done = [description("Success", whole(SETTINGS))]
    assert distribution(found, {EAST: done}).reason == f"{WEST}: Clusternet has made no Description yet"
    assert distribution(found, {EAST: done, WEST: done}) == READY


def test_the_description_of_a_former_life_does_not_count() -> None:
    leaving = description("Success", whole(SETTINGS))
    leaving["metadata"]["deletionTimestamp"] = "2026-02-03T10:10:00Z"
    assert distribution(subscription(SETTINGS), {EAST: [leaving]}).state is ReadinessState.NOT_YET


def test_a_subscription_that_is_deleted_meanwhile_will_not_arrive() -> None:
    found = subscription(SETTINGS)
    found["metadata"]["deletionTimestamp"] = "2026-02-03T10:10:00Z"
    assert distribution(found, {}) == Readiness(ReadinessState.NEVER, "it is being deleted")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([EAST, raw(THREE), "W10="]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def fields(*names: str) -> st.SearchStrategy[object]:
    return st.dictionaries(st.sampled_from(names), ANYTHING) | ANYTHING


@given(
    spec=fields("feeds"),
    status=fields("bindingClusters", "aggregatedStatuses"),
    described=st.lists(
        st.fixed_dictionaries(
            {
                "metadata": ANYTHING,
                "spec": fields("raw") | st.just({"deployer": "Generic", "raw": [raw(THREE)]}),
                "status": fields("manifestStatuses", "reason") | st.just({"phase": "Success"}),
            }
        ),
        max_size=2,
    ),
)
def test_no_state_whatever_breaks_the_judgement(spec: object, status: object, described: list[Object]) -> None:
    found = {**subscription(), "spec": spec, "status": status}
    assert distribution(found, {EAST: described}).state in ReadinessState
    bound = {**found, "status": {"bindingClusters": [EAST]}}
    assert distribution(bound, {EAST: described}).state in ReadinessState
