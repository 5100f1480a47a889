"""PerCluster: which clusters are chosen, how their Subscriptions are named, marked and written, and how it all ends."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.actions import Action
from api.nodes import ClusterActionStatus
from api.phases import Phase
from planning.definitions.action_types import is_per_cluster
from planning.effects.per_cluster import (
    ManagedCluster,
    SelectorError,
    child_body,
    child_mark,
    child_name,
    child_names,
    made_for,
    managed_cluster,
    marked_for,
    selector,
    targets,
    within_bound,
)
from planning.messages.text import MESSAGE_BOUND

Object = dict[str, Any]
MARK = "0b0fb1f0-4f43-4c1c-9d3b-6d4c7c1c9a11/sites/shop/roll-out"


def cluster(name: str, namespace: str | None = None, **labels: str) -> ManagedCluster:
    return ManagedCluster(name, namespace or f"clusternet-{name}", f"id-of-{name}", labels)


EAST, WEST = cluster("east", region="eu", tier="prod"), cluster("west", region="us")
BOTH = [WEST, EAST]


def affinity(*expressions: Object, **equal: str) -> Object:
    return {"clusterAffinity": {"matchLabels": equal, "matchExpressions": list(expressions)}}


def expression(key: str, operator: str, *values: str) -> Object:
    return {"key": key, "operator": operator, "values": list(values)}


CHOICES = [
    ([], ["east", "west"]),
    ([{"clusterAffinity": {}}], ["east", "west"]),
    ([{"clusterAffinity": None}], []),
    ([{}], []),
    ([affinity(region="eu")], ["east"]),
    ([affinity(region="eu", tier="test")], []),
    ([affinity(region="eu"), affinity(region="us")], ["east", "west"]),
    ([affinity(expression("region", "In", "eu", "us"))], ["east", "west"]),
    ([affinity(expression("region", "NotIn", "eu"))], ["west"]),
    ([affinity(expression("tier", "NotIn", "test"))], ["east", "west"]),
    ([affinity(expression("tier", "Exists"))], ["east"]),
    ([affinity(expression("tier", "DoesNotExist"))], ["west"]),
    ([affinity(expression("tier", "Exists"), region="us")], []),
]


@pytest.mark.parametrize(("subscribers", "names"), CHOICES)
def test_any_subscriber_may_choose_a_cluster(subscribers: list[Object], names: list[str]) -> None:
    assert [each.name for each in targets({"subscribers": subscribers}, BOTH)] == names


def test_without_subscribers_all_clusters_are_meant() -> None:
    assert targets({}, BOTH) == [EAST, WEST]


REFUSED = [
    ("east", "write matchLabels and matchExpressions"),
    ({"matchExpressions": [{"operator": "In", "values": ["a"]}]}, "write matchLabels and matchExpressions"),
    ({"matchExpressions": [expression("a", "Gt", "1")]}, '"Gt" is not an operator; write In, NotIn, Exists or'),
    ({"matchExpressions": [expression("a", "In")]}, "In of a needs values"),
    ({"matchExpressions": [expression("a", "Exists", "b")]}, "Exists of a takes no values"),
]


@pytest.mark.parametrize(("given_selector", "reason"), REFUSED)
def test_what_kubernetes_refuses_as_a_selector_is_refused_even_without_clusters(
    given_selector: object, reason: str
) -> None:
    with pytest.raises(SelectorError, match=reason):
        targets({"subscribers": [{"clusterAffinity": given_selector}]}, [])


LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"))
EXPRESSIONS = st.builds(
    expression, st.sampled_from("abc"), st.sampled_from(["In", "NotIn"]), st.sampled_from("xyz")
) | st.builds(expression, st.sampled_from("abc"), st.sampled_from(["Exists", "DoesNotExist"]))


@given(labels=LABELS, equal=LABELS, expressions=st.lists(EXPRESSIONS, max_size=3))
def test_all_requirements_of_a_selector_hold_together(
    labels: dict[str, str], equal: dict[str, str], expressions: list[Object]
) -> None:
    one_by_one = [selector({"matchLabels": {key: value}}) for key, value in equal.items()]
    one_by_one += [selector({"matchExpressions": [each]}) for each in expressions]
    both = selector({"matchLabels": equal, "matchExpressions": expressions})
    assert both(labels) is all(each(labels) for each in one_by_one)


@given(labels=LABELS, key=st.sampled_from("abc"), value=st.sampled_from("xyz"))
def test_every_operator_has_its_opposite(labels: dict[str, str], key: str, value: str) -> None:
    for one, other, values in (("In", "NotIn", (value,)), ("Exists", "DoesNotExist", ())):
        takes = [selector({"matchExpressions": [expression(key, each, *values)]})(labels) for each in (one, other)]
        assert sorted(takes) == [False, True]


def test_a_managed_cluster_is_read_whatever_it_holds() -> None:
    metadata = {"name": "east", "namespace": "clusternet-east", "labels": {"region": "eu"}}
    read = managed_cluster({"metadata": metadata, "spec": {"clusterId": "id"}})
    assert (read.binding, read.id, read.labels) == ("clusternet-east/east", "id", {"region": "eu"})
    assert managed_cluster({"metadata": {"labels": 7}, "spec": None}) == ManagedCluster("", "", "", {})


# Their Subscriptions.


def test_a_child_chooses_its_cluster_alone_and_keeps_everything_else() -> None:
    parent = {
        "apiVersion": "apps.clusternet.io/v1alpha1",
        "kind": "Subscription",
        "metadata": {"name": "app", "namespace": "shop"},
        "spec": {
            "schedulingStrategy": "Dividing",
            "priority": 5,
            "feeds": [{"kind": "Deployment", "name": "shop"}],
            "subscribers": [affinity(region="eu")],
        },
    }
    chosen = {"key": "clusters.clusternet.io/cluster-id", "operator": "In", "values": ["id-of-east"]}
    assert child_body(parent, "app--east", EAST) == {
        **parent,
        "metadata": {"name": "app--east", "namespace": "shop"},
        "spec": {
            "schedulingStrategy": "Replication",
            "priority": 5,
            "feeds": [{"kind": "Deployment", "name": "shop"}],
            "subscribers": [{"clusterAffinity": {"matchExpressions": [chosen]}}],
        },
    }


def test_a_long_name_is_cut_to_one_that_is_allowed() -> None:
    assert child_name("app", "east") == "app--east"
    assert child_name("a" * 252, "east") == "a" * 252
    assert len(child_name("a" * 240, "some-cluster-far-away")) == 253


def test_clusters_of_one_name_in_two_namespaces_get_subscriptions_of_their_own() -> None:
    twins = [cluster("east", "one"), cluster("east", "two")]
    names = child_names("app", twins, {})
    assert names["one/east"] == "app--east"
    assert names["two/east"].startswith("app--east-")


NAMES = st.text(alphabet="abc-.", min_size=1, max_size=260).map(lambda text: f"a{text}z")
CLUSTERS = st.lists(
    st.builds(cluster, st.sampled_from(["east", "west", "e" * 30]), st.sampled_from(["one", "two", "three"])),
    unique_by=lambda each: each.binding,
)


@given(parent=NAMES, clusters=CLUSTERS)
def test_no_two_clusters_share_a_name_and_every_name_is_allowed(parent: str, clusters: list[ManagedCluster]) -> None:
    names = child_names(parent, clusters, {})
    assert len({*names.values()}) == len(clusters)
    assert all(len(name) <= 253 and not name.endswith(("-", ".")) for name in names.values())


@given(parent=NAMES, clusters=CLUSTERS, data=st.data())
def test_what_an_earlier_attempt_made_keeps_its_name_whoever_joins(
    parent: str, clusters: list[ManagedCluster], data: st.DataObject
) -> None:
    before = data.draw(st.lists(st.sampled_from(clusters), unique_by=lambda each: each.binding)) if clusters else []
    made = child_names(parent, before, {})
    names = child_names(parent, clusters, made)
    assert made.items() <= names.items()
    assert len({*names.values()}) == len(clusters)


@given(parent=NAMES, clusters=CLUSTERS)
def test_the_mark_says_for_which_cluster_of_which_action_a_subscription_was_made(
    parent: str, clusters: list[ManagedCluster]
) -> None:
    for binding, name in child_names(parent, clusters, {}).items():
        mark = child_mark(MARK, binding)
        assert marked_for(MARK, mark) == made_for(parent, name, mark) == binding
        assert marked_for(f"{MARK}-2", mark) is None


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("app--east", None),
        ("app--east", "uid/sites/shop/east"),
        ("app--west", child_mark(MARK, "clusternet-east/east")),
        ("app-2--east", child_mark(MARK, "clusternet-east/east")),
    ],
)
def test_a_subscription_that_was_not_made_for_a_cluster_is_told_apart(name: str, mark: str | None) -> None:
    assert made_for("app", name, mark) is None


def test_only_a_subscription_that_is_waited_for_is_done_per_cluster() -> None:
    def action(**more: Any) -> Action:
        return Action.model_validate(
            {"name": "a", "type": "Subscription", "clusterExecutionMode": "PerCluster", **more}
        )

    assert is_per_cluster(action(waitReady=True))
    assert not is_per_cluster(action())
    assert not is_per_cluster(action(waitReady=True, clusterExecutionMode="Global"))
    assert not is_per_cluster(action(waitReady=True, type="HelmChart"))


# How it ends.


def status(phase: Phase, message: str = "") -> ClusterActionStatus:
    return ClusterActionStatus(cluster="one/east", cluster_id="id", phase=phase, message=message)


@given(number=st.integers(min_value=0, max_value=3000))
def test_the_messages_of_all_clusters_travel_together(number: int) -> None:
    statuses = within_bound([status(Phase.FAILED, "m" * MESSAGE_BOUND)] * number)
    assert len(statuses) == number
    assert sum(len(each.message or "") for each in statuses) <= max(200_000, 80 * number)
