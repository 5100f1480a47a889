"""What keeps a namespace or a kind from going, from the conditions of its controller."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.objects import Target
from planning.effects import removal

Object = dict[str, Any]
DISCOVERY = "Discovery failed for some groups, 1 failing: metrics.k8s.io/v1beta1: stale GroupVersion discovery"
CONTENT = "Some resources are remaining: configmaps. has 1 resource instances"
FINALIZERS = "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"


def condition(kind: str, message: str, status: str = "True", reason: str = "SomeReason") -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def namespace(*conditions: Object) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "status": {"conditions": list(conditions)}}


def definition(*conditions: Object, versions: Any = ()) -> Object:
    spec = {"group": "example.com", "names": {"kind": "Widget"}, "versions": versions}
    kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return {**kind, "spec": spec, "status": {"conditions": list(conditions)}}


def test_a_namespace_names_the_dead_api_what_is_left_and_its_finalizers() -> None:
    found = namespace(
        condition("NamespaceDeletionDiscoveryFailure", DISCOVERY),
        condition("NamespaceDeletionGroupVersionParsingFailure", "All legacy kube types successfully parsed", "False"),
        condition("NamespaceContentRemaining", CONTENT),
        condition("NamespaceFinalizersRemaining", FINALIZERS),
    )
    assert removal.obstacles(found) == [DISCOVERY, CONTENT, FINALIZERS]


def test_a_definition_names_what_its_controller_could_not_do() -> None:
    failed = condition("Terminating", "could not list instances", reason="InstanceDeletionFailed")
    assert removal.obstacles(definition(condition("Established", "accepted"), failed)) == ["could not list instances"]
    news = condition("Terminating", "CustomResource deletion is in progress", reason="InstanceDeletionInProgress")
    assert removal.obstacles(definition(news)) == []


def test_the_kind_of_a_definition_is_read_in_a_version_that_is_served() -> None:
    versions = [{"name": "v1beta1", "served": False}, {"name": "v1", "served": True}]
    assert removal.defined_kind(definition(versions=versions)) == Target(
        api_version="example.com/v1", kind="Widget", name=""
    )
    assert removal.defined_kind(definition(versions=versions[:1])) is None
    assert removal.defined_kind(namespace()) is None


@pytest.mark.parametrize(
    ("api_version", "kind", "emptied"),
    [
        ("v1", "Namespace", True),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", True),
        ("v1", "ConfigMap", False),
        ("example.com/v1", "Namespace", False),
    ],
)
def test_only_namespaces_and_definitions_go_after_others(api_version: str, kind: str, emptied: bool) -> None:
    assert removal.is_emptied(Target(api_version=api_version, kind=kind, name="site")) is emptied


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(spec=ANYTHING, status=ANYTHING, versions=ANYTHING)
def test_no_state_whatever_breaks_the_search(spec: object, status: object, versions: object) -> None:
    for found in (namespace(), definition(versions=versions)):
        assert removal.obstacles({**found, "status": status}) == []
        removal.defined_kind(found)
        removal.defined_kind({**found, "spec": spec})


@pytest.mark.parametrize(
    ("finalizers", "holding"),
    [
        ([], []),
        (["foregroundDeletion", "kubernetes.io/pvc-protection", "apps.clusternet.io/finalizer"], []),
        (["service.kubernetes.io/load-balancer-cleanup"], []),
        (["example.com/hold"], ["example.com/hold"]),
        (["not-kubernetes.io/hold"], ["not-kubernetes.io/hold"]),
    ],
)
def test_only_finalizers_of_unknown_controllers_hold_an_object(finalizers: list[str], holding: list[str]) -> None:
    assert removal.holding(finalizers, deleting=False) == holding
    assert removal.holding(finalizers, deleting=True) == finalizers
