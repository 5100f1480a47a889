"""What undoes a change of an object: three states compared, and the owners of its fields."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.meta import RESTORED_BY_ANNOTATION
from api.objects import Target
from planning.definitions import json_patch
from planning.effects.managed_fields import handed_back
from planning.effects.restoration import body_of_former, content, differing, is_brought_back, operations, restored

Object = dict[str, Any]


def app(metadata: Object | None = None, **fields: Any) -> Object:
    own = {"name": "app", "namespace": "shop", "uid": "u", "resourceVersion": "1", "generation": 2}
    return {"apiVersion": "v1", "kind": "App", "metadata": own | (metadata or {}), **fields}


A, B, C, NEW = ("a", "a:1"), ("b", "b:1"), ("c", "c:1"), ("a", "a:2")

State = Object
"""The content of an object: before the action, as that left it, now, and as it is to be."""


def listing(*each: tuple[str, str]) -> State:
    return {"spec": {"containers": [{"name": name, "image": image} for name, image in each]}}


def spec(**fields: Any) -> State:
    return {"spec": fields}


MERGED: dict[str, tuple[State, State, State, State]] = {
    "a value": (spec(x=1), spec(x=2), spec(x=2), spec(x=1)),
    "a field that was added": (spec(x=1), spec(x=1, y=2), spec(x=1, y=2), spec(x=1)),
    "a field that was removed": (spec(x=1, y=2), spec(x=1), spec(x=1), spec(x=1, y=2)),
    "a field of others": (spec(x=1), spec(x=2), spec(x=2, z=3), spec(x=1, z=3)),
    "a field that others removed": (spec(x=1, z=3), spec(x=2, z=3), spec(x=2), spec(x=1)),
    "already back": (spec(x=1), spec(x=2), spec(x=1), spec(x=1)),
    "a map that was added, and used by others": ({}, spec(a=1), spec(a=1, b=2), spec(b=2)),
    "a map that was removed, and used by others": (spec(a=1), {}, spec(b=2), spec(a=1, b=2)),
    "an item of a list": (listing(A, B), listing(NEW, B), listing(NEW, B, C), listing(A, B, C)),
    "an item that was removed": (listing(A, B), listing(B), listing(B, C), listing(A, B, C)),
    "an item that was added": (listing(A), listing(A, B), listing(C, A, B), listing(C, A)),
    "the order of a list": (listing(A, B), listing(B, A), listing(B, A), listing(A, B)),
    "the order of a list that others added to": (listing(A, B), listing(B, A), listing(B, C, A), listing(A, C, B)),
    "the order of a list that is back": (listing(A, B), listing(B, A), listing(A, C, B), listing(A, C, B)),
    "the order that others chose": (listing(A, B), listing(NEW, B), listing(B, NEW), listing(B, A)),
    "a number that became a boolean": (spec(x=1, y=0), spec(x=True, y=0), spec(x=True, y=False), spec(x=1, y=False)),
    "a status": (spec(x=1) | {"status": 1}, spec(x=2), spec(x=2) | {"status": 9}, spec(x=1)),
}


@pytest.mark.parametrize("case", MERGED)
def test_only_what_the_action_changed_goes_back(case: str) -> None:
    before, left, now, expected = MERGED[case]
    merged, changed = restored(app(**before), app(**left), app(**now))
    assert changed == []
    assert json.dumps(merged, sort_keys=True) == json.dumps({"metadata": {}, **expected}, sort_keys=True)


CHANGED: dict[str, tuple[State, State, State, list[str]]] = {
    "a value": (spec(x=1), spec(x=2), spec(x=3), ["spec.x"]),
    "a field that others removed": (spec(x=1), spec(x=2), spec(), ["spec.x"]),
    "a removed field that others set": (spec(x=1), spec(), spec(x=3), ["spec.x"]),
    "a map that others removed": (spec(x=1), spec(x=2), {}, ["spec.x"]),
    "a list without names": (spec(args=["a"]), spec(args=["b"]), spec(args=["b", "c"]), ["spec.args"]),
    "the order of a list": (listing(A, B, C), listing(B, A, C), listing(C, B, A), ["spec.containers"]),
    "a boolean that became a number": (spec(x=2), spec(x=True), spec(x=1), ["spec.x"]),
    "an item": (listing(A), listing(NEW), listing(("a", "a:3")), ["spec.containers[a].image"]),
    "an item that others removed": (listing(A, B), listing(NEW, B), listing(B), ["spec.containers[a].image"]),
    "a name with dots": (spec(**{"x.io/a": 1}), spec(**{"x.io/a": 2}), spec(**{"x.io/a": 3}), ["spec[x.io/a]"]),
    "several, in order": (spec(b=1, a=1), spec(b=2, a=2), spec(b=3, a=3), ["spec.a", "spec.b"]),
}


@pytest.mark.parametrize("case", CHANGED)
def test_what_somebody_else_has_changed_since_is_named(case: str) -> None:
    before, left, now, expected = CHANGED[case]
    assert restored(app(**before), app(**left), app(**now))[1] == expected


def test_finalizers_of_others_stay() -> None:
    before, left = app({"finalizers": ["a"]}), app({"finalizers": ["b"]})
    merged, changed = restored(before, left, app({"finalizers": ["b", "c"]}))
    assert (merged["metadata"]["finalizers"], changed) == (["c", "a"], [])


def test_a_boolean_is_no_number_in_what_differs_and_in_what_is_sent() -> None:
    one, other = {"spec": {"x": 1, "y": [0]}}, {"spec": {"x": True, "y": [False]}}
    assert differing(one, other) == ["spec.x", "spec.y"]
    assert [each["path"] for each in operations(one, other)] == ["/spec/x", "/spec/y"]


names = st.text("xy/~", min_size=1, max_size=2)
values = st.recursive(
    st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text("xy/~", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
contents = st.dictionaries(st.sampled_from(["spec", "data", "a/b"]), values, max_size=3)


@given(contents, contents)
def test_an_object_that_nobody_else_changed_is_as_before_whatever_the_action_did(one: Object, other: Object) -> None:
    before, left = app(**one), app(**other)
    merged, changed = restored(before, left, left)
    assert (merged, changed) == (content(before), [])
    assert json_patch.applied([*operations(content(left), merged)], content(left)) == content(before)
    assert restored(before, left, before) == (content(before), [])


@given(contents, contents)
def test_an_action_that_changed_nothing_changes_nothing_when_it_is_undone(one: Object, other: Object) -> None:
    merged, changed = restored(app(**one), app(**one), app(**other))
    assert (merged, changed) == (content(app(**other)), [])


def test_a_deleted_object_is_created_again_without_what_the_server_sets() -> None:
    labels = {"labels": {"a": "b"}, "managedFields": [], "creationTimestamp": "t", "ownerReferences": []}
    body = body_of_former(app(labels, spec={"x": 1}, status={"n": 1}), target("App"), "mark")
    annotations = {RESTORED_BY_ANNOTATION: "mark"}
    metadata = {"name": "app", "namespace": "shop", "labels": {"a": "b"}, "annotations": annotations}
    assert body == {"apiVersion": "v1", "kind": "App", "metadata": metadata, "spec": {"x": 1}}


def target(kind: str) -> Target:
    return Target(api_version="v1", kind=kind, name="app", namespace="shop")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (app(), True),
        (app() | {"kind": "Namespace"}, False),
        (app() | {"kind": "PersistentVolumeClaim"}, False),
        (app() | {"kind": "Job", "apiVersion": "batch/v1"}, False),
        (app({"ownerReferences": [{"name": "x", "controller": True}]}), False),
        (app({"ownerReferences": [{"name": "x"}]}), True),
    ],
)
def test_what_contained_something_or_belongs_to_a_controller_does_not_return(found: Object, expected: bool) -> None:
    assert is_brought_back(found) is expected


def entry(manager: str, fields: Object, operation: str = "Update", time: str = "1", subresource: str = "") -> Object:
    more = {"subresource": subresource} if subresource else {}
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "time": time, "fieldsV1": fields} | more


X: Object = {"f:spec": {"f:x": {}}}
Y: Object = {"f:spec": {"f:y": {}}}
PHASE: Object = {"f:status": {"f:phase": {}}}
READY: Object = {"f:status": {"f:ready": {}}}
BOTH: Object = {"f:spec": {"f:x": {}, "f:y": {}}}
OWNERS: dict[str, tuple[list[Object], list[Object], list[Object], list[Object] | None]] = {
    "what was taken over": (
        [entry("a", BOTH)],
        [entry("a", Y), entry("drplan-patch", X)],
        [entry("a", Y), entry("r", X)],
        [entry("a", BOTH)],
    ),
    "what was shared": (
        [entry("a", X)],
        [entry("a", X), entry("drplan", X, "Apply")],
        [entry("a", X), entry("drplan", X, "Apply")],
        [entry("a", X)],
    ),
    "what others took since": (
        [entry("a", X)],
        [entry("drplan-patch", X)],
        [entry("b", Y, time="9"), entry("r", X)],
        [entry("b", Y, time="9"), entry("a", X)],
    ),
    "what ours owned before": (
        [entry("drplan", X, "Apply")],
        [entry("drplan", BOTH, "Apply", time="2")],
        [entry("drplan", X, "Apply", time="2")],
        None,
    ),
    "a status": (
        [entry("k", PHASE, subresource="status"), entry("a", X)],
        [entry("k", PHASE, subresource="status"), entry("drplan-patch", X)],
        [entry("k", READY, time="9", subresource="status"), entry("r", X)],
        [entry("k", READY, time="9", subresource="status"), entry("a", X)],
    ),
    "a map that is owned itself": (
        [entry("a", {"f:data": {".": {}, "f:x": {}}})],
        [entry("a", {"f:data": {".": {}}}), entry("drplan-patch", {"f:data": {"f:x": {}}})],
        [entry("a", {"f:data": {".": {}}}), entry("r", {"f:data": {"f:x": {}}})],
        [entry("a", {"f:data": {"f:x": {}, ".": {}}})],
    ),
    "our mark": (
        [],
        [],
        [entry("r", {"f:metadata": {"f:annotations": {f"f:{RESTORED_BY_ANNOTATION}": {}}}} | X)],
        [entry("r", {"f:metadata": {"f:annotations": {f"f:{RESTORED_BY_ANNOTATION}": {}}}})],
    ),
    "nothing": ([entry("a", X)], [entry("a", X)], [entry("a", X)], None),
}


@pytest.mark.parametrize("case", OWNERS)
def test_fields_belong_to_those_who_owned_them_before(case: str) -> None:
    before, left, now, expected = OWNERS[case]
    result = handed_back(before, left, now, "r")
    assert result == expected
    if result is not None:
        assert handed_back(before, left, result, "r") is None
